//! The native wire where only HTTP passes: through a WebSocket.

use super::error::WebError;
use super::options::WebOptions;
use super::route::Route;
use super::websocket;
use crate::client::error::ConnectError;
use crate::peer::Security;
use crate::transport::{Stream, WebAddress};
use crate::tunnel::{PROTOCOL, Tunnel};

/// Opens a WebSocket whose frames carry the native wire. The stream is that of the wire.
///
/// # Errors
///
/// [`ConnectError::Web`].
///
/// # Cancel safety
///
/// Dropping the future gives the attempt up.
pub(crate) async fn open_native(
    address: &WebAddress,
    options: &WebOptions,
) -> Result<(Stream, Option<Security>), ConnectError> {
    let error = |source| ConnectError::Web { address: address.to_string(), source };
    let mut route = Route::new(address, options);
    let target = |route: &Route| route.uri().clone();
    let opened = websocket::open(&mut route, options, target, Some(PROTOCOL)).await.map_err(error)?;
    let stream = Tunnel::of_client(opened.stream).map_err(|failure| error(WebError::network(failure)))?;
    Ok((stream, opened.security))
}
