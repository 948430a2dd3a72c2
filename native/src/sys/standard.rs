//! Which standard streams were open when the process started.
//!
//! Rust's runtime opens `/dev/null` in the place of those that were not, so that no other file gets their numbers. That is good,
//! but what is written there is lost without a word: so this looks before the runtime does.

use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicU8, Ordering};

use rustix::io::Errno;

/// A bit for each stream that was closed.
static CLOSED: AtomicU8 = AtomicU8::new(0);

/// Called by the loader before `main`.
#[used]
// SAFETY: the section holds pointers to functions that the loader calls once, before there are other threads. Arguments, which
// some loaders pass, may be ignored.
#[unsafe(link_section = ".init_array")]
static LOOK: extern "C" fn() = look;

extern "C" fn look() {
    for (number, stream) in
        [rustix::stdio::stdin(), rustix::stdio::stdout(), rustix::stdio::stderr()].iter().enumerate()
    {
        if rustix::io::fcntl_getfd(stream) == Err(Errno::BADF) {
            CLOSED.fetch_or(1 << number, Ordering::Relaxed);
        }
    }
}

/// Fails if standard input was closed when the process started.
///
/// # Errors
///
/// EBADF, as the system would say.
pub(crate) fn input() -> Result<BorrowedFd<'static>, Errno> {
    open(0, rustix::stdio::stdin())
}

/// Fails if standard output was closed when the process started.
///
/// # Errors
///
/// As [`input`].
pub(crate) fn output() -> Result<BorrowedFd<'static>, Errno> {
    open(1, rustix::stdio::stdout())
}

fn open(number: u8, stream: BorrowedFd<'static>) -> Result<BorrowedFd<'static>, Errno> {
    let is_closed = CLOSED.load(Ordering::Relaxed) & (1 << number) != 0;
    if is_closed { Err(Errno::BADF) } else { Ok(stream) }
}
