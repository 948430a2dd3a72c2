//! Signals, logs, and the service manager.

use std::os::unix::net::UnixDatagram;

use casync_tests::serving::Serving;
use rustix::process::Signal;

use crate::http::Client;
use crate::{ALL, scene};

#[test]
fn answers_under_way_are_finished() {
    let sandbox = scene(100_000);
    let big: Vec<u8> = (0..32 << 20).map(|i: u32| (i >> 7) as u8).collect();
    sandbox.write("srv/big.catar", &big);
    let serving = Serving::start(&sandbox, ALL);
    let address = serving.address();
    let mut slow = Client::new(address);
    slow.ask("GET", "/big.catar", &[], b"");
    let mut idle = Client::new(address);
    assert_eq!(idle.get("/blob.caibx").status, 200);
    serving.running().until("the answer to begin", || {
        Client::new(address).get("/metrics").text().contains("casync_requests_under_way 2\n")
    });
    let running = serving.running();
    running.signal(Signal::TERM);
    // Idle connections end, nobody is let in, and the answer comes to its end.
    assert!(idle.is_ended());
    running.until("the socket to close", || std::net::TcpStream::connect(address).is_err());
    let answer = slow.receive("GET").expect("the whole answer");
    assert!(answer.body == big);
    drop(slow);
    serving.finish().success();
}

#[test]
fn who_does_not_take_the_answer_is_cut_off() {
    let sandbox = scene(100_000);
    sandbox.write("srv/big.catar", vec![1; 32 << 20]);
    let serving = Serving::start(&sandbox, ALL.iter().chain(&["--stop-timeout=1s"]));
    let mut slow = Client::new(serving.address());
    slow.ask("GET", "/big.catar", &[], b"");
    serving.running().until("the answer to begin", || {
        Client::new(serving.address()).get("/metrics").text().contains("casync_requests_under_way 2\n")
    });
    serving.stop().success();
}

#[test]
fn access_logs_go_on_in_new_files() {
    let sandbox = scene(100_000);
    let serving = Serving::start(&sandbox, ALL.iter().chain(&["--access-log=access.log", "--log-format=json"]));
    let mut client = Client::new(serving.address());
    client.get("/blob.caibx?token=secret");
    let lines = |name: &str| String::from_utf8(sandbox.read(name)).unwrap();
    serving.running().until("a line", || lines("access.log").ends_with('\n'));
    let line: serde_json::Value = serde_json::from_str(&lines("access.log")).unwrap();
    assert_eq!((&line["path"], &line["status"], &line["whole"]), (&"/blob.caibx".into(), &200.into(), &true.into()));
    assert_eq!(line["bytes"], sandbox.read("srv/blob.caibx").len());
    std::fs::rename(sandbox.path("access.log"), sandbox.path("access.log.1")).unwrap();
    serving.running().signal(Signal::HUP);
    serving.running().until("the reload", || serving.messages().contains("Reloaded."));
    client.get("/none.caibx");
    serving.stop().success();
    assert!(lines("access.log").contains("\"status\":404"));
    assert_eq!(lines("access.log.1").lines().count(), 1);
}

#[test]
fn common_log_format() {
    let sandbox = scene(100_000);
    let serving = Serving::start(&sandbox, ALL.iter().chain(&["--access-log=access.log"]));
    Client::new(serving.address()).get("/%22quoted%22.caibx");
    serving.stop().success();
    let line = String::from_utf8(sandbox.read("access.log")).unwrap();
    assert!(
        line.starts_with("127.0.0.1 - - [") && line.contains("] \"GET /%22quoted%22.caibx HTTP/1.1\" 404 "),
        "{line}"
    );
}

#[test]
fn the_service_manager_is_told() {
    let sandbox = scene(1000);
    let path = sandbox.path("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    let environment = [("NOTIFY_SOCKET", path.to_str().unwrap().to_owned())];
    let serving = Serving::start_with(&sandbox, ALL, environment);
    let told = || {
        let mut buffer = [0; 200];
        let length = manager.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    };
    assert_eq!(told(), "READY=1");
    serving.running().signal(Signal::HUP);
    assert!(told().starts_with("RELOADING=1\nMONOTONIC_USEC="));
    assert_eq!(told(), "READY=1");
    serving.stop().success();
    assert_eq!(told(), "STOPPING=1");
}

#[test]
fn sockets_are_taken_over() {
    let sandbox = scene(100_000);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // The shell makes the socket descriptor 3, and says so to the process that it becomes.
    let script = "export LISTEN_PID=$$ LISTEN_FDS=1; exec \"$0\" serve \"$@\" 3<&0 </dev/null";
    let mut command = sandbox.command("sh");
    command.args(["-c", script]).arg(casync_tests::tool::ours()).args(ALL);
    command.stdin(std::os::fd::OwnedFd::from(listener));
    let running = casync_tests::running::Running::start(&mut command);
    assert_eq!(Client::new(address).get("/blob.caibx").status, 200);
    running.signal(Signal::TERM);
    running.finish().success();
}
