//! Many streams at a time, each read as fast as it comes, and readers that are slow.

use std::{cell::Cell, convert::Infallible, rc::Rc, time::Duration};

use anyhow::{Context as _, Result, ensure};
use futures_util::{StreamExt as _, stream::BoxStream};
use tokio::{
    runtime,
    task::{JoinSet, LocalSet},
    time,
};

use super::tasks::Caller;
use crate::{
    measure::{
        Sample, Window,
        cpu::{CpuClock, Stopwatch},
        latency::Latency,
        memory,
    },
    peer::Endpoint,
    wire::TEXT,
};

/// How long a slow reader waits before it takes the next item.
const PAUSE: Duration = Duration::from_millis(100);

/// A client whose calls may be answered by streams.
pub trait Reader: Caller {
    /// Calls `items`, which gives texts without an end.
    fn items(&self) -> impl Future<Output = Result<BoxStream<'static, Result<String>>>>;
}

/// Who reads.
#[derive(Clone, Copy, Debug)]
pub struct Audience {
    /// Connections of the fast readers.
    pub connections: usize,
    /// Fast readers, on each connection as many.
    pub streams: usize,
    /// Whether there are two slow ones as well: on the first connection, and on one of its own.
    pub slow: bool,
}

/// What the fast readers got, and what the server kept for everyone.
#[derive(Debug)]
pub struct Flow {
    /// Items, without round trips.
    pub sample: Sample,
    /// Those on the first connection, a second.
    pub on_first: f64,
    /// Those that the slower one of the slow readers got, a second. One that got nothing slowed nobody.
    pub slowest: Option<f64>,
    /// The server's memory before the first stream, in bytes.
    pub before: u64,
    /// When the measuring began, all streams being under way.
    pub begin: u64,
    /// When it ended.
    pub end: u64,
}

/// The items that came, on each connection.
type Received = Rc<[Cell<u64>]>;

/// Has everyone read, and measures the server, which is the process `id`.
pub fn run<R: Reader>(
    server: &Endpoint,
    audience: Audience,
    window: Window,
    clock: CpuClock,
    id: u32,
) -> Result<Flow> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async {
        let mut readers = Vec::new();
        for _ in 0..audience.connections {
            let reader = R::connect(server).await?;
            reader.echo(TEXT).await?;
            readers.push(reader);
        }
        let before = memory::anonymous(id)?;

        let received: Received = readers.iter().map(|_| Cell::new(0)).collect();
        let mut tasks = JoinSet::new();
        for stream in 0..audience.streams {
            let connection = stream % readers.len();
            tasks.spawn_local(read(readers[connection].clone(), Rc::clone(&received), connection));
        }
        let mut slow: Vec<Rc<Cell<u64>>> = Vec::new();
        if audience.slow {
            for reader in [readers[0].clone(), R::connect(server).await?] {
                let received = Rc::default();
                tasks.spawn_local(read_slowly(reader, Rc::clone(&received)));
                slow.push(received);
            }
        }

        time::sleep(window.warm_up).await;
        let begin = memory::anonymous(id)?;
        let first = received[0].get();
        let all = total(&received);
        let taken: Vec<u64> = slow.iter().map(|received| received.get()).collect();
        let stopwatch = Stopwatch::start(clock)?;
        time::sleep(window.measured).await;
        let first = received[0].get() - first;
        let messages = total(&received) - all;
        let slowest = slow.iter().zip(taken).map(|(received, taken)| received.get() - taken).min();
        let (cpu, wall) = stopwatch.stop()?;
        let end = memory::anonymous(id)?;

        // They go on until they are dropped, unless something went wrong.
        if let Some(failed) = tasks.try_join_next() {
            failed??;
        }
        ensure!(messages > 0, "no item came");
        let a_second = |items: u64| items as f64 / wall.as_secs_f64();
        Ok(Flow {
            sample: Sample { messages, wall, cpu, latency: Latency::new() },
            on_first: a_second(first),
            slowest: slowest.map(a_second),
            before,
            begin,
            end,
        })
    })
}

fn total(received: &Received) -> u64 {
    received.iter().map(Cell::get).sum()
}

/// Reads as fast as it can.
async fn read(reader: impl Reader, received: Received, connection: usize) -> Result<Infallible> {
    let mut items = reader.items().await?;
    loop {
        take(&mut items).await?;
        received[connection].update(|items| items + 1);
    }
}

/// Reads one item, pauses, and reads the next.
async fn read_slowly(reader: impl Reader, received: Rc<Cell<u64>>) -> Result<Infallible> {
    let mut items = reader.items().await?;
    loop {
        take(&mut items).await?;
        received.update(|items| items + 1);
        time::sleep(PAUSE).await;
    }
}

async fn take(items: &mut BoxStream<'static, Result<String>>) -> Result<()> {
    let item = items.next().await.context("a stream ended")??;
    ensure!(item == TEXT, "an item is {item:?}");
    Ok(())
}
