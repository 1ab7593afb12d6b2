//! What the figures should be, and whether they are.

use std::fmt::{self, Display, Formatter};

use crate::{
    peer::Column,
    table::{Row, Short, Table, write_aligned},
};

/// What a figure of the first column should be.
#[derive(Clone, Copy, Debug)]
pub enum Goal {
    /// At most this.
    AtMost(f64),
    /// At least this.
    AtLeast(f64),
    /// At most so much of another column.
    ShareOf(Column, f64),
    /// At least so many times less than another column.
    TimesLess(Column, f64),
}

/// A goal beside what was measured.
#[derive(Debug, PartialEq)]
struct Judgement {
    budget: String,
    reached: String,
    verdict: &'static str,
}

impl Goal {
    fn judge(self, row: &Row) -> Judgement {
        let spread = row.spread(Column::Jidda);
        let itself = spread.map(|spread| (spread.median, spread.to_string()));
        let (budget, found) = match self {
            Self::AtMost(most) => (format!("≤ {most}"), itself.map(|(median, said)| (said, median <= most))),
            Self::AtLeast(least) => {
                (format!("≥ {least}"), itself.map(|(median, said)| (said, median >= least)))
            }
            Self::ShareOf(column, share) => {
                let found =
                    row.ratio(column).map(|it| (format!("**{}** × {column}", Short(it)), it <= share));
                (format!("≤ {share} × {column}"), found)
            }
            Self::TimesLess(column, times) => {
                let less = row.ratio(column).map(f64::recip);
                let found = less.map(|it| (format!("**{}** × less than {column}", Short(it)), it >= times));
                (format!("≥ {times} × less than {column}"), found)
            }
        };
        let (reached, verdict) = match found {
            None => ("–".to_owned(), "not measured"),
            Some((reached, true)) => (reached, "met"),
            Some((reached, false)) => (reached, "**missed**"),
        };
        Judgement { budget, reached, verdict }
    }
}

/// The goals of all rows of all sections as a table in Markdown.
#[derive(Debug)]
pub struct Budgets<'a>(pub &'a [(&'static str, Table)]);

impl Budgets<'_> {
    fn lines(&self) -> Vec<Vec<String>> {
        let rows =
            self.0.iter().flat_map(|(heading, table)| table.rows.iter().map(move |row| (heading, row)));
        rows.flat_map(|(heading, row)| {
            row.goals.iter().map(move |&goal| {
                let Judgement { budget, reached, verdict } = goal.judge(row);
                let what = format!("{heading}: {}", row.measure);
                vec![what, row.figure.to_owned(), budget, reached, verdict.to_owned()]
            })
        })
        .collect()
    }

    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.lines().is_empty()
    }
}

impl Display for Budgets<'_> {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let heads = ["what", "figure", "budget", "reached", "verdict"].map(ToOwned::to_owned).to_vec();
        write_aligned(formatter, &[vec![heads], self.lines()].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peer::Peer;

    fn row() -> Row {
        let mut row = Row::new("call", "µs");
        row.add(Peer::Jidda, 2.0);
        row.add(Peer::Raw, 1.6);
        row.add(Peer::Tarpc, 19.0);
        row
    }

    fn verdict(goal: Goal) -> &'static str {
        goal.judge(&row()).verdict
    }

    #[test]
    fn goals_are_met_or_missed() {
        assert_eq!(verdict(Goal::AtMost(2.0)), "met");
        assert_eq!(verdict(Goal::AtMost(1.9)), "**missed**");
        assert_eq!(verdict(Goal::AtLeast(2.0)), "met");
        assert_eq!(verdict(Goal::AtLeast(2.1)), "**missed**");
        assert_eq!(verdict(Goal::ShareOf(Column::Raw, 1.3)), "met");
        assert_eq!(verdict(Goal::ShareOf(Column::Raw, 1.2)), "**missed**");
        assert_eq!(verdict(Goal::TimesLess(Column::Tarpc, 9.0)), "met");
        assert_eq!(verdict(Goal::TimesLess(Column::Tarpc, 10.0)), "**missed**");
    }

    #[test]
    fn what_has_no_figures_is_not_judged() {
        assert_eq!(verdict(Goal::ShareOf(Column::Tonic, 1.0)), "not measured");
        assert_eq!(Goal::AtMost(1.0).judge(&Row::new("call", "µs")).verdict, "not measured");
    }

    #[test]
    fn results_are_printed_like_the_budget() {
        let judgement = Goal::TimesLess(Column::Tarpc, 9.0).judge(&row());
        assert_eq!(judgement.budget, "≥ 9 × less than tarpc");
        assert_eq!(judgement.reached, "**9.50** × less than tarpc");
    }

    #[test]
    fn every_goal_has_a_line() {
        let rows = vec![row().with(Goal::AtMost(2.0)).with(Goal::AtMost(1.0)), row()];
        let tables = [("Wire", Table { others: &[], rows })];
        let lines = Budgets(&tables).lines();
        let verdicts: Vec<(&str, &str)> = lines.iter().map(|line| (&*line[0], &*line[4])).collect();
        assert_eq!(verdicts, [("Wire: call", "met"), ("Wire: call", "**missed**")]);
    }
}
