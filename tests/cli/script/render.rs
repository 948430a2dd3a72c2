//! From cases to text, in the one form that the files have.

use super::parse::is_end;
use super::{Answer, Case, State};

/// All cases of a file.
pub(super) fn render(cases: &[Case]) -> String {
    let mut text = String::new();
    for case in cases {
        if !text.is_empty() {
            text.push('\n');
        }
        for line in lines(case) {
            text.push_str(&line);
            text.push('\n');
        }
    }
    text
}

fn lines(case: &Case) -> Vec<String> {
    let mut lines = case.remarks.clone();
    lines.push(format!("== {}", case.name));
    lines.push(match &case.state {
        State::Same => "same".to_owned(),
        State::Differs(why) => format!("differs: {why}"),
        State::Later(what) => format!("later: {what}"),
        State::Ours => "ours".to_owned(),
    });
    lines.push(format!("$ {}", case.command));
    lines.extend(compared(case.upstream.as_ref().unwrap_or(&case.ours), &case.ours));
    if let Some(packaged) = &case.packaged {
        lines.push("--- 2+20201210".to_owned());
        lines.extend(compared(packaged, packaged));
    }
    lines
}

/// Two answers in one: lines of both, and where they differ those of upstream before ours.
pub(super) fn compared(upstream: &Answer, ours: &Answer) -> Vec<String> {
    let mut lines = Vec::new();
    for (side, line) in merged(&upstream.stdout, &ours.stdout) {
        // Without a mark only what cannot be taken for one.
        let marks = ["1> ", "1- ", "1+ ", "2> ", "2- ", "2+ ", "- ["];
        let ambiguous = is_end(line) || marks.iter().any(|mark| line.starts_with(mark));
        lines.push(if side == '>' && !ambiguous { line.to_owned() } else { format!("1{side} {line}") });
    }
    lines.extend(merged(&upstream.stderr, &ours.stderr).into_iter().map(|(side, line)| format!("2{side} {line}")));
    if upstream.end == ours.end {
        lines.push(ours.end.clone());
    } else {
        lines.push(format!("- {}", upstream.end));
        lines.push(format!("+ {}", ours.end));
    }
    lines
}

/// Lines of both in order (`>`), and those of only the first (`-`) or second (`+`), with as many in common as possible.
fn merged<'a>(first: &'a [String], second: &'a [String]) -> Vec<(char, &'a str)> {
    // Length of the longest common subsequence of what begins at line i of the first and j of the second.
    let mut common = vec![vec![0_u32; second.len() + 1]; first.len() + 1];
    for i in (0..first.len()).rev() {
        for j in (0..second.len()).rev() {
            common[i][j] =
                if first[i] == second[j] { common[i + 1][j + 1] + 1 } else { common[i + 1][j].max(common[i][j + 1]) };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut lines = Vec::new();
    while i < first.len() || j < second.len() {
        if i < first.len() && j < second.len() && first[i] == second[j] {
            lines.push(('>', first[i].as_str()));
            (i, j) = (i + 1, j + 1);
        } else if i < first.len() && (j == second.len() || common[i + 1][j] >= common[i][j + 1]) {
            lines.push(('-', first[i].as_str()));
            i += 1;
        } else {
            lines.push(('+', second[j].as_str()));
            j += 1;
        }
    }
    lines
}

#[test]
fn what_differs_is_marked() {
    let answer = |stdout: &[&str], stderr: &[&str], end: &str| Answer {
        stdout: stdout.iter().map(ToString::to_string).collect(),
        stderr: stderr.iter().map(ToString::to_string).collect(),
        end: end.to_owned(),
    };
    let upstream = answer(&["a", "b", "c"], &["Failed"], "[exit 1]");
    let ours = answer(&["a", "x", "c", "d"], &["Failed", "  detail"], "[exit 0]");
    let text = compared(&upstream, &ours).join("|");
    assert_eq!(text, "a|1- b|1+ x|c|1+ d|2> Failed|2+   detail|- [exit 1]|+ [exit 0]");
    let odd = answer(&["1+ x", "2021", "[exit 0]", ""], &[], "[exit 0]");
    assert_eq!(compared(&odd, &odd).join("|"), "1> 1+ x|2021|1> [exit 0]||[exit 0]");
}
