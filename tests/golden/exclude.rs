//! `fnmatch.tsv`: what lines of `.caexclude` files match.

use casync_core::archive::{ExcludeFile, ExcludeRules};
use casync_tests::input::from_hex;
use casync_tests::vectors;

#[test]
fn patterns_match_as_in_the_c_library() {
    let mut matching = 0;
    let mut wrong = Vec::new();
    for row in vectors::table("fnmatch.tsv").rows() {
        let (pattern, name) = (from_hex(row.get("pattern (hex)")), from_hex(row.get("name (hex)")));
        let rules = ExcludeRules::root(&ExcludeFile::parse(&pattern).unwrap());
        let found = rules.excludes(&name, false);
        matching += usize::from(found);
        if found != (row.get("matches") == "yes") {
            wrong.push(format!("{} {} {found}", pattern.escape_ascii(), name.escape_ascii()));
        }
    }
    assert!(wrong.is_empty(), "{} rows:\n{}", wrong.len(), wrong.join("\n"));
    assert!(matching > 1000);
}
