//! How a client's connection ends, whatever its task is doing.

use std::collections::HashMap;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use futures_util::{FutureExt, poll};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::config::Config;
use crate::driver::Driver;
use crate::error::{CallError, SendError};
use crate::handler::{HandlerList, Side, TableBuilder};
use crate::objects::Socket;
use crate::objects::{Connection, Hub, Policies};
use crate::reason::DisconnectReason;
use crate::transport::Stream;
use crate::wire::Wire;

/// A client's connection without a stream, and its root socket.
fn client() -> (Arc<Connection>, Socket) {
    let table = TableBuilder::new(Side::Client).handlers(HandlerList::Explicit(Vec::new())).build().unwrap();
    let hub = Hub::start(Side::Client, table, Config::default(), HashMap::new(), true, Policies::default());
    let connection = Connection::for_client(&hub, &"mem:ending".parse().unwrap(), Wire::MessagePackRpc);
    let root = connection.client_socket("/");
    root.want(None);
    (connection, root)
}

/// A stream whose end the program asks for while the task reads that the peer has left.
struct Leaves(Arc<Connection>);

impl AsyncRead for Leaves {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.0.ask_to_end(DisconnectReason::ClientDisconnect);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Leaves {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn what_is_asked_for_in_the_moment_of_a_loss_is_not_lost_with_it() {
    let (connection, root) = client();
    let stream = Stream::foreign(Leaves(Arc::clone(&connection)));
    let reason = Driver::new(Arc::clone(&connection), stream).await;
    assert_eq!(reason, DisconnectReason::ClientDisconnect);
    assert!(connection.is_closed());
    assert_eq!(root.closed().now_or_never(), Some(DisconnectReason::ClientDisconnect));
    assert_eq!(connection.ending().now_or_never(), Some(DisconnectReason::ClientDisconnect));
}

#[tokio::test]
async fn the_first_request_to_end_wins() {
    let (connection, root) = client();
    assert_eq!(connection.ending().now_or_never(), None);
    connection.ask_to_end(DisconnectReason::ClientDisconnect);
    connection.ask_to_end(DisconnectReason::ForcedClose);
    assert_eq!(connection.ending().now_or_never(), Some(DisconnectReason::ClientDisconnect));
    // It is for the one who keeps it to end it.
    assert!(!connection.is_closed());
    connection.finish(&DisconnectReason::ClientDisconnect);
    connection.finish(&DisconnectReason::ForcedClose);
    assert_eq!(root.closed().now_or_never(), Some(DisconnectReason::ClientDisconnect));
}

#[tokio::test]
async fn a_task_that_breaks_down_leaves_its_connection_as_a_loss_does() {
    let (connection, root) = client();
    let serve = || {
        let (peer, stream) = crate::transport::pipe::pair(1 << 16);
        (peer, Driver::new(Arc::clone(&connection), Stream::Memory(stream)))
    };
    let (_peer, driver) = serve();
    root.take_for_joined();
    let mut call = Box::pin(root.call::<u8>("never", &()).into_future());
    assert!(poll!(&mut call).is_pending());
    drop(driver);
    assert!(matches!(call.now_or_never(), Some(Err(CallError::Disconnected { .. }))));
    assert!(root.is_away() && !connection.is_closed());
    // As while it is away.
    assert_eq!(root.emit("later", &1).now_or_never(), Some(Ok(())));
    let (_peer, driver) = serve();
    root.take_for_joined();
    connection.ask_to_end(DisconnectReason::ClientDisconnect);
    drop(driver);
    assert!(connection.is_closed());
    assert_eq!(root.closed().now_or_never(), Some(DisconnectReason::ClientDisconnect));
    assert_eq!(root.emit("never", &1).now_or_never(), Some(Err(SendError::NotConnected)));
}

/// A stream that takes nothing until it is opened, and is at its end for who reads.
struct Gated {
    is_open: Arc<AtomicBool>,
    written: Arc<Mutex<Vec<u8>>>,
}

impl AsyncRead for Gated {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Gated {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if !self.is_open.load(Ordering::Relaxed) {
            return Poll::Pending;
        }
        self.written.lock().extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// The keeper of a client may be dropped, as when its runtime shuts down, while another thread still closes the stream.
#[tokio::test]
async fn what_is_being_written_while_the_client_is_finished_is_written_to_its_end() {
    let (connection, root) = client();
    let (is_open, written) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
    let stream = Stream::foreign(Gated { is_open: Arc::clone(&is_open), written: Arc::clone(&written) });
    let mut driver = Driver::new(Arc::clone(&connection), stream);
    root.take_for_joined();
    assert_eq!(root.emit("last", &7).now_or_never(), Some(Ok(())));
    assert!(poll!(&mut driver).is_pending(), "closing, with an event under way");
    connection.finish(&DisconnectReason::ClientDisconnect);
    assert!(connection.is_closed());
    is_open.store(true, Ordering::Relaxed);
    driver.await;
    let written = written.lock();
    assert!(written.windows(4).any(|bytes| bytes == b"last"), "{written:?}");
}
