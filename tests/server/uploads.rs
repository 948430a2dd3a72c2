//! What clients put.

use casync_tests::serving::Serving;

use crate::http::Client;
use crate::{SIZES, chunks, scene};

const WRITABLE: [&str; 3] = ["--store=new/default.castr", "--index-dir=new", "--writable"];

fn put(client: &mut Client, path: &str, body: &[u8]) -> (u16, String) {
    let answer = client.request("PUT", path, &[], body);
    (answer.status, answer.text())
}

#[test]
fn a_store_is_uploaded_and_read() {
    let sandbox = scene(1_000_000);
    std::fs::create_dir(sandbox.path("new")).unwrap();
    let serving = Serving::start(&sandbox, WRITABLE);
    let mut client = Client::new(serving.address());
    for chunk in chunks(&sandbox) {
        let bytes = sandbox.read(format!("srv/default.castr/{chunk}"));
        assert_eq!(put(&mut client, &format!("/default.castr/{chunk}"), &bytes), (201, String::new()));
        assert_eq!(put(&mut client, &format!("/default.castr/{chunk}"), &bytes).0, 200, "it is there");
    }
    let index = sandbox.read("srv/blob.caibx");
    let only_new = [("If-None-Match", "*")];
    assert_eq!(client.request("PUT", "/blob.caibx", &only_new, &index).status, 201);
    assert_eq!(client.request("PUT", "/blob.caibx", &only_new, &index).status, 412);
    assert_eq!(put(&mut client, "/blob.caibx", &index).0, 204);
    assert_eq!(sandbox.names("new"), ["blob.caibx", "default.castr"], "nothing is left over");
    sandbox.casync(["extract", "new/blob.caibx", "out"]).success();
    assert!(sandbox.read("out") == sandbox.read("blob"));
}

#[test]
fn wrong_chunks_are_refused() {
    let sandbox = scene(300_000);
    std::fs::create_dir(sandbox.path("new")).unwrap();
    let serving = Serving::start(&sandbox, WRITABLE);
    let names = chunks(&sandbox);
    let mut client = Client::new(serving.address());
    let bytes = sandbox.read(format!("srv/default.castr/{}", names[0]));
    let other = sandbox.read(format!("srv/default.castr/{}", names[1]));
    let mut damaged = bytes.clone();
    *damaged.last_mut().unwrap() ^= 1;
    let path = format!("/default.castr/{}", names[0]);
    for (what, body) in [
        ("another chunk", &other[..]),
        ("a damaged one", &damaged),
        ("a cut one", &bytes[..bytes.len() / 2]),
        ("nonsense", b"nonsense"),
        ("one with something behind it", &[&bytes[..], b"x"].concat()),
    ] {
        let (status, text) = put(&mut client, &path, body);
        assert_eq!(status, 422, "{what}: {text}");
        assert!(text.contains(&names[0][5..69]), "{what}: {text}");
    }
    // As plain bytes they are no chunk of that name, either.
    assert_eq!(put(&mut client, path.trim_end_matches(".cacnk"), &bytes).0, 422);
    assert_eq!(put(&mut client, &path, b"").0, 422);
    assert_eq!(casync_tests::store::paths(&sandbox.path("new")), [] as [std::path::PathBuf; 0]);
    assert_eq!(put(&mut client, &path, &bytes).0, 201);
    // Chunks of the other digest are tried, too.
    sandbox.casync([SIZES, "--digest=sha256", "--store=256.castr", "make", "256.caibx", "blob"]).success();
    let store = sandbox.path("256.castr");
    let (name, bytes) = casync_tests::store::files(&store).pop_first().unwrap();
    assert_eq!(put(&mut client, &format!("/default.castr/{name}"), &bytes).0, 201);
}

#[test]
fn bodies_that_are_too_large_or_never_end() {
    let sandbox = scene(100_000);
    std::fs::create_dir(sandbox.path("new")).unwrap();
    let serving = Serving::start(&sandbox, WRITABLE.iter().chain(&["--max-upload=1M", "--stall-timeout=1s"]));
    let chunk = format!("/default.castr/{}", chunks(&sandbox)[0]);
    let announce = |path: &str, size: &str| {
        let mut client = Client::new(serving.address());
        client.send(format!("PUT {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {size}\r\n\r\n").as_bytes());
        client.receive("PUT").expect("an answer")
    };
    assert_eq!(announce(&chunk, "999999999999").status, 413);
    assert_eq!(announce("/x.caidx", "1048577").status, 413);
    let mut client = Client::new(serving.address());
    client.send(format!("PUT {chunk} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n").as_bytes());
    let piece = [&b"100000\r\n"[..], &vec![0; 1 << 20], b"\r\n"].concat();
    client.send(&piece);
    client.send(b"1\r\nx\r\n");
    assert_eq!(client.receive("PUT").map(|answer| answer.status), Some(411));
    // One that stops halfway leaves nothing.
    let mut client = Client::new(serving.address());
    client.send(b"PUT /y.caidx HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\nabc");
    assert!(client.is_ended());
    serving.running().until("the temporary file to go", || sandbox.names("new") == ["default.castr"]);
}

#[test]
fn indexes_and_archives_that_cannot_be_read_are_refused() {
    let sandbox = scene(300_000);
    std::fs::create_dir(sandbox.path("new")).unwrap();
    sandbox.write("tree/file", "content");
    sandbox.casync(["make", "x.catar", "tree"]).success();
    let serving = Serving::start(&sandbox, WRITABLE);
    let mut client = Client::new(serving.address());
    let (index, archive) = (sandbox.read("srv/blob.caibx"), sandbox.read("x.catar"));
    let mut disordered = index.clone();
    // The end of the first chunk, beyond that of the second.
    disordered[64..72].copy_from_slice(&u64::MAX.to_le_bytes());
    for (path, body) in [
        ("/x.caibx", &index[..index.len() - 1]),
        ("/x.caibx", &disordered),
        ("/x.caidx", b"nonsense"),
        ("/x.caidx", b"x"),
        ("/x.catar", &archive[..archive.len() - 20]),
        ("/x.catar", &index),
        ("/x.catab", &index),
    ] {
        let (status, text) = put(&mut client, path, body);
        assert_eq!(status, 422, "{path}: {text}");
    }
    assert_eq!(put(&mut client, "/x.catar", &archive).0, 201);
    assert_eq!(put(&mut client, "/none/x.catar", &archive).0, 409);
    assert_eq!(put(&mut client, "/../x.catar", &archive).0, 400);
    assert_eq!(put(&mut client, "/x.txt", &archive).0, 404);
    assert_eq!(put(&mut client, "/", &archive).0, 405);
    assert_eq!(sandbox.names("new"), ["default.castr", "x.catar"]);
}
