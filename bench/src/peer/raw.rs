//! Servers of bare tokio that know nothing of messages: the limits that a framework can come close to.

use std::{
    cell::RefCell,
    collections::HashMap,
    future::poll_fn,
    io,
    ops::Range,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use anyhow::Result;
use tokio::{
    io::{AsyncRead as _, AsyncWriteExt as _, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::Mutex,
};

use crate::{
    load::broadcast::{MEMBERS, ROOMS},
    wire::{Wire, called::Called, native::Native, size::Size, socketio::SocketIo},
};

thread_local! {
    /// Connections take turns with one buffer, so that an idle one costs no more than its task.
    static BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; 16 * 1024].into());
}

/// Writes back what it reads.
pub(super) async fn echo(listener: TcpListener) -> Result<()> {
    loop {
        let (mut stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(async move {
            // An error means that the client has gone, and so ends the connection too.
            while let Ok(Some(unwritten)) = poll_fn(|context| poll_echo(&mut stream, context)).await {
                if stream.write_all(&unwritten).await.is_err() {
                    break;
                }
            }
        });
    }
}

/// Reads once and writes once. Returns what the socket did not take, or nothing at the end of the stream.
///
/// A read through `poll_read`, unlike one after `readable()`, knows from a buffer that was not filled that the
/// socket is empty, and so spares the system call that would only say so.
fn poll_echo(stream: &mut TcpStream, context: &mut Context<'_>) -> Poll<io::Result<Option<Vec<u8>>>> {
    BUFFER.with_borrow_mut(|buffer| {
        let mut buffer = ReadBuf::new(buffer);
        ready!(Pin::new(&mut *stream).poll_read(context, &mut buffer))?;
        let bytes = buffer.filled();
        if bytes.is_empty() {
            return Poll::Ready(Ok(None));
        }
        let written = match stream.try_write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            result => result?,
        };
        Poll::Ready(Ok(Some(bytes[written..].to_vec())))
    })
}

type Audience = Arc<Mutex<Vec<Arc<TcpStream>>>>;

/// What asks for a broadcast, and the event and whom it goes to.
type News = HashMap<Vec<u8>, (Vec<u8>, Range<usize>)>;

/// What asks for one is as long as its buffer at most.
const LONGEST: usize = 256;

/// Writes calls back as they come; what asks for a broadcast makes it write the event to every connection, or to those
/// of a room, whose members come one after another.
pub(super) async fn broadcast(listener: TcpListener) -> Result<()> {
    let audience = Audience::default();
    let native = news_of(Native::echoed(Called::Echo, Size::Small));
    let socketio = news_of(SocketIo::ack(Called::Echo, Size::Small));
    let news = Arc::new(native.chain(socketio).collect::<News>());
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let stream = Arc::new(stream);
        audience.lock().await.push(Arc::clone(&stream));
        tokio::spawn(listen(stream, Arc::clone(&audience), Arc::clone(&news)));
    }
}

/// Everything that can be asked for on a wire.
fn news_of(wire: impl Wire) -> impl Iterator<Item = (Vec<u8>, (Vec<u8>, Range<usize>))> {
    let room = move |room: usize| {
        let members = room * MEMBERS..(room + 1) * MEMBERS;
        (wire.tell(room), (wire.news(), members))
    };
    let everybody = (wire.announce(), (wire.news(), 0..usize::MAX));
    (0..ROOMS).map(room).chain([everybody])
}

async fn listen(stream: Arc<TcpStream>, audience: Audience, news: Arc<News>) -> io::Result<()> {
    loop {
        stream.readable().await?;
        let mut buffer = [0; LONGEST];
        let bytes = match stream.try_read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(read) => &buffer[..read],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error),
        };
        if let Some((event, told)) = news.get(bytes) {
            let audience = audience.lock().await;
            for listener in &audience[told.start..told.end.min(audience.len())] {
                // The load waits for every event to arrive, so that no socket's buffer is ever full.
                listener.try_write(event)?;
            }
        } else {
            stream.try_write(bytes)?;
        }
    }
}
