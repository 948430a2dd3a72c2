//! `.caexclude` files: what a tree says is to be left out of its archives (spec: filesystem.md 2).

mod pattern;

use alloc::sync::Arc;
use alloc::vec::Vec;

use self::pattern::matches;
use crate::error::{Result, UsageError};

/// Longest line, in bytes.
const LINE_MAX: usize = 65_535;

/// A `.caexclude` file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExcludeFile(Vec<Rule>);

/// A line of such a file, or what is left of it in a directory further down.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    /// Patterns for the components of a path; those from `next` on are still to be matched.
    components: Arc<[Vec<u8>]>,
    next: usize,
    /// The line starts with `!`: what it matches is kept, whatever else matches.
    keep: bool,
    /// The line ends with a slash.
    directories_only: bool,
    /// The line has no slash: it holds here and in all directories below.
    floating: bool,
}

impl ExcludeFile {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// [`UsageError::ExcludeLine`] for lines that are too long, and for patterns with a component that is empty, `.` or
    /// `..`.
    pub fn parse(text: &[u8]) -> Result<Self> {
        let mut rules = Vec::new();
        for (number, line) in text.split(|&byte| matches!(byte, b'\n' | 0)).enumerate() {
            let refused = UsageError::ExcludeLine(number as u64 + 1);
            if line.len() > LINE_MAX {
                return Err(refused.into());
            }
            let line = line.trim_ascii_blanks();
            if line.is_empty() || line.starts_with(b"#") {
                continue;
            }
            rules.push(Rule::parse(line).ok_or(refused)?);
        }
        Ok(Self(rules))
    }
}

impl Rule {
    fn parse(line: &[u8]) -> Option<Self> {
        let (keep, pattern) = match line.strip_prefix(b"!") {
            Some(rest) => (true, rest),
            None => (false, line),
        };
        let components: Arc<[Vec<u8>]> =
            pattern.split(|&byte| byte == b'/').filter(|part| !part.is_empty()).map(<[u8]>::to_vec).collect();
        let impossible = |part: &Vec<u8>| part == b"." || part == b"..";
        if components.is_empty() || components.iter().any(impossible) {
            return None;
        }
        Some(Self {
            components,
            next: 0,
            keep,
            directories_only: pattern.ends_with(b"/"),
            floating: !pattern.contains(&b'/'),
        })
    }

    fn is_last(&self) -> bool {
        self.next + 1 == self.components.len()
    }

    fn matches(&self, name: &[u8]) -> bool {
        matches(&self.components[self.next], name)
    }
}

/// What holds in one directory: its own file, and what is left of those above.
///
/// ```
/// use casync_core::archive::{ExcludeFile, ExcludeRules};
///
/// let rules = ExcludeRules::root(&ExcludeFile::parse(b"*.o\n!keep.o\n/build\nsrc/sub\n")?);
/// assert!(rules.excludes(b"a.o", false));
/// assert!(!rules.excludes(b"keep.o", false));
/// let below = rules.enter(b"src", &ExcludeFile::default());
/// assert!(below.excludes(b"sub", true));
/// assert!(!below.excludes(b"build", true));
/// # Ok::<(), casync_core::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct ExcludeRules(Vec<Rule>);

impl ExcludeRules {
    /// The rules of the root of a tree.
    pub fn root(own: &ExcludeFile) -> Self {
        Self(own.0.clone())
    }

    /// The rules of the subdirectory `name`, whose own file is `own`.
    #[must_use]
    pub fn enter(&self, name: &[u8], own: &ExcludeFile) -> Self {
        let inherited = self.0.iter().filter_map(|rule| {
            if rule.floating {
                return Some(rule.clone());
            }
            let goes_on = !rule.is_last() && rule.matches(name);
            goes_on.then(|| Rule { next: rule.next + 1, ..rule.clone() })
        });
        Self(inherited.chain(own.0.iter().cloned()).collect())
    }

    /// Whether an entry of the directory is left out. A line that keeps it wins over all that do not, wherever it stands.
    pub fn excludes(&self, name: &[u8], is_directory: bool) -> bool {
        let applies = |rule: &&Rule| rule.is_last() && (is_directory || !rule.directories_only) && rule.matches(name);
        let mut excluded = false;
        for rule in self.0.iter().filter(applies) {
            if rule.keep {
                return false;
            }
            excluded = true;
        }
        excluded
    }

    /// Whether there are no rules, as in most trees.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Trimming of blanks and tabs only: carriage returns are part of a pattern.
trait TrimBlanks {
    fn trim_ascii_blanks(&self) -> &[u8];
}

impl TrimBlanks for [u8] {
    fn trim_ascii_blanks(&self) -> &[u8] {
        let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
        let start = self.iter().position(|byte| !is_blank(byte)).unwrap_or(self.len());
        let end = self.iter().rposition(|byte| !is_blank(byte)).map_or(start, |last| last + 1);
        &self[start..end]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Paths of the specification's example tree that a root file with `text` leaves out.
    fn left_out(text: &str) -> Vec<&'static str> {
        let rules = ExcludeRules::root(&ExcludeFile::parse(text.as_bytes()).unwrap());
        let tree = ["foo.o", "bar.o", ".dot.o", "build/", "sub/", "sub/foo.o", "sub/bar.o", "sub/build/", "sub/deep/"];
        let tree = tree.into_iter().chain(["sub/deep/foo.o", ".hid/", ".hid/x"]);
        let excluded = |path: &str| {
            let is_directory = path.ends_with('/');
            let components: Vec<&str> = path.trim_end_matches('/').split('/').collect();
            let mut rules = rules.clone();
            components.iter().enumerate().any(|(depth, name)| {
                let last = depth + 1 == components.len();
                let left_out = rules.excludes(name.as_bytes(), !last || is_directory);
                rules = rules.enter(name.as_bytes(), &ExcludeFile::default());
                left_out
            })
        };
        tree.filter(|path| excluded(path)).collect()
    }

    #[test]
    fn examples_of_the_specification() {
        assert_eq!(left_out("*.o"), ["foo.o", "bar.o", "sub/foo.o", "sub/bar.o", "sub/deep/foo.o"]);
        assert_eq!(left_out("/*.o"), ["foo.o", "bar.o"]);
        assert_eq!(left_out("build"), ["build/", "sub/build/"]);
        assert_eq!(left_out("build/"), ["build/"]);
        assert_eq!(left_out("sub/*/foo.o"), ["sub/deep/foo.o"]);
        assert_eq!(left_out("*.o\n!bar.o"), ["foo.o", "sub/foo.o", "sub/deep/foo.o"]);
        assert_eq!(left_out("!bar.o\n*.o"), ["foo.o", "sub/foo.o", "sub/deep/foo.o"]);
        assert_eq!(left_out("*.o\n!sub/foo.o"), ["foo.o", "bar.o", "sub/bar.o", "sub/deep/foo.o"]);
        let all_of_sub = ["sub/", "sub/foo.o", "sub/bar.o", "sub/build/", "sub/deep/", "sub/deep/foo.o"];
        assert_eq!(left_out("sub\n!sub/foo.o"), all_of_sub);
        assert_eq!(left_out("  # comment\n\n \t foo.o \t\n"), ["foo.o", "sub/foo.o", "sub/deep/foo.o"]);
        assert!(left_out("*").contains(&".hid/x"));
        assert!(!left_out("*").contains(&".hid/"));
    }

    #[test]
    fn files_of_subdirectories() {
        let parse = |text: &[u8]| ExcludeFile::parse(text).unwrap();
        let below = ExcludeRules::root(&parse(b"*.o")).enter(b"sub", &parse(b"!foo.o"));
        assert!(!below.excludes(b"foo.o", false));
        assert!(below.excludes(b"bar.o", false));
        let below = ExcludeRules::root(&parse(b"!keep*")).enter(b"sub", &parse(b"*.o"));
        assert!(!below.enter(b"deep", &parse(b"")).excludes(b"keepme.o", false));
    }

    #[test]
    fn impossible_lines() {
        for line in ["/", ".", "..", "a/../b", "!", "a/./b", "//"] {
            let text = alloc::format!("fine\n{line}\n");
            assert_eq!(ExcludeFile::parse(text.as_bytes()), Err(UsageError::ExcludeLine(2).into()), "{line}");
        }
        assert!(ExcludeFile::parse(&alloc::vec![b'a'; LINE_MAX]).is_ok());
        assert!(ExcludeFile::parse(&alloc::vec![b'a'; LINE_MAX + 1]).is_err());
    }
}
