//! The first request of a session, and the version of the server.

use std::sync::Arc;

use http::{Method, StatusCode};

use super::courier::{self, Courier, is_binary};
use super::payload::{self, Said};
use super::session::Session;
use crate::client::web::error::WebError;
use crate::client::web::exchange::request;
use crate::client::web::handshake::Handshake;
use crate::client::web::opened::{Opened, Upgraded};
use crate::client::web::options::{WebOptions, WebTransport};
use crate::client::web::route::Route;
use crate::client::web::websocket::{connect, step};
use crate::peer::Transport;
use crate::transport::WebAddress;
use crate::wire::engine_io::Version;
use crate::wire::websocket;

/// Begins a session. A server may answer in another version than it was asked for, unless the program named that.
pub(in crate::client::web) async fn open(
    address: &WebAddress,
    options: &WebOptions,
    asked: Version,
    may_upgrade: bool,
) -> Result<Opened, WebError> {
    let mut route = Route::new(address, options);
    let (mut exchange, reply) = loop {
        let mut exchange = connect(&route, options, false).await?;
        let target = route.target(asked, "polling", &[("t", "0")]);
        let asking = request(&route, options, Method::GET, target, None);
        let most = options.largest_response();
        let reply =
            step(options, "the response of the server", exchange.request(asking, options, most)).await?;
        if route.follow(reply.status, &reply.headers, options)? {
            continue;
        }
        break (exchange, reply);
    };
    if reply.status != StatusCode::OK {
        return Err(WebError::answered(reply.status, &reply.body));
    }
    let is_binary = is_binary(&reply.headers);
    let spoken = spoken(&reply.body, is_binary).ok_or_else(|| WebError::foreign(&reply.body))?;
    if options.version.is_some_and(|version| version != spoken) {
        return Err(WebError::other_version());
    }
    let mut frames = Vec::new();
    let said = payload::frames(spoken, &reply.body, is_binary, &mut frames)
        .map_err(|_| WebError::foreign(&reply.body))?;
    if said == Said::Close {
        return Err(WebError::passing("the server closed the session with its first response"));
    }
    let head = websocket::head(&frames).ok().flatten().ok_or_else(|| WebError::foreign(&reply.body))?;
    let inbound = frames.split_off(head.size + head.length);
    let json = frames[head.size..].strip_prefix(b"0").ok_or_else(|| WebError::foreign(&reply.body))?;
    let handshake = Handshake::read(json)?;
    let (session, stream) = Session::new(inbound);
    let security = exchange.security.take();
    let upgraded = Upgraded::default();
    let courier = Courier {
        session,
        route,
        options: options.clone(),
        version: spoken,
        may_upgrade: may_upgrade && handshake.upgrades && options.has(WebTransport::WebSocket),
        handshake: handshake.clone(),
        is_upgraded: Arc::clone(&upgraded),
    };
    courier::start(courier, exchange);
    Ok(Opened { stream, version: spoken, handshake, transport: Transport::Polling, security, upgraded })
}

/// The version of a response to a handshake: the first packet is `0{…}`, behind its length in the earlier version.
fn spoken(body: &[u8], is_binary: bool) -> Option<Version> {
    if is_binary {
        return body.starts_with(b"\0").then_some(Version::V3);
    }
    if body.starts_with(b"0{") {
        return Some(Version::V4);
    }
    let digits = body.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (digits > 0 && body[digits..].starts_with(b":0{")).then_some(Version::V3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_known_by_the_first_packet() {
        for (body, is_binary, version) in [
            (&b"0{\"sid\":1}"[..], false, Some(Version::V4)),
            (b"96:0{\"sid\":1}2:40", false, Some(Version::V3)),
            (b"\x00\x09\x06\xff0{", true, Some(Version::V3)),
            (b"<html>", false, None),
            (b"0", false, None),
            (b"12:4a", false, None),
            (b"", false, None),
            (b"", true, None),
        ] {
            assert_eq!(spoken(body, is_binary), version, "{body:?}");
        }
    }
}
