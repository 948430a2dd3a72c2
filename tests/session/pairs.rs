//! Two sessions with a wire between them that delays, splits and breaks.

use std::collections::BTreeMap;

use casync_core::Limits;
use casync_core::chunk::{ChunkId, StoredChunk};
use casync_core::hash::DigestAlgorithm;
use casync_core::session::{Event, Priority, Services, Session, SessionStep};
use casync_tests::random::{Rng, for_each_seed};

/// Bytes on their way.
#[derive(Default)]
struct Wire(Vec<u8>);

impl Wire {
    /// Takes what a session has to say, at most so many bytes.
    fn load(&mut self, session: &mut Session, most: usize) {
        let bytes = session.outgoing();
        let count = bytes.len().min(most);
        self.0.extend_from_slice(&bytes[..count]);
        session.sent(count);
    }

    /// Hands at most so many bytes to a session; returns the events.
    fn unload(&mut self, session: &mut Session, most: usize) -> casync_core::Result<Vec<Event<'static>>> {
        let count = self.0.len().min(most);
        let bytes: Vec<u8> = self.0.drain(..count).collect();
        let (mut rest, mut events) = (&bytes[..], Vec::new());
        while let SessionStep::Did { used, event } = session.step(rest)? {
            rest = &rest[used..];
            events.push(event.into_owned());
        }
        Ok(events)
    }
}

fn store(rng: &mut Rng) -> BTreeMap<ChunkId, Vec<u8>> {
    let chunks = (0..rng.number(1..=60)).map(|_| (0..rng.number(1..=9000)).map(|_| rng.bits() as u8).collect());
    chunks.map(|bytes: Vec<u8>| (ChunkId::of(&bytes, DigestAlgorithm::Sha512_256), bytes)).collect()
}

/// A client pulls an index and chunks from a server.
struct Pull {
    client: Session,
    server: Session,
    up: Wire,
    down: Wire,
    index: Vec<u8>,
    to_send: Vec<u8>,
    index_eof_sent: bool,
    index_ended: bool,
    got: BTreeMap<ChunkId, Option<Vec<u8>>>,
}

impl Pull {
    fn new(rng: &mut Rng, index: &[u8]) -> Self {
        let limits = Limits::default();
        let client = Session::new(Services::PULL_CHUNKS | Services::PULL_INDEX, &limits).unwrap();
        Self {
            client: client.with_ids_per_request(rng.number(1..=2048)),
            server: Session::new(Services::READABLE_STORE | Services::READABLE_INDEX, &limits).unwrap(),
            up: Wire::default(),
            down: Wire::default(),
            index: Vec::new(),
            to_send: index.to_vec(),
            index_eof_sent: false,
            index_ended: false,
            got: BTreeMap::new(),
        }
    }

    /// One of the things that can happen next, at random.
    fn step(&mut self, rng: &mut Rng, store: &BTreeMap<ChunkId, Vec<u8>>) -> casync_core::Result<()> {
        let most = *rng.pick(&[1, 17, 500, 70_000]);
        match rng.below(5) {
            0 => self.up.load(&mut self.client, most),
            1 => self.down.load(&mut self.server, most),
            2 => {
                self.up.unload(&mut self.server, most)?;
            }
            3 => {
                for event in self.down.unload(&mut self.client, most)? {
                    match event {
                        Event::Index(bytes) => self.index.extend_from_slice(&bytes),
                        Event::IndexEof => self.index_ended = true,
                        Event::Chunk { id, chunk: StoredChunk::Plain(bytes) } => {
                            assert!(self.got.insert(id, Some(bytes)).is_none(), "one answer for each");
                        }
                        Event::Missing(id) => assert!(self.got.insert(id, None).is_none(), "one answer for each"),
                        Event::Hello(_) => {}
                        other => panic!("{other:?}"),
                    }
                }
            }
            _ if self.server.remote().is_some() && self.server.has_room() => self.serve(rng.once_in(3), most, store)?,
            _ => {}
        }
        Ok(())
    }

    /// The server adds one thing to what it has to say.
    fn serve(
        &mut self,
        is_index_next: bool,
        most: usize,
        store: &BTreeMap<ChunkId, Vec<u8>>,
    ) -> casync_core::Result<()> {
        if is_index_next && !self.to_send.is_empty() {
            let piece: Vec<u8> = self.to_send.drain(..self.to_send.len().min(most)).collect();
            return self.server.index(&piece);
        }
        if is_index_next && !std::mem::replace(&mut self.index_eof_sent, true) {
            return self.server.index_eof();
        }
        match self.server.next_request() {
            None => Ok(()),
            Some((id, _)) => match store.get(&id) {
                Some(bytes) => self.server.chunk(&id, &StoredChunk::Plain(bytes.clone())),
                None => self.server.missing(&id),
            },
        }
    }
}

/// Runs a pull until everything has come; `want` says what is asked for, some of it twice.
fn run(
    rng: &mut Rng,
    pull: &mut Pull,
    store: &BTreeMap<ChunkId, Vec<u8>>,
    want: &[ChunkId],
) -> casync_core::Result<()> {
    let mut want = want.to_vec();
    for _ in 0..2_000_000 {
        if rng.once_in(4)
            && let Some(id) = want.pop()
        {
            pull.client.request(&id, if rng.once_in(3) { Priority::High } else { Priority::Low });
        }
        pull.step(rng, store)?;
        if want.is_empty() && pull.index_ended && !pull.client.is_waiting() {
            return Ok(());
        }
    }
    panic!("the sides wait for each other");
}

/// What is asked for: all chunks, some of them twice, and some that are nowhere.
fn wishes(rng: &mut Rng, store: &BTreeMap<ChunkId, Vec<u8>>) -> Vec<ChunkId> {
    let mut want: Vec<ChunkId> = store.keys().copied().collect();
    for _ in 0..want.len() {
        let again = *rng.pick(&want);
        want.push(again);
    }
    let nowhere = |rng: &mut Rng| ChunkId::of(&rng.bits().to_le_bytes(), DigestAlgorithm::Sha256);
    want.extend((0..rng.below(4)).map(|_| nowhere(rng)).collect::<Vec<_>>());
    want
}

#[test]
fn everything_arrives_once_whatever_the_wire_does() {
    for_each_seed(40, |rng| {
        let store = store(rng);
        let index: Vec<u8> = (0..rng.number(1..=200_000)).map(|at| at as u8).collect();
        let want = wishes(rng, &store);
        let mut pull = Pull::new(rng, &index);
        run(rng, &mut pull, &store, &want).unwrap();
        assert!(pull.index == index);
        let distinct: std::collections::BTreeSet<_> = want.into_iter().collect();
        assert!(pull.got.keys().eq(distinct.iter()));
        assert!(pull.got.iter().all(|(id, bytes)| store.get(id) == bytes.as_ref()));
        assert_eq!((pull.client.unanswered(), pull.server.requests_waiting()), (0, 0));
        // A chunk that was answered is not asked for again in this session.
        assert!(distinct.iter().all(|id| !pull.client.request(id, Priority::High)));
    });
}

#[test]
fn a_wire_that_breaks_is_noticed() {
    for_each_seed(40, |rng| {
        let store = store(rng);
        let mut pull = Pull::new(rng, b"index");
        let want = wishes(rng, &store);
        for id in &want {
            pull.client.request(id, Priority::Low);
        }
        // All that the server will ever say.
        let mut said = Vec::new();
        for _ in 0..want.len() * 4 + 20 {
            pull.up.load(&mut pull.client, usize::MAX);
            pull.up.unload(&mut pull.server, usize::MAX).unwrap();
            if pull.server.remote().is_some() {
                pull.serve(rng.once_in(3), 70_000, &store).unwrap();
            }
            let bytes = pull.server.outgoing().to_vec();
            pull.server.sent(bytes.len());
            said.extend_from_slice(&bytes);
            let mut rest = &bytes[..];
            while let SessionStep::Did { used, .. } = pull.client.step(rest).unwrap() {
                rest = &rest[used..];
            }
        }
        let distinct = want.iter().collect::<std::collections::BTreeSet<_>>().len();
        let mut boundaries = 0;
        for end in (0..said.len()).step_by((said.len() / 300).max(1)) {
            let mut client = Pull::new(rng, b"").client;
            for id in &want {
                client.request(id, Priority::Low);
            }
            let (mut rest, mut answers) = (&said[..end], 0);
            while let SessionStep::Did { used, event } = client.step(rest).unwrap() {
                rest = &rest[used..];
                answers += usize::from(matches!(event, Event::Chunk { .. } | Event::Missing(_)));
            }
            // Either the end is within a message, or what is missing is known.
            boundaries += usize::from(client.finish().is_ok());
            assert!(client.finish().is_err() || client.is_waiting() || answers == distinct);
        }
        assert!(boundaries < 300);
    });
}
