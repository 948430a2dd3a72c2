//! Whether a store has every chunk of an index, and has it right.

use std::sync::{Mutex, PoisonError};
use std::thread;

use casync_core::chunk::ChunkId;
use casync_core::index::Piece;

use super::Findings;
use super::judge::{Algorithm, Judge};
use super::repair::{Repair, Wanted};
use crate::error::{Error, Result};
use crate::flow::claims::Claims;
use crate::flow::input::{Batches, Index};
use crate::flow::{Budget, Failure};
use crate::store::Form;
use crate::ui::Counters;

/// Looks at every chunk of an index in the store of `repair`: both its files, if it has two. A chunk that only another of
/// the stores has is not missing.
///
/// # Errors
///
/// If the index cannot be read or nothing more be written. What is wrong with chunks is found, not failed with.
pub fn verify(
    index: &mut Index,
    repair: Repair<'_>,
    budget: Budget,
    counters: &Counters,
    findings: &Findings,
) -> Result<()> {
    let algorithm = index.algorithm();
    let budget = budget.for_waiting(repair.store.width());
    let work = Mutex::new(Batches::new(index, budget));
    let (failure, claims) = (Failure::default(), Claims::default());
    thread::scope(|scope| {
        for _ in 0..budget.jobs {
            failure.spawn(scope, || {
                let done = Judge::new(Algorithm::Known(algorithm)).and_then(|judge| {
                    let mut worker = Worker { judge, repair, findings, claims: &claims };
                    loop {
                        failure.check()?;
                        let pieces = work.lock().unwrap_or_else(PoisonError::into_inner).take()?;
                        if pieces.is_empty() {
                            return Ok(());
                        }
                        worker.batch(&pieces, algorithm)?;
                        Counters::add(&counters.bytes, pieces.iter().map(|piece| piece.size).sum());
                        Counters::add(&counters.store_chunks, pieces.len() as u64);
                    }
                });
                failure.note(done);
            });
        }
    });
    failure.into_result()
}

struct Worker<'a> {
    judge: Judge<(usize, Form)>,
    repair: Repair<'a>,
    findings: &'a Findings,
    claims: &'a Claims<(ChunkId, u64)>,
}

impl Worker<'_> {
    fn batch(&mut self, pieces: &[Piece], algorithm: casync_core::hash::DigestAlgorithm) -> Result<()> {
        let mut there = vec![false; pieces.len()];
        let mut bad: Vec<(usize, Form, Error)> = Vec::new();
        let mut stored = Vec::new();
        // An index names equal chunks many times; with another size the same id is another claim, and wrong.
        let claimed: Vec<bool> = pieces.iter().map(|piece| self.claims.claim(&(piece.id, piece.size))).collect();
        for (number, piece) in pieces.iter().enumerate().filter(|(number, _)| claimed[*number]) {
            for form in Form::ALL {
                match self.repair.store.get(&piece.id, form, &mut stored) {
                    Ok(false) => continue,
                    Ok(true) => {
                        let added = self.judge.add((number, form), piece.id, form, &stored, Some(piece.size));
                        bad.extend(added.err().map(|(_, error)| (number, form, error)));
                    }
                    Err(error) => bad.push((number, form, error)),
                }
                there[number] = true;
                // Where every question costs time, one good answer will do.
                if self.repair.store.width() > 0 {
                    break;
                }
            }
        }
        for verdict in self.judge.decide() {
            let (number, form) = verdict.tag;
            bad.extend(verdict.error.map(|error| (number, form, error)));
        }
        let wanted = |number: usize| {
            let piece: &Piece = &pieces[number];
            Wanted { id: piece.id, known: Some((piece.size, algorithm)) }
        };
        for (number, form, error) in bad {
            let path = self.repair.store.path(&pieces[number].id, form);
            self.repair.mend(&wanted(number), &path, form, &error, self.findings)?;
        }
        for (number, piece) in pieces.iter().enumerate().filter(|(number, _)| claimed[*number]) {
            if !there[number] {
                self.repair.supply(&wanted(number), self.findings)?;
            }
            self.findings.looked_at(1, piece.size);
            self.claims.settle(&(piece.id, piece.size));
        }
        Ok(())
    }
}
