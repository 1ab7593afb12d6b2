//! What happened, and whether it may have.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

use jidda::error::CallError;
use jidda::socket::DisconnectReason;

/// A line that was said: by which socket, and the how manieth of its client.
pub(crate) type Line = (String, u64);

/// What everyone saw.
#[derive(Debug, Default)]
pub(crate) struct Record(Mutex<Seen>);

#[derive(Debug, Default)]
pub(crate) struct Seen {
    numbers: u64,
    /// By socket: how often it was accepted and parted from.
    pub(crate) sockets: HashMap<String, (u32, u32)>,
    /// Why connections ended, as either side had it.
    pub(crate) ends: Vec<DisconnectReason>,
    /// By client: the lines that it handed over without an error.
    pub(crate) sent: HashMap<usize, Vec<u64>>,
    /// By client and socket: the lines that the server got.
    pub(crate) heard: HashMap<(usize, String), Vec<u64>>,
    /// By client: the lines that came back to it, and those of others.
    pub(crate) told: HashMap<usize, Vec<Line>>,
    /// By client and socket: the ticks that it got.
    pub(crate) ticks: HashMap<(usize, String), Vec<u64>>,
    /// By call: how often its handler ran.
    pub(crate) executed: HashMap<u64, u32>,
    /// By call: how it ended.
    pub(crate) calls: HashMap<u64, Vec<Result<u64, CallError>>>,
}

impl Record {
    /// A number that nobody else has, larger than those before.
    pub(crate) fn number(&self) -> u64 {
        let mut seen = self.seen();
        seen.numbers += 1;
        seen.numbers
    }

    pub(crate) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().expect("nobody panics with it")
    }
}

impl Seen {
    /// What is not as it was promised.
    pub(crate) fn violations(&self) -> Vec<String> {
        let mut found = Vec::new();
        self.check_pairs(&mut found);
        self.check_losses(&mut found);
        self.check_order(&mut found);
        self.check_calls(&mut found);
        found
    }

    fn check_pairs(&self, found: &mut Vec<String>) {
        for (socket, times) in &self.sockets {
            if *times != (1, 1) {
                found.push(format!("socket {socket} was accepted and parted from {times:?} times"));
            }
        }
        // Whatever becomes of a connection, what goes over it is whole.
        if self.ends.contains(&DisconnectReason::ParseError) {
            found.push("somebody met what is no message".to_owned());
        }
    }

    /// A connection that breaks loses what was sent last, never anything before that.
    fn check_losses(&self, found: &mut Vec<String>) {
        for ((client, socket), numbers) in &self.heard {
            let sent = self.sent.get(client).map_or(&[][..], Vec::as_slice);
            let start = sent.iter().position(|number| Some(number) == numbers.first());
            let is_whole = start.is_some_and(|start| sent[start..].starts_with(numbers));
            if !is_whole {
                found.push(format!(
                    "of client {client} by {socket} the server got {numbers:?}, sent were {sent:?}"
                ));
            }
        }
        for ((client, socket), numbers) in &self.ticks {
            if !numbers.iter().copied().eq(0..numbers.len() as u64) {
                found.push(format!("client {client} as {socket} got the ticks {numbers:?}"));
            }
        }
    }

    fn check_order(&self, found: &mut Vec<String>) {
        for (client, lines) in &self.told {
            let mut last = HashMap::new();
            for (from, number) in lines {
                if let Some(before) = last.insert(from, number)
                    && before >= number
                {
                    found.push(format!("client {client} got line {number} of {from} after line {before}"));
                }
            }
            for (other, theirs) in self.told.iter().filter(|(other, _)| *other > client) {
                let places: HashMap<_, _> =
                    theirs.iter().enumerate().map(|(place, line)| (line, place)).collect();
                let common = lines.iter().filter_map(|line| places.get(line).map(|place| (line, place)));
                let common: Vec<_> = common.collect();
                for pair in common.windows(2).filter(|pair| pair[0].1 > pair[1].1) {
                    let (first, second) = (pair[0].0, pair[1].0);
                    found.push(format!(
                        "client {client} got {first:?} before {second:?}, client {other} after it"
                    ));
                }
            }
        }
    }

    fn check_calls(&self, found: &mut Vec<String>) {
        for (call, ends) in &self.calls {
            let executed = self.executed.get(call).copied().unwrap_or(0);
            let is_right = match &ends[..] {
                [Ok(reply)] => *reply == call * 2 && executed == 1,
                [Err(CallError::Send(_) | CallError::Disconnected { maybe_executed: false })] => {
                    executed == 0
                }
                // It is not known, or it was given up.
                [Err(CallError::Disconnected { .. } | CallError::Timeout)] | [] => executed <= 1,
                // The server was about to end.
                [Err(CallError::Refused { code, .. })] => code == "closing" && executed == 0,
                _ => false,
            };
            if !is_right {
                found.push(format!("call {call} was executed {executed} times and ended as {ends:?}"));
            }
        }
    }
}
