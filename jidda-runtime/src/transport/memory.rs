//! Connections within the process: for tests, and for services that live together.

use std::collections::HashMap;
use std::io;
use std::sync::LazyLock;

use parking_lot::Mutex;
use tokio::sync::mpsc;

use super::pipe::{self, MemoryStream};

/// How many bytes may be on their way, each way.
const PIPE: usize = 64 * 1024;
/// How many connections may wait to be accepted.
const BACKLOG: usize = 1024;

static LISTENERS: LazyLock<Mutex<HashMap<String, mpsc::Sender<MemoryStream>>>> =
    LazyLock::new(Mutex::default);

/// A name that can be connected to until this is dropped.
#[derive(Debug)]
pub(super) struct MemoryListener {
    pub(super) name: String,
    incoming: mpsc::Receiver<MemoryStream>,
}

impl MemoryListener {
    pub(super) async fn accept(&mut self) -> io::Result<MemoryStream> {
        self.incoming.recv().await.ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl Drop for MemoryListener {
    fn drop(&mut self) {
        LISTENERS.lock().remove(&self.name);
    }
}

pub(super) fn listen(name: &str) -> io::Result<MemoryListener> {
    let mut listeners = LISTENERS.lock();
    if listeners.contains_key(name) {
        return Err(io::ErrorKind::AddrInUse.into());
    }
    let (sender, incoming) = mpsc::channel(BACKLOG);
    listeners.insert(name.to_owned(), sender);
    Ok(MemoryListener { name: name.to_owned(), incoming })
}

pub(super) async fn connect(name: &str) -> io::Result<MemoryStream> {
    let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
    let listener = LISTENERS.lock().get(name).cloned().ok_or_else(refused)?;
    let (ours, theirs) = pipe::pair(PIPE);
    listener.send(theirs).await.map_err(|_| refused())?;
    Ok(ours)
}
