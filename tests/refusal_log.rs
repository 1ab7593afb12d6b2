//! What the log says of events that were refused or trimmed. A program of its own: the log is the process's.
#![allow(missing_docs)]

use std::io::Write;
use std::sync::{Arc, Mutex};

use jidda::prelude::*;
use jidda::testing;
use tracing_subscriber::fmt::MakeWriter;

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[on(allow = ["admin", "root"])]
async fn kick(_name: String) {}

#[on]
async fn double(n: i64) -> i64 {
    n * 2
}

#[on]
fn nothing() {}

#[tokio::test]
async fn a_missing_permission_an_unknown_event_and_surplus_arguments_are_logged() {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::DEBUG)
        .with_ansi(false)
        .with_writer(lines.clone());
    subscriber.init();
    let (client, _server) = testing::pair_with(Server::builder(), |client| client).await.unwrap();

    let refused = kick::call(&client, "ada").await.unwrap_err();
    assert_eq!(refused.to_string(), "denied (denied)", "the peer is told nothing else");
    assert!(lines.text().contains(r#"event="kick" needs="admin or root""#), "{}", lines.text());

    client.call::<()>("duble", &21).await.unwrap_err();
    let why = "refused an event: there is no handler for `duble` in the namespace `/`";
    assert!(lines.text().contains(why), "{}", lines.text());

    assert_eq!(double::call(&client, 21).await, Ok(42));
    assert_eq!(nothing::call(&client).await, Ok(()));
    assert!(!lines.text().contains("surplus"), "{}", lines.text());
    assert_eq!(client.call::<i64>("double", &(21, 22)).await, Ok(42));
    assert!(lines.text().contains("event=double takes=1"), "{}", lines.text());
    client.call::<()>("nothing", &1).await.unwrap();
    assert!(lines.text().contains("event=nothing takes=0"), "{}", lines.text());
}
