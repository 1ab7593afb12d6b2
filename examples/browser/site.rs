//! What the pages of the examples are served from.

use std::path::PathBuf;

use jidda::socketio::Resource;
use tower_http::services::ServeDir;

/// The folder of the examples.
const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");

/// The files of an example's page, and those that all pages share. Like any tower service it may be a server's
/// `http_fallback`.
pub(crate) fn page(example: &str) -> ServeDir<ServeDir> {
    let shared = ServeDir::new(format!("{EXAMPLES}/browser/page"));
    ServeDir::new(format!("{EXAMPLES}/{example}/page")).fallback(shared)
}

/// The file for browsers in an installed npm package, or a word about how to install it.
pub(crate) fn bundle(package: &str) -> Option<PathBuf> {
    let file = PathBuf::from(format!("{EXAMPLES}/browser/node_modules/{package}/dist/socket.io.js"));
    if file.exists() {
        return Some(file);
    }
    eprintln!(
        "the page needs {package}: `npm install --prefix examples/browser` fetches it; then start again"
    );
    None
}

/// Has the Socket.IO client served at `/socket.io/socket.io.js`.
pub(crate) fn client(resource: Resource) -> Resource {
    match bundle("socket.io-client") {
        Some(file) => resource.client_file(file),
        None => resource,
    }
}
