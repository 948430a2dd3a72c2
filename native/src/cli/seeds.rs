//! `--seed=` and the `--seed-index=` that belongs to it.

use std::ffi::OsString;

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, ValueHint, value_parser};

use super::options::OURS;
use crate::error::{Error, Result};

/// The seeds, in the order in which they were given.
#[derive(Clone, Debug, Default)]
pub struct SeedOptions {
    seeds: Vec<SeedOption>,
    /// Indexes without a seed.
    alone: Vec<OsString>,
}

/// One `--seed=`.
#[derive(Clone, Debug)]
pub struct SeedOption {
    /// The file, device or directory.
    pub path: OsString,
    /// The index that says what is in it.
    pub index: Option<OsString>,
}

impl SeedOptions {
    const SEED: &str = "seed";
    const INDEX: &str = "seed_index";

    /// The seeds.
    ///
    /// # Errors
    ///
    /// If there is an index without a seed.
    pub fn paired(&self) -> Result<&[SeedOption]> {
        if self.alone.is_empty() {
            return Ok(&self.seeds);
        }
        Err(Error::headline("--seed-index= must follow the --seed= that it describes."))
    }

    /// The seeds, whether there are indexes without one or not.
    pub fn all(&self) -> &[SeedOption] {
        &self.seeds
    }

    /// The indexes that no seed belongs to.
    pub fn indexes_alone(&self) -> &[OsString] {
        &self.alone
    }
}

/// Derived code does not know in which order options were given.
impl FromArgMatches for SeedOptions {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut alone = Vec::new();
        let given = |name| {
            let places = matches.indices_of(name).into_iter().flatten();
            places.zip(matches.get_many::<OsString>(name).into_iter().flatten().cloned())
        };
        let mut seeds: Vec<(usize, SeedOption)> =
            given(Self::SEED).map(|(place, path)| (place, SeedOption { path, index: None })).collect();
        for (place, index) in given(Self::INDEX) {
            match seeds.iter_mut().rev().find(|(before, _)| *before < place) {
                Some((_, seed)) if seed.index.is_none() => seed.index = Some(index),
                _ => alone.push(index),
            }
        }
        Ok(Self { seeds: seeds.into_iter().map(|(_, seed)| seed).collect(), alone })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for SeedOptions {
    fn augment_args(command: Command) -> Command {
        let option = |name, long| {
            let parser = value_parser!(OsString);
            let option = Arg::new(name).long(long).value_name("PATH").value_hint(ValueHint::AnyPath);
            option.action(ArgAction::Append).value_parser(parser)
        };
        command.arg(option(Self::SEED, "seed").help("A file, device or directory to take chunks from")).arg(
            option(Self::INDEX, "seed-index")
                .help("The index of the seed named before, which is then not read through to find its chunks")
                .help_heading(OURS),
        )
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}
