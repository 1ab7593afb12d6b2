//! tungstenite on tokio, which sends back every text: what WebSocket costs without anything in it.

use anyhow::Result;
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::{WebSocketStream, accept_async, tungstenite};

/// Serves until the process ends.
pub(super) async fn serve(listener: TcpListener) -> Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(async move {
            // An error means that the client has gone, and so ends the connection too.
            if let Ok(stream) = accept_async(stream).await {
                echo(stream).await.ok();
            }
        });
    }
}

/// Sends back what comes. What has come together goes back together: tungstenite itself would write every frame for
/// itself, which would be no limit.
async fn echo(mut stream: WebSocketStream<TcpStream>) -> Result<(), tungstenite::Error> {
    loop {
        let message = if let Some(message) = stream.next().now_or_never() {
            message
        } else {
            stream.flush().await?;
            stream.next().await
        };
        let Some(message) = message.transpose()? else { return Ok(()) };
        if message.is_text() {
            stream.feed(message).await?;
        }
    }
}
