//! From text to cases.

use super::{Answer, Case, State};

/// Reads a file of cases; panics with what is wrong in which line.
pub(super) fn parse(file: &str, text: &str) -> Vec<Case> {
    let mut lines = Lines { file, lines: text.lines().collect(), next: 0 };
    let mut cases = Vec::new();
    loop {
        let mut remarks = Vec::new();
        while let Some(line) = lines.next_if(|line| line.is_empty() || line.starts_with('#')) {
            // The blank line between two cases belongs to neither.
            if !line.is_empty() || !remarks.is_empty() {
                remarks.push(line.to_owned());
            }
        }
        if lines.peek().is_none() {
            assert!(remarks.is_empty(), "{file}: remarks without a case");
            return cases;
        }
        cases.push(case(remarks, &mut lines));
    }
}

fn case(remarks: Vec<String>, lines: &mut Lines<'_>) -> Case {
    let name = lines.expect("== ").to_owned();
    let state = lines.expect("");
    let state = match state.split_once(": ") {
        Some(("differs", why)) => State::Differs(why.to_owned()),
        Some(("later", what)) => State::Later(what.to_owned()),
        None if state == "same" => State::Same,
        None if state == "ours" => State::Ours,
        _ => lines.fail("this is no state"),
    };
    let command = lines.expect("$ ").to_owned();
    let (upstream, ours) = answers(lines);
    let packaged = lines.next_if(|line| line == "--- 2+20201210").map(|_| answers(lines).0);
    let upstream = (state != State::Ours).then_some(upstream);
    Case { remarks, name, state, command, upstream, packaged, ours }
}

/// Reads an answer: how upstream gave it, and how we do.
fn answers(lines: &mut Lines<'_>) -> (Answer, Answer) {
    let (mut upstream, mut ours) = (Answer::default(), Answer::default());
    loop {
        let line = lines.expect("");
        if let Some(end) = line.strip_prefix("- ").filter(|end| is_end(end)) {
            upstream.end = end.to_owned();
            ours.end = lines.expect("+ ").to_owned();
            return (upstream, ours);
        }
        if is_end(line) {
            upstream.end = line.to_owned();
            ours.end = line.to_owned();
            return (upstream, ours);
        }
        let marked = line.get(..3).zip(line.get(3..));
        let (whose, is_output, text) = match marked {
            Some((mark @ ("1> " | "1- " | "1+ " | "2> " | "2- " | "2+ "), text)) => {
                (mark.as_bytes()[1], mark.starts_with('1'), text)
            }
            _ => (b'>', true, line),
        };
        for (answer, other) in [(&mut upstream, b'+'), (&mut ours, b'-')] {
            if whose != other {
                let stream = if is_output { &mut answer.stdout } else { &mut answer.stderr };
                stream.push(text.to_owned());
            }
        }
    }
}

/// Whether a line says how a program ended.
pub(super) fn is_end(line: &str) -> bool {
    line.ends_with(']') && (line.starts_with("[exit ") || line.starts_with("[killed by "))
}

struct Lines<'a> {
    file: &'a str,
    lines: Vec<&'a str>,
    next: usize,
}

impl<'a> Lines<'a> {
    fn peek(&self) -> Option<&'a str> {
        self.lines.get(self.next).copied()
    }

    fn next_if(&mut self, wanted: impl FnOnce(&str) -> bool) -> Option<&'a str> {
        let line = self.peek().filter(|line| wanted(line))?;
        self.next += 1;
        Some(line)
    }

    /// The next line, without what it has to begin with.
    fn expect(&mut self, start: &str) -> &'a str {
        let Some(line) = self.peek() else { self.fail("the file ends early") };
        self.next += 1;
        line.strip_prefix(start).unwrap_or_else(|| self.fail(&format!("{start:?} expected")))
    }

    fn fail(&self, why: &str) -> ! {
        panic!("{}:{}: {why}", self.file, self.next)
    }
}
