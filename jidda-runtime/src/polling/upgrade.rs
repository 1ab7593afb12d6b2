//! A WebSocket that takes the place of long polling.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::session::Attempt;
use crate::transport::Stream;
use crate::wire::websocket::{self, Head, close, opcode};

/// The largest frame before the upgrade is complete, for everything that clients put into one.
const PROBE: usize = 128;
/// How long a WebSocket that is closed may take to answer that.
const FAREWELL: Duration = Duration::from_secs(2);

/// What a new WebSocket says.
enum Said {
    Probe,
    Upgrade,
    Ping,
    Pong,
    /// What has no place here; the code to close with.
    Other(u16),
}

/// Tries the WebSocket, and lets it take the session over when the client is ready for that. Otherwise it is
/// closed, and polling goes on. `switching` is called just before the driver gets the new stream.
pub(crate) async fn probe(
    mut attempt: Attempt,
    mut stream: Stream,
    limit: Duration,
    switching: impl FnOnce(),
) -> io::Result<()> {
    let said = tokio::select! {
        said = timeout(limit, listen(&attempt, &mut stream)) => said,
        () = attempt.over() => Ok(Ok(Err(close::AWAY))),
    };
    let ahead = match said {
        Ok(Ok(Ok(ahead))) => ahead,
        Ok(Ok(Err(code))) => {
            drop(attempt);
            return self::close(stream, code).await;
        }
        Ok(Err(error)) => return Err(error),
        Err(_late) => {
            drop(attempt);
            return self::close(stream, close::POLICY).await;
        }
    };
    match attempt.take() {
        Ok(first) => {
            // Rarely anything: a client that upgrades has no pending GET.
            if !first.is_empty() {
                timeout(limit, stream.write_all(&first)).await??;
            }
            switching();
            attempt.hand_over(stream, &ahead);
            Ok(())
        }
        Err(last) if last.is_empty() => self::close(stream, close::AWAY).await,
        // The last of them is the end.
        Err(last) => farewell(stream, &last).await,
    }
}

/// Answers the WebSocket until the upgrade is complete. `Ok(Ok(..))` has the bytes behind that, `Ok(Err(..))` the code to close
/// it with.
async fn listen(attempt: &Attempt, stream: &mut Stream) -> io::Result<Result<Vec<u8>, u16>> {
    let mut bytes = Vec::new();
    loop {
        let head = match websocket::head(&bytes) {
            Ok(head) => head.filter(|head| head.length > PROBE || bytes.len() >= head.size + head.length),
            Err(_) => return Ok(Err(close::PROTOCOL)),
        };
        let Some(head) = head else {
            if stream.read_buf(&mut bytes).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            continue;
        };
        match said(head, &mut bytes) {
            Said::Probe => {
                attempt.probed();
                write(stream, opcode::TEXT, b"3probe").await?;
            }
            Said::Upgrade => return Ok(Ok(bytes.split_off(head.size + head.length))),
            Said::Ping => write(stream, opcode::PONG, &bytes[head.size..head.size + head.length]).await?,
            Said::Pong => {}
            Said::Other(code) => return Ok(Err(code)),
        }
        bytes.drain(..head.size + head.length);
    }
}

fn said(head: Head, bytes: &mut [u8]) -> Said {
    let Some(key) = head.mask else { return Said::Other(close::PROTOCOL) };
    if head.length > PROBE || !head.is_final {
        return Said::Other(close::POLICY);
    }
    let payload = &mut bytes[head.size..head.size + head.length];
    websocket::mask(payload, key);
    match (head.opcode, &*payload) {
        (opcode::TEXT, b"2probe") => Said::Probe,
        (opcode::TEXT, b"5") => Said::Upgrade,
        (opcode::PING, _) => Said::Ping,
        (opcode::PONG, _) => Said::Pong,
        (opcode::CLOSE, _) => Said::Other(close::NORMAL),
        _ => Said::Other(close::POLICY),
    }
}

async fn write(stream: &mut Stream, opcode: u8, payload: &[u8]) -> io::Result<()> {
    let mut frame = Vec::new();
    websocket::frame(&mut frame, opcode, |out| out.extend_from_slice(payload));
    stream.write_all(&frame).await?;
    stream.flush().await
}

/// Closes a WebSocket that has no session.
pub(crate) async fn close(stream: Stream, code: u16) -> io::Result<()> {
    let mut frame = Vec::new();
    websocket::frame(&mut frame, opcode::CLOSE, |out| out.extend_from_slice(&code.to_be_bytes()));
    farewell(stream, &frame).await
}

/// Writes the last frames, and waits a little for the client to have read them.
async fn farewell(mut stream: Stream, frames: &[u8]) -> io::Result<()> {
    let farewell = async {
        stream.write_all(frames).await?;
        stream.shutdown().await?;
        let mut rest = [0; 512];
        while stream.read(&mut rest).await? > 0 {}
        Ok(())
    };
    timeout(FAREWELL, farewell).await?
}
