//! Shows a work queue: the server hands out jobs as events, and a worker's run-time listener takes them.
//!
//! `cargo run --example jobs` runs the server and one worker until the queue is empty. `jobs server` runs only the
//! server, `jobs worker` only a worker; start as many workers as you like, and stop one in the middle of its work.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jidda::prelude::*;
use jidda::socket::SocketId;
use jidda::{Error, State};
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, mpsc};

const ADDRESS: &str = "127.0.0.1:8001";
const TEXTS: [&str; 5] = ["write the wire", "read the wire", "count to ten", "greet the world", "go home"];

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Job {
    id: u64,
    text: String,
}

// ---- the server ----

/// What is to be done, what is being done and what was done; each job is in one of them.
#[derive(Default)]
struct Jobs {
    waiting: VecDeque<Job>,
    /// With the worker that has it.
    running: Vec<(SocketId, Job)>,
    done: HashMap<u64, usize>,
}

struct Queue {
    jobs: Mutex<Jobs>,
    changed: Notify,
}

impl Queue {
    fn new() -> Self {
        let waiting = (1..).zip(TEXTS).map(|(id, text)| Job { id, text: text.into() }).collect();
        Self { jobs: Mutex::new(Jobs { waiting, ..Jobs::default() }), changed: Notify::new() }
    }

    fn with<R>(&self, look: impl FnOnce(&mut Jobs) -> R) -> R {
        look(&mut self.jobs.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What a worker leaves behind is done by the next one.
    fn take_back(&self, worker: &Socket) {
        self.with(|jobs| {
            let left = jobs.running.extract_if(.., |(id, _)| *id == worker.id());
            jobs.waiting.extend(left.map(|(_, job)| job));
        });
        self.changed.notify_waiters();
    }

    /// Waits until `look` finds something.
    async fn wait<R>(&self, look: impl Fn(&mut Jobs) -> Option<R>) -> R {
        loop {
            // Before looking, so that a change between the look and the wait is not missed.
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if let Some(found) = self.with(&look) {
                return found;
            }
            changed.await;
        }
    }
}

/// Feeds a new worker for as long as it stays.
#[on("connect")]
async fn feed(socket: &Socket, queue: &State<Queue>) {
    let (worker, queue) = (socket.clone(), queue.clone());
    socket.spawn(async move {
        loop {
            let job = queue
                .wait(|jobs| {
                    let job = jobs.waiting.pop_front()?;
                    jobs.running.push((worker.id(), job.clone()));
                    Some(job)
                })
                .await;
            if worker.emit("job", &job).await.is_err() {
                // It left a moment ago, perhaps after its `disconnect` handler looked.
                return queue.take_back(&worker);
            }
        }
    });
}

/// A worker reports a job as done.
#[on]
async fn done(queue: &State<Queue>, id: u64, words: usize) -> Result<(), String> {
    let found = queue.with(|jobs| {
        let place = jobs.running.iter().position(|(_, job)| job.id == id)?;
        jobs.done.insert(id, words);
        Some(jobs.running.remove(place))
    });
    if found.is_none() {
        return Err(format!("nobody works on job {id}"));
    }
    println!("server: job {id} is done");
    queue.changed.notify_waiters();
    Ok(())
}

#[on("disconnect")]
async fn worker_left(socket: &Socket, queue: &State<Queue>) {
    queue.take_back(socket);
}

// ---- the worker ----

/// Runs on each connection of the worker, and again when one comes back: what it knows belongs to that connection.
#[on("connect", side = client)]
async fn work(socket: &Socket) {
    let (enqueue, mut queue) = mpsc::unbounded_channel::<Job>();
    socket.on("job", move |job: Job| {
        let enqueue = enqueue.clone();
        async move {
            // It fails only when the work below was dropped, which is when the connection ended.
            enqueue.send(job).ok();
        }
    });
    let server = socket.clone();
    socket.spawn(async move {
        let mut results = HashMap::new();
        while let Some(job) = queue.recv().await {
            let words = job.text.split_whitespace().count();
            println!("worker: job {} `{}` has {words} words", job.id, job.text);
            results.insert(job.id, words);
            if let Err(error) = server.call::<()>("done", &(job.id, words)).await {
                println!("worker: job {} could not be reported: {error}", job.id);
            }
        }
    });
}

fn main() -> jidda::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        [] => both(),
        ["server"] => Ok(Server::builder().listen(ADDRESS).state(Queue::new()).run()?),
        ["worker"] => worker(ADDRESS),
        ["worker", address] => worker(address),
        _ => Err(Error::new("usage", "write nothing, `server`, `worker` or `worker ADDRESS`")),
    }
}

#[tokio::main]
async fn both() -> jidda::Result<()> {
    let server = Server::builder().listen("127.0.0.1:0").state(Queue::new()).start().await?;
    let worker = Client::connect(&server.addresses()[0].to_string()).await?;
    let queue = server.state::<Queue>().expect("it was given above");
    let words: usize =
        queue.wait(|jobs| (jobs.done.len() == TEXTS.len()).then(|| jobs.done.values().sum())).await;
    println!("server: all {} jobs are done, {words} words in all", TEXTS.len());
    worker.disconnect().await;
    server.shutdown(Duration::from_secs(1)).await;
    Ok(())
}

#[tokio::main]
async fn worker(address: &str) -> jidda::Result<()> {
    let worker = Client::builder(address).wait_for_server().connect().await?;
    println!("worker: {}", worker.closed().await);
    Ok(())
}
