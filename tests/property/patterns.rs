//! Patterns of `.caexclude` against fnmatch(3), which the C casync matches with.

use std::ffi::CString;

use casync_core::archive::{ExcludeFile, ExcludeRules};
use casync_tests::random::{Rng, for_each_seed};

/// What the C library says, in the locale `C` that a program begins with.
#[expect(unsafe_code, reason = "no package offers the C library's matching")]
fn fnmatch(pattern: &str, name: &str) -> bool {
    const FNM_PERIOD: i32 = 4;
    let [pattern, name] = [pattern, name].map(|text| CString::new(text).expect("there are no zeros in it"));
    // SAFETY: both are strings with an end that outlive the call.
    unsafe { libc::fnmatch(pattern.as_ptr(), name.as_ptr(), FNM_PERIOD) == 0 }
}

fn matches(pattern: &str, name: &str) -> bool {
    let file = ExcludeFile::parse(pattern.as_bytes()).expect("a pattern");
    ExcludeRules::root(&file).excludes(name.as_bytes(), false)
}

fn text(rng: &mut Rng, pieces: &[&str], most: usize) -> String {
    (0..rng.number(1..=most)).map(|_| *rng.pick(pieces)).collect()
}

#[test]
fn patterns_match_what_fnmatch_matches() {
    const NAME: &[&str] = &["a", "b", "c", "-", ".", "]", "[", "!", "^", "*", "?", "\\", "7", "A", " "];
    const PATTERN: &[&str] = &[
        "a",
        "b",
        "c",
        "-",
        ".",
        "]",
        "[",
        "!",
        "^",
        "*",
        "?",
        "\\",
        "7",
        "A",
        "[!",
        "[^",
        "[a-c]",
        "[]",
        "[a-",
        "[[:alpha:]",
        "[[:digit:]]",
        "[[.a.]]",
        "[[=b=]]",
        "[+-7]",
        "[c-a]",
        "\\]",
        "\\[",
        "**",
    ];
    let mut matched = 0;
    for_each_seed(60_000, |rng| {
        let (pattern, name) = (text(rng, PATTERN, 5), text(rng, NAME, 5));
        // A collating symbol without end: POSIX leaves open what that is, and here it is an ordinary bracket.
        if pattern.replace("[.a.]", "").contains("[.") {
            return;
        }
        // What else a line of the file can say.
        if pattern.starts_with('!') || [".", ".."].contains(&pattern.as_str()) {
            return;
        }
        let expected = fnmatch(&pattern, &name);
        matched += usize::from(expected);
        assert_eq!(matches(&pattern, &name), expected, "pattern {pattern:?}, name {name:?}");
    });
    // With `CASYNC_TEST_SEED` there is one pattern only.
    assert!(matched > 1000 || std::env::var_os("CASYNC_TEST_SEED").is_some(), "{matched} is too few to tell anything");
}
