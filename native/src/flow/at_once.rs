//! Several waits at the same time.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, Builder};

use super::Failure;
use crate::error::Result;

/// Does something with each item, up to `width` of them at the same time: for work that mostly waits for another host. What comes
/// of them is in their order. Where there cannot be more threads, fewer are at work.
///
/// # Errors
///
/// If something fails, which `failure` takes note of; no other item is begun then.
pub(crate) fn at_once<T: Sync, R: Send>(
    width: usize,
    items: &[T],
    failure: &Failure,
    work: impl Fn(&T) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let next = AtomicUsize::new(0);
    let run = || {
        let mut done = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(number) else { return done };
            let Some(result) = failure.note(failure.check().and_then(|()| work(item))) else { return done };
            done.push((number, result));
        }
    };
    let helpers = width.min(items.len()).saturating_sub(1);
    let mut all = thread::scope(|scope| {
        let others = (0..helpers).map_while(|_| Builder::new().spawn_scoped(scope, run).ok());
        let others: Vec<_> = others.collect();
        let mut all = run();
        for other in others {
            all.extend(other.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        all
    });
    failure.check()?;
    all.sort_unstable_by_key(|(number, _)| *number);
    Ok(all.into_iter().map(|(_, done)| done).collect())
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use rustix::io::Errno;

    use super::*;

    #[test]
    fn results_keep_the_order_of_their_items() {
        for width in [0, 1, 3, 100] {
            let failure = Failure::default();
            let items: Vec<usize> = (0..50).collect();
            let doubled: Vec<usize> = items.iter().map(|item| 2 * item).collect();
            assert_eq!(at_once(width, &items, &failure, |item| Ok(2 * item)).unwrap(), doubled, "{width}");
            assert!(at_once(width, &[], &failure, |item: &usize| Ok(*item)).unwrap().is_empty());
        }
    }

    #[test]
    fn so_many_are_at_work_at_the_same_time() {
        let barrier = Barrier::new(8);
        // Each waits for seven others.
        let leaders = at_once(8, &[(); 16], &Failure::default(), |()| Ok(barrier.wait().is_leader())).unwrap();
        assert_eq!(leaders.into_iter().filter(|&leads| leads).count(), 2);
    }

    #[test]
    fn after_a_failure_nothing_is_begun() {
        let begun = AtomicUsize::new(0);
        let failed = at_once(1, &[(); 16], &Failure::default(), |()| -> Result<()> {
            begun.fetch_add(1, Ordering::Relaxed);
            Err(Errno::IO.into())
        });
        assert!(failed.is_err());
        assert_eq!(begun.into_inner(), 1);
    }
}
