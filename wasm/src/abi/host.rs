//! What the functions work on: the two buffers and the machines behind handles.

use core::cell::RefCell;

use casync_core::archive::{Ask, Find, Found, Listing};
use casync_core::error::UsageError;
use casync_core::hash::Hasher;
use casync_core::index::{IndexTable, IndexTableBuilder};
use casync_core::show::Lines;
use casync_core::{Error, Result};

use super::layout;
use crate::code::Code;
use crate::feed::Feed;

thread_local! {
    static HOST: RefCell<Host> = const { RefCell::new(Host::new()) };
}

/// The state of one instance.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) input: Vec<u8>,
    pub(super) output: Vec<u8>,
    /// By handle; closed ones leave a gap that the next machine takes.
    machines: Vec<Option<Machine>>,
}

/// Everything that has a handle.
#[derive(Debug)]
pub(super) enum Machine {
    IndexReader(IndexTableBuilder),
    Index(IndexTable),
    Hasher(Hasher),
    Decoder(Box<Feed>),
    Lines(Box<Feed>, Lines),
    Find(Box<Find>),
    Listing(Box<Listing>),
}

/// Runs a call: its output replaces the last one, its error becomes a number and a message.
pub(super) fn call(body: impl FnOnce(&mut Host) -> Result<u64>) -> i64 {
    HOST.with_borrow_mut(|host| {
        host.output.clear();
        match body(host) {
            // Handles, counts of what is in memory, and lengths within a stream: all below 2^63.
            Ok(value) => value.cast_signed(),
            Err(error) => {
                host.output.clear();
                host.output.extend_from_slice(error.to_string().as_bytes());
                -i64::from(Code::of(&error) as u8)
            }
        }
    })
}

/// Looks at the buffers without a call.
pub(super) fn buffers<T>(look: impl FnOnce(&mut Host) -> T) -> T {
    HOST.with_borrow_mut(look)
}

impl Host {
    const fn new() -> Self {
        Self { input: Vec::new(), output: Vec::new(), machines: Vec::new() }
    }

    /// Makes room for input; `false` if memory lacks.
    pub(super) fn make_room(&mut self, length: usize) -> bool {
        self.input.clear();
        let possible = self.input.try_reserve_exact(length).is_ok();
        if possible {
            self.input.resize(length, 0);
        }
        possible
    }

    pub(super) fn take_input(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.input)
    }

    pub(super) fn open(&mut self, machine: Machine) -> u64 {
        let handle = self.machines.iter().position(Option::is_none).unwrap_or_else(|| {
            self.machines.push(None);
            self.machines.len() - 1
        });
        self.machines[handle] = Some(machine);
        handle as u64
    }

    pub(super) fn close(&mut self, handle: u32) -> Result<Machine> {
        self.machines.get_mut(handle as usize).and_then(Option::take).ok_or_else(not_this)
    }

    pub(super) fn index_reader(&mut self, handle: u32) -> Result<&mut IndexTableBuilder> {
        match self.machine(handle)? {
            (Machine::IndexReader(reader), _) => Ok(reader),
            _ => Err(not_this()),
        }
    }

    pub(super) fn index(&mut self, handle: u32) -> Result<(&IndexTable, &mut Vec<u8>)> {
        match self.machine(handle)? {
            (Machine::Index(table), output) => Ok((table, output)),
            _ => Err(not_this()),
        }
    }

    pub(super) fn hasher(&mut self, handle: u32) -> Result<&mut Hasher> {
        match self.machine(handle)? {
            (Machine::Hasher(hasher), _) => Ok(hasher),
            _ => Err(not_this()),
        }
    }

    pub(super) fn decoder(&mut self, handle: u32) -> Result<(&mut Feed, &mut Vec<u8>)> {
        match self.machine(handle)? {
            (Machine::Decoder(feed), output) => Ok((feed, output)),
            _ => Err(not_this()),
        }
    }

    pub(super) fn lines(&mut self, handle: u32) -> Result<(&mut Feed, &mut Lines, &mut Vec<u8>)> {
        match self.machine(handle)? {
            (Machine::Lines(feed, lines), output) => Ok((feed, lines, output)),
            _ => Err(not_this()),
        }
    }

    /// Asks a question again: 0 for "no more", 1 for a node, 2 for a range to provide.
    pub(super) fn step_question(&mut self, handle: u32) -> Result<u64> {
        let (ask, output): (Ask<Option<Found>>, _) = match self.machine(handle)? {
            (Machine::Find(find), output) => (find.step()?, output),
            (Machine::Listing(listing), output) => (listing.step()?, output),
            _ => return Err(not_this()),
        };
        Ok(match ask {
            Ask::Ready(None) => 0,
            Ask::Ready(Some(found)) => {
                layout::found(&found, output);
                1
            }
            Ask::Need(range) => {
                layout::numbers(&[range.start, range.end], output);
                2
            }
        })
    }

    pub(super) fn provide(&mut self, handle: u32, start: u64) -> Result<u64> {
        let bytes = self.take_input();
        match self.machine(handle)? {
            (Machine::Find(find), _) => find.provide(start, &bytes)?,
            (Machine::Listing(listing), _) => listing.provide(start, &bytes)?,
            _ => return Err(not_this()),
        }
        Ok(0)
    }

    fn machine(&mut self, handle: u32) -> Result<(&mut Machine, &mut Vec<u8>)> {
        let machine = self.machines.get_mut(handle as usize).and_then(Option::as_mut);
        Ok((machine.ok_or_else(not_this)?, &mut self.output))
    }
}

/// There is no such machine behind the handle.
pub(super) fn not_this() -> Error {
    UsageError::OutOfTurn.into()
}
