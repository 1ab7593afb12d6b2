//! The state of a polling session under requests, a driver and an upgrade that do whatever they may, in any order:
//! nothing is lost or doubled, nobody is answered twice, and whoever could go on is woken.
#![no_main]

use std::collections::VecDeque;
use std::io::{ErrorKind, IoSlice};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use jidda_runtime::transport::polling::{After, Answer, Ending, Machine, Refusal};
use jidda_runtime::wire::websocket::{self, opcode};
use libfuzzer_sys::fuzz_target;
use tokio::io::ReadBuf;

/// Somebody who waits, and whether he was woken.
#[derive(Default)]
struct Party {
    woken: Arc<Flag>,
    is_waiting: bool,
}

#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Party {
    /// Polls with the party's waker, and remembers whether it waits.
    fn poll<T>(&mut self, poll: impl FnOnce(&Context<'_>) -> Poll<T>) -> Option<T> {
        self.woken.0.store(false, Ordering::Relaxed);
        let waker = Waker::from(Arc::clone(&self.woken));
        let polled = poll(&Context::from_waker(&waker));
        self.is_waiting = polled.is_pending();
        match polled {
            Poll::Ready(value) => Some(value),
            Poll::Pending => None,
        }
    }

    fn sleeps(&self) -> bool {
        self.is_waiting && !self.woken.0.load(Ordering::Relaxed)
    }
}

/// How far a POST is.
#[derive(Clone, Copy, PartialEq)]
enum Post {
    None,
    /// Its body is coming.
    Begun,
    /// It waits for its answer.
    Delivered(After),
}

/// How far a WebSocket is.
#[derive(Clone, Copy, PartialEq)]
enum Upgrade {
    None,
    Trying,
    /// It has the session, and the driver does not have it.
    Taken,
    /// The driver has it.
    Done,
}

/// What the driver does still.
#[derive(Clone, Copy, PartialEq)]
enum Driver {
    Lives,
    /// It wrote the end of its last words, and only reads.
    IsDone,
    Gone,
}

struct World {
    machine: Machine,
    reader: Party,
    writer: Party,
    get: Party,
    post: Party,
    upgrade: Party,
    has_get: bool,
    is_late: bool,
    has_post: Post,
    has_upgrade: Upgrade,
    driver: Driver,
    /// The driver writes its last words, which are answered once it has.
    is_finishing: bool,
    /// What the driver is about to write of what it began, all it wrote, and what came out.
    writing: VecDeque<u8>,
    written: Vec<u8>,
    told: Vec<u8>,
    /// What POSTs brought, and what the driver read of it.
    posted: Vec<u8>,
    read: Vec<u8>,
    next: u32,
    was_over: bool,
    was_unknown: bool,
    /// How the driver was told that it is over.
    outcome: Option<Result<(), ErrorKind>>,
}

fn frames(next: &mut u32, sizes: u8) -> Vec<u8> {
    let mut out = Vec::new();
    for _ in 0..sizes % 3 + 1 {
        *next += 1;
        let text = format!("4{next}");
        websocket::frame(&mut out, opcode::TEXT, |out| {
            out.extend_from_slice(text.as_bytes());
            // Sometimes so much that there is no room for more.
            if sizes == 255 {
                out.resize(out.len() + 100_000, b'x');
            }
        });
    }
    out
}

/// How many bytes are whole frames.
fn whole(bytes: &[u8]) -> usize {
    let mut length = 0;
    while let Ok(Some(head)) = websocket::head(&bytes[length..])
        && bytes.len() - length >= head.size + head.length
    {
        length += head.size + head.length;
    }
    length
}

impl World {
    fn new() -> Self {
        Self {
            machine: Machine::default(),
            reader: Party::default(),
            writer: Party::default(),
            get: Party::default(),
            post: Party::default(),
            upgrade: Party::default(),
            has_get: false,
            is_late: false,
            has_post: Post::None,
            has_upgrade: Upgrade::None,
            driver: Driver::Lives,
            is_finishing: false,
            writing: VecDeque::new(),
            written: Vec::new(),
            told: Vec::new(),
            posted: Vec::new(),
            read: Vec::new(),
            next: 0,
            was_over: false,
            was_unknown: false,
            outcome: None,
        }
    }

    fn get(&mut self) {
        let was_over = self.machine.is_over();
        match self.machine.begin_get() {
            Ok(answer) => {
                assert!(!self.has_get && answer.is_none_or(|answer| was_over && answer == Answer::Noop));
                if !was_over {
                    self.has_get = true;
                    self.is_late = false;
                }
            }
            Err(Refusal::Overlap) => assert!(self.has_get && self.machine.is_over()),
            Err(Refusal::Unknown) => assert!(was_over),
            Err(Refusal::Upgraded) => assert!(matches!(self.has_upgrade, Upgrade::Taken | Upgrade::Done)),
        }
    }

    fn poll_get(&mut self) {
        if !self.has_get {
            return;
        }
        let (machine, is_late) = (&mut self.machine, self.is_late);
        let was_over = machine.is_over();
        let Some(answer) = self.get.poll(|cx| machine.poll_get(cx, is_late)) else { return };
        self.has_get = false;
        match answer {
            Answer::Frames(frames) => {
                assert!(!was_over && !frames.is_empty() && whole(&frames) == frames.len());
                self.told.extend(frames);
            }
            // The last one, and all that came before is known.
            Answer::Close if !was_over => assert_eq!(self.told.len(), whole(&self.written)),
            Answer::Close | Answer::Noop => {}
            Answer::Upgraded => assert!(matches!(self.has_upgrade, Upgrade::Taken | Upgrade::Done)),
        }
    }

    fn deliver(&mut self, sizes: u8, after: After) {
        if self.has_post != Post::Begun {
            return;
        }
        let frames = frames(&mut self.next, sizes);
        // Who writes last words does not listen any more.
        let is_heard = self.driver == Driver::Lives && !self.is_finishing && !self.machine.is_over();
        if self.machine.deliver(frames.clone(), after).is_ok() && is_heard {
            self.posted.extend(frames);
        }
        self.has_post = Post::Delivered(after);
    }

    fn poll_post(&mut self) {
        let Post::Delivered(_) = self.has_post else { return };
        let machine = &mut self.machine;
        if self.post.poll(|cx| machine.poll_post(cx)).is_some() {
            self.has_post = Post::None;
        }
    }

    fn read(&mut self, size: u8) {
        if self.driver == Driver::Gone || self.has_upgrade == Upgrade::Done {
            return;
        }
        let mut bytes = vec![0; usize::from(size) + 1];
        let mut buffer = ReadBuf::new(&mut bytes);
        let machine = &mut self.machine;
        match self.reader.poll(|cx| machine.read(cx, &mut buffer)) {
            None => {}
            Some(Ok(())) if !buffer.filled().is_empty() => {
                assert!(self.outcome.is_none(), "there is more behind the end");
                self.read.extend_from_slice(buffer.filled());
            }
            Some(ended) => {
                let ended = ended.map_err(|error| error.kind());
                // Its own end may be followed by how the session ended; that is the last word.
                if self.was_over {
                    assert_eq!(*self.outcome.get_or_insert(ended), ended);
                }
            }
        }
    }

    fn write(&mut self, size: u8) {
        if self.driver != Driver::Lives || self.has_upgrade == Upgrade::Done {
            return;
        }
        if self.writing.is_empty() {
            self.writing.extend(frames(&mut self.next, size));
        }
        let count =
            if size < 128 { self.writing.len() } else { self.writing.len().min(usize::from(size) - 127) };
        let bytes: Vec<u8> = self.writing.iter().take(count).copied().collect();
        let (first, second) = bytes.split_at(bytes.len() / 2);
        let was_over = self.machine.is_over();
        let machine = &mut self.machine;
        match self.writer.poll(|cx| machine.write(cx, &[IoSlice::new(first), IoSlice::new(second)])) {
            None => {}
            Some(Ok(written)) => {
                assert_eq!(written, count);
                self.writing.drain(..count);
                if !was_over {
                    self.written.extend(bytes);
                }
            }
            Some(Err(_)) => assert!(was_over),
        }
    }

    /// The driver ends, in order or not.
    fn end_driver(&mut self, how: u8) {
        if self.driver == Driver::Gone || self.has_upgrade == Upgrade::Done {
            return;
        }
        match how % 3 {
            0 if self.driver == Driver::Lives => {
                self.machine.finish();
                self.is_finishing = true;
                // It is its own doing, and the driver goes on at once.
                (self.reader.is_waiting, self.writer.is_waiting) = (false, false);
            }
            1 if self.driver == Driver::Lives && self.writing.is_empty() => {
                if self.has_upgrade != Upgrade::Taken {
                    self.machine.shut_down();
                    self.driver = Driver::IsDone;
                }
            }
            2 if self.writing.is_empty() => {
                self.machine.abandon();
                self.driver = Driver::Gone;
                (self.reader.is_waiting, self.writer.is_waiting) = (false, false);
            }
            _ => {}
        }
    }

    fn upgrade(&mut self, step: u8) {
        match (self.has_upgrade, step % 4) {
            (Upgrade::None, 0) if self.machine.begin_upgrade() => self.has_upgrade = Upgrade::Trying,
            (Upgrade::Trying | Upgrade::Taken | Upgrade::Done, 0) => assert!(!self.machine.begin_upgrade()),
            (Upgrade::Trying, 1) => self.machine.probed(),
            (Upgrade::Trying, 2) => {
                let was_over = self.machine.is_over();
                let (Ok(rest) | Err(rest)) =
                    self.machine.upgrade().inspect(|_| self.has_upgrade = Upgrade::Taken);
                if self.has_upgrade != Upgrade::Taken {
                    self.has_upgrade = Upgrade::None;
                    assert!(self.machine.is_over());
                }
                self.told.extend(rest);
                assert!(was_over || self.told == self.written, "the WebSocket has all that nobody took");
                self.upgrade.is_waiting = false;
            }
            (Upgrade::Taken, 2) => {
                self.read.extend(self.machine.take_inbound());
                assert!(self.driver == Driver::Gone || self.read == self.posted);
                self.has_upgrade = Upgrade::Done;
                (self.reader.is_waiting, self.writer.is_waiting) = (false, false);
            }
            (Upgrade::Trying | Upgrade::Taken, 3) => {
                self.machine.give_upgrade_up();
                if self.has_upgrade == Upgrade::Taken {
                    self.machine.lose_upgrade();
                    assert!(self.machine.is_over());
                }
                self.has_upgrade = Upgrade::None;
                self.upgrade.is_waiting = false;
            }
            (Upgrade::Trying, _) => {
                let machine = &mut self.machine;
                self.upgrade.poll(|cx| machine.poll_over(cx));
            }
            _ => {}
        }
    }

    /// A while goes by.
    fn tick(&mut self) {
        self.is_late = true;
        if let Post::Delivered(After::Closed | After::Malformed) = self.has_post {
            self.machine.end_grace();
        }
        // Whoever is late asks again.
        self.poll_get();
    }

    /// A client goes away.
    fn drop_request(&mut self, which: u8) {
        if which % 2 == 0 && self.has_get {
            (self.has_get, self.get.is_waiting) = (false, false);
        } else if which % 2 == 1 && self.has_post != Post::None {
            (self.has_post, self.post.is_waiting) = (Post::None, false);
        } else {
            return;
        }
        self.machine.end(Ending::Broken);
    }

    /// What holds after each step.
    fn check(&mut self) {
        for waker in self.machine.take_woken() {
            waker.wake();
        }
        assert!(self.written.starts_with(&self.told), "{:?} of {:?}", self.told, self.written);
        assert!(self.posted.starts_with(&self.read), "{:?} of {:?}", self.read, self.posted);
        let (is_over, is_unknown) = (self.machine.is_over(), !self.machine.is_known());
        assert!(is_over || !self.was_over, "it came back to life");
        assert!(is_unknown || !self.was_unknown, "it is known again");
        assert!(!is_unknown || is_over);
        (self.was_over, self.was_unknown) = (is_over, is_unknown);
        // Nobody sleeps who could go on.
        if self.reader.sleeps() {
            let mut bytes = [0; 1];
            let machine = &mut self.machine;
            let mut buffer = ReadBuf::new(&mut bytes);
            assert!(self.reader.poll(|cx| machine.read(cx, &mut buffer)).is_none(), "the reader sleeps");
        }
        if self.writer.sleeps() {
            let machine = &mut self.machine;
            assert!(self.writer.poll(|cx| machine.write(cx, &[])).is_none(), "the writer sleeps");
        }
        if self.get.sleeps() {
            let (machine, is_late) = (&mut self.machine, self.is_late);
            assert!(self.get.poll(|cx| machine.poll_get(cx, is_late)).is_none(), "a GET sleeps");
        }
        if self.post.sleeps() {
            let machine = &mut self.machine;
            assert!(self.post.poll(|cx| machine.poll_post(cx)).is_none(), "a POST sleeps");
        }
        if self.upgrade.sleeps() {
            let machine = &mut self.machine;
            assert!(self.upgrade.poll(|cx| machine.poll_over(cx)).is_none(), "an upgrade sleeps");
        }
    }

    fn step(&mut self, what: u8, how: u8) {
        match what % 16 {
            0 => self.get(),
            1 | 2 => self.poll_get(),
            3 if self.has_post == Post::None => {
                if self.machine.begin_post().is_ok() {
                    self.has_post = Post::Begun;
                }
            }
            3 => {
                // One like it is under way.
                let refused = self.machine.begin_post();
                assert!(refused.is_err());
            }
            4 | 5 => self.deliver(how, After::Open),
            6 => match how % 8 {
                0 => self.deliver(how, After::Closed),
                1 => self.deliver(how, After::Malformed),
                2 if self.has_post == Post::Begun => {
                    self.machine.leave_post();
                    self.has_post = Post::None;
                }
                _ => self.poll_post(),
            },
            7 => self.poll_post(),
            8 | 9 => self.read(how),
            10 | 11 => self.write(how),
            12 if how < 32 => self.end_driver(how),
            13 => self.upgrade(how),
            14 => self.tick(),
            15 if how < 16 => self.drop_request(how),
            _ => {}
        }
        self.check();
    }

    /// If the session goes on, its client gets all that was written, and the driver all that was posted.
    fn finish(mut self) {
        if self.is_finishing {
            if !self.writing.is_empty() {
                self.write(0);
            }
            self.end_driver(1);
        }
        for _ in 0..10_000 {
            if self.machine.is_over() || matches!(self.has_upgrade, Upgrade::Taken | Upgrade::Done) {
                return;
            }
            let before = (self.told.len(), self.read.len());
            self.is_late = true;
            if !self.has_get {
                self.get();
            }
            self.poll_get();
            if self.driver == Driver::Lives {
                self.read(255);
            }
            self.check();
            if before == (self.told.len(), self.read.len()) {
                assert_eq!(self.told.len(), whole(&self.written));
                assert!(self.driver != Driver::Lives || self.read == self.posted);
                return;
            }
        }
    }
}

fuzz_target!(|steps: Vec<(u8, u8)>| {
    let mut world = World::new();
    for (what, how) in steps {
        world.step(what, how);
    }
    world.finish();
});
