//! Who may do what: bearer tokens.

use std::path::{Path, PathBuf};

use casync_core::hash::{Digest, DigestAlgorithm};
use hyper::HeaderMap;
use hyper::header;

use crate::error::{Context as _, Error, Result};

/// Environment variable with a token, for where there is no file.
pub(super) const VARIABLE: &str = "CASYNC_SERVE_TOKEN";

/// The tokens that are accepted: their digests, so that comparing them tells nothing about them by the time it takes.
#[derive(Debug, Default)]
pub(super) struct Access {
    tokens: Vec<Digest>,
    /// Whether reading takes a token, too.
    reading: bool,
}

/// Where tokens come from.
#[derive(Clone, Debug, Default)]
pub struct Tokens {
    /// A file with one token a line; empty lines and those that begin with `#` do not count.
    pub file: Option<PathBuf>,
    /// Whether only writing takes a token.
    pub public: bool,
}

impl Access {
    /// Reads the tokens.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or has none: that would let everybody in, or nobody.
    pub(super) fn read(tokens: &Tokens) -> Result<Self> {
        let mut texts: Vec<String> = Vec::new();
        if let Some(path) = &tokens.file {
            texts = lines(path)?;
        }
        texts.extend(std::env::var(VARIABLE).ok().filter(|token| !token.is_empty()));
        let tokens_of = |text: &String| DigestAlgorithm::Sha256.digest(text.as_bytes());
        Ok(Self { tokens: texts.iter().map(tokens_of).collect(), reading: !tokens.public })
    }

    /// Whether there are tokens at all.
    pub(super) fn takes_tokens(&self) -> bool {
        !self.tokens.is_empty()
    }

    /// Whether reading takes one.
    pub(super) fn guards_reading(&self) -> bool {
        self.takes_tokens() && self.reading
    }

    /// Whether a request may do what it wants.
    pub(super) fn allows(&self, headers: &HeaderMap, writes: bool) -> bool {
        if self.tokens.is_empty() || !(self.reading || writes) {
            return true;
        }
        let mut values = headers.get_all(header::AUTHORIZATION).iter();
        let (Some(value), None) = (values.next(), values.next()) else { return false };
        let Some((scheme, token)) = value.to_str().ok().and_then(|value| value.split_once(' ')) else { return false };
        let given = DigestAlgorithm::Sha256.digest(token.trim().as_bytes());
        scheme.eq_ignore_ascii_case("bearer") && self.tokens.contains(&given)
    }
}

fn lines(path: &Path) -> Result<Vec<String>> {
    let what = || format!("read the tokens in {path:?}");
    let text = std::fs::read_to_string(path).context(what)?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let tokens: Vec<String> = lines.map(str::to_owned).collect();
    if tokens.is_empty() {
        return Err(Error::new(rustix::io::Errno::INVAL, "there are none").context(what()));
    }
    Ok(tokens)
}
