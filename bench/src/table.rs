//! The table: every figure of every server in one row, and how the first server compares.

use std::fmt::{self, Display, Formatter, Write};

pub use crate::budget::Goal;
use crate::peer::{Column, Peer};

/// One figure, taken on several servers over several rounds.
#[derive(Debug)]
pub struct Row {
    /// What was done.
    pub measure: &'static str,
    /// What was read, and its unit.
    pub figure: &'static str,
    values: Vec<(Column, Vec<f64>)>,
    /// What is wanted of it.
    pub goals: Vec<Goal>,
    /// The point on an axis that it stands for, if it is one of a curve.
    pub at: Option<f64>,
}

impl Row {
    /// A row that has no values so far.
    pub fn new(measure: &'static str, figure: &'static str) -> Self {
        Self { measure, figure, values: Vec::new(), goals: Vec::new(), at: None }
    }

    /// Adds the value of one round.
    pub fn add(&mut self, peer: Peer, value: f64) {
        let column = peer.column();
        match self.values.iter_mut().find(|(known, _)| *known == column) {
            Some((_, values)) => values.push(value),
            None => self.values.push((column, vec![value])),
        }
    }

    /// How often the one goes into the other, in each round and for each server that both have.
    pub fn quotient(figure: &'static str, dividend: &Self, divisor: &Self) -> Self {
        let mut row = Self::new(dividend.measure, figure);
        for (column, values) in &dividend.values {
            if let Some((_, others)) = divisor.values.iter().find(|(known, _)| known == column) {
                let quotients = values.iter().zip(others).map(|(value, other)| value / other);
                row.values.push((*column, quotients.collect()));
            }
        }
        row
    }

    /// The same with a goal.
    pub fn with(mut self, goal: Goal) -> Self {
        self.goals.push(goal);
        self
    }

    /// The same as a point on an axis.
    pub fn at(mut self, at: f64) -> Self {
        self.at = Some(at);
        self
    }

    /// Whose figures it has.
    pub fn columns(&self) -> impl Iterator<Item = Column> {
        self.values.iter().map(|(column, _)| *column)
    }

    /// What the rounds of a server came to.
    pub fn spread(&self, column: Column) -> Option<Spread> {
        let (_, values) = self.values.iter().find(|(known, _)| *known == column)?;
        Spread::of(values)
    }

    /// How often the figure of another goes into that of the first.
    pub fn ratio(&self, column: Column) -> Option<f64> {
        Some(self.spread(Column::Jidda)?.median / self.spread(column)?.median)
    }
}

/// The median of some values, and how far they lie apart.
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    /// The smallest.
    pub least: f64,
    /// The one in the middle.
    pub median: f64,
    /// The largest.
    pub most: f64,
}

impl Spread {
    fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let middle = (sorted.len().checked_sub(1)?) / 2;
        let median = f64::midpoint(sorted[middle], sorted[sorted.len() / 2]);
        Some(Self { least: sorted[0], median, most: sorted[sorted.len() - 1] })
    }
}

impl Display for Spread {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let Self { least, median, most } = *self;
        write!(formatter, "**{}** ({}–{})", Short(median), Short(least), Short(most))
    }
}

/// A number in three digits.
pub struct Short(pub f64);

impl Display for Short {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self.0.abs() {
            1e6.. => write!(formatter, "{:.2} M", self.0 / 1e6),
            1e5.. => write!(formatter, "{:.0} k", self.0 / 1e3),
            1e4.. => write!(formatter, "{:.1} k", self.0 / 1e3),
            1e3.. => write!(formatter, "{:.2} k", self.0 / 1e3),
            100.0.. => write!(formatter, "{:.0}", self.0),
            10.0.. => write!(formatter, "{:.1}", self.0),
            1.0.. => write!(formatter, "{:.2}", self.0),
            _ => write!(formatter, "{:.3}", self.0),
        }
    }
}

/// The rows of a section as a table in Markdown.
#[derive(Debug)]
pub struct Table {
    /// Those that jidda is compared to.
    pub others: &'static [Column],
    /// What was measured.
    pub rows: Vec<Row>,
}

impl Display for Table {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let (first, others) = (Column::Jidda, self.others);
        let mut heads = vec!["measure".to_owned(), "figure".to_owned(), first.to_string()];
        heads.extend(others.iter().map(ToString::to_string));
        heads.extend(others.iter().map(|other| format!("{first} ÷ {other}")));
        let mut lines = vec![heads];
        for row in &self.rows {
            let mut cells = vec![row.measure.to_owned(), row.figure.to_owned(), or_dash(row.spread(first))];
            cells.extend(others.iter().map(|&other| or_dash(row.spread(other))));
            cells.extend(others.iter().map(|&other| or_dash(row.ratio(other).map(Short))));
            lines.push(cells);
        }
        write_aligned(formatter, &lines)
    }
}

fn or_dash(value: Option<impl Display>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| value.to_string())
}

/// Writes lines of cells, the first as the head, each column as wide as its widest cell.
pub fn write_aligned(output: &mut impl Write, lines: &[Vec<String>]) -> fmt::Result {
    let columns = lines.first().map_or(0, Vec::len);
    let width = |column: usize| lines.iter().map(|cells| cells[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for (index, cells) in lines.iter().enumerate() {
        for (cell, width) in cells.iter().zip(&widths) {
            write!(output, "| {cell:width$} ")?;
        }
        writeln!(output, "|")?;
        if index == 0 {
            for width in &widths {
                write!(output, "|{:-<1$}", "", width + 2)?;
            }
            writeln!(output, "|")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_lies_in_the_middle() {
        let median = |values: &[f64]| Spread::of(values).map(|spread| spread.median.to_string());
        assert_eq!(median(&[3.0, 1.0, 2.0]).unwrap(), "2");
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]).unwrap(), "2.5");
        assert!(median(&[]).is_none());
    }

    #[test]
    fn a_quotient_is_one_of_each_round() {
        let row = |values: [f64; 2]| {
            let mut row = Row::new("measure", "figure");
            for value in values {
                row.add(Peer::Jidda, value);
            }
            row
        };
        let quotient = Row::quotient("quotient", &row([6.0, 4.0]), &row([2.0, 4.0]));
        assert_eq!(quotient.values, [(Column::Jidda, vec![3.0, 1.0])]);
    }

    #[test]
    fn numbers_are_short() {
        let short = [0.1234, 1.234, 12.34, 123.4, 1234.0, 12_340.0, 123_400.0, 1_234_000.0].map(Short);
        let short = short.map(|number| number.to_string());
        assert_eq!(short, ["0.123", "1.23", "12.3", "123", "1.23 k", "12.3 k", "123 k", "1.23 M"]);
    }
}
