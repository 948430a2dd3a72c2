//! Gives the kernel what it has not asked for: the rest of a chunk of which somebody has read a little.
//!
//! A chunk is unpacked and verified as a whole, however few of its bytes are wanted. Who reads an image at random comes back
//! for the others, and then finds them with the kernel, which keeps them for as long as it has room for them, however little
//! room there is here.
//!
//! The kernel makes this wait while somebody else reads a page that is given, so a thread does nothing else. If it waits when
//! the process is to end, it keeps it from ending: whoever ends it has to end the connection first. See [`super::guard`].

use std::thread::Builder;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use fuser::{INodeNo, Notifier};

use super::image::Slices;
use crate::ui::log;

/// Bytes of a page.
pub(super) const PAGE: u64 = 4096;

/// Whole pages of a file.
#[derive(Debug)]
pub(super) struct Pages {
    pub(super) ino: u64,
    pub(super) offset: u64,
    pub(super) slices: Slices,
}

/// Takes pages for the kernel.
#[derive(Debug)]
pub(super) struct Giver(Sender<Pages>);

impl Giver {
    /// Of larger reads the rest is mostly asked for next, in still larger ones.
    pub(super) const READ_MAX: u64 = 16 << 10;
    /// Chunks that wait for the kernel to take them. When there are more, they are not given.
    const WAITING: usize = 8;

    /// Starts the thread that gives; `None` if there cannot be another, which all else works without.
    pub(super) fn start(notifier: Notifier) -> Option<Self> {
        let (sender, waiting) = bounded(Self::WAITING);
        let thread = Builder::new().name("pages".to_owned()).spawn(move || give(&notifier, &waiting));
        thread.ok().map(|_| Self(sender))
    }

    /// Lets the kernel have pages soon, if it takes them.
    pub(super) fn offer(&self, pages: Pages) {
        // Nobody waits for them.
        if let Err(TrySendError::Disconnected(_)) = self.0.try_send(pages) {
            log::debug(format_args!("The kernel takes no pages."));
        }
    }
}

fn give(notifier: &Notifier, waiting: &Receiver<Pages>) {
    for Pages { ino, offset, slices } in waiting {
        if slices.in_a_row(|bytes| notifier.store(INodeNo(ino), offset, bytes)).is_err() {
            // It knows no such request, or there is no mount any more.
            return;
        }
    }
}
