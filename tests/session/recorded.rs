//! `vectors/protocol`: what the C casync said to itself.

use std::collections::BTreeMap;

use casync_core::chunk::{ChunkId, StoredChunk};
use casync_core::error::{Error, Malformed};
use casync_core::session::{Event, Priority, Services, Session, SessionStep};
use casync_core::{Limits, Result};
use casync_tests::split::for_each_split;
use casync_tests::vectors;

/// A recording: its lines for each direction, and the bytes.
struct Recording {
    name: String,
    client: Side,
    server: Side,
}

struct Side {
    lines: Vec<String>,
    bytes: Vec<u8>,
}

impl Side {
    /// The flags of this side's HELLO.
    fn services(&self) -> Option<Services> {
        let flags = self.lines.first()?.strip_prefix("HELLO 0x")?;
        Services::from_wire(u64::from_str_radix(flags, 16).unwrap()).ok()
    }

    /// The chunks that this side asks for.
    fn requests(&self) -> impl Iterator<Item = ChunkId> {
        let requests = self.lines.iter().filter_map(|line| line.strip_prefix("REQUEST "));
        requests.map(|line| line.split(' ').next_back().unwrap().parse().unwrap())
    }
}

fn recordings() -> Vec<Recording> {
    let names = vectors::list("protocol").into_iter().filter_map(|name| Some(name.strip_suffix(".txt")?.to_owned()));
    names
        .map(|name| {
            let text = String::from_utf8(vectors::read(&format!("protocol/{name}.txt"))).unwrap();
            let side = |title: &str, direction: &str| Side {
                lines: lines(&text, title),
                bytes: vectors::read(&format!("protocol/{name}.{direction}.bin")),
            };
            Recording { client: side("client to server:", "c2s"), server: side("server to client:", "s2c"), name }
        })
        .collect()
}

/// The messages of one direction, one line for each: pieces of an index or archive joined, ids one by one.
fn lines(text: &str, title: &str) -> Vec<String> {
    let mut found = Vec::new();
    let (mut joined, mut total) = ("", 0);
    let of_direction = text.lines().skip_while(|line| *line != title).skip(1).take_while(|line| line.starts_with("  "));
    for line in of_direction {
        let mut words = line.split_whitespace().skip(1);
        let kind = words.next().unwrap();
        let field = |name: &str| line.split_once(&format!(" {name}=")).map(|(_, rest)| rest);
        let word = |name: &str| field(name).unwrap().split(' ').next().unwrap().to_owned();
        if kind != joined && total > 0 {
            found.push(format!("{joined} {total}"));
            total = 0;
        }
        match kind {
            "INDEX" | "ARCHIVE" => {
                joined = kind;
                total += word("data").parse::<usize>().unwrap();
            }
            "REQUEST" => {
                let ids = line.split(' ').filter(|word| word.len() == 64);
                found.extend(ids.map(|id| format!("REQUEST {} {id}", word("flags"))));
            }
            "CHUNK" => found.push(format!("CHUNK {} {} {}", word("flags"), word("id"), word("data"))),
            "MISSING" => found.push(format!("MISSING {}", word("id"))),
            "ABORT" => found.push(format!("ABORT {} {}", word("error"), field("reason").unwrap())),
            "HELLO" => found.push(format!("HELLO {}", word("flags"))),
            _ => found.push(kind.to_owned()),
        }
    }
    if total > 0 {
        found.push(format!("{joined} {total}"));
    }
    found
}

/// Feeds pieces to a session; returns its events as lines.
fn play(session: &mut Session, parts: &[&[u8]]) -> Result<Vec<String>> {
    let mut events: Vec<String> = Vec::new();
    let join = |events: &mut Vec<String>, kind: &str, length: usize| {
        let before = events.last().and_then(|line| line.strip_prefix(kind)?.strip_prefix(' ')?.parse::<usize>().ok());
        match before {
            Some(before) => *events.last_mut().unwrap() = format!("{kind} {}", before + length),
            None => events.push(format!("{kind} {length}")),
        }
    };
    for part in parts {
        let mut rest = *part;
        while let SessionStep::Did { used, event } = session.step(rest)? {
            rest = &rest[used..];
            match event {
                Event::Index(bytes) => join(&mut events, "INDEX", bytes.len()),
                Event::Archive(bytes) => join(&mut events, "ARCHIVE", bytes.len()),
                Event::Hello(services) => events.push(format!("HELLO {:#x}", services.bits())),
                Event::IndexEof => events.push("INDEX_EOF".into()),
                Event::ArchiveEof => events.push("ARCHIVE_EOF".into()),
                Event::Goodbye => events.push("GOODBYE".into()),
                Event::Missing(id) => events.push(format!("MISSING {id}")),
                Event::Abort { errno, reason } => events.push(format!("ABORT {errno} '{reason}'")),
                Event::Chunk { id, chunk } => events.push(match chunk {
                    StoredChunk::Compressed(bytes) => format!("CHUNK 1 {id} {}", bytes.len()),
                    StoredChunk::Plain(bytes) => format!("CHUNK 0 {id} {}", bytes.len()),
                }),
                // Answered on the spot, as if it were not there.
                Event::Request => {
                    while let Some((id, priority)) = session.next_request() {
                        session.missing(&id)?;
                        events.push(format!("REQUEST {} {id}", u8::from(priority == Priority::High)));
                    }
                }
            }
        }
    }
    session.finish()?;
    Ok(events)
}

/// A session that stands where `here` stood, having asked for what it asked for.
fn standing_at(here: &Side) -> Session {
    // The recording without a HELLO is of a side that had nothing to say yet.
    let services = here.services().unwrap_or(Services::READABLE_STORE | Services::READABLE_INDEX);
    let mut session = Session::new(services, &Limits::default()).unwrap();
    here.requests().for_each(|id| {
        session.request(&id, Priority::Low);
    });
    session
}

/// Why recordings of clients that were made to fail are refused, by their number.
fn refused(name: &str) -> Option<&'static str> {
    let reasons = [("34-", "services"), ("35-", "newer"), ("36-", "message"), ("43-", "unrequested")];
    reasons.into_iter().find_map(|(number, reason)| name.starts_with(number).then_some(reason))
}

fn reason(error: &Error) -> &'static str {
    match error {
        Error::Format { what: Malformed::Services(_), offset: Some(0) } => "services",
        Error::Format { what: Malformed::UnknownMessage(0x1122_3344_5566_7788), offset: Some(24) } => "message",
        Error::Format { what: Malformed::Unrequested(_), .. } => "unrequested",
        Error::Unsupported(_) => "newer",
        _ => "other",
    }
}

fn check(name: &str, from: &Side, to: &Side, expected: &Result<Vec<String>, &str>) {
    for_each_split(&from.bytes, |parts| {
        let played = play(&mut standing_at(to), parts).map_err(|error| reason(&error));
        assert_eq!(&played, expected, "{name}");
    });
}

#[test]
fn what_clients_said_is_understood() {
    for recording in recordings() {
        // Asked for again as urgently as before its answer was lost; more urgently, it has crossed with the answer.
        let mut asked = BTreeMap::new();
        let lines = recording.client.lines.iter().filter(|line| match line.strip_prefix("REQUEST ") {
            Some(request) => {
                let (priority, id) = request.split_once(' ').unwrap();
                asked.insert(id, priority).is_none_or(|before| before == priority)
            }
            None => true,
        });
        let lines = lines.cloned().collect();
        let expected = refused(&recording.name).map_or(Ok(lines), Err);
        check(&recording.name, &recording.client, &recording.server, &expected);
    }
}

#[test]
fn what_servers_said_is_understood() {
    for recording in recordings() {
        // These clients do not fit, whatever side says so first.
        let expected = match refused(&recording.name) {
            Some("services" | "newer") => Err("services"),
            _ => Ok(recording.server.lines.clone()),
        };
        check(&recording.name, &recording.server, &recording.client, &expected);
    }
}
