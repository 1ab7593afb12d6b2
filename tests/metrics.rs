//! The numbers of servers and clients, as a recorder of the `metrics` facade sees them.
//!
//! It is one test: a process has one recorder.
#![allow(missing_docs)]

use std::collections::BTreeMap;
use std::time::Duration;

use jidda::Error;
use jidda::prelude::*;
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

struct Counted;

#[on(app = Counted)]
async fn double(n: i64) -> i64 {
    n * 2
}

#[on(app = Counted)]
async fn refuse() -> jidda::Result<()> {
    Err(Error::new("of_its_own", "no"))
}

#[on(app = Counted)]
async fn hang() {
    std::future::pending::<()>().await;
}

#[on(app = Counted, namespace = "/orders/{id}")]
async fn price() -> u32 {
    7
}

#[on("*", app = Counted, namespace = "/orders/{id}")]
async fn other() {}

/// All that was counted so far: a snapshot of the recorder has what came since the last one.
struct Seen {
    recorder: Snapshotter,
    values: BTreeMap<String, f64>,
}

impl Seen {
    fn update(&mut self) {
        for (key, _, _, value) in self.recorder.snapshot().into_vec() {
            let key = key.key();
            let mut labels: Vec<_> =
                key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
            labels.sort();
            let name = format!("{} {}", key.name(), labels.join(" "));
            match value {
                #[allow(clippy::cast_precision_loss)]
                DebugValue::Counter(count) => *self.values.entry(name).or_default() += count as f64,
                // A snapshot empties the gauges as well.
                DebugValue::Gauge(gauge) => *self.values.entry(name).or_default() += gauge.into_inner(),
                #[allow(clippy::cast_precision_loss)]
                DebugValue::Histogram(values) => *self.values.entry(name).or_default() += values.len() as f64,
            }
        }
    }

    /// Waits until a number is what it should be.
    async fn is(&mut self, name: &str, value: f64) {
        for _ in 0..2000 {
            self.update();
            let seen = self.values.get(name).copied().unwrap_or_default();
            if (seen - value).abs() < 0.1 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("`{name}` is not {value}: {:#?}", self.values);
    }
}

#[tokio::test]
async fn everything_is_counted_with_labels_that_are_bounded() {
    let recorder = DebuggingRecorder::new();
    let mut seen = Seen { recorder: recorder.snapshotter(), values: BTreeMap::new() };
    recorder.install().unwrap();
    let server = Server::builder().app::<Counted>().listen("127.0.0.1:0").start().await.unwrap();
    let address = server.addresses()[0].to_string();
    let client = Client::connect(&address).await.unwrap();
    assert_eq!(double::call(&client, 21).await.unwrap(), 42);
    assert_eq!(double::call(&client, 22).await.unwrap(), 44);
    assert!(client.call::<i64>("double", "text").await.is_err());
    assert!(refuse::call(&client).await.is_err());
    for made_up in ["one", "two", "three"] {
        assert!(client.call::<()>(made_up, &()).await.is_err());
    }
    let late = client.call::<()>("hang", &()).timeout(Duration::from_millis(20)).await;
    assert!(late.unwrap_err().is_timeout());
    for id in 1..=3 {
        let order = client.join(&format!("/orders/{id}"), &()).await.unwrap();
        assert_eq!(order.call::<u32>("price", &()).await.unwrap(), 7);
        order.call::<()>(&format!("made up {id}"), &()).await.unwrap();
    }

    let native = "protocol=msgpack-rpc side=server transport=tcp";
    seen.is(&format!("jidda_connections {native}"), 1.0).await;
    seen.is(&format!("jidda_connections_total {native}"), 1.0).await;
    seen.is("jidda_sockets namespace=/ side=server", 1.0).await;
    seen.is("jidda_sockets namespace=/orders/{id} side=server", 3.0).await;
    let events = |event: &str, namespace: &str, outcome: &str| {
        format!("jidda_events_total event={event} namespace={namespace} outcome={outcome} side=server")
    };
    seen.is(&events("double", "/", "ok"), 2.0).await;
    seen.is(&events("double", "/", "refused"), 1.0).await;
    seen.is(&events("refuse", "/", "refused"), 1.0).await;
    seen.is(&events("*", "/", "refused"), 3.0).await;
    seen.is(&events("price", "/orders/{id}", "ok"), 3.0).await;
    seen.is(&events("*", "/orders/{id}", "ok"), 3.0).await;
    seen.is("jidda_event_duration_seconds event=double namespace=/ side=server", 3.0).await;
    seen.is("jidda_refused_total code=not_found side=server", 3.0).await;
    seen.is("jidda_refused_total code=bad_arguments side=server", 1.0).await;
    seen.is("jidda_refused_total code=other side=server", 1.0).await;
    let calls = |outcome: &str| format!("jidda_calls_total namespace=/ outcome={outcome} side=client");
    seen.is(&calls("refused"), 5.0).await;
    seen.is(&calls("timeout"), 1.0).await;
    // Those in namespaces that this client has no handlers for are counted with the root's.
    seen.is(&calls("ok"), 8.0).await;
    for (side, direction) in [("server", "in"), ("server", "out"), ("client", "in"), ("client", "out")] {
        assert!(seen.values[&format!("jidda_bytes_total direction={direction} side={side}")] > 100.0);
    }

    // A request that is none of Engine.IO's.
    let mut http = TcpStream::connect(address.trim_start_matches("tcp://")).await.unwrap();
    let head = "GET /socket.io/?EIO=4&transport=pigeon HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    http.write_all(head.as_bytes()).await.unwrap();
    http.read_to_end(&mut Vec::new()).await.unwrap();
    seen.is("jidda_handshake_failures_total side=server", 1.0).await;
    // And one that is: its connection is counted by what it speaks.
    let mut http = TcpStream::connect(address.trim_start_matches("tcp://")).await.unwrap();
    let head = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\n\
                upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
    http.write_all(head.as_bytes()).await.unwrap();
    // The packet `40`, which joins the root namespace, masked with nothing.
    http.write_all(&[0x81, 0x82, 0, 0, 0, 0, b'4', b'0']).await.unwrap();
    seen.is("jidda_connections protocol=socket.io/5 side=server transport=websocket", 1.0).await;
    seen.is("jidda_sockets namespace=/ side=server", 2.0).await;
    drop(http);
    seen.is("jidda_connections protocol=socket.io/5 side=server transport=websocket", 0.0).await;

    client.disconnect().await;
    seen.is(&format!("jidda_connections {native}"), 0.0).await;
    seen.is("jidda_sockets namespace=/orders/{id} side=server", 0.0).await;
    seen.is("jidda_sockets namespace=/ side=client", 0.0).await;
    seen.is("jidda_disconnects_total reason=client_disconnect side=client", 1.0).await;

    let full = Server::builder().app::<Counted>().listen("127.0.0.1:0").max_connections(1);
    let full = full.start().await.unwrap();
    let address = full.addresses()[0].to_string();
    let _only = Client::connect(&address).await.unwrap();
    let mut refused = TcpStream::connect(address.trim_start_matches("tcp://")).await.unwrap();
    refused.write_all(&[0x94]).await.unwrap();
    refused.read_to_end(&mut Vec::new()).await.unwrap();
    seen.is("jidda_connections_refused_total limit=all side=server", 1.0).await;
    let labels: usize =
        seen.values.keys().filter(|name| name.contains("made up") || name.contains("two")).count();
    assert_eq!(labels, 0, "{:#?}", seen.values);
}
