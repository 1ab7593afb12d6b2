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
    path: PathBuf,
}

impl Drop for OwnedUnixListener {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

pub(super) async fn listen(
    path: &Path,
    configure: &(dyn Fn(&SockRef<'_>) -> io::Result<()> + Sync),
) -> io::Result<OwnedUnixListener> {
    remove_stale(path).await?;
    let listener = UnixListener::bind(path)?;
    configure(&SockRef::from(&listener))?;
    Ok(OwnedUnixListener { listener, path: path.to_owned() })
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
