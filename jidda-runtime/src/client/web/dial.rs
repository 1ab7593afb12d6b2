//! A stream to a server of the web: straight, or through a proxy.

use std::future::{Ready, ready};
use std::io;
use std::task::{Context, Poll};

use http::{HeaderValue, Uri};
use hyper_util::client::legacy::connect::proxy::{SocksV4, SocksV5, Tunnel};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service;

use super::error::WebError;
use super::options::{ProxyChoice, WebOptions};
use crate::foreign::printable;
use crate::peer::Security;
use crate::transport::{Stream, authority};

/// A stream on which requests for a server can be sent.
#[derive(Debug)]
pub(super) struct Dialed {
    pub(super) stream: Stream,
    pub(super) security: Option<Security>,
    /// Set where the proxy passes single requests on: those name their server, and this is what they show to the proxy.
    pub(super) forwarded: Option<Forwarded>,
}

/// What requests have that a proxy passes on.
#[derive(Clone, Debug, Default)]
pub(super) struct Forwarded {
    pub(super) authorization: Option<HeaderValue>,
}

/// Connects to the server of `uri`. `whole` asks for a stream of its own through a proxy, as a WebSocket does.
pub(super) async fn dial(uri: &Uri, options: &WebOptions, whole: bool) -> Result<Dialed, WebError> {
    let is_secure = uri.scheme_str() == Some("https");
    let authority = authority(uri);
    let proxy = proxy(uri, &options.proxy)?;
    let (tcp, forwarded) = match &proxy {
        None => (Stream::connect_tcp(&authority).await.map_err(WebError::network)?, None),
        Some(proxy) if !whole && !is_secure && proxy.uri().scheme_str() == Some("http") => {
            let stream = proxy_stream(proxy).await?;
            (stream, Some(Forwarded { authorization: proxy.basic_auth().cloned() }))
        }
        Some(proxy) => (tunnel(uri, proxy).await?, None),
    };
    if !is_secure {
        return Ok(Dialed { stream: Stream::Tcp(tcp), security: None, forwarded });
    }
    let secured = Stream::secure_for_http(tcp, &authority, &options.secrets).await;
    let (stream, security) = secured.map_err(WebError::network)?;
    Ok(Dialed { stream, security: Some(security), forwarded: None })
}

/// The proxy on the way to a server.
fn proxy(uri: &Uri, choice: &ProxyChoice) -> Result<Option<Intercept>, WebError> {
    match choice {
        ProxyChoice::Direct => Ok(None),
        // A program that talks to this machine means this machine, whatever the environment is for.
        ProxyChoice::Environment if is_here(uri) => Ok(None),
        ProxyChoice::Environment => Ok(Matcher::from_env().intercept(uri)),
        ProxyChoice::Address(address) => {
            let proxy = Matcher::builder().all(address.as_str()).build().intercept(uri);
            let wrong = || {
                WebError::route(
                    format!(
                        "`{}` is not the address of a proxy: write http://host:port, socks5://host:port, socks5h://host:port \
                         or socks4a://host:port, with name:password@ where it wants that",
                        printable(without_login(address))
                    ),
                    false,
                )
            };
            proxy.ok_or_else(wrong).map(Some)
        }
    }
}

fn without_login(address: &str) -> &str {
    address.rsplit_once('@').map_or(address, |(_, host)| host)
}

fn is_here(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn proxy_port(proxy: &Uri) -> u16 {
    let usual = if proxy.scheme_str().is_some_and(|scheme| scheme.starts_with("socks")) { 1080 } else { 80 };
    proxy.port_u16().unwrap_or(usual)
}

async fn proxy_stream(proxy: &Intercept) -> Result<TcpStream, WebError> {
    let uri = proxy.uri();
    let authority = format!("{}:{}", uri.host().unwrap_or_default(), proxy_port(uri));
    Stream::connect_tcp(&authority).await.map_err(|error| {
        WebError::route(format!("the proxy {authority} cannot be reached: {}", printable(&error)), true)
    })
}

/// Has a proxy connect to the server.
async fn tunnel(uri: &Uri, proxy: &Intercept) -> Result<TcpStream, WebError> {
    let to = proxy.uri().clone();
    let host = to.authority().map(ToString::to_string).unwrap_or_default();
    let fails = |why: String, is_temporary| {
        WebError::route(format!("the proxy {host} does not connect: {why}"), is_temporary)
    };
    let scheme = to.scheme_str().unwrap_or_default();
    // Proxies want the port in any case, and some the server's address in place of its name.
    let server = if matches!(scheme, "socks4" | "socks5") { resolved(uri).await? } else { authority(uri) };
    let server = format!("http://{server}").parse().unwrap_or_else(|_| uri.clone());
    let stream = Connected(Some(TokioIo::new(proxy_stream(proxy).await?)));
    let login = proxy.raw_auth().map(|(user, password)| (user.to_owned(), password.to_owned()));
    let outcome = match scheme {
        "http" => {
            let mut tunnel = Tunnel::new(to.clone(), stream);
            if let Some(authorization) = proxy.basic_auth() {
                tunnel = tunnel.with_auth(authorization.clone());
            }
            tunnel.call(server).await.map_err(|error| error.to_string())
        }
        "socks5" | "socks5h" => {
            let mut socks = SocksV5::new(to.clone(), stream);
            if let Some((user, password)) = login {
                socks = socks.with_auth(user, password);
            }
            socks.call(server).await.map_err(|error| error.to_string())
        }
        "socks4" | "socks4a" => {
            SocksV4::new(to.clone(), stream).call(server).await.map_err(|error| error.to_string())
        }
        _ => {
            let text = "TLS to a proxy is not supported: use its http:// or socks5:// address";
            return Err(fails(text.to_owned(), false));
        }
    };
    outcome.map(TokioIo::into_inner).map_err(|error| match &*error {
        // These errors have no names outside of their crate.
        "tunnel error: proxy authorization required" => {
            fails("it wants a name and a password, http://name:password@host:port".to_owned(), false)
        }
        "tunnel error: unsuccessful" => {
            fails("it refuses this server: `CONNECT` has to be allowed there for its port".to_owned(), true)
        }
        error => fails(printable(error).to_string(), true),
    })
}

/// An address of the server and its port, of the fourth version where there is one: the oldest proxies know no others.
async fn resolved(uri: &Uri) -> Result<String, WebError> {
    let authority = authority(uri);
    let addresses: Vec<_> = tokio::net::lookup_host(&authority).await.map_err(WebError::network)?.collect();
    let best = addresses.iter().find(|address| address.is_ipv4()).or(addresses.first());
    Ok(best.map_or(authority, ToString::to_string))
}

/// A stream to the proxy, for those who speak to it.
struct Connected(Option<TokioIo<TcpStream>>);

impl Service<Uri> for Connected {
    type Response = TokioIo<TcpStream>;
    type Error = io::Error;
    type Future = Ready<io::Result<Self::Response>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        ready(self.0.take().ok_or_else(|| io::ErrorKind::NotConnected.into()))
    }
}
