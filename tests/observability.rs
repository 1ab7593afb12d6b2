//! Spans and traces, as a subscriber of `tracing` and a handler see them.
#![allow(missing_docs)]

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, Once, PoisonError};
use std::time::Duration;

use jidda::prelude::*;
use jidda::report::TraceContext;
use jidda::{Client, testing};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context as LayerContext, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// A span that has ended: its name, its fields, the names of those around it, and what was logged in it.
#[derive(Clone, Debug, Default)]
struct Ended {
    name: &'static str,
    fields: BTreeMap<&'static str, String>,
    parents: Vec<&'static str>,
    said: Vec<String>,
}

static ENDED: Mutex<Vec<Ended>> = Mutex::new(Vec::new());

struct Fields<'a>(&'a mut BTreeMap<&'static str, String>);

impl Visit for Fields<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

struct Keeper;

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Keeper {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: LayerContext<'_, S>) {
        let span = context.span(id).unwrap();
        let parents = span.scope().skip(1).map(|span| span.name()).collect();
        let mut ended = Ended { name: span.name(), parents, ..Ended::default() };
        attributes.record(&mut Fields(&mut ended.fields));
        span.extensions_mut().insert(ended);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: LayerContext<'_, S>) {
        let span = context.span(id).unwrap();
        values.record(&mut Fields(&mut span.extensions_mut().get_mut::<Ended>().unwrap().fields));
    }

    fn on_event(&self, event: &Event<'_>, context: LayerContext<'_, S>) {
        let Some(span) = context.event_span(event) else { return };
        let mut fields = BTreeMap::new();
        event.record(&mut Fields(&mut fields));
        if let Some(ended) = span.extensions_mut().get_mut::<Ended>() {
            ended.said.extend(fields.remove("message"));
        }
    }

    fn on_close(&self, id: Id, context: LayerContext<'_, S>) {
        let ended = context.span(&id).unwrap().extensions_mut().remove::<Ended>();
        ENDED.lock().unwrap_or_else(PoisonError::into_inner).extend(ended);
    }
}

/// From here on, everything that ends is kept.
fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        tracing::subscriber::set_global_default(tracing_subscriber::registry().with(Keeper)).unwrap();
    });
}

/// Waits for a span with these fields to end.
async fn ended(name: &str, fields: &[(&str, &str)]) -> Ended {
    for _ in 0..2000 {
        let fits = |ended: &&Ended| {
            let has = |(field, value): &(&str, &str)| ended.fields.get(field).is_some_and(|own| own == value);
            ended.name == name && fields.iter().all(has)
        };
        if let Some(ended) = ENDED.lock().unwrap_or_else(PoisonError::into_inner).iter().find(fits) {
            return ended.clone();
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("no span `{name}` with {fields:?} ended: {:#?}", ENDED.lock());
}

struct Observed;

/// Says something before and after it waited.
#[on(app = Observed)]
async fn speak(socket: &Socket) -> u8 {
    tracing::info!("before");
    tokio::task::yield_now().await;
    tracing::info!("after");
    let _ = socket.identify("ada");
    1
}

#[on("speak_in_turn", app = Observed, sequential)]
async fn speak_in_turn() {
    tokio::task::yield_now().await;
    tracing::info!("in turn");
}

/// Asks the client which trace its call is part of.
#[on(app = Observed)]
async fn relay(socket: &Socket, trace: &TraceContext) -> jidda::Result<(String, String, Option<String>)> {
    let child: (String, Option<String>) = socket.call("which_trace", &()).await?;
    Ok((trace.traceparent(), child.0, child.1))
}

/// Tells the trace of an event, by an event.
#[on(app = Observed)]
async fn trace_of_event(socket: &Socket, trace: &TraceContext) -> jidda::Result<()> {
    Ok(socket.emit("traced_back", &trace.traceparent()).await?)
}

#[on(app = Observed)]
async fn own_trace(trace: &TraceContext) -> String {
    trace.traceparent()
}

#[on("which_trace", app = Observed, side = client)]
async fn which_trace(trace: &TraceContext) -> (String, Option<String>) {
    (trace.traceparent(), trace.tracestate().map(str::to_owned))
}

async fn pair() -> (Client, Server) {
    listen();
    let builder = Server::builder().app::<Observed>();
    testing::pair_with(builder, jidda::client::ClientBuilder::app::<Observed>).await.unwrap()
}

#[tokio::test]
async fn a_handler_runs_in_its_events_span_to_the_end() {
    let (client, server) = pair().await;
    let socket = server.sockets().pop().unwrap();
    let (id, connection) = (socket.id().to_string(), socket.connection_id().to_string());
    speak::call(&client).await.unwrap();
    let event = ended("jidda.event", &[("socket", &id), ("event", "speak")]).await;
    assert_eq!(event.said, ["before", "after"]);
    assert_eq!(event.parents, ["jidda.connection"]);
    assert_eq!(event.fields["namespace"], "/");
    assert_eq!(event.fields["kind"], "call");
    assert_eq!(event.fields["connection"], connection);
    assert!(!event.fields.contains_key("trace_id"));
    socket.on("late", || async { tracing::info!("a listener") });
    client.emit("late", &()).await.unwrap();
    let event = ended("jidda.event", &[("socket", &id), ("event", "late"), ("kind", "event")]).await;
    assert_eq!(event.said, ["a listener"]);
    speak_in_turn::call(&client).await.unwrap();
    let event = ended("jidda.event", &[("socket", &id), ("event", "speak_in_turn")]).await;
    assert_eq!(event.said, ["in turn"]);
    client.disconnect().await;
    let connection = [("connection", &*connection), ("protocol", "msgpack-rpc"), ("identity", "ada")];
    let connection = ended("jidda.connection", &connection).await;
    assert_eq!(connection.fields["transport"], "memory");
    assert!(connection.fields["peer"].starts_with("mem:"));
    assert!(connection.fields.contains_key("reason"));
    assert!(connection.parents.is_empty());
}

#[tokio::test]
async fn a_call_has_a_span_that_says_how_it_ended() {
    let (client, _server) = pair().await;
    let id = client.root().id().to_string();
    speak::call(&client).await.unwrap();
    assert!(client.call::<()>("nothing", &()).await.is_err());
    let late = client.call::<()>("silence", &()).timeout(Duration::ZERO).await;
    assert!(late.unwrap_err().is_timeout());
    for (event, outcome) in [("speak", "ok"), ("nothing", "refused"), ("silence", "timeout")] {
        ended("jidda.call", &[("socket", &id), ("event", event), ("outcome", outcome)]).await;
    }
}

#[tokio::test]
async fn a_trace_goes_down_a_chain_of_calls() {
    let (client, server) = pair().await;
    let trace = TraceContext::parse(PARENT, Some("vendor=1")).unwrap();
    let (event, child, state) = trace.clone().scope(async { relay::call(&client).await }).await.unwrap();
    let (event, child) =
        (TraceContext::parse(&event, None).unwrap(), TraceContext::parse(&child, None).unwrap());
    let ids = [&trace, &event, &child].map(TraceContext::span_id);
    assert!([&event, &child].iter().all(|other| other.trace_id() == TRACE && other.is_sampled()));
    assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2], "{ids:?}");
    assert_eq!(state.as_deref(), Some("vendor=1"));
    let socket = server.sockets().pop().unwrap().id().to_string();
    ended("jidda.event", &[("socket", &socket), ("event", "relay"), ("trace_id", TRACE)]).await;
    ended("jidda.call", &[("socket", &socket), ("event", "which_trace"), ("trace_id", TRACE)]).await;
    // Outside of it there is none.
    let own = TraceContext::parse(&own_trace::call(&client).await.unwrap(), None).unwrap();
    assert!(own.trace_id() != TRACE && !own.is_sampled());
}

#[tokio::test]
async fn a_trace_goes_along_with_events() {
    let (client, _server) = pair().await;
    let trace = TraceContext::parse(PARENT, None).unwrap();
    let (seen, mut saw) = tokio::sync::mpsc::unbounded_channel();
    client.on("traced_back", move |parent: String| {
        let seen = seen.clone();
        async move { seen.send(parent).unwrap() }
    });
    trace.scope(async { client.emit("trace_of_event", &()).await }).await.unwrap();
    let parent = TraceContext::parse(&saw.recv().await.unwrap(), None).unwrap();
    assert_eq!(parent.trace_id(), TRACE);
    // Without a trace there is none to be sent.
    client.emit("trace_of_event", &()).await.unwrap();
    assert_ne!(TraceContext::parse(&saw.recv().await.unwrap(), None).unwrap().trace_id(), TRACE);
}

#[tokio::test]
async fn what_a_peer_makes_up_is_no_trace() {
    let (client, _server) = pair().await;
    // A trace of its own begins where the peer's cannot be read.
    for wrong in ["", "00-zz-01", &"0".repeat(100_000)] {
        assert_eq!(TraceContext::parse(wrong, None), None);
    }
    assert!(own_trace::call(&client).await.unwrap().starts_with("00-"));
}

#[tokio::test]
async fn the_trace_of_a_request_is_its_connections() {
    listen();
    let server = Server::builder().app::<Observed>().listen("127.0.0.1:0").start().await.unwrap();
    let address = server.addresses()[0].to_string();
    let mut http = TcpStream::connect(address.trim_start_matches("tcp://")).await.unwrap();
    let head = format!(
        "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\n\
         upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\
         traceparent: {PARENT}\r\n\r\n"
    );
    http.write_all(head.as_bytes()).await.unwrap();
    for packet in ["40", "420[\"own_trace\"]"] {
        let length = u8::try_from(packet.len()).unwrap();
        http.write_all(&[0x81, 0x80 | length, 0, 0, 0, 0]).await.unwrap();
        http.write_all(packet.as_bytes()).await.unwrap();
    }
    let mut bytes = Vec::new();
    let expected = format!("430[\"{PARENT}\"]");
    while !String::from_utf8_lossy(&bytes).contains(&expected) {
        let read = tokio::time::timeout(Duration::from_secs(20), http.read_buf(&mut bytes)).await;
        assert_ne!(read.expect("an answer").unwrap(), 0, "{}", String::from_utf8_lossy(&bytes));
    }
    ended("jidda.event", &[("event", "connect"), ("trace_id", TRACE)]).await;
}
