//! What the other side of a session may say.

use casync_core::Limits;
use casync_core::session::{Event, Priority, Services, Session, SessionStep};

use super::seed;
use crate::random::Rng;
use crate::split::random_cuts;

/// The bytes as what each kind of side hears.
pub(super) fn session(bytes: &[u8]) {
    let pull = Services::PULL_CHUNKS | Services::PULL_INDEX;
    let pull_server = Services::READABLE_STORE | Services::READABLE_INDEX | Services::READABLE_ARCHIVE;
    let push_server = Services::WRITABLE_STORE | Services::WRITABLE_INDEX;
    for services in [pull, Services::PULL_ARCHIVE, pull_server, push_server] {
        let whole = hear(services, bytes, &[bytes]);
        let parts = random_cuts(bytes, &mut Rng::new(seed(bytes)));
        assert_eq!(hear(services, bytes, &parts), whole, "{services}");
    }
}

/// What a session makes of pieces: events with the pieces of index and archive joined, and the error.
fn hear(services: Services, bytes: &[u8], parts: &[&[u8]]) -> (Vec<Event<'static>>, Option<casync_core::Error>) {
    const REQUESTS: usize = 100;
    let mut session = Session::new(services, &Limits::default().with_requests(REQUESTS)).unwrap();
    // Whatever looks like the id of an answer was asked for.
    for id in bytes.windows(32).step_by(8).take(1000) {
        session.request(&casync_core::hash::Digest(id.try_into().unwrap()).into(), Priority::Low);
    }
    let mut events: Vec<Event<'static>> = Vec::new();
    for part in parts {
        let mut rest = *part;
        loop {
            match session.step(rest) {
                Ok(SessionStep::More) => break,
                Ok(SessionStep::Did { used, event }) => {
                    assert!(used <= rest.len());
                    rest = &rest[used..];
                    match (event.into_owned(), events.last_mut()) {
                        (Event::Index(more), Some(Event::Index(before)))
                        | (Event::Archive(more), Some(Event::Archive(before))) => {
                            before.to_mut().extend_from_slice(&more);
                        }
                        (event, _) => events.push(event),
                    }
                    assert!(session.requests_waiting() <= REQUESTS);
                }
                Err(error) => return (events, Some(error)),
            }
        }
    }
    while let Some((id, _)) = session.next_request() {
        session.missing(&id).expect("it is to be answered");
    }
    assert!(session.outgoing().len() <= 24 + 48 * REQUESTS + 56 * 1001);
    let end = session.finish().err();
    (events, end)
}
