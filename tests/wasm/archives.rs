//! Archives from first byte to last: events, verdicts, texts.

use casync_core::Limits;
use casync_core::archive::{Content, Decoder, Event, Node, Step};
use casync_tests::{split, vectors};

use crate::guest::{Guest, amount, numbers, refusal};

/// What a node looks like from outside: eleven numbers, name, target.
pub(crate) type Seen = ([u64; 11], Vec<u8>, Vec<u8>);

/// An event as both sides tell it; payload is put together again.
#[derive(Debug, PartialEq)]
enum Told {
    Node(Box<Seen>),
    Payload(Vec<u8>),
    End,
    Error(u8, String),
}

#[test]
fn archives_decode_as_they_do_here() {
    let mut guest = Guest::new();
    for row in vectors::table("decoder.tsv").rows() {
        let archive = vectors::read(&format!("decoder/{}.catar", row.get("case")));
        let native = native(&archive);
        split::for_each_split(&archive, |parts| assert_eq!(decode(&mut guest, parts), native, "{row:?}"));
        let accepted = !matches!(native.last(), Some(Told::Error(..)));
        assert_eq!(accepted, row.get("should").starts_with("accept"), "{row:?}");
    }
}

#[test]
fn whole_archives_decode_as_they_do_here() {
    let mut guest = Guest::new();
    for name in vectors::list("catar") {
        let archive = vectors::read(&format!("catar/{name}"));
        let native = native(&archive);
        assert!(native.len() > 4 && native.last() == Some(&Told::End), "{name}");
        for length in [1_000, archive.len()] {
            let parts: Vec<&[u8]> = archive.chunks(length).collect();
            assert_eq!(decode(&mut guest, &parts), native, "{name}");
        }
    }
}

#[test]
fn texts_are_the_golden_ones() {
    let mut guest = Guest::new();
    let archive = vectors::read("catar/tree.without=privileged.catar");
    for (function, file) in [("casync_list", "list.txt"), ("casync_mtree", "mtree.txt")] {
        let expected = vectors::read(file);
        split::for_each_split(&archive, |parts| {
            let lines = guest.open(function, &[], &[]);
            let mut text = Vec::new();
            for part in parts {
                text.extend(guest.call("casync_lines_feed", &[lines], part).unwrap().1);
            }
            guest.call("casync_lines_finish", &[lines], &[]).unwrap();
            assert!(text == expected, "{file} differs");
        });
        let lines = guest.open(function, &[], &[]);
        guest.call("casync_lines_feed", &[lines], &archive[..archive.len() - 1]).unwrap();
        assert_eq!(guest.call("casync_lines_finish", &[lines], &[]).unwrap_err().0, 2, "an archive cut short");
    }
}

#[test]
fn payload_can_be_passed_over() {
    let mut guest = Guest::new();
    let archive = vectors::read("catar/tree.without=privileged.catar");
    let decoder = guest.open("casync_decoder", &[], &[]);
    let mut start = 0;
    let (mut nodes, mut skipped) = (0, 0);
    while start < archive.len() {
        let end = archive.len().min(start + 500);
        guest.call("casync_decoder_feed", &[decoder], &archive[start..end]).unwrap();
        start = end;
        loop {
            match guest.call("casync_decoder_step", &[decoder], &[]).unwrap() {
                (0, _) => break,
                (1, output) => {
                    nodes += 1;
                    let [mode, .., size, _, _] = numbers::<11>(&output);
                    if mode & 0o170_000 == 0o100_000 {
                        let (later, _) = guest.call("casync_decoder_skip", &[decoder, amount(size)], &[]).unwrap();
                        start += later as usize;
                        skipped += later;
                    }
                }
                (event, _) => assert_eq!(event, 3, "no payload is left"),
            }
        }
    }
    guest.call("casync_decoder_finish", &[decoder], &[]).unwrap();
    assert_eq!(nodes, vectors::read("list.txt").split(|&byte| byte == b'\n').count() - 1);
    assert!(skipped > 30_000, "files larger than a piece are never handed over: {skipped}");
}

#[test]
fn pieces_must_be_used_up() {
    let mut guest = Guest::new();
    let decoder = guest.open("casync_decoder", &[], &[]);
    guest.call("casync_decoder_feed", &[decoder], &[0; 64]).unwrap();
    assert_eq!(guest.call("casync_decoder_feed", &[decoder], &[0; 64]).unwrap_err().0, 7);
}

fn decode(guest: &mut Guest, parts: &[&[u8]]) -> Vec<Told> {
    let decoder = guest.open("casync_decoder", &[], &[]);
    let mut told = Vec::new();
    let result = parts.iter().try_for_each(|part| {
        guest.call("casync_decoder_feed", &[decoder], part)?;
        loop {
            match guest.call("casync_decoder_step", &[decoder], &[])? {
                (0, _) => return Ok(()),
                (1, output) => told.push(Told::Node(Box::new(seen(&output)))),
                (2, output) => add_payload(&mut told, &output),
                (_, _) => told.push(Told::End),
            }
        }
    });
    let finished = guest.call("casync_decoder_finish", &[decoder], &[]);
    if let Err((code, message)) = result.and_then(|()| finished.map(drop)) {
        told.push(Told::Error(code, message));
    }
    told
}

fn native(mut archive: &[u8]) -> Vec<Told> {
    let mut decoder = Decoder::new(&Limits::default());
    let mut told = Vec::new();
    let result = loop {
        match decoder.step(archive) {
            Ok(Step::More) => break decoder.finish(),
            Ok(Step::Did { used, event }) => {
                archive = &archive[used..];
                match event {
                    Event::Node(event) => {
                        let content = event.entry + event.records.len() as u64;
                        let name = event.name.map_or(&[][..], |name| name);
                        told.push(Told::Node(Box::new(shown(name, event.node, [event.entry, 0, content]))));
                    }
                    Event::Payload(bytes) => add_payload(&mut told, bytes),
                    Event::End => told.push(Told::End),
                }
            }
            Err(error) => break Err(error),
        }
    };
    if let Err(error) = result {
        let (code, message) = refusal(&error);
        told.push(Told::Error(code, message));
    }
    told
}

fn add_payload(told: &mut Vec<Told>, bytes: &[u8]) {
    match told.last_mut() {
        Some(Told::Payload(payload)) => payload.extend_from_slice(bytes),
        _ => told.push(Told::Payload(bytes.to_vec())),
    }
}

/// A node by the module's output.
pub(crate) fn seen(output: &[u8]) -> Seen {
    let fields = numbers::<11>(output);
    let (name, target) = output[88..].split_at(fields[9] as usize);
    assert_eq!(target.len() as u64, fields[10], "nothing follows the target");
    (fields, name.to_vec(), target.to_vec())
}

/// The same by the core; `places` are the offsets of entry, end and content.
pub(crate) fn shown(name: &[u8], node: &Node, places: [u64; 3]) -> Seen {
    let metadata = &node.metadata;
    let (size, target) = match &node.content {
        Content::Regular { size } => (*size, Vec::new()),
        Content::Symlink { target } => (0, target.to_vec()),
        Content::Block(device) | Content::Character(device) => {
            (u64::from(device.major) << 32 | u64::from(device.minor), Vec::new())
        }
        _ => (0, Vec::new()),
    };
    let mode = u64::from(node.content.file_type().bits() | metadata.permissions);
    let [entry, end, content] = places;
    let fields = [
        mode,
        metadata.flags.bits(),
        metadata.uid.into(),
        metadata.gid.into(),
        metadata.mtime.nanoseconds(),
        entry,
        end,
        content,
        size,
        name.len() as u64,
        target.len() as u64,
    ];
    (fields, name.to_vec(), target)
}
