//! A push between two sessions, over a wire that splits, delays and breaks.

use std::collections::{BTreeMap, VecDeque};

use casync_core::Limits;
use casync_core::chunk::{ChunkId, StoredChunk};
use casync_core::hash::DigestAlgorithm;
use casync_core::session::{Event, Priority, Services, Session, SessionStep};
use casync_tests::random::{Rng, for_each_seed};

/// Moves some bytes from one side to the other, which may take only some of them now.
fn carry(
    rng: &mut Rng,
    from: &mut Session,
    wire: &mut VecDeque<u8>,
    to: &mut Session,
) -> casync_core::Result<Vec<Event<'static>>> {
    let most = *rng.pick(&[1, 33, 700, 70_000]);
    let count = from.outgoing().len().min(most);
    wire.extend(&from.outgoing()[..count]);
    from.sent(count);
    let most = *rng.pick(&[0, 1, 40, 900, 70_000]);
    let bytes: Vec<u8> = wire.drain(..wire.len().min(most)).collect();
    let (mut rest, mut events) = (&bytes[..], Vec::new());
    while let SessionStep::Did { used, event } = to.step(rest)? {
        rest = &rest[used..];
        events.push(event.into_owned());
    }
    Ok(events)
}

/// What the two sides have.
struct Push {
    client: Session,
    server: Session,
    chunks: BTreeMap<ChunkId, Vec<u8>>,
    index: Vec<u8>,
    received: Vec<u8>,
    stored: BTreeMap<ChunkId, Vec<u8>>,
}

impl Push {
    fn new(rng: &mut Rng) -> Self {
        let bytes = |rng: &mut Rng| -> Vec<u8> { (0..rng.number(1..=5000)).map(|_| rng.bits() as u8).collect() };
        let chunks = (0..rng.number(1..=30)).map(|_| bytes(rng)).collect::<Vec<_>>();
        let chunks = chunks.into_iter().map(|chunk| (ChunkId::of(&chunk, DigestAlgorithm::Sha256), chunk)).collect();
        let limits = Limits::default();
        let client = Services::PUSH_CHUNKS | Services::PUSH_INDEX | Services::PUSH_INDEX_CHUNKS;
        let server = Services::WRITABLE_STORE | Services::WRITABLE_INDEX;
        Self {
            client: Session::new(client, &limits).unwrap(),
            server: Session::new(server, &limits).unwrap().with_ids_per_request(rng.number(1..=50)),
            chunks,
            index: (0..rng.number(1..=90_000)).map(|at| at as u8).collect(),
            received: Vec::new(),
            stored: BTreeMap::new(),
        }
    }

    /// Runs to the server's goodbye, or until the wire has carried so many bytes to the server.
    fn run(&mut self, rng: &mut Rng, cut: usize) -> casync_core::Result<bool> {
        let (mut up, mut down) = (VecDeque::new(), VecDeque::new());
        let mut wanted: Vec<ChunkId> = self.chunks.keys().copied().collect();
        let (mut sent, mut index_ended, mut given) = (0, false, 0);
        for _ in 0..2_000_000 {
            if self.client.remote().is_some() && self.client.has_room() {
                match self.client.next_request() {
                    Some((id, _)) => self.client.chunk(&id, &StoredChunk::Plain(self.chunks[&id].clone()))?,
                    None if sent < self.index.len() => {
                        let end = self.index.len().min(sent + rng.number(1..=30_000));
                        self.client.index(&self.index[sent..end])?;
                        sent = end;
                    }
                    None if sent == self.index.len() => {
                        self.client.index_eof()?;
                        sent += 1;
                    }
                    None => {}
                }
            }
            let before = up.len() + self.client.outgoing().len();
            for event in carry(rng, &mut self.client, &mut up, &mut self.server)? {
                match event {
                    Event::Index(bytes) => self.received.extend_from_slice(&bytes),
                    Event::IndexEof => index_ended = true,
                    Event::Chunk { id, chunk: StoredChunk::Plain(bytes) } => {
                        assert!(self.stored.insert(id, bytes).is_none(), "each comes once");
                    }
                    Event::Hello(_) => {}
                    other => panic!("{other:?}"),
                }
            }
            given += before.saturating_sub(up.len() + self.client.outgoing().len());
            if given >= cut {
                return Ok(false);
            }
            // The server asks in the order of the index, and twice for some.
            if self.server.remote().is_some()
                && let Some(id) = wanted.pop()
            {
                self.server.request(&id, Priority::Low);
                self.server.request(&id, Priority::Low);
            }
            if index_ended && wanted.is_empty() && !self.server.is_waiting() {
                self.server.goodbye();
                index_ended = false;
            }
            for event in carry(rng, &mut self.server, &mut down, &mut self.client)? {
                match event {
                    Event::Goodbye => return Ok(true),
                    Event::Hello(_) | Event::Request => {}
                    other => panic!("{other:?}"),
                }
            }
        }
        panic!("the sides wait for each other");
    }
}

#[test]
fn everything_arrives_before_the_goodbye() {
    for_each_seed(40, |rng| {
        let mut push = Push::new(rng);
        assert!(push.run(rng, usize::MAX).unwrap());
        assert!(push.received == push.index);
        assert!(push.stored == push.chunks);
    });
}

#[test]
fn what_came_before_a_push_broke_off_is_right() {
    for_each_seed(40, |rng| {
        let mut push = Push::new(rng);
        let all: usize = push.index.len() + push.chunks.values().map(Vec::len).sum::<usize>();
        let cut = rng.number(1..=all);
        assert!(!push.run(rng, cut).unwrap());
        // What has come is right as far as it goes.
        assert!(push.index.starts_with(&push.received));
        assert!(push.stored.iter().all(|(id, bytes)| push.chunks.get(id) == Some(bytes)));
    });
}

#[test]
fn nothing_is_asked_after_the_last_word() {
    let mut server = Session::new(Services::WRITABLE_STORE | Services::WRITABLE_INDEX, &Limits::default()).unwrap();
    let client = Services::PUSH_CHUNKS | Services::PUSH_INDEX | Services::PUSH_INDEX_CHUNKS;
    let hello = Session::new(client, &Limits::default()).unwrap().outgoing().to_vec();
    assert!(matches!(server.step(&hello), Ok(SessionStep::Did { event: Event::Hello(_), .. })));
    server.request(&ChunkId::default(), Priority::Low);
    server.abort(5, "no more");
    // HELLO, and ABORT with its 7 characters.
    assert_eq!(server.outgoing().len(), 24 + 16 + 8 + 8);
}
