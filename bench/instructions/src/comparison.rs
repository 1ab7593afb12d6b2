//! What is counted now beside what was recorded.

use std::fmt::Write as _;

use crate::kind::Kind;

/// How far a count may be from the baseline before something is said, in percent.
const TOLERANCE: f64 = 5.0;

/// A count and the recorded one.
#[derive(Clone, Copy, Debug)]
pub struct Comparison {
    /// What was counted.
    pub kind: Kind,
    /// What it takes now.
    pub now: u64,
    /// What it took, if it has been recorded.
    pub before: Option<u64>,
}

/// What a comparison comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing was recorded.
    Missing,
    /// As before, within the tolerance.
    Same,
    /// More than before.
    Worse,
    /// Less than before.
    Better,
}

impl Comparison {
    /// What it comes to.
    pub fn verdict(&self) -> Verdict {
        match self.change() {
            None => Verdict::Missing,
            Some(change) if change > TOLERANCE => Verdict::Worse,
            Some(change) if change < -TOLERANCE => Verdict::Better,
            Some(_) => Verdict::Same,
        }
    }

    /// In percent of what it was.
    fn change(&self) -> Option<f64> {
        let before = self.before? as f64;
        Some((self.now as f64 - before) / before * 100.0)
    }
}

/// All comparisons, for a terminal.
pub fn table(comparisons: &[Comparison]) -> String {
    let mut table = format!("{:18} {:>8} {:>9} {:>8}\n", "instructions for a", "now", "baseline", "change");
    for comparison in comparisons {
        let before = comparison.before.map_or_else(|| "–".to_owned(), |count| count.to_string());
        let change = comparison.change().map_or_else(|| "–".to_owned(), |change| format!("{change:+.1} %"));
        let remark = match comparison.verdict() {
            Verdict::Missing => "  not recorded",
            Verdict::Same => "",
            Verdict::Worse => "  too much",
            Verdict::Better => "  better",
        };
        let (name, now) = (comparison.kind.name(), comparison.now);
        writeln!(table, "{name:18} {now:>8} {before:>9} {change:>8}{remark}")
            .expect("a string takes any text");
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_percent_are_forgiven() {
        let verdict = |now, before| Comparison { kind: Kind::Call, now, before }.verdict();
        assert_eq!(verdict(1_050, Some(1_000)), Verdict::Same);
        assert_eq!(verdict(1_051, Some(1_000)), Verdict::Worse);
        assert_eq!(verdict(950, Some(1_000)), Verdict::Same);
        assert_eq!(verdict(949, Some(1_000)), Verdict::Better);
        assert_eq!(verdict(1, None), Verdict::Missing);
    }

    #[test]
    fn a_table_has_a_line_for_each() {
        let dearer = Comparison { kind: Kind::Event, now: 1_100, before: Some(1_000) };
        let first = Comparison { kind: Kind::SocketioAck, now: 9, before: None };
        let table = table(&[dearer, first]);
        let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[1], ["event", "1100", "1000", "+10.0", "%", "too", "much"]);
        assert_eq!(lines[2], ["socketio-ack", "9", "–", "–", "not", "recorded"]);
    }
}
