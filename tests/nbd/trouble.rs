//! Stores that fail, and command lines that make no sense.

use std::net::TcpStream;
use std::os::unix::net::UnixStream;

use casync_tests::sandbox::Sandbox;

use crate::client::Client;
use crate::scene::{Served, image, sandbox};

const EIO: u32 = 5;

/// Moves the chunks of a store away, or back.
fn rename(sandbox: &Sandbox, from: &str, to: &str) {
    std::fs::rename(sandbox.path(from), sandbox.path(to)).unwrap();
}

#[test]
fn a_missing_chunk_fails_one_read_and_the_server_recovers() {
    let sandbox = sandbox();
    let served = Served::start(&sandbox, &["disk.caibx"]);
    let mut client = Client::ready(&served.socket(), false);
    let chunks: Vec<String> = sandbox.names("default.castr");
    for name in &chunks {
        rename(&sandbox, &format!("default.castr/{name}"), &format!("default.castr/{name}.away"));
    }
    client.request(0, 1, 3 << 20, 512).unwrap();
    assert_eq!(client.simple().unwrap(), (EIO, 1));
    for name in &chunks {
        rename(&sandbox, &format!("default.castr/{name}.away"), &format!("default.castr/{name}"));
    }
    // A failure stands for a moment.
    let place = 3 << 20;
    let answered = (0..300).any(|cookie| {
        std::thread::sleep(std::time::Duration::from_millis(20));
        client.request(0, cookie, place, 512).unwrap();
        client.simple().unwrap().0 == 0
    });
    assert!(answered, "the chunk is there again, but reads fail");
    assert!(client.read(512).unwrap() == image()[place as usize..place as usize + 512]);
    let said = served.end();
    assert!(said.contains("Export \"disk\", byte 3145728: ") && said.contains("chunk "), "{said}");
}

#[test]
fn clients_that_leave_at_once_do_no_harm() {
    let sandbox = sandbox();
    let served = Served::start(&sandbox, &["--listen=tcp:127.0.0.1:0", "disk.caibx"]);
    let printed = String::from_utf8(sandbox.read("printed")).unwrap();
    let address = printed.lines().find_map(|line| line.strip_prefix("Listening: tcp:")).unwrap();
    for _ in 0..300 {
        drop(UnixStream::connect(served.socket()).unwrap());
        drop(TcpStream::connect(address).unwrap());
    }
    // In the middle of things, too.
    for length in [1, 4, 10, 30] {
        let mut client = Client::connect(&served.socket());
        client.write(&[&[0, 0, 0, 3][..], b"IHAVEOPT", &[0; 20]].concat()[..length]).unwrap();
    }
    for _ in 0..20 {
        let mut client = Client::ready(&served.socket(), false);
        client.request(0, 1, 0, 1 << 20).unwrap();
    }
    let mut client = Client::ready(&served.socket(), false);
    client.request(0, 1, 0, 512).unwrap();
    assert_eq!(client.simple().unwrap(), (0, 1));
    assert!(client.read(512).unwrap() == image()[..512]);
    drop(client);
    assert_eq!(served.end(), "");
}

#[test]
fn command_lines_that_make_no_sense_are_refused() {
    let sandbox = sandbox();
    sandbox.write("x.caidx", "");
    for (arguments, expected) in [
        (&["--listen=unix:s"][..], "A blob index or a blob expected."),
        (&["disk.caibx"], "No place to listen."),
        (&["--listen=/run/s", "disk.caibx"], "is neither unix:PATH nor tcp:HOST:PORT"),
        (&["--listen=unix:s", "x.caidx"], "not an archive"),
        (&["--listen=unix:s", "missing.caibx"], "No such file or directory"),
        (&["--listen=unix:s", "disk.caibx", "disk=disk.img"], "two exports have the name \"disk\""),
        (&["--listen=unix:s", "--overlay=o", "disk.caibx", "disk.img"], "An overlay belongs to one image"),
        (&["--listen=unix:no/such/s", "disk.caibx"], "listen at \"no/such/s\""),
    ] {
        let said = sandbox.casync([&["nbd-server"][..], arguments].concat()).failure();
        assert!(said.contains(expected), "{arguments:?}: {said}");
        assert!(!sandbox.path("s").exists());
    }
}

#[test]
fn sockets_in_use_are_left_alone_and_stale_ones_replaced() {
    let sandbox = sandbox();
    let served = Served::start(&sandbox, &["disk.caibx"]);
    let said = sandbox.casync(["nbd-server", "--listen=unix:nbd.sock", "disk.caibx"]).failure();
    assert!(said.contains("Address already in use"), "{said}");
    Client::ready(&served.socket(), false);
    let socket = served.socket();
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&socket).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    served.kill();
    std::os::unix::net::UnixListener::bind(&socket).unwrap();
    assert!(socket.exists(), "what a killed server leaves");
    let mut command = sandbox.command(casync_tests::tool::ours());
    command.args(["nbd-server", "--listen=unix:nbd.sock", "disk.caibx"]);
    let running = casync_tests::running::Running::start(&mut command);
    running.until("a server", || UnixStream::connect(&socket).is_ok());
    running.signal(rustix::process::Signal::TERM);
    running.finish().success();
}
