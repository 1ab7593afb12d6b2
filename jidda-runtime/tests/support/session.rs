//! A session's state machine, driven by bytes: what each party is owed is counted beside it.
// Each user has its own part of it.
#![allow(dead_code, unreachable_pub, missing_debug_implementations)]

use std::io::IoSlice;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use jidda_runtime::polling::{Answer, Machine, PostOutcome, Refusal, SessionEnd};
use tokio::io::ReadBuf;

/// Notes that it was woken.
#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Someone who waits, or does not.
#[derive(Default)]
struct Party {
    flag: Arc<Flag>,
    is_waiting: bool,
}

impl Party {
    fn waker(&mut self) -> Waker {
        self.flag = Arc::default();
        Waker::from(Arc::clone(&self.flag))
    }

    fn sleeps(&self) -> bool {
        self.is_waiting && !self.flag.0.load(Ordering::Relaxed)
    }

    fn note<T>(&mut self, result: Poll<T>) -> Option<T> {
        self.is_waiting = result.is_pending();
        match result {
            Poll::Ready(value) => Some(value),
            Poll::Pending => None,
        }
    }
}

/// A frame without a mask, as drivers write them; with one, as they read them.
fn frame(number: usize, is_masked: bool) -> Vec<u8> {
    let text = format!("4{number}");
    let mut out = vec![0x81, u8::try_from(text.len()).unwrap() | if is_masked { 0x80 } else { 0 }];
    if is_masked {
        out.extend_from_slice(&[0; 4]);
    }
    out.extend_from_slice(text.as_bytes());
    out
}

// Independent facts.
#[allow(clippy::struct_excessive_bools)]
#[derive(Default)]
struct World {
    machine: Machine,
    reader: Party,
    writer: Party,
    get: Option<Party>,
    post: Option<(Party, bool)>,
    upgrade: Party,
    /// What the driver wrote, what of it was accepted, and what of that came out.
    written: Vec<u8>,
    accepted: usize,
    came: usize,
    frames: usize,
    /// What POSTs brought, and how much of it the driver read.
    posted: Vec<u8>,
    read: usize,
    /// The driver does not listen any more.
    is_finishing: bool,
    has_attempt: bool,
    has_taken: bool,
    /// A WebSocket took over, and everything else is its own affair.
    is_switched: bool,
}

impl World {
    fn step(&mut self, action: u8, size: u8) {
        let size = usize::from(size);
        match action % 20 {
            0 => self.read(size),
            1 | 2 => self.write(size),
            3 => {
                self.machine.finish();
                self.is_finishing = true;
            }
            4 => {
                self.machine.shut_down();
                self.is_finishing = true;
            }
            5 => self.machine.abandon(),
            6 | 7 => self.begin_get(),
            8 | 9 => self.poll_get(false),
            10 => self.poll_get(true),
            11 if self.get.take().is_some() => self.machine.end(SessionEnd::Broken),
            12 => self.begin_post(),
            13 => self.deliver(size),
            14 => self.poll_post(),
            15 => self.machine.end_grace(),
            16 => self.has_attempt |= self.machine.begin_upgrade(),
            17 if self.has_attempt => self.machine.probed(),
            18 if self.has_attempt => self.take_over(),
            19 if self.has_attempt => {
                self.machine.give_upgrade_up();
                self.has_attempt = false;
            }
            _ => {}
        }
        for waker in self.machine.take_woken() {
            waker.wake();
        }
    }

    fn read(&mut self, size: usize) {
        let mut bytes = vec![0; size + 1];
        let mut buffer = ReadBuf::new(&mut bytes);
        let waker = self.reader.waker();
        let result = self.machine.read(&Context::from_waker(&waker), &mut buffer);
        let filled = buffer.filled();
        assert!(self.posted[self.read..].starts_with(filled), "what was read was not posted");
        self.read += filled.len();
        let is_empty = filled.is_empty();
        match self.reader.note(result) {
            Some(Ok(())) if is_empty => self.assert_all_read(),
            Some(Err(_)) => self.assert_all_read(),
            _ => {}
        }
    }

    /// The end comes after all that was before it.
    fn assert_all_read(&self) {
        assert_eq!(self.read, self.posted.len(), "the end came before what was posted");
    }

    fn write(&mut self, size: usize) {
        while self.written.len() < self.accepted + size + 1 {
            self.written.extend(frame(self.frames, false));
            self.frames += 1;
        }
        let bytes = &self.written[self.accepted..=self.accepted + size];
        let (first, second) = bytes.split_at(size / 2);
        let waker = self.writer.waker();
        let is_over = self.machine.is_over();
        let slices = [IoSlice::new(first), IoSlice::new(second)];
        let result = self.machine.write(&Context::from_waker(&waker), &slices);
        if let Some(Ok(count)) = self.writer.note(result) {
            assert_eq!(count, bytes.len(), "a part of it was taken");
            // PostOutcome the end it is taken to be dropped.
            if !is_over {
                assert!(self.get.is_some() || self.is_finishing, "nobody takes what was written");
                self.accepted += count;
            }
        }
    }

    fn begin_get(&mut self) {
        let is_known = self.machine.is_known();
        match self.machine.begin_get() {
            Ok(None) => {
                assert!(self.get.is_none(), "a second GET waits");
                self.get = Some(Party::default());
            }
            Ok(Some(answer)) => assert_eq!(answer, Answer::Noop),
            Err(Refusal::Overlap) => {
                assert!(self.get.is_some(), "there was no other GET");
                assert!(self.machine.is_over());
            }
            Err(Refusal::Unknown) => assert!(!is_known),
            Err(Refusal::Upgraded) => assert!(self.has_taken),
        }
    }

    fn poll_get(&mut self, is_late: bool) {
        let Some(mut party) = self.get.take() else { return };
        let waker = party.waker();
        let result = self.machine.poll_get(&Context::from_waker(&waker), is_late);
        match party.note(result) {
            None => self.get = Some(party),
            Some(Answer::Frames(frames)) => self.take(&frames),
            Some(Answer::Upgraded) => assert!(self.has_taken),
            Some(Answer::Noop | Answer::Close) => {}
        }
    }

    /// Frames that came out.
    fn take(&mut self, bytes: &[u8]) {
        assert!(self.written[self.came..self.accepted].starts_with(bytes), "what came was not written");
        self.came += bytes.len();
    }

    fn begin_post(&mut self) {
        match self.machine.begin_post() {
            Ok(()) => {
                assert!(self.post.is_none(), "a second POST is under way");
                self.post = Some((Party::default(), false));
            }
            Err(Refusal::Overlap) => assert!(self.post.is_some() && self.machine.is_over()),
            Err(Refusal::Unknown) => assert!(self.machine.is_over()),
            Err(Refusal::Upgraded) => assert!(self.has_taken),
        }
    }

    fn deliver(&mut self, size: usize) {
        match &mut self.post {
            Some((_, is_delivered)) if !*is_delivered => *is_delivered = true,
            _ => return,
        }
        let frames: Vec<u8> = (0..size).flat_map(|number| frame(number, true)).collect();
        let after = match size {
            7 => PostOutcome::Closed,
            8 => PostOutcome::Malformed,
            _ => PostOutcome::Open,
        };
        let was_listening = !self.is_finishing && !self.machine.is_over();
        if self.machine.deliver(frames.clone(), after).is_ok() && was_listening {
            self.posted.extend(frames);
        }
        assert!(after == PostOutcome::Open || self.has_taken || self.machine.is_over());
    }

    fn poll_post(&mut self) {
        let Some((mut party, is_delivered)) = self.post.take() else { return };
        if !is_delivered {
            self.machine.leave_post();
            return;
        }
        let waker = party.waker();
        let result = self.machine.poll_post(&Context::from_waker(&waker));
        if party.note(result).is_none() {
            self.post = Some((party, true));
        }
    }

    fn take_over(&mut self) {
        self.has_attempt = false;
        let first = match self.machine.upgrade() {
            Ok(first) => {
                self.has_taken = true;
                first
            }
            Err(last) => last,
        };
        self.take(&first);
        if self.has_taken {
            assert_eq!(self.came, self.accepted, "something was lost on the way to the WebSocket");
            let inbound = self.machine.take_inbound();
            assert_eq!(&self.posted[self.read..], inbound, "something was lost on the way from the POSTs");
            self.is_switched = true;
        }
    }

    /// Nobody sleeps who would have something to do.
    fn assert_no_waiter_is_left(&self) {
        let cx = &Context::from_waker(Waker::noop());
        if self.reader.sleeps() {
            let mut buffer = [0; 8];
            let result = self.machine.clone().read(cx, &mut ReadBuf::new(&mut buffer));
            assert!(result.is_pending(), "the reader was forgotten");
        }
        if self.writer.sleeps() {
            let result = self.machine.clone().write(cx, &[IoSlice::new(b"x")]);
            assert!(result.is_pending(), "the writer was forgotten");
        }
        if self.get.as_ref().is_some_and(Party::sleeps) {
            assert!(self.machine.clone().poll_get(cx, false).is_pending(), "a GET was forgotten");
        }
        if self.post.as_ref().is_some_and(|(party, _)| party.sleeps()) {
            assert!(self.machine.clone().poll_post(cx).is_pending(), "a POST was forgotten");
        }
        if self.upgrade.sleeps() {
            assert!(self.machine.clone().poll_over(cx).is_pending(), "an upgrade was forgotten");
        }
    }
}

/// Does what the bytes say.
pub fn run(bytes: &[u8]) {
    let most = bytes.first().map_or(usize::MAX, |byte| usize::from(*byte).max(1));
    let mut world = World { machine: Machine::new(most), ..World::default() };
    let waker = world.upgrade.waker();
    let result = world.machine.poll_over(&Context::from_waker(&waker));
    world.upgrade.note(result);
    for pair in bytes.chunks_exact(2) {
        if world.is_switched {
            return;
        }
        world.step(pair[0], pair[1]);
        world.assert_no_waiter_is_left();
    }
}
