//! One way for the checks to use either kind of client.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};

use futures_util::FutureExt;
use rust_socketio::{Event, Payload, TransportType, asynchronous};
use serde_json::{Value, json};
use tokio::runtime::Handle;

use crate::server::Server;
use crate::{Failure, LIMIT};

#[derive(Clone, Copy)]
pub enum Kind {
    Blocking,
    Asynchronous,
}

/// A kind of client, a transport, and the server they are checked with.
#[derive(Clone)]
pub struct Setting {
    kind: Kind,
    transport: TransportType,
    server: Arc<Mutex<Arc<Server>>>,
    runtime: Handle,
}

static NAMES: AtomicUsize = AtomicUsize::new(0);

impl Setting {
    pub fn new(kind: Kind, transport: TransportType, server: Server, runtime: Handle) -> Self {
        Self { kind, transport, server: Arc::new(Mutex::new(Arc::new(server))), runtime }
    }

    pub fn is_blocking(&self) -> bool {
        matches!(self.kind, Kind::Blocking)
    }

    pub fn is_polling(&self) -> bool {
        matches!(self.transport, TransportType::Polling)
    }

    pub fn server(&self) -> Arc<Server> {
        self.server.lock().unwrap().clone()
    }

    /// Ends the server by a signal and starts it again.
    pub fn restart(&self, signal: &str) -> Result<(), Failure> {
        let mut server = self.server.lock().unwrap();
        server.end(signal);
        *server = Arc::new(server.again()?);
        Ok(())
    }

    /// A name that no other check uses.
    pub fn name(&self, kind: &str) -> String {
        format!("{kind} {}", NAMES.fetch_add(1, Ordering::Relaxed))
    }

    /// A client on its way.
    pub fn open(&self, namespace: &str, token: &str, comes_back: bool) -> Result<Client, Failure> {
        let url = format!("http://{}", self.server().address);
        let (heard, events) = mpsc::channel();
        let special = [("connect", Event::Connect), ("close", Event::Close), ("error", Event::Error)];
        let auth = json!({ "token": token });
        let client = match self.kind {
            Kind::Blocking => {
                let mut builder = rust_socketio::ClientBuilder::new(url)
                    .namespace(namespace)
                    .auth(auth)
                    .opening_header("x-interop", "yes")
                    .transport_type(self.transport.clone())
                    .reconnect(comes_back)
                    .reconnect_delay(10, 50);
                for (name, event) in special {
                    let heard = heard.clone();
                    builder = builder.on(event, move |payload, _| {
                        heard.send((name.to_owned(), payload)).ok();
                    });
                }
                let builder = builder.on_any(move |event, payload, _| {
                    heard.send((event.to_string(), payload)).ok();
                });
                Either::Blocking(builder.connect()?)
            }
            Kind::Asynchronous => {
                let mut builder = asynchronous::ClientBuilder::new(url)
                    .namespace(namespace)
                    .auth(auth)
                    .opening_header("x-interop", "yes")
                    .transport_type(self.transport.clone())
                    .reconnect(comes_back)
                    .reconnect_delay(10, 50);
                for (name, event) in special {
                    let heard = Mutex::new(heard.clone());
                    builder = builder.on(event, move |payload, _| {
                        heard.lock().unwrap().send((name.to_owned(), payload)).ok();
                        std::future::ready(()).boxed()
                    });
                }
                let heard = Mutex::new(heard);
                let builder = builder.on_any(move |event, payload, _| {
                    heard.lock().unwrap().send((event.to_string(), payload)).ok();
                    std::future::ready(()).boxed()
                });
                Either::Asynchronous(self.runtime.block_on(builder.connect())?)
            }
        };
        Ok(Client { client, events, runtime: self.runtime.clone(), token: token.to_owned() })
    }

    pub fn connect_as(&self, namespace: &str, token: &str) -> Result<Client, Failure> {
        let client = self.open(namespace, token, false)?;
        client.next("connect")?;
        Ok(client)
    }

    pub fn connect(&self) -> Result<Client, Failure> {
        self.connect_as("/", &self.name("token"))
    }

    /// A client that is told how the server saw others end.
    pub fn watch(&self) -> Result<Watcher, Failure> {
        let watcher = self.connect()?;
        watcher.call("watch", vec![])?;
        Ok(Watcher(watcher))
    }
}

enum Either {
    Blocking(rust_socketio::client::Client),
    Asynchronous(asynchronous::Client),
}

pub struct Client {
    client: Either,
    events: mpsc::Receiver<(String, Payload)>,
    runtime: Handle,
    pub token: String,
}

impl Client {
    pub fn emit(&self, event: &str, payload: impl Into<Payload>) -> Result<(), Failure> {
        match &self.client {
            Either::Blocking(client) => client.emit(event, payload)?,
            Either::Asynchronous(client) => self.runtime.block_on(client.emit(event, payload))?,
        }
        Ok(())
    }

    /// The arguments of the acknowledgement.
    pub fn call(&self, event: &str, values: Vec<Value>) -> Result<Value, Failure> {
        let (answered, answer) = mpsc::channel();
        let payload = Payload::Text(values);
        match &self.client {
            Either::Blocking(client) => {
                let answered = move |payload, _| {
                    answered.send(payload).ok();
                };
                client.emit_with_ack(event, payload, LIMIT, answered)?;
            }
            Either::Asynchronous(client) => {
                let answered = Mutex::new(answered);
                let answered = move |payload, _| {
                    answered.lock().unwrap().send(payload).ok();
                    std::future::ready(()).boxed()
                };
                self.runtime.block_on(client.emit_with_ack(event, payload, LIMIT, answered))?;
            }
        }
        let answer = answer.recv_timeout(LIMIT).map_err(|_| format!("no answer to {event}"))?;
        single(answer)
    }

    /// The next event of one of these names; others are passed over.
    pub fn next_of(&self, events: &[&str]) -> Result<(String, Payload), Failure> {
        loop {
            let event = self.events.recv_timeout(LIMIT).map_err(|_| format!("no {}", events[0]))?;
            if events.contains(&event.0.as_str()) {
                return Ok(event);
            }
        }
    }

    /// What the next event of a name brings.
    pub fn next(&self, event: &str) -> Result<Payload, Failure> {
        match self.next_of(&[event, "error"])? {
            (name, payload) if name == event => Ok(payload),
            (_, error) => Err(format!("instead of {event}: {error:?}").into()),
        }
    }

    /// The arguments of the next event of a name.
    pub fn next_values(&self, event: &str) -> Result<Vec<Value>, Failure> {
        values(self.next(event)?)
    }

    /// What came of a name by now.
    pub fn heard(&self, event: &str) -> Result<Vec<Vec<Value>>, Failure> {
        let heard = self.events.try_iter().filter(|(name, _)| name == event);
        heard.map(|(_, payload)| values(payload)).collect()
    }

    pub fn disconnect(&self) -> Result<(), Failure> {
        match &self.client {
            Either::Blocking(client) => client.disconnect()?,
            Either::Asynchronous(client) => self.runtime.block_on(client.disconnect())?,
        }
        Ok(())
    }
}

/// Whoever has the client may drop it at the end of its check; the threads behind it would go on.
impl Drop for Client {
    fn drop(&mut self) {
        self.disconnect().ok();
    }
}

pub struct Watcher(Client);

impl Watcher {
    /// The reason that the server saw.
    pub fn left(&self, client: &Client) -> Result<String, Failure> {
        loop {
            let left = self.0.next_values("left")?;
            if left[0]["token"] == client.token.as_str() {
                return Ok(left[0]["reason"].as_str().ok_or("no reason")?.to_owned());
            }
        }
    }
}

fn values(payload: Payload) -> Result<Vec<Value>, Failure> {
    match payload {
        Payload::Text(values) => Ok(values),
        other => Err(format!("not text: {other:?}").into()),
    }
}

fn single(payload: Payload) -> Result<Value, Failure> {
    let [value] = <[Value; 1]>::try_from(values(payload)?).map_err(|values| format!("{values:?}"))?;
    Ok(value)
}
