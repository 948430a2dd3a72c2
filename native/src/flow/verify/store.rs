//! Whether every chunk in a store is what its name says.

use std::ffi::CString;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use casync_core::chunk::ChunkId;
use casync_core::gc::StoreFile;
use casync_core::hash::DigestAlgorithm;

use super::Findings;
use super::judge::{Algorithm, Judge, settle};
use super::repair::{Repair, Wanted};
use crate::error::Result;
use crate::flow::{Budget, Failure};
use crate::store::{ChunkDirectory, Directories, Form};
use crate::ui::Counters;

/// Files that are digested together: enough to keep all SIMD lanes busy.
const BATCH: usize = 32;

/// Looks at every file of a store. `repair` is for the same store.
///
/// # Errors
///
/// If the store cannot be read or nothing more be written. What is wrong with files is found, not failed with.
pub fn verify(
    files: &mut Directories,
    repair: Repair<'_>,
    budget: Budget,
    counters: &Counters,
    findings: &Findings,
) -> Result<()> {
    files.list()?;
    let failure = Failure::default();
    let work = Mutex::new(Work { files, directory: None, findings });
    let share = budget.memory / 2 / budget.jobs as u64;
    thread::scope(|scope| {
        for _ in 0..budget.jobs {
            failure.spawn(scope, || {
                let done = Judge::new(Algorithm::Guess(DigestAlgorithm::default())).and_then(|judge| {
                    let mut worker = Worker { judge, repair, findings, counters, share };
                    loop {
                        failure.check()?;
                        let files = work.lock().unwrap_or_else(PoisonError::into_inner).take()?;
                        if files.is_empty() {
                            return Ok(());
                        }
                        worker.batch(files)?;
                    }
                });
                failure.note(done);
            });
        }
    });
    failure.into_result()?;
    for name in files.strangers() {
        findings.remark(format_args!("{:?} is no directory of chunks.", format!("{}/{name}", files.name())));
    }
    Ok(())
}

/// A file that should hold a chunk.
struct File {
    directory: Arc<ChunkDirectory>,
    name: CString,
    id: ChunkId,
    form: Form,
}

/// Files that no worker has taken.
struct Work<'a> {
    files: &'a mut Directories,
    directory: Option<(Arc<ChunkDirectory>, std::vec::IntoIter<CString>)>,
    findings: &'a Findings,
}

impl Work<'_> {
    /// The next files; none at the end.
    fn take(&mut self) -> Result<Vec<File>> {
        let mut files = Vec::with_capacity(BATCH);
        while files.len() < BATCH {
            let Some((directory, names)) = &mut self.directory else {
                let Some(mut directory) = self.files.next()? else { break };
                let names = std::mem::take(&mut directory.files).into_iter();
                self.directory = Some((Arc::new(directory), names));
                continue;
            };
            let Some(name) = names.next() else {
                self.directory = None;
                continue;
            };
            let shown =
                || format!("{}/{}/{}", self.files.name(), directory.name.to_string_lossy(), name.to_string_lossy());
            match directory.classify(&name) {
                StoreFile::Chunk { id, compressed } => {
                    let form = if compressed { Form::Compressed } else { Form::Plain };
                    files.push(File { directory: Arc::clone(directory), name, id, form });
                }
                StoreFile::Temporary => {
                    self.findings.remark(format_args!("{:?} is temporary: it is being written, or was left.", shown()));
                }
                StoreFile::Stranger => self.findings.remark(format_args!("{:?} is no chunk.", shown())),
            }
        }
        Ok(files)
    }
}

struct Worker<'a> {
    judge: Judge<File>,
    repair: Repair<'a>,
    findings: &'a Findings,
    counters: &'a Counters,
    share: u64,
}

impl Worker<'_> {
    fn batch(&mut self, files: Vec<File>) -> Result<()> {
        let mut stored = Vec::new();
        for file in files {
            match file.directory.read(&file.name, &mut stored) {
                // Somebody cleans up.
                Ok(false) => {}
                Ok(true) => {
                    let (id, form) = (file.id, file.form);
                    if let Err((file, error)) = self.judge.add(file, id, form, &stored, None) {
                        self.bad(&file, &error)?;
                    }
                }
                Err(error) => self.bad(&file, &error)?,
            }
            if self.judge.held() >= self.share {
                self.decide()?;
            }
        }
        self.decide()
    }

    fn decide(&mut self) -> Result<()> {
        let verdicts = self.judge.decide();
        settle(verdicts, self.findings, self.counters, |file, error| self.bad(file, error))
    }

    fn bad(&self, file: &File, error: &crate::error::Error) -> Result<()> {
        self.findings.looked_at(1, 0);
        let path = format!("{}/{}", file.directory.name.to_string_lossy(), file.name.to_string_lossy());
        self.repair.mend(&Wanted { id: file.id, known: None }, &path, file.form, error, self.findings)
    }
}
