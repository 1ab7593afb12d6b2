//! A connection's task that a test polls, and what is said to it.

use std::any::TypeId;
use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use rmpv::Value;
use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};
use tokio::sync::Semaphore;

use crate::config::Config;
use crate::driver::Driver;
use crate::handler::{HandlerEntry, HandlerList, Location, Parameters, Side, State, TableBuilder};
use crate::id::SocketId;
use crate::objects::{Arrival, Connection, Extras, Hub, Policies};
use crate::peer::{PeerAddress, Transport};
use crate::reason::DisconnectReason;
use crate::transport::{MemoryStream, Stream};
use crate::wire::Wire;

pub(crate) const HERE: Location =
    Location { file: file!(), line: 1, module: module_path!(), package: "test" };

/// A task of a connection that is polled by hand.
pub(crate) struct Task {
    pub(crate) driver: Driver,
    pub(crate) peer: MemoryStream,
    /// What handlers of the test may wait for.
    pub(crate) gate: Arc<Semaphore>,
    pub(crate) heard: Vec<u8>,
    /// Why the connection ended, if it has.
    pub(crate) ended: Option<DisconnectReason>,
}

#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Task {
    pub(crate) fn new(wire: Wire, config: Config, entries: &[&'static HandlerEntry]) -> Self {
        let gate = Arc::new(Semaphore::new(0));
        let state: Extras = Box::new(State(Arc::clone(&gate)));
        let states = HashMap::from([(TypeId::of::<Semaphore>(), state)]);
        let table = TableBuilder::new(Side::Server).handlers(HandlerList::Explicit(entries.to_vec())).build();
        let hub = Hub::start(Side::Server, table.unwrap(), config, states, false, Policies::default());
        let address = PeerAddress::Memory("flood".into());
        let connection = match wire {
            Wire::MessagePackRpc => Connection::new(&hub, address, Transport::Memory, None),
            Wire::EngineIo(_) => Connection::arrive(
                &hub,
                Arrival {
                    peer: address,
                    medium: Transport::WebSocket,
                    wire,
                    security: None,
                    session: Some(SocketId::random()),
                    request: None,
                    parameters: Parameters::default(),
                    upgrades: false,
                    is_quiet: false,
                    gate: None,
                    preface: Vec::new(),
                },
            ),
        };
        let (peer, stream) = crate::transport::pipe::pair(16 << 20);
        let driver = Driver::new(connection, Stream::Memory(stream));
        Self { driver, peer, gate, heard: Vec::new(), ended: None }
    }

    /// Polls the task once, with a budget of its own. Whether it wants to be polled again at once.
    async fn poll(&mut self) -> bool {
        tokio::task::yield_now().await;
        let flag = Arc::new(Flag::default());
        let waker = Waker::from(Arc::clone(&flag));
        if self.ended.is_none()
            && let Poll::Ready(reason) = pin!(&mut self.driver).poll(&mut Context::from_waker(&waker))
        {
            self.ended = Some(reason);
        }
        let mut bytes = vec![0; 1 << 20];
        loop {
            tokio::task::yield_now().await;
            let mut read = ReadBuf::new(&mut bytes);
            let poll = poll_fn(|cx| Poll::Ready(pin!(&mut self.peer).poll_read(cx, &mut read))).await;
            if poll.is_pending() || read.filled().is_empty() {
                return flag.0.load(Ordering::Relaxed);
            }
            self.heard.extend_from_slice(read.filled());
        }
    }

    /// Polls the task until it sleeps; how often that was.
    pub(crate) async fn run(&mut self) -> usize {
        let mut polls = 1;
        while self.poll().await {
            polls += 1;
        }
        polls
    }

    pub(crate) async fn say(&mut self, bytes: &[u8]) -> usize {
        self.peer.write_all(bytes).await.unwrap();
        self.run().await
    }
}

pub(crate) fn message(parts: Vec<Value>) -> Vec<u8> {
    let mut out = Vec::new();
    rmpv::encode::write_value(&mut out, &Value::Array(parts)).unwrap();
    out
}

pub(crate) fn request(id: u32, method: &str, params: Vec<Value>) -> Vec<u8> {
    message(vec![0.into(), id.into(), method.into(), Value::Array(params)])
}

pub(crate) fn notification(method: &str, params: Vec<Value>) -> Vec<u8> {
    message(vec![2.into(), method.into(), Value::Array(params)])
}

/// As clients write it, masked with nothing.
pub(crate) fn frame(head: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![head];
    match u8::try_from(payload.len()) {
        Ok(short @ 0..126) => out.push(0x80 | short),
        _ => {
            out.push(0xff);
            out.extend_from_slice(&(payload.len() as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(payload);
    out
}

pub(crate) fn hello() -> Vec<u8> {
    let mut out = request(1, "$/hello", vec![Value::Map(vec![("wire".into(), 1.into())])]);
    out.extend(request(2, "$/connect", vec!["/".into(), Value::Nil]));
    out
}
