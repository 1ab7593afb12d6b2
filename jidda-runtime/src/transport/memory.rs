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

/// A stream, and the name that it was connected to.
type Arrival = (MemoryStream, Box<str>);

static LISTENERS: LazyLock<Mutex<HashMap<String, mpsc::Sender<Arrival>>>> = LazyLock::new(Mutex::default);

/// A name that can be connected to until this is dropped.
#[derive(Debug)]
pub(super) struct MemoryListener {
    pub(super) name: String,
    incoming: mpsc::Receiver<Arrival>,
}

impl MemoryListener {
    pub(super) async fn accept(&mut self) -> io::Result<Arrival> {
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

/// The listener of a name. A name may end in a fragment, which distinguishes clients and is not part of the lookup.
fn find(name: &str) -> Option<mpsc::Sender<Arrival>> {
    let listeners = LISTENERS.lock();
    let listener = listeners.get(name).or_else(|| listeners.get(name.rsplit_once('#')?.0));
    listener.cloned()
}

pub(super) async fn connect(name: &str) -> io::Result<MemoryStream> {
    let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
    let listener = find(name).ok_or_else(refused)?;
    let (ours, theirs) = pipe::pair(PIPE);
    listener.send((theirs, name.into())).await.map_err(|_| refused())?;
    Ok(ours)
}
