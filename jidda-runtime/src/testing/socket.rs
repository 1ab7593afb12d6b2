//! A socket for calling a handler directly.

use std::ops::Deref;

use super::server::TestServer;
use crate::client::Client;
use crate::error::{Error, Result};
use crate::identity::Identity;
use crate::objects::Socket;

/// A socket of a server's side, whose peer is a client in memory. It dereferences to [`Socket`], and is connected until it is
/// dropped.
#[derive(Debug)]
pub struct TestSocket {
    socket: Socket,
    client: Client,
    server: TestServer,
}

impl TestSocket {
    /// The peer of the socket.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The server of the socket, which serves no handlers.
    pub fn server(&self) -> &TestServer {
        &self.server
    }
}

impl Deref for TestSocket {
    type Target = Socket;

    fn deref(&self) -> &Socket {
        &self.socket
    }
}

/// Gives a socket without an identity, for calling a handler as a function.
///
/// ```
/// use jidda::prelude::*;
/// use jidda::testing::{self, Recorder};
///
/// #[on]
/// async fn enter(socket: &Socket, room: String) -> jidda::Result<()> {
///     socket.join(&room).await?;
///     socket.emit("entered", &room).await?;
///     Ok(())
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> jidda::Result<()> {
/// let socket = testing::socket().await?;
/// let recorder = Recorder::of(&socket);
/// enter(&socket, "lobby".into()).await?;
/// assert!(socket.rooms().contains(&"lobby".to_owned()));
/// recorder.assert_emitted("entered", &"lobby");
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// None that a test could cause.
///
/// # Panics
///
/// Outside a tokio runtime.
///
/// # Cancel safety
///
/// Dropping the future drops the socket.
pub async fn socket() -> Result<TestSocket> {
    connect(None).await
}

/// Gives a socket with an identity and its permissions, for calling a handler as a function.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> jidda::Result<()> {
/// use jidda::auth::Identity;
///
/// let socket = jidda::testing::socket_as(Identity::new("ada").with_permission("admin")).await?;
/// assert!(socket.allows("admin"));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// The name is too long.
///
/// # Panics
///
/// Outside a tokio runtime.
///
/// # Cancel safety
///
/// Dropping the future drops the socket.
pub async fn socket_as(identity: impl Into<Identity>) -> Result<TestSocket> {
    connect(Some(identity.into())).await
}

async fn connect(identity: Option<Identity>) -> Result<TestSocket> {
    let server = TestServer::builder().start().await?;
    let builder = match identity {
        Some(identity) => server.client().identity(identity),
        None => server.client(),
    };
    let client = builder.connect().await.map_err(Error::from)?;
    Ok(TestSocket { socket: server.socket(&client), client, server })
}
