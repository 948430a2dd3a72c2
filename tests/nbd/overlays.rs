//! What is written goes to the overlay, and is there again later; the image stays as it is.

use casync_tests::random::{Rng, for_each_seed};
use casync_tests::sandbox::Sandbox;
use casync_tests::skip::skip;
use casync_tests::tool::which;

use crate::client::Client;
use crate::scene::{Served, image, padded, sandbox};

const WRITE: u16 = 1;
const FLUSH: u16 = 3;
const ZEROES: u16 = 6;

/// Waits for an answer that says yes.
#[track_caller]
fn done(client: &mut Client) {
    assert_eq!(client.simple().unwrap().0, 0);
}

/// Writes somewhere, zeros or data, and does the same to `model`.
fn change(client: &mut Client, model: &mut [u8], rng: &mut Rng) {
    let length = rng.below(20_000) as usize + 1;
    let start = rng.below((model.len() - length) as u64) as usize;
    if rng.below(3) == 0 {
        client.request(ZEROES, 1, start as u64, length as u32).unwrap();
        model[start..start + length].fill(0);
    } else {
        let bytes = rng.bytes(length);
        client.request(WRITE, 1, start as u64, length as u32).unwrap();
        client.write(&bytes).unwrap();
        model[start..start + length].copy_from_slice(&bytes);
    }
    done(client);
}

fn read_all(client: &mut Client, size: usize) -> Vec<u8> {
    client.request(0, 2, 0, size as u32).unwrap();
    done(client);
    client.read(size).unwrap()
}

const SERVED: [&str; 2] = ["--overlay=cow", "disk.caibx"];

#[test]
fn writes_are_read_back_and_outlive_the_server() {
    for_each_seed(3, |rng| {
        let sandbox = sandbox();
        let mut model = padded();
        for round in 0..3 {
            let served = Served::start(&sandbox, &SERVED);
            let mut client = Client::ready(&served.socket(), false);
            assert!(read_all(&mut client, model.len()) == model, "round {round}");
            for _ in 0..40 {
                change(&mut client, &mut model, rng);
            }
            assert!(read_all(&mut client, model.len()) == model);
            // A clean end flushes.
            served.end();
        }
        assert!(sandbox.read("disk.img") == image());
        sandbox.casync(["verify", "disk.caibx", "disk.img"]).success();
    });
}

#[test]
fn what_was_flushed_survives_a_kill() {
    for_each_seed(5, |rng| {
        let sandbox = sandbox();
        let mut model = padded();
        let served = Served::start(&sandbox, &SERVED);
        let mut client = Client::ready(&served.socket(), false);
        for _ in 0..20 {
            change(&mut client, &mut model, rng);
        }
        client.request(FLUSH, 3, 0, 0).unwrap();
        done(&mut client);
        // This one may be there or not, and must not harm the others: it lies where nothing else was written.
        let spare = model.len() - 512;
        let untouched = model[spare..] == padded()[spare..];
        client.request(WRITE, 4, spare as u64, 512).unwrap();
        client.write(&[7; 512]).unwrap();
        done(&mut client);
        served.kill();
        let served = Served::start(&sandbox, &SERVED);
        let mut client = Client::ready(&served.socket(), false);
        let found = read_all(&mut client, model.len());
        assert!(found[..spare] == model[..spare]);
        assert!(found[spare..] == [7; 512] || !untouched || found[spare..] == model[spare..]);
        served.end();
    });
}

#[test]
fn overlays_belong_to_one_image_and_one_process() {
    let sandbox = sandbox();
    let served = Served::start(&sandbox, &SERVED);
    let second =
        |image: &str| sandbox.casync(["nbd-server", "--listen=unix:other.sock", "--overlay=cow", image]).failure();
    let said = second("disk.caibx");
    assert!(said.contains("somebody else has it open"), "{said}");
    served.end();
    sandbox.write("other.img", Rng::new(3).bytes(image().len()));
    sandbox.casync(["make", "--chunk-size=65536", "other.caibx", "other.img"]).success();
    let said = second("other.caibx");
    assert!(said.contains("it belongs to another image") && said.contains("hint: "), "{said}");
    let before = sandbox.read("other.img");
    let said = sandbox.casync(["nbd-server", "--listen=unix:o.sock", "--overlay=other.img", "disk.caibx"]).failure();
    assert!(said.contains("it is no overlay"), "{said}");
    assert!(sandbox.read("other.img") == before);
}

#[test]
fn overlays_take_room_for_what_was_written_only() {
    use std::os::unix::fs::MetadataExt as _;
    let sandbox = sandbox();
    let served = Served::start(&sandbox, &SERVED);
    let mut client = Client::ready(&served.socket(), false);
    client.request(WRITE, 1, 1 << 20, 8192).unwrap();
    client.write(&[1; 8192]).unwrap();
    done(&mut client);
    served.end();
    let file = std::fs::metadata(sandbox.path("cow")).unwrap();
    assert!(file.len() > image().len() as u64 && file.blocks() * 512 < 64 << 10, "{} blocks", file.blocks());
}

#[test]
fn file_systems_can_be_made_by_qemu_io() {
    if which("qemu-io").is_none() {
        return skip("qemu-io is not installed (`apt install qemu-utils`)");
    }
    let sandbox: Sandbox = sandbox();
    let served = Served::start(&sandbox, &SERVED);
    let file = format!("nbd:unix:{}", served.socket().display());
    let commands = ["write -P 0xab 1000 50000", "write -z 1M 64k", "discard 2M 1M", "write -f -P 1 0 512", "flush"];
    let commands = commands.iter().flat_map(|command| ["-c", command]);
    let arguments: Vec<&str> = ["-f", "raw"].into_iter().chain(commands).chain([file.as_str()]).collect();
    sandbox.run("qemu-io", arguments).success();
    let reads = ["-f", "raw", "-r", "-c", "read -P 0xab 1000 50000", "-c", "read -P 0 1M 64k", "-c", "read -P 1 0 512"];
    let said = sandbox.run("qemu-io", reads.into_iter().chain([file.as_str()])).success();
    assert!(!String::from_utf8_lossy(&said).contains("failed"), "{}", String::from_utf8_lossy(&said));
    served.end();
}
