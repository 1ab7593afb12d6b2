//! The first packets on a WebSocket, read before there is a connection: one frame after the other.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::error::WebError;
use crate::foreign::printable;
use crate::transport::Stream;
use crate::wire::websocket::{self, opcode};

/// The largest of them: the first packet of a server has some hundred bytes.
const LARGEST: usize = 16 * 1024;

/// A stream whose first frames are read here, and by its connection from then on.
#[derive(Debug)]
pub(super) struct FirstFrames {
    stream: Stream,
    /// What was read and is not yet taken.
    bytes: Vec<u8>,
}

impl FirstFrames {
    pub(super) fn new(stream: Stream) -> Self {
        Self { stream, bytes: Vec::new() }
    }

    /// The next text, with its frame taken off. Pings are answered.
    ///
    /// # Errors
    ///
    /// The stream ended, or has something else.
    ///
    /// # Cancel safety
    ///
    /// No bytes are lost by dropping the future.
    pub(super) async fn text(&mut self) -> Result<String, WebError> {
        loop {
            let head = websocket::head(&self.bytes).map_err(|problem| {
                WebError::lasting(format!("the server breaks the rules of WebSockets: {problem}"))
            })?;
            // Refused at its head, before its bytes are received.
            if head.is_some_and(|head| head.mask.is_some() || !head.is_final || head.length > LARGEST) {
                return Err(WebError::lasting(
                    "the server's first packet is masked, in pieces or too large: is it a server of Socket.IO?",
                ));
            }
            let Some(head) = head.filter(|head| self.bytes.len() >= head.size + head.length) else {
                let read = self.stream.read_buf(&mut self.bytes).await.map_err(|error| {
                    WebError::passing(format!(
                        "the WebSocket was lost before its first packet: {}",
                        printable(&error)
                    ))
                })?;
                if read == 0 {
                    return Err(WebError::passing("the server closed the WebSocket before its first packet"));
                }
                continue;
            };
            let payload = self.bytes[head.size..head.size + head.length].to_vec();
            if head.opcode == opcode::TEXT {
                self.bytes.drain(..head.size + head.length);
                return String::from_utf8(payload).map_err(|error| WebError::foreign(error.as_bytes()));
            }
            match head.opcode {
                opcode::PING => self.write(opcode::PONG, &payload).await.map_err(|error| {
                    WebError::passing(format!("the WebSocket was lost: {}", printable(&error)))
                })?,
                opcode::PONG => {}
                opcode::CLOSE => {
                    let reason = String::from_utf8_lossy(payload.get(2..).unwrap_or_default()).into_owned();
                    return Err(WebError::passing(format!(
                        "the server closed the WebSocket before its first packet{}{}",
                        if reason.is_empty() { "" } else { ": " },
                        printable(&reason)
                    )));
                }
                _ => return Err(WebError::foreign(&payload)),
            }
            self.bytes.drain(..head.size + head.length);
        }
    }

    /// Whether a whole text is there, without waiting, that is this one.
    pub(super) fn begins_with(&self, text: &str) -> bool {
        let Ok(Some(head)) = websocket::head(&self.bytes) else { return false };
        head.opcode == opcode::TEXT && self.bytes[head.size..].starts_with(text.as_bytes())
    }

    /// Waits until more was read.
    ///
    /// # Cancel safety
    ///
    /// No bytes are lost by dropping the future.
    pub(super) async fn more(&mut self) -> io::Result<usize> {
        self.stream.read_buf(&mut self.bytes).await
    }

    /// Waits for the end of the stream, or for more than a server says before an upgrade is complete.
    ///
    /// # Cancel safety
    ///
    /// No bytes are lost by dropping the future.
    pub(super) async fn broken(&mut self) -> WebError {
        loop {
            match self.more().await {
                Ok(1..) if self.bytes.len() <= LARGEST => {}
                Ok(1..) => {
                    return WebError::lasting("the server says too much on a WebSocket before the upgrade");
                }
                Ok(0) => return WebError::passing("the server closed the WebSocket before the upgrade"),
                Err(error) => {
                    return WebError::passing(format!("the WebSocket was lost: {}", printable(&error)));
                }
            }
        }
    }

    /// Writes a frame, masked as those of clients are: with nothing, since no page chooses what is in it.
    pub(super) async fn write(&mut self, opcode: u8, payload: &[u8]) -> io::Result<()> {
        let mut frame = Vec::with_capacity(payload.len() + 14);
        websocket::masked_frame(&mut frame, opcode, payload);
        self.stream.write_all(&frame).await?;
        self.stream.flush().await
    }

    /// Writes frames that a connection has written.
    pub(super) async fn write_raw(&mut self, frames: &[u8]) -> io::Result<()> {
        self.stream.write_all(frames).await?;
        self.stream.flush().await
    }

    /// The stream, with what was read and not taken.
    pub(super) fn into_stream(self) -> Stream {
        self.stream.with_rewind(self.bytes)
    }
}
