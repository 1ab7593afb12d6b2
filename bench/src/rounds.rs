//! How often everything is measured, and in which order.

use std::{cell::RefCell, fmt, time::Duration};

use anyhow::Result;

use crate::{
    measure::Window,
    peer::Peer,
    table::{Goal, Row},
};

/// How thorough a run is.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// How often every measure is taken.
    pub rounds: usize,
    /// How long each takes.
    pub window: Window,
}

impl Effort {
    /// For figures to publish.
    pub const FULL: Self = Self {
        rounds: 5,
        window: Window { warm_up: Duration::from_millis(200), measured: Duration::from_millis(800) },
    };

    /// For a look while working.
    pub const QUICK: Self = Self {
        rounds: 1,
        window: Window { warm_up: Duration::from_millis(50), measured: Duration::from_millis(150) },
    };
}

/// What the command line asks for.
#[derive(Clone, Copy, Debug)]
pub struct Rounds<'a> {
    /// How thorough.
    pub effort: Effort,
    /// Leaves out the cases that are not for a look while working.
    pub quick: bool,
    /// The core of the servers.
    pub core: usize,
    /// Leaves out the other servers, if it names any.
    pub only: &'a [Peer],
    /// Where it is noted that a peer failed.
    pub failures: &'a Failures,
}

/// What of the peers could not be measured: that costs them a figure, and not the run.
#[derive(Debug, Default)]
pub struct Failures(RefCell<Vec<String>>);

impl Failures {
    fn note(&self, failure: String) {
        eprintln!("{failure}");
        self.0.borrow_mut().push(failure);
    }
}

impl fmt::Display for Failures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.borrow().iter().try_for_each(|failure| writeln!(f, "- {failure}"))
    }
}

/// Servers that are set up and measured in the same way.
#[derive(Clone, Copy, Debug)]
pub struct Case<T> {
    /// What the rows are called.
    pub title: &'static str,
    /// The servers.
    pub peers: &'static [Peer],
    /// What is particular to it.
    pub setup: T,
    /// What the project is held to, by the place among the figures.
    pub goals: &'static [(usize, Goal)],
    /// The point on an axis, if it is one of a curve.
    pub at: Option<f64>,
    /// Whether it is for a look while working, too.
    pub quick: bool,
}

impl<T: Copy> Case<T> {
    /// One without goals that is for thorough runs.
    pub const fn new(title: &'static str, peers: &'static [Peer], setup: T) -> Self {
        Self { title, peers, setup, goals: &[], at: None, quick: false }
    }

    /// The same with goals.
    pub const fn aiming(self, goals: &'static [(usize, Goal)]) -> Self {
        Self { goals, ..self }
    }

    /// The same as the point of a curve.
    pub const fn at(self, at: f64) -> Self {
        Self { at: Some(at), ..self }
    }

    /// The same for a look while working, too.
    pub const fn quick(self) -> Self {
        Self { quick: true, ..self }
    }

    fn rows(&self, figures: &[&'static str]) -> Vec<Row> {
        let row = |figure: &&'static str| match self.at {
            None => Row::new(self.title, figure),
            Some(at) => Row::new(self.title, figure).at(at),
        };
        let mut rows: Vec<Row> = figures.iter().map(row).collect();
        for &(index, goal) in self.goals {
            rows[index].goals.push(goal);
        }
        rows
    }
}

impl Rounds<'_> {
    /// How long a server is measured. Node's compiler needs longer than the others to warm up.
    pub fn window(self, peer: Peer) -> Window {
        let Window { warm_up, measured } = self.effort.window;
        match peer {
            Peer::Node => Window { warm_up: warm_up.max(Self::NODE), measured },
            _ => Window { warm_up, measured },
        }
    }

    const NODE: Duration = Duration::from_millis(500);

    /// Takes the figures of every case in every round on every server in turn, so that whatever else the machine does
    /// falls on all of them alike. Returns the rows of each case that is taken.
    pub fn take<T: Copy>(
        self,
        cases: &[Case<T>],
        figures: &[&'static str],
        take: impl Fn(Peer, &T) -> Result<Vec<f64>>,
    ) -> Result<Vec<Vec<Row>>> {
        let Self { effort: Effort { rounds, .. }, quick, only, .. } = self;
        let cases: Vec<_> = cases.iter().filter(|case| case.quick || !quick).collect();
        let mut groups: Vec<Vec<Row>> = cases.iter().map(|case| case.rows(figures)).collect();
        for round in 1..=rounds {
            for (case, rows) in cases.iter().zip(&mut groups) {
                for &peer in case.peers.iter().filter(|peer| only.is_empty() || only.contains(peer)) {
                    let doing = format!("{}, round {round} of {rounds}: {}", case.title, peer.name());
                    if let Some(reason) = peer.missing() {
                        eprintln!("{doing}: skipped: {reason}");
                        continue;
                    }
                    eprintln!("{doing}");
                    let values = match take(peer, &case.setup) {
                        Ok(values) => values,
                        Err(error) if peer != Peer::Jidda => {
                            self.failures.note(format!("{doing}: failed: {error:#}"));
                            continue;
                        }
                        Err(error) => return Err(error.context(peer.name())),
                    };
                    for (row, value) in rows.iter_mut().zip(values) {
                        row.add(peer, value);
                    }
                }
            }
        }
        Ok(groups)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CASES: [Case<u8>; 2] = [
        Case::new("thorough", &[Peer::Jidda, Peer::Raw], 1).at(1.0),
        Case::new("quick", &[Peer::Jidda, Peer::Raw], 2).aiming(&[(1, Goal::AtMost(2.0))]).at(2.0).quick(),
    ];

    fn taken(quick: bool, only: &[Peer]) -> (Vec<Vec<Row>>, Vec<(Peer, u8)>) {
        let effort = Effort { rounds: 2, ..Effort::QUICK };
        let taken = RefCell::new(Vec::new());
        let rounds = Rounds { effort, quick, core: 0, only, failures: &Failures::default() };
        let groups = rounds.take(&CASES, &["first", "second"], |peer, &setup| {
            taken.borrow_mut().push((peer, setup));
            Ok(vec![1.0, 2.0])
        });
        (groups.unwrap(), taken.into_inner())
    }

    #[test]
    fn servers_take_turns_in_every_case_of_every_round() {
        let (groups, taken) = taken(false, &[]);
        let round = [(Peer::Jidda, 1), (Peer::Raw, 1), (Peer::Jidda, 2), (Peer::Raw, 2)];
        assert_eq!(taken, [round, round].concat());
        let points: Vec<_> = groups.iter().flatten().map(|row| (row.at, row.goals.len())).collect();
        assert_eq!(points, [(Some(1.0), 0), (Some(1.0), 0), (Some(2.0), 0), (Some(2.0), 1)]);
    }

    #[test]
    fn a_look_leaves_cases_out() {
        let (groups, taken) = taken(true, &[Peer::Raw]);
        assert_eq!(taken, [(Peer::Raw, 2), (Peer::Raw, 2)]);
        assert_eq!(groups.len(), 1);
    }

    #[test]
    fn a_peer_that_fails_costs_its_figure_and_jidda_costs_the_run() {
        let run = |failing: Peer| {
            let failures = Failures::default();
            let rounds =
                Rounds { effort: Effort::QUICK, quick: false, core: 0, only: &[], failures: &failures };
            let taken = rounds.take(&CASES, &["first", "second"], |peer, _| {
                anyhow::ensure!(peer != failing, "fell silent");
                Ok(vec![1.0, 2.0])
            });
            (taken.is_ok(), failures.to_string())
        };
        let (went_on, failures) = run(Peer::Raw);
        assert!(went_on);
        assert_eq!(failures.lines().count(), 2);
        assert!(
            failures.starts_with("- thorough, round 1 of 1: raw tokio: failed: fell silent\n"),
            "{failures}"
        );
        assert!(!run(Peer::Jidda).0);
    }

    #[test]
    fn node_warms_up_for_longer() {
        let rounds =
            Rounds { effort: Effort::QUICK, quick: true, core: 0, only: &[], failures: &Failures::default() };
        assert!(rounds.window(Peer::Node).warm_up > rounds.window(Peer::Jidda).warm_up);
    }
}
