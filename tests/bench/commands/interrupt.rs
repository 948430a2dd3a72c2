//! Signals: gigabytes in memory must not stay behind when somebody has waited long enough.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

static SEEN: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// From now on signals only raise a flag; a second one ends the process at once.
pub(crate) fn watch() {
    let seen = SEEN.get_or_init(Arc::default);
    for signal in [SIGHUP, SIGINT, SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(signal, 1, Arc::clone(seen)).expect("signals can be watched");
        signal_hook::flag::register(signal, Arc::clone(seen)).expect("signals can be watched");
    }
}

/// Ends the benchmark if there was one, by the way of a panic: everything is cleaned up.
pub(crate) fn check() {
    if SEEN.get().is_some_and(|seen| seen.load(Ordering::Relaxed)) {
        eprintln!("\ninterrupted, removing the data");
        std::panic::resume_unwind(Box::new("interrupted"));
    }
}
