//! Who makes the requests of a session.

use std::future::pending;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method, StatusCode};
use tokio::time::{Instant, timeout};

use super::payload::{self, Batch, Said};
use super::session::Session;
use super::state::{Party, Phase};
use crate::client::web::error::WebError;
use crate::client::web::exchange::{Exchange, Reply, request};
use crate::client::web::first_frame::FirstFrames;
use crate::client::web::handshake::Handshake;
use crate::client::web::options::WebOptions;
use crate::client::web::route::Route;
use crate::client::web::websocket;
use crate::foreign::printable;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::transport::Stream;
use crate::wire::engine_io::Version;
use crate::wire::websocket::opcode;

/// The most bytes of a POST to a server that names no limit: enough for many packets, and little for any server.
const UNKNOWN: usize = 100_000;
/// How long a connection of HTTP may have been idle that another POST is sent on. Node closes them after 5 s.
const IDLE: Duration = Duration::from_secs(4);
/// How long the end of a session may take that nobody waits for.
const FAREWELL: Duration = Duration::from_secs(2);

/// Who makes the requests of a session. Dropped in the middle of it, it ends the session.
pub(super) struct Courier {
    pub(super) session: Arc<Session>,
    pub(super) route: Route,
    pub(super) options: WebOptions,
    pub(super) version: Version,
    pub(super) handshake: Handshake,
    /// Whether the session may change to a WebSocket.
    pub(super) may_upgrade: bool,
    /// Set when it has.
    pub(super) is_upgraded: Arc<AtomicBool>,
}

/// How the work ends.
enum End {
    /// The server closed the session.
    Closed,
    /// A request failed, or brought no payload.
    Failed(io::Error),
    /// All that the connection wrote was sent, its end included.
    Delivered,
    /// The connection is gone without having said so to the server.
    Abandoned(Option<Lane>),
    Upgraded(Stream),
}

/// The connection of HTTP for one kind of requests.
struct Lane {
    exchange: Option<Exchange>,
    used: Instant,
}

impl Drop for Courier {
    fn drop(&mut self) {
        // Only where the task was dropped before its end.
        self.session.with(|state| state.end(Some(io::ErrorKind::ConnectionReset.into())));
    }
}

fn lost(error: &WebError) -> End {
    End::Failed(io::Error::new(io::ErrorKind::ConnectionReset, error.to_string()))
}

impl Courier {
    /// Works until the session is over or upgraded. `exchange` has brought the handshake.
    pub(super) async fn run(self, exchange: Exchange) {
        let get = Lane { exchange: Some(exchange), used: Instant::now() };
        let end = tokio::select! {
            biased;
            end = self.deliver(Lane { exchange: None, used: Instant::now() }) => end,
            end = self.receive(get) => end,
            end = self.upgrade() => end,
        };
        match end {
            End::Closed | End::Delivered => self.session.with(|state| state.end(None)),
            End::Failed(error) => {
                tracing::debug!(error = %printable(&error), "a polling session is lost");
                self.session.with(|state| state.end(Some(error)));
            }
            End::Abandoned(lane) => {
                let lane = lane.unwrap_or(Lane { exchange: None, used: Instant::now() });
                // The server would find out later.
                let _ = timeout(FAREWELL, self.say_goodbye(lane)).await;
                self.session.with(|state| state.end(None));
            }
            End::Upgraded(stream) => {
                self.is_upgraded.store(true, Ordering::Relaxed);
                self.session.with(|state| state.switch(stream));
            }
        }
    }

    /// Sends GETs, one after the other.
    async fn receive(&self, mut lane: Lane) -> End {
        let most = self.options.largest_response();
        // The server says something in each interval, or answers the client's pings.
        let limit = self.handshake.ping_interval + self.handshake.ping_timeout + self.options.step;
        for number in 1_u64.. {
            self.begin().await;
            let reply = timeout(limit, self.ask(&mut lane, Method::GET, None, number, most)).await;
            self.session.with(|state| state.under_way -= 1);
            let reply = match reply {
                Ok(Ok(reply)) => reply,
                Ok(Err(error)) => return lost(&error),
                Err(_late) => return lost(&WebError::late("the response to a GET that waits for packets")),
            };
            if reply.status != StatusCode::OK {
                return lost(&WebError::answered(reply.status, &reply.body));
            }
            let mut frames = Vec::with_capacity(reply.body.len() + 16);
            let said = payload::frames(self.version, &reply.body, is_binary(&reply.headers), &mut frames);
            self.session.with(|state| {
                state.receive(&frames);
                // Those who wait for the end of requests wait for what they brought, too.
                state.wake(Party::Courier);
            });
            match said {
                Ok(Said::Nothing) => {}
                Ok(Said::Close) => return End::Closed,
                Err(error) => {
                    return End::Failed(io::Error::new(io::ErrorKind::InvalidData, error.to_string()));
                }
            }
        }
        End::Closed
    }

    /// Sends what the connection writes, one POST after the other.
    async fn deliver(&self, mut lane: Lane) -> End {
        let most = self.handshake.max_payload.unwrap_or(UNKNOWN);
        let limit = self.handshake.ping_interval + self.handshake.ping_timeout;
        for number in 1_u64.. {
            let version = self.version;
            let next = self.session.until(|state| match state.phase {
                Phase::Abandoned => Some(None),
                Phase::Upgraded | Phase::Over(_) => None,
                Phase::Open | Phase::Finished if state.is_paused => None,
                Phase::Open | Phase::Finished => {
                    let batch = payload::batch(version, state.outbound(), most);
                    match &batch {
                        Some(batch) => {
                            state.take(batch.taken);
                            state.under_way += 1;
                        }
                        None if matches!(state.phase, Phase::Finished) => return Some(None),
                        None => return None,
                    }
                    Some(batch)
                }
            });
            // An end without a packet for it.
            let Some(Batch { body, kind, is_last, .. }) = next.await else {
                return End::Abandoned(Some(lane));
            };
            let posted = if body.is_empty() {
                Ok(Ok(()))
            } else {
                timeout(limit, self.post(&mut lane, body, kind, number)).await
            };
            self.session.with(|state| {
                state.under_way -= 1;
                state.wake(Party::Courier);
            });
            match posted {
                Ok(Ok(())) if is_last => return End::Delivered,
                Ok(Ok(())) => {}
                Ok(Err(error)) => return lost(&error),
                Err(_late) => return lost(&WebError::late("the response to a POST")),
            }
        }
        End::Closed
    }

    async fn post(
        &self,
        lane: &mut Lane,
        body: Vec<u8>,
        kind: &'static str,
        number: u64,
    ) -> Result<(), WebError> {
        let size = body.len();
        let reply = self.ask(lane, Method::POST, Some((body.into(), kind)), number, 4096).await?;
        match reply.status {
            StatusCode::PAYLOAD_TOO_LARGE => Err(WebError::lasting(format!(
                "the server takes no body of {size} bytes (413): send smaller messages, or raise its `maxHttpBufferSize`"
            ))),
            status if status.is_success() => Ok(()),
            status => Err(WebError::answered(status, &reply.body)),
        }
    }

    /// Tells the server that the session is over.
    async fn say_goodbye(&self, mut lane: Lane) -> Result<(), WebError> {
        let (body, kind) = match self.version {
            Version::V4 => (&b"1"[..], "text/plain;charset=UTF-8"),
            Version::V3 => (&b"\x00\x01\xff1"[..], "application/octet-stream"),
        };
        self.post(&mut lane, body.to_vec(), kind, 0).await
    }

    /// Waits until another GET may begin, which it has then.
    async fn begin(&self) {
        self.session
            .until(|state| {
                let begins = matches!(state.phase, Phase::Open) && !state.is_paused && state.has_room();
                state.under_way += usize::from(begins);
                begins.then_some(())
            })
            .await;
    }

    /// Sends a request of the session.
    async fn ask(
        &self,
        lane: &mut Lane,
        method: Method,
        body: Option<(Bytes, &'static str)>,
        number: u64,
        most: usize,
    ) -> Result<Reply, WebError> {
        // Responses are for one request only, whatever a cache on the way thinks of them.
        let number = format!("{}{number}", if method == Method::GET { 'g' } else { 'p' });
        let more = [("sid", &*self.handshake.sid), ("t", &*number)];
        let target = self.route.target(self.version, "polling", &more);
        let request = request(&self.route, &self.options, method, target, body);
        let is_fresh = lane.used.elapsed() < IDLE;
        let mut exchange = match lane.exchange.take() {
            Some(exchange) if is_fresh && exchange.is_open() => exchange,
            _ => Exchange::open(&self.route, &self.options, false).await?,
        };
        let reply = exchange.request(request, &self.options, most).await?;
        *lane = Lane { exchange: Some(exchange), used: Instant::now() };
        Ok(reply)
    }

    /// Changes to a WebSocket. What fails before the change leaves the session as it is.
    async fn upgrade(&self) -> End {
        if !self.may_upgrade {
            return pending().await;
        }
        let mut frames = match timeout(self.options.step, self.probe()).await {
            Ok(Ok(frames)) => frames,
            Ok(Err(error)) => return self.stay(&error).await,
            Err(_late) => return self.stay(&WebError::late("the probe of a WebSocket")).await,
        };
        // From now on the server answers a GET at once.
        self.session.with(|state| state.is_paused = true);
        let idle = self.session.until(|state| (state.under_way == 0).then_some(()));
        let failure = tokio::select! {
            biased;
            error = frames.broken() => Some(error),
            idle = timeout(self.options.step, idle) => {
                idle.err().map(|_late| WebError::late("the end of the requests before an upgrade"))
            }
        };
        if let Some(error) = failure {
            self.session.with(|state| {
                state.is_paused = false;
                state.wake(Party::Courier);
            });
            return self.stay(&error).await;
        }
        let outbound = self.session.with(|state| {
            let is_open = matches!(state.phase, Phase::Open);
            state.is_paused = false;
            // The connection may have ended meanwhile, which goes the way of polling.
            state.wake(Party::Courier);
            is_open.then(|| state.begin_to_switch())
        });
        let Some(outbound) = outbound else { return pending().await };
        match timeout(self.options.step, switch(&mut frames, &outbound)).await {
            Ok(Ok(())) => End::Upgraded(frames.into_stream()),
            Ok(Err(error)) => End::Failed(error),
            Err(_late) => End::Failed(io::ErrorKind::TimedOut.into()),
        }
    }

    /// Opens a WebSocket for the session and tries it.
    async fn probe(&self) -> Result<FirstFrames, WebError> {
        let mut route = self.route.clone();
        let sid = [("sid", &*self.handshake.sid)];
        let target = |route: &Route| route.target(self.version, "websocket", &sid);
        let websocket = websocket::open(&mut route, &self.options, target, None).await?;
        let mut frames = FirstFrames::new(websocket.stream);
        let lost =
            |error: io::Error| WebError::passing(format!("the WebSocket was lost: {}", printable(&error)));
        frames.write(opcode::TEXT, b"2probe").await.map_err(lost)?;
        let answer = frames.text().await?;
        if answer != "3probe" {
            return Err(WebError::foreign(answer.as_bytes()));
        }
        Ok(frames)
    }

    /// Goes on with polling.
    async fn stay(&self, error: &WebError) -> End {
        tracing::debug!(error = %printable(error), "no WebSocket took the place of polling, which goes on");
        pending().await
    }
}

/// Says that the WebSocket takes over, and what no POST took.
async fn switch(frames: &mut FirstFrames, outbound: &[u8]) -> io::Result<()> {
    frames.write(opcode::TEXT, b"5").await?;
    frames.write_raw(outbound).await
}

/// Whether a payload is in the form of version 3 that has bytes.
pub(super) fn is_binary(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/octet-stream"))
}

/// Starts the task that makes the requests.
pub(super) fn start(courier: Courier, exchange: Exchange) {
    tokio::spawn(courier.run(exchange));
}
