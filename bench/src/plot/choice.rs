//! Which figures are shown, and beside which others. What was not measured is left out.

use crate::{
    peer::Column,
    table::{Row, Spread, Table},
};

/// Bars in groups.
#[derive(Debug)]
pub struct Bars {
    /// The name of its file.
    pub file: &'static str,
    /// What is shown.
    pub title: &'static str,
    /// What the axis counts.
    pub unit: &'static str,
    /// Whether a step on the axis multiplies rather than adds.
    pub logarithmic: bool,
    /// What is compared.
    pub groups: Vec<Group>,
}

/// Bars that are compared to one another.
#[derive(Debug)]
pub struct Group {
    /// What they have in common.
    pub title: String,
    /// A bar for each server.
    pub bars: Vec<(Column, Spread)>,
}

/// Lines in panels.
#[derive(Debug)]
pub struct Curves {
    /// The name of its file.
    pub file: &'static str,
    /// What is shown.
    pub title: &'static str,
    /// Beside one another.
    pub panels: Vec<Panel>,
}

/// The lines of one thing that grows.
#[derive(Debug)]
pub struct Panel {
    /// What grows.
    pub title: String,
    /// How far, in order.
    pub steps: Vec<f64>,
    /// The cost at each step, where it was taken, relative to that at the first.
    pub lines: Vec<(Column, Vec<Option<f64>>)>,
}

/// A plot of bars: the file, the title, the unit, whether it is logarithmic, and the beginnings of the measures and
/// figures in the order of the groups.
type Plan = (&'static str, &'static str, &'static str, bool, &'static [(&'static str, &'static str)]);

const COST: &str = "server CPU, µs";

const BARS: [Plan; 8] = [
    (
        "cost.svg",
        "Server CPU a message of 16 bytes",
        "µs",
        true,
        &[("call, 16 B, 16 × 32 in flight", COST), ("ack, 16 B, 16 × 32 in flight", COST)],
    ),
    (
        "cost-by-size.svg",
        "Server CPU a message by its size",
        "µs",
        true,
        &[
            ("call, 16 B, 16 × 32 in flight", COST),
            ("call, 256 B, 16 × 32 in flight", COST),
            ("call, 4 KiB, 16 × 32 in flight", COST),
            ("ack, 16 B, 16 × 32 in flight", COST),
            ("ack, 256 B, 16 × 32 in flight", COST),
            ("ack, 4 KiB, 16 × 32 in flight", COST),
        ],
    ),
    (
        "latency.svg",
        "Latency of calls at half of the peak rate",
        "µs",
        true,
        &[
            ("call, 16 B, at half of the peak", "due until answered, p50"),
            ("call, 16 B, at half of the peak", "due until answered, p99,"),
            ("call, 16 B, at half of the peak", "due until answered, p99.9"),
        ],
    ),
    (
        "latency-socketio.svg",
        "Latency of acknowledgements at half of the peak rate",
        "µs",
        true,
        &[
            ("ack, 16 B, at half of the peak", "due until answered, p50"),
            ("ack, 16 B, at half of the peak", "due until answered, p99,"),
            ("ack, 16 B, at half of the peak", "due until answered, p99.9"),
        ],
    ),
    (
        "memory.svg",
        "Server memory of an idle connection",
        "KiB",
        true,
        &[
            ("5,000 idle connections", "server memory"),
            ("5,000 idle, one namespace, one room", "server memory"),
        ],
    ),
    (
        "broadcast.svg",
        "Server CPU a delivery of a broadcast",
        "µs",
        false,
        &[("broadcast to 1,000", COST), ("broadcast to 5,000", COST), ("100 rooms of 50", COST)],
    ),
    ("start.svg", "From the start of a program until it listens", "ms", true, &[("echo server", "start")]),
    (
        "size.svg",
        "An echo server as a program",
        "MiB",
        false,
        &[("echo server", "size"), ("echo server without default features", "size")],
    ),
];

/// The plots of bars that there are figures for.
pub fn bars(tables: &[(&'static str, Table)]) -> Vec<Bars> {
    let plots = BARS.iter().map(|&(file, title, unit, logarithmic, groups)| {
        let groups =
            groups.iter().flat_map(|&(measure, figure)| groups_of(tables, measure, figure)).collect();
        Bars { file, title, unit, logarithmic, groups }
    });
    plots.filter(|plot| !plot.groups.is_empty()).collect()
}

/// The figures of a name in every section that has them.
fn groups_of(tables: &[(&'static str, Table)], measure: &str, figure: &str) -> Vec<Group> {
    let mut groups = Vec::new();
    for (heading, table) in tables {
        let found = |row: &&Row| row.measure.starts_with(measure) && row.figure.starts_with(figure);
        let Some(row) = table.rows.iter().find(found) else { continue };
        let order = [&[Column::Jidda], table.others].concat();
        let bars: Vec<_> = order.iter().filter_map(|&it| Some((it, row.spread(it)?))).collect();
        if !bars.is_empty() {
            groups.push(Group { title: format!("{heading}: {}", title_of(row)), bars });
        }
    }
    groups
}

/// What a group is called: the unit is on the axis.
fn title_of(row: &Row) -> String {
    let figure = match row.figure.rsplit_once(", ") {
        Some((figure, _unit)) if !figure.starts_with("server CPU") => figure,
        _ => return row.measure.to_owned(),
    };
    format!("{}, {figure}", row.measure)
}

/// What grows, by what its measures have in their names.
const GROWTH: [(&str, &str); 4] = [
    ("events registered", "registered events"),
    ("idle sockets", "idle sockets beside"),
    ("emit to a room", "rooms, emitting to one"),
    ("join and leave", "rooms, joining and leaving one"),
];

/// The plots of lines that there are figures for.
pub fn curves(tables: &[(&'static str, Table)]) -> Vec<Curves> {
    let panels = tables.iter().flat_map(|(heading, table)| {
        GROWTH.iter().filter_map(move |&(name, title)| panel(table, name, format!("{heading}: {title}")))
    });
    let panels: Vec<Panel> = panels.collect();
    if panels.is_empty() {
        return Vec::new();
    }
    vec![Curves {
        file: "growth.svg",
        title: "How the server's CPU time grows, as a multiple of the first",
        panels,
    }]
}

/// The lines of what has a name, if there are two points or more.
fn panel(table: &Table, name: &str, title: String) -> Option<Panel> {
    let mut rows: Vec<(f64, &Row)> = table
        .rows
        .iter()
        .filter(|row| row.measure.contains(name) && row.figure.starts_with(COST))
        .filter_map(|row| Some((row.at?, row)))
        .collect();
    rows.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    let ((_, first), 2..) = (rows.first()?, rows.len()) else { return None };
    let lines: Vec<_> = first
        .columns()
        .filter_map(|column| {
            let least = first.spread(column)?.median;
            let points = rows.iter().map(|(_, row)| Some(row.spread(column)?.median / least));
            Some((column, points.collect()))
        })
        .collect();
    (!lines.is_empty()).then(|| Panel { title, steps: rows.iter().map(|(at, _)| *at).collect(), lines })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peer::Peer;

    fn row(measure: &'static str, figure: &'static str, values: &[(Peer, f64)]) -> Row {
        let mut row = Row::new(measure, figure);
        for &(peer, value) in values {
            row.add(peer, value);
        }
        row
    }

    fn section(rows: Vec<Row>) -> [(&'static str, Table); 1] {
        [("Wire", Table { others: &[Column::Raw, Column::Tarpc], rows })]
    }

    #[test]
    fn what_was_not_measured_has_no_plot() {
        assert!(bars(&section(Vec::new())).is_empty());
        assert!(curves(&section(Vec::new())).is_empty());
        let empty = row("call, 16 B, 16 × 32 in flight", "server CPU, µs a call", &[]);
        assert!(bars(&section(vec![empty])).is_empty());
    }

    #[test]
    fn bars_are_in_the_order_of_the_columns() {
        let values = [(Peer::Tarpc, 3.0), (Peer::Raw, 0.2), (Peer::Jidda, 0.4)];
        let plots = bars(&section(vec![
            row("call, 16 B, 16 × 32 in flight", "calls a second", &values),
            row("call, 16 B, 16 × 32 in flight", "server CPU, µs a call", &values),
        ]));
        assert_eq!(plots.iter().map(|plot| plot.file).collect::<Vec<_>>(), ["cost.svg", "cost-by-size.svg"]);
        let Group { title, bars } = &plots[0].groups[0];
        assert_eq!(title, "Wire: call, 16 B, 16 × 32 in flight");
        assert_eq!(
            bars.iter().map(|(column, _)| *column).collect::<Vec<_>>(),
            [Column::Jidda, Column::Raw, Column::Tarpc]
        );
    }

    #[test]
    fn percentiles_are_distinguished() {
        let figures = ["due until answered, p99.9, µs", "due until answered, p99, µs"];
        let rows = figures
            .map(|figure| row("call, 16 B, at half of the peak", figure, &[(Peer::Jidda, 1.0)]))
            .into();
        let plots = bars(&section(rows));
        let titles: Vec<&str> = plots[0].groups.iter().map(|group| &*group.title).collect();
        assert_eq!(
            titles,
            [
                "Wire: call, 16 B, at half of the peak, due until answered, p99",
                "Wire: call, 16 B, at half of the peak, due until answered, p99.9",
            ]
        );
    }

    #[test]
    fn growth_is_relative_to_the_least() {
        let point =
            |measure, at, value| row(measure, "server CPU, µs a call", &[(Peer::Jidda, value)]).at(at);
        let quotient = row("call, 10,000 events registered", "server CPU a call, times that", &[]).at(1e4);
        let rows = vec![
            point("call, 10,000 events registered", 1e4, 0.6),
            point("call, 10 events registered", 10.0, 0.5),
            quotient,
        ];
        let plots = curves(&section(rows));
        let Panel { steps, lines, .. } = &plots[0].panels[0];
        assert_eq!(
            (&steps[..], &lines[..]),
            (&[10.0, 1e4][..], &[(Column::Jidda, vec![Some(1.0), Some(1.2)])][..])
        );
    }
}
