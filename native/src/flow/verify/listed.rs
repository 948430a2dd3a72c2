//! Whether every chunk in a store on another host is what its name says.

use std::thread;

use casync_core::hash::DigestAlgorithm;
use crossbeam_channel::Receiver;

use super::Findings;
use super::judge::{Algorithm, Judge, settle};
use super::repair::{Repair, Wanted};
use crate::error::Result;
use crate::flow::{Budget, Failure};
use crate::store::{Inventory, Item, Listed};
use crate::ui::Counters;

/// Looks at every chunk that a store lists. `repair` is for the same store.
///
/// Memory: as many chunks as there are workers, beside the share of each for chunks that are digested together.
///
/// # Errors
///
/// If the store cannot be listed or nothing more be written. What is wrong with chunks is found, not failed with.
pub fn verify(
    store: &dyn Inventory,
    repair: Repair<'_>,
    budget: Budget,
    counters: &Counters,
    findings: &Findings,
) -> Result<()> {
    let budget = budget.for_waiting(store.width());
    let share = budget.memory / 2 / budget.jobs as u64;
    let failure = Failure::default();
    let (send, items) = crossbeam_channel::bounded::<Item>(budget.jobs * 2);
    thread::scope(|scope| {
        for _ in 0..budget.jobs {
            let (items, failure) = (items.clone(), &failure);
            failure.spawn(scope, move || {
                let done = Judge::new(Algorithm::Guess(DigestAlgorithm::default()))
                    .and_then(|judge| Worker { judge, store, repair, findings, counters, share }.run(&items, failure));
                failure.note(done);
            });
        }
        // With the last worker gone, nobody takes any more.
        drop(items);
        let listed = store.list(&mut |listed| {
            failure.check()?;
            match listed {
                Listed::Chunk(item) => send.send(item).map_err(|_| failure.error()),
                Listed::Stranger(path) => {
                    findings.remark(format_args!("{:?} is no chunk.", format!("{}/{path}", store.name())));
                    Ok(())
                }
            }
        });
        drop(send);
        failure.note(listed);
    });
    failure.into_result()
}

struct Worker<'a> {
    judge: Judge<Item>,
    store: &'a dyn Inventory,
    repair: Repair<'a>,
    findings: &'a Findings,
    counters: &'a Counters,
    share: u64,
}

impl Worker<'_> {
    fn run(&mut self, items: &Receiver<Item>, failure: &Failure) -> Result<()> {
        /// Enough to keep all lanes of the digest busy.
        const TOGETHER: usize = 8;
        let (mut stored, mut waiting) = (Vec::new(), 0);
        for item in items {
            failure.check()?;
            match self.store.get(&item.id, item.form, &mut stored) {
                // Somebody cleans up.
                Ok(false) => {}
                Ok(true) => {
                    let (id, form) = (item.id, item.form);
                    match self.judge.add(item, id, form, &stored, None) {
                        Ok(()) => waiting += 1,
                        Err((item, error)) => self.bad(&item, &error)?,
                    }
                }
                Err(error) => self.bad(&item, &error)?,
            }
            if waiting == TOGETHER || self.judge.held() >= self.share {
                self.decide()?;
                waiting = 0;
            }
        }
        self.decide()
    }

    fn decide(&mut self) -> Result<()> {
        let verdicts = self.judge.decide();
        settle(verdicts, self.findings, self.counters, |item, error| self.bad(item, error))
    }

    fn bad(&self, item: &Item, error: &crate::error::Error) -> Result<()> {
        self.findings.looked_at(1, 0);
        self.repair.mend(&Wanted { id: item.id, known: None }, &item.path, item.form, error, self.findings)
    }
}
