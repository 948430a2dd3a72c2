//! Clients that break the rules are told so or cut off, and nobody else notices.

use crate::client::{ACK, Client, GO, STRUCTURED};
use crate::scene::{Served, image, sandbox};

const READ: u16 = 0;
const WRITE: u16 = 1;
const BLOCK_STATUS: u16 = 7;
const EPERM: u32 = 1;
const EINVAL: u32 = 22;

/// Whether an answer says no.
const fn is_refusal(kind: u32) -> bool {
    kind & 1 << 31 != 0
}

#[test]
fn odd_options_are_refused_one_by_one() {
    let sandbox = sandbox();
    let served = Served::start(&sandbox, &["disk.caibx"]);
    let mut client = Client::begin(&served.socket());
    let long = vec![0; 20_000];
    for (number, data) in [
        (99, &b"what"[..]),                         // unknown
        (3, b"data"),                               // LIST with data
        (7, b""),                                   // GO without a name
        (7, &[0xff; 6]),                            // a name longer than the option
        (7, &[0, 0, 0, 1, b'x', 0, 0]),             // an unknown export
        (6, &[0, 0, 0, 0, 0, 9]),                   // more wishes than there are
        (8, b"x"),                                  // STRUCTURED_REPLY with data
        (10, &[0, 0, 0, 0, 0, 0, 0, 0]),            // contexts without structured replies
        (9, &[0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]), // four thousand million queries
        (7, &long),
    ] {
        client.option(number, data).unwrap();
        let (kind, _) = client.answer().unwrap();
        assert!(is_refusal(kind), "option {number} with {} bytes: {kind:x}", data.len());
    }
    // After all that the session goes on.
    client.option(GO, &[0; 6]).unwrap();
    while client.answer().unwrap().0 != ACK {}
    client.request(READ, 1, 0, 100).unwrap();
    assert_eq!(client.simple().unwrap(), (0, 1));
    assert!(client.read(100).unwrap() == image()[..100]);
    served.end();
}

#[test]
fn clients_that_speak_something_else_are_cut_off() {
    let sandbox = sandbox();
    let served = Served::start(&sandbox, &["disk.caibx"]);
    let say = |bytes: &[u8]| {
        let mut client = Client::connect(&served.socket());
        client.write(bytes).unwrap();
        assert!(client.is_cut_off(), "{bytes:?}");
    };
    say(&[0xff; 4]);
    say(&[0; 4]);
    say(&[&[0, 0, 0, 3][..], b"GET / HTTP/1.1\r\n\r\n"].concat());
    let mut client = Client::ready(&served.socket(), false);
    client.write(&[0; 28]).unwrap();
    assert!(client.is_cut_off());
    let mut client = Client::begin(&served.socket());
    for _ in 0..257 {
        if client.option(STRUCTURED, b"").is_err() {
            break;
        }
    }
    for _ in 0..256 {
        client.answer().unwrap();
    }
    assert!(client.is_cut_off(), "after 256 options");
    served.end();
}

#[test]
fn impossible_requests_get_errors() {
    let sandbox = sandbox();
    let served = Served::start(&sandbox, &["disk.caibx"]);
    let mut client = Client::ready(&served.socket(), false);
    let size = image().len() as u64;
    for (command, offset, length, expected) in [
        (READ, size + 4096, 1, EINVAL),
        (READ, u64::MAX, 2, EINVAL),
        (READ, 0, u32::MAX, EINVAL),
        (42, 0, 1, EINVAL),
        (BLOCK_STATUS, 0, 1, EINVAL),
        (6, 0, 512, EPERM),
    ] {
        client.request(command, 5, offset, length).unwrap();
        assert_eq!(client.simple().unwrap(), (expected, 5), "command {command} at {offset}, {length} bytes");
    }
    client.request(WRITE, 6, 0, 4).unwrap();
    client.write(b"data").unwrap();
    assert_eq!(client.simple().unwrap(), (EPERM, 6));
    client.request(READ, 7, 0, 0).unwrap();
    assert_eq!(client.simple().unwrap(), (0, 7));
    served.end();
}

#[test]
fn many_requests_at_once_are_all_answered() {
    let sandbox = sandbox();
    let served = Served::start(&sandbox, &["disk.caibx"]);
    let (image, mut client) = (image(), Client::ready(&served.socket(), true));
    let places: Vec<u64> = (0..200).map(|number| number * 20_011 % (image.len() as u64 - 1000)).collect();
    for (cookie, &place) in places.iter().enumerate() {
        client.request(READ, cookie as u64, place, 1000).unwrap();
    }
    let mut ended = 0;
    let mut bytes = 0;
    while ended < places.len() {
        let (flags, kind, body) = client.part().unwrap();
        let place = || u64::from_be_bytes(body[..8].try_into().unwrap()) as usize;
        match kind {
            0 => {}
            1 => {
                assert!(body[8..] == image[place()..place() + body.len() - 8]);
                bytes += body.len() - 8;
            }
            2 => {
                let length = u32::from_be_bytes(body[8..].try_into().unwrap()) as usize;
                assert!(image[place()..place() + length].iter().all(|&byte| byte == 0));
                bytes += length;
            }
            kind => panic!("{kind}"),
        }
        ended += usize::from(flags & 1 != 0);
    }
    assert_eq!(bytes, places.len() * 1000);
    served.end();
}
