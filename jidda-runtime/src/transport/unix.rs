//! Unix sockets.

use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use socket2::SockRef;
use tokio::net::{UnixListener, UnixStream};

/// A listening socket whose file goes with it.
#[derive(Debug)]
pub(super) struct OwnedUnixListener {
    pub(super) listener: UnixListener,
    /// `None` for a socket that was made by the program.
    path: Option<PathBuf>,
}

impl Drop for OwnedUnixListener {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            let _ = std::fs::remove_file(path);
        }
    }
}

pub(super) async fn listen(
    path: &Path,
    configure: &(dyn Fn(&SockRef<'_>) -> io::Result<()> + Sync),
) -> io::Result<OwnedUnixListener> {
    remove_stale(path).await?;
    let listener = UnixListener::bind(path)?;
    configure(&SockRef::from(&listener))?;
    Ok(OwnedUnixListener { listener, path: Some(path.to_owned()) })
}

/// Takes a socket that listens already.
pub(super) fn adopt(
    listener: std::os::unix::net::UnixListener,
    configure: &(dyn Fn(&SockRef<'_>) -> io::Result<()> + Sync),
) -> io::Result<OwnedUnixListener> {
    configure(&SockRef::from(&listener))?;
    Ok(OwnedUnixListener { listener: UnixListener::from_std(listener)?, path: None })
}

/// Removes the file a server left that did not end cleanly; one that still answers is not stale.
async fn remove_stale(path: &Path) -> io::Result<()> {
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|meta| meta.file_type().is_socket());
    if !is_socket {
        return Ok(());
    }
    match UnixStream::connect(path).await {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => std::fs::remove_file(path),
        _ => Ok(()),
    }
}
