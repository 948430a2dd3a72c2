//! What happens when there is no more memory: `ulimit -v`, a control group, a full machine.
//!
//! Rust's own answer is to abort. Here some memory is kept for that moment: it is given back, the pipelines are told to stop, as
//! they are by a signal, and what they have begun is removed. If even that does not help, the process ends with a message.

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use rustix::io::Errno;

use crate::error::{Error, Result};

/// The system's allocator with something in reserve.
#[derive(Clone, Copy, Debug)]
pub struct Reserve;

/// Enough to come to an end. It takes addresses, but no memory as long as nobody writes to it.
const KEPT: Layout = match Layout::from_size_align(8 << 20, 4096) {
    Ok(layout) => layout,
    Err(_) => panic!("a power of two"),
};

/// What threads and C libraries take before anything can be known of the work.
const START: Layout = match Layout::from_size_align(8 << 20, 4096) {
    Ok(layout) => layout,
    Err(_) => panic!("a power of two"),
};

/// More than the program ever takes at once on its own account.
const HUGE: usize = 1 << 30;

static RESERVE: AtomicPtr<u8> = AtomicPtr::new(ptr::null_mut());
static SPENT: AtomicBool = AtomicBool::new(false);

impl Reserve {
    /// Puts memory aside.
    ///
    /// # Errors
    ///
    /// If there is so little that nothing can be done with it.
    pub(crate) fn fill() -> Result<()> {
        // SAFETY: the sizes are not zero, and the second block is freed with its own layout, once.
        let (kept, start) = unsafe { (System.alloc(KEPT), System.alloc(START)) };
        if !start.is_null() {
            // SAFETY: as above.
            unsafe { System.dealloc(start, START) };
        }
        if kept.is_null() || start.is_null() {
            return Err(exhausted());
        }
        RESERVE.store(kept, Ordering::Release);
        Ok(())
    }

    /// Fails once the reserve had to be used.
    pub(crate) fn check() -> Result<()> {
        if SPENT.load(Ordering::Relaxed) { Err(exhausted()) } else { Ok(()) }
    }

    /// Gives back what was put aside; whether there was anything.
    fn spend() -> bool {
        let kept = RESERVE.swap(ptr::null_mut(), Ordering::AcqRel);
        if kept.is_null() {
            return false;
        }
        SPENT.store(true, Ordering::Relaxed);
        // SAFETY: it was allocated with this layout, and the swap gave it to nobody else.
        unsafe { System.dealloc(kept, KEPT) };
        true
    }

    /// Tries again with the reserve; ends the process if that is not enough.
    fn again(size: usize, allocate: impl Fn() -> *mut u8) -> *mut u8 {
        if size <= KEPT.size() && Self::spend() {
            let block = allocate();
            if !block.is_null() {
                return block;
            }
        }
        // That much is only asked for by who can do without.
        if size >= HUGE {
            return ptr::null_mut();
        }
        // Nothing here may allocate.
        let text = b"Failed to run synchronizer: Cannot allocate memory\n\
            hint: `ulimit -v` limits it; --memory= and --jobs= make the program take less\n";
        let _ = rustix::io::write(rustix::stdio::stderr(), text);
        signal_hook::low_level::exit(1)
    }
}

// SAFETY: every call goes to the system's allocator, which keeps the contract; what comes back is either from there, or nothing
// comes back at all.
unsafe impl GlobalAlloc for Reserve {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are passed on.
        let allocate = || unsafe { System.alloc(layout) };
        let block = allocate();
        if block.is_null() { Self::again(layout.size(), allocate) } else { block }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(block, layout) };
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are passed on.
        let allocate = || unsafe { System.alloc_zeroed(layout) };
        let block = allocate();
        if block.is_null() { Self::again(layout.size(), allocate) } else { block }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's promises are passed on; a block that could not be moved is still there.
        let allocate = || unsafe { System.realloc(block, layout, size) };
        let moved = allocate();
        if moved.is_null() { Self::again(size, allocate) } else { moved }
    }
}

fn exhausted() -> Error {
    Errno::NOMEM.into()
}
