//! What may not be said, and what comes of it.

use casync_core::chunk::{ChunkId, StoredChunk};
use casync_core::error::{Error, Limited, Malformed, UsageError};
use casync_core::record::MessageKind;
use casync_core::session::{Event, Priority, Services, Session, SessionStep};
use casync_core::{Limits, Result};

fn id(number: u8) -> ChunkId {
    format!("{number:064x}").parse().unwrap()
}

fn message(kind: u64, body: &[u8]) -> Vec<u8> {
    let size = 16 + body.len() as u64;
    [&size.to_le_bytes(), &kind.to_le_bytes(), body].concat()
}

fn hello(services: Services) -> Vec<u8> {
    message(MessageKind::Hello as u64, &services.bits().to_le_bytes())
}

fn server() -> Session {
    Session::new(Services::READABLE_STORE | Services::READABLE_INDEX, &Limits::default()).unwrap()
}

/// Takes all of `bytes`; returns the last event.
fn feed(session: &mut Session, bytes: &[u8]) -> Result<Option<Event<'static>>> {
    let (mut rest, mut last) = (bytes, None);
    while let SessionStep::Did { used, event } = session.step(rest)? {
        rest = &rest[used..];
        last = Some(event.into_owned());
    }
    Ok(last)
}

fn request(ids: &[ChunkId], flags: u64) -> Vec<u8> {
    let ids: Vec<u8> = ids.iter().flat_map(|id| *id.as_bytes()).collect();
    message(MessageKind::Request as u64, &[&flags.to_le_bytes()[..], &ids].concat())
}

#[test]
fn what_does_not_fit_the_moment_is_refused() {
    let client = hello(Services::PULL_CHUNKS);
    let cases: &[(&[u8], MessageKind)] = &[
        (&[client.clone(), client.clone()].concat(), MessageKind::Hello),
        (&request(&[id(1)], 0), MessageKind::Request),
        (&[client.clone(), message(MessageKind::Index as u64, b"x")].concat(), MessageKind::Index),
        (&[client.clone(), message(MessageKind::ArchiveEof as u64, b"")].concat(), MessageKind::ArchiveEof),
        (&[client, message(MessageKind::Missing as u64, &[0; 32])].concat(), MessageKind::Missing),
        (&message(MessageKind::Goodbye as u64, b""), MessageKind::Goodbye),
    ];
    for (bytes, kind) in cases {
        let mut session = server();
        let refused = feed(&mut session, bytes);
        assert!(
            matches!(&refused, Err(Error::Format { what: Malformed::MisplacedMessage(found), .. }) if found == kind),
            "{kind}: {refused:?}"
        );
        assert_eq!(session.step(b"more"), Err(UsageError::OutOfTurn.into()), "after an error there are only errors");
    }
}

#[test]
fn impossible_frames_are_refused_by_their_header() {
    for (size, kind) in [(15, MessageKind::Goodbye), (17, MessageKind::Goodbye), (57, MessageKind::Request)]
        .into_iter()
        .chain([(24, MessageKind::Request), (56, MessageKind::Chunk), ((16 << 20) + 1, MessageKind::Index)])
        .chain([(u64::MAX, MessageKind::Chunk), (0, MessageKind::Hello)])
    {
        let header = [size.to_le_bytes(), (kind as u64).to_le_bytes()].concat();
        let refused = feed(&mut server(), &header);
        let expected = Error::Format { what: Malformed::MessageSize { kind, size }, offset: Some(0) };
        assert_eq!(refused, Err(expected));
    }
}

#[test]
fn reasons_are_texts_with_one_nul_at_their_end() {
    let abort = |body: &[u8]| feed(&mut server(), &message(MessageKind::Abort as u64, body));
    let text = |text: &[u8]| abort(&[&5u64.to_le_bytes()[..], text].concat());
    let aborted = |reason: &str| Ok(Some(Event::Abort { errno: 5, reason: reason.into() }));
    assert_eq!(text(b"disk full\0"), aborted("disk full"));
    assert_eq!(text(b"\0"), aborted(""));
    for broken in [&b"disk full"[..], b"disk\0full\0", b"disk\nfull\0"] {
        let refused = text(broken);
        assert!(matches!(refused, Err(Error::Format { what: Malformed::AbortReason, .. })), "{refused:?}");
    }
    let errno = abort(&[&0x7fff_ffffu64.to_le_bytes()[..], b"\0"].concat());
    assert!(matches!(errno, Err(Error::Format { what: Malformed::AbortReason, .. })), "{errno:?}");
    // A long one is cut, not an error, and costs no more than what is kept.
    let Ok(Some(Event::Abort { reason, .. })) = text(&[&vec![b'a'; 1 << 20][..], b"\0"].concat()) else { panic!() };
    assert_eq!(reason.len(), 4096);
}

#[test]
fn each_chunk_is_answered_once_unless_it_was_lost() {
    let mut session = server();
    feed(&mut session, &hello(Services::PULL_CHUNKS)).unwrap();
    feed(&mut session, &request(&[id(1), id(2), id(1)], 0)).unwrap();
    feed(&mut session, &request(&[id(3), id(2)], 1)).unwrap();
    let mut order = Vec::new();
    while let Some((id, priority)) = session.next_request() {
        order.push((id, priority));
        session.chunk(&id, &StoredChunk::Plain(b"x".to_vec())).unwrap();
    }
    assert_eq!(order, [(id(3), Priority::High), (id(2), Priority::High), (id(1), Priority::Low)]);
    // The first of these crossed with the answer; the second one was lost.
    feed(&mut session, &request(&[id(1)], 1)).unwrap();
    assert_eq!(session.next_request(), None);
    feed(&mut session, &request(&[id(1)], 1)).unwrap();
    assert_eq!(session.next_request(), Some((id(1), Priority::High)));
    assert_eq!(session.missing(&id(9)), Err(UsageError::OutOfTurn.into()), "nobody asked for that");
}

#[test]
fn requests_are_limited() {
    let limits = Limits::default().with_requests(2);
    let mut session = Session::new(Services::READABLE_STORE, &limits).unwrap();
    feed(&mut session, &hello(Services::PULL_CHUNKS)).unwrap();
    let refused = feed(&mut session, &request(&[id(1), id(2), id(1), id(3)], 0));
    assert_eq!(refused, Err(Error::Limit { what: Limited::Requests, value: 3, max: 2 }));
}

#[test]
fn chunks_that_no_frame_can_hold_are_not_sent() {
    let mut session = server();
    feed(&mut session, &hello(Services::PULL_CHUNKS)).unwrap();
    feed(&mut session, &request(&[id(1)], 0)).unwrap();
    let (asked, _) = session.next_request().unwrap();
    for size in [0, 16_777_161] {
        let refused = session.chunk(&asked, &StoredChunk::Compressed(vec![0; size]));
        assert_eq!(refused, Err(UsageError::ChunkFrame(size).into()));
    }
    assert_eq!(session.chunk(&asked, &StoredChunk::Compressed(vec![0; 16_777_160])), Ok(()));
}

#[test]
fn services_that_exclude_each_other_are_refused() {
    for services in [
        Services::default(),
        Services::READABLE_INDEX | Services::WRITABLE_INDEX,
        Services::READABLE_ARCHIVE | Services::WRITABLE_ARCHIVE,
        Services::PUSH_INDEX_CHUNKS | Services::PUSH_INDEX,
    ] {
        assert!(Session::new(services, &Limits::default()).is_err(), "{services}");
    }
}
