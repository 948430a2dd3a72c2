//! The receiving half of a session: which message may come when.

use super::frames::Part;
use super::{Event, Services, Session, SessionStep};
use crate::chunk::ChunkId;
use crate::error::{Error, Malformed, Result, UsageError};
use crate::record::MessageKind;

impl Session {
    /// Takes what was read.
    ///
    /// # Errors
    ///
    /// [`Error::Format`] for anything that may not come, [`Error::Unsupported`] for a newer protocol, [`Error::Limit`]
    /// for more requests than [`Limits::requests`](crate::Limits::requests). After an error every call fails.
    pub fn step<'a>(&mut self, input: &'a [u8]) -> Result<SessionStep<'a>> {
        if self.failed {
            return Err(UsageError::OutOfTurn.into());
        }
        let stepped = self.try_step(input);
        self.failed = stepped.is_err();
        stepped
    }

    fn try_step<'a>(&mut self, input: &'a [u8]) -> Result<SessionStep<'a>> {
        if self.ended && !input.is_empty() {
            return Err(Error::from(Malformed::TrailingData).at(self.frames.used()));
        }
        let (used, part) = self.frames.step(input)?;
        let place = self.frames.place();
        match part {
            None => Ok(SessionStep::More),
            Some(part) => {
                let event = self.take(part).map_err(|error| error.at(place))?;
                Ok(SessionStep::Did { used, event })
            }
        }
    }

    fn take<'a>(&mut self, part: Part<'a>) -> Result<Event<'a>> {
        let either =
            |ours, theirs| self.remote.is_some_and(|remote| self.local.contains(ours) || remote.contains(theirs));
        let index = || either(Services::PULL_INDEX, Services::PUSH_INDEX);
        let archive = || either(Services::PULL_ARCHIVE, Services::PUSH_ARCHIVE);
        let requests = || either(Services::PUSH_CHUNKS, Services::PULL_CHUNKS);
        let chunks = || either(Services::PULL_CHUNKS, Services::PUSH_CHUNKS);
        let expect = |expected: bool, kind| {
            if expected { Ok(()) } else { Err(Error::from(Malformed::MisplacedMessage(kind))) }
        };
        Ok(match part {
            Part::Hello(bits) => {
                expect(self.remote.is_none(), MessageKind::Hello)?;
                let remote = Services::from_wire(bits)?;
                self.local.check_with(remote)?;
                self.remote = Some(remote);
                Event::Hello(remote)
            }
            Part::Index(bytes) => {
                expect(index() && !self.index_ended, MessageKind::Index)?;
                Event::Index(bytes.into())
            }
            Part::IndexEof => {
                expect(index() && !self.index_ended, MessageKind::IndexEof)?;
                self.index_ended = true;
                Event::IndexEof
            }
            Part::Archive(bytes) => {
                expect(archive() && !self.archive_ended, MessageKind::Archive)?;
                Event::Archive(bytes.into())
            }
            Part::ArchiveEof => {
                expect(archive() && !self.archive_ended, MessageKind::ArchiveEof)?;
                self.archive_ended = true;
                Event::ArchiveEof
            }
            Part::Request(id, priority) => {
                expect(requests(), MessageKind::Request)?;
                self.other.add(id, priority, self.requests_max)?;
                Event::Request
            }
            Part::Chunk(id, chunk) => {
                expect(chunks(), MessageKind::Chunk)?;
                self.answered(&id)?;
                Event::Chunk { id, chunk }
            }
            Part::Missing(id) => {
                expect(chunks(), MessageKind::Missing)?;
                self.answered(&id)?;
                Event::Missing(id)
            }
            Part::Goodbye => {
                expect(self.remote.is_some(), MessageKind::Goodbye)?;
                self.ended = true;
                Event::Goodbye
            }
            // It may come before, and in place of, HELLO.
            Part::Abort(errno, reason) => {
                self.ended = true;
                Event::Abort { errno, reason }
            }
        })
    }

    fn answered(&mut self, id: &ChunkId) -> Result<()> {
        if self.own.answered(id) { Ok(()) } else { Err(Malformed::Unrequested(*id).into()) }
    }

    /// The other side has closed its pipe.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`] within a message or before HELLO. Whether all has come that was wanted is for the host to
    /// know: see [`Self::is_waiting`].
    pub fn finish(&self) -> Result<()> {
        if self.frames.is_between() && (self.remote.is_some() || self.ended) {
            Ok(())
        } else {
            Err(Error::Truncated { length: self.frames.used() })
        }
    }
}
