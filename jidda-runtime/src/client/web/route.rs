//! Where the requests of a connection go: the address, and where redirects lead from there.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, COOKIE, HOST, LOCATION};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderValue, StatusCode, Uri};
use percent_encoding::percent_decode_str;

use super::error::WebError;
use super::options::WebOptions;
use crate::foreign::printable;
use crate::transport::{WebAddress, authority};
use crate::wire::engine_io::Version;

/// Where requests go.
#[derive(Clone, Debug)]
pub(super) struct Route {
    /// With the query that the program wants.
    uri: Uri,
    /// Of the address.
    login: Option<HeaderValue>,
    /// A redirect led to another server, which is not shown the secrets of the first.
    is_elsewhere: bool,
    redirects: usize,
}

impl Route {
    pub(super) fn new(address: &WebAddress, options: &WebOptions) -> Self {
        let mut target = address.uri().path_and_query().map_or("/", PathAndQuery::as_str).to_owned();
        for (name, value) in &options.query {
            target.push(if target.contains('?') { '&' } else { '?' });
            let pair = form_urlencoded::Serializer::new(String::new()).append_pair(name, value).finish();
            target.push_str(&pair);
        }
        let uri = rebuilt(address.uri(), &target).unwrap_or_else(|| address.uri().clone());
        let login = address.login().and_then(|login| {
            let (user, password) = login.split_once(':').unwrap_or((login, ""));
            let decoded = |text| percent_decode_str(text).decode_utf8_lossy().into_owned();
            basic(&decoded(user), &decoded(password))
        });
        Self { uri, login, is_elsewhere: false, redirects: 0 }
    }

    pub(super) fn uri(&self) -> &Uri {
        &self.uri
    }

    /// The target of a request of Engine.IO.
    pub(super) fn target(&self, version: Version, transport: &str, more: &[(&str, &str)]) -> Uri {
        let version = if version == Version::V3 { "3" } else { "4" };
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("EIO", version).append_pair("transport", transport);
        for (name, value) in more {
            query.append_pair(name, value);
        }
        let mut target = format!("{}?{}", self.uri.path(), query.finish());
        if let Some(own) = self.uri.query() {
            target.push('&');
            target.push_str(own);
        }
        rebuilt(&self.uri, &target).unwrap_or_else(|| self.uri.clone())
    }

    /// Adds what the program wants each request to have.
    pub(super) fn add_headers(&self, headers: &mut HeaderMap, options: &WebOptions) {
        if let Some(login) = self.login.as_ref().filter(|_| !self.is_elsewhere) {
            headers.insert(AUTHORIZATION, login.clone());
        }
        for name in options.headers.keys() {
            if self.is_elsewhere && [AUTHORIZATION, COOKIE, HOST].contains(name) {
                continue;
            }
            headers.remove(name);
            for value in options.headers.get_all(name) {
                headers.append(name, value.clone());
            }
        }
    }

    /// Goes where a redirect leads, if the response is one.
    ///
    /// # Errors
    ///
    /// It leads nowhere that may be gone to.
    pub(super) fn follow(
        &mut self,
        status: StatusCode,
        headers: &HeaderMap,
        options: &WebOptions,
    ) -> Result<bool, WebError> {
        let is_redirect = matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308);
        let Some(location) = headers.get(LOCATION).filter(|_| is_redirect) else { return Ok(false) };
        let shown = printable(String::from_utf8_lossy(location.as_bytes())).to_string();
        self.redirects += 1;
        if self.redirects > options.redirects {
            let count = options.redirects;
            return Err(WebError::route(
                format!(
                    "the server redirects more than {count} times, the last time to `{shown}`: write the last address"
                ),
                false,
            ));
        }
        let next = location.to_str().ok().and_then(|location| resolved(&self.uri, location));
        let Some(next) = next else {
            return Err(WebError::route(
                format!("the server redirects to `{shown}`, which is no address of HTTP"),
                false,
            ));
        };
        if self.uri.scheme() == Some(&Scheme::HTTPS) && next.scheme() != Some(&Scheme::HTTPS) {
            return Err(WebError::route(
                format!(
                    "the server redirects to `{shown}`, where nothing is encrypted: write that address if it is meant"
                ),
                false,
            ));
        }
        let same_host = self
            .uri
            .host()
            .is_some_and(|host| next.host().is_some_and(|next| host.eq_ignore_ascii_case(next)));
        // From http to https of the same host it is the same server.
        let is_same = authority(&self.uri) == authority(&next)
            || (same_host && self.uri.port().is_none() && next.port().is_none());
        self.is_elsewhere |= !is_same;
        self.uri = next;
        Ok(true)
    }
}

/// The value of a header that says who asks.
pub(super) fn basic(user: &str, password: &str) -> Option<HeaderValue> {
    let mut value =
        HeaderValue::try_from(format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// The same server with another path and query.
fn rebuilt(uri: &Uri, target: &str) -> Option<Uri> {
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(target.parse().ok()?);
    Uri::from_parts(parts).ok()
}

/// Where a location leads, without what the client itself says in the query (RFC 3986, section 5.2, as far as it is used).
fn resolved(from: &Uri, location: &str) -> Option<Uri> {
    let location = location.split('#').next().unwrap_or_default();
    let (scheme, rest) = match location.split_once("://") {
        Some((scheme, rest)) if scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
            let scheme = match scheme.to_ascii_lowercase().as_str() {
                "http" | "ws" => Scheme::HTTP,
                "https" | "wss" => Scheme::HTTPS,
                _ => return None,
            };
            (scheme, Some(rest))
        }
        _ => (from.scheme()?.clone(), location.strip_prefix("//")),
    };
    let (authority, target): (Authority, String) = match rest {
        Some(rest) => {
            let (host, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
            (host.parse().ok().filter(|host: &Authority| !host.host().is_empty())?, target.to_owned())
        }
        None if location.starts_with('/') => (from.authority()?.clone(), location.to_owned()),
        None if location.starts_with('?') => {
            (from.authority()?.clone(), format!("{}{location}", from.path()))
        }
        None => {
            let directory = &from.path()[..=from.path().rfind('/')?];
            (from.authority()?.clone(), format!("{directory}{location}"))
        }
    };
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let is_own = |pair: &&str| {
        let name = pair.split('=').next().unwrap_or_default();
        name.is_empty() || WebAddress::is_own_key(name)
    };
    let query: Vec<_> = query.split('&').filter(|pair| !is_own(pair)).collect();
    let path = if path.is_empty() { "/" } else { path };
    let target = if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.join("&")) };
    let mut parts = http::uri::Parts::default();
    (parts.scheme, parts.authority) = (Some(scheme), Some(authority));
    parts.path_and_query = Some(target.parse().ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::Address;

    fn address(text: &str) -> WebAddress {
        match text.parse() {
            Ok(Address::Web(address)) => *address,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn targets_have_what_the_program_and_the_protocol_want() {
        let query = vec![("room".to_owned(), "a b&c".to_owned())];
        let options = WebOptions { query, ..WebOptions::default() };
        let route = Route::new(&address("http://a/chat?x=1"), &options);
        assert_eq!(
            route.target(Version::V4, "polling", &[("sid", "s/1")]).to_string(),
            "http://a/chat/?EIO=4&transport=polling&sid=s%2F1&x=1&room=a+b%26c"
        );
        let plain = Route::new(&address("https://a"), &WebOptions::default());
        assert_eq!(
            plain.target(Version::V3, "websocket", &[]),
            "https://a/socket.io/?EIO=3&transport=websocket"
        );
    }

    #[test]
    fn redirects_lead_to_where_they_say() {
        let from: Uri = "http://a:3000/socket.io/?x=1".parse().unwrap();
        for (location, to) in [
            ("https://b/socket.io/?EIO=4&transport=polling&x=1", Some("https://b/socket.io/?x=1")),
            ("//b:1/x/", Some("http://b:1/x/")),
            ("/y/?t=1", Some("http://a:3000/y/")),
            ("z", Some("http://a:3000/socket.io/z")),
            ("?q=2", Some("http://a:3000/socket.io/?q=2")),
            ("wss://c", Some("https://c/")),
            ("https:///x", None),
            ("ftp://a/", None),
            ("http://a b/", None),
        ] {
            let resolved = resolved(&from, location).map(|uri| uri.to_string());
            assert_eq!(resolved.as_deref(), to, "{location}");
        }
    }

    #[test]
    fn secrets_are_for_the_server_of_the_address() {
        let headers = [(AUTHORIZATION, "Bearer x"), (http::header::ORIGIN, "o")];
        let headers = headers.into_iter().map(|(name, value)| (name, value.parse().unwrap())).collect();
        let options = WebOptions { headers, redirects: 2, ..WebOptions::default() };
        for (location, is_shown) in
            [("/x/", true), ("https://a/", true), ("http://b/", false), ("http://a:81/", false)]
        {
            let mut route = Route::new(&address("http://a"), &options);
            let location = [(LOCATION, location.parse().unwrap())].into_iter().collect();
            assert!(route.follow(StatusCode::FOUND, &location, &options).unwrap());
            let mut headers = HeaderMap::new();
            route.add_headers(&mut headers, &options);
            assert_eq!(headers.contains_key(AUTHORIZATION), is_shown, "{location:?}");
            assert_eq!(headers["origin"], "o");
        }
    }

    #[test]
    fn circles_and_clear_text_are_refused() {
        let options = WebOptions { redirects: 2, ..WebOptions::default() };
        let mut route = Route::new(&address("https://a"), &options);
        let to = |location: &str| [(LOCATION, location.parse().unwrap())].into_iter().collect::<HeaderMap>();
        let clear = route.clone().follow(StatusCode::FOUND, &to("http://a/"), &options).unwrap_err();
        assert!(clear.to_string().contains("nothing is encrypted") && !clear.is_temporary(), "{clear}");
        for _ in 0..2 {
            assert!(route.follow(StatusCode::FOUND, &to("/"), &options).unwrap());
        }
        let circle = route.follow(StatusCode::FOUND, &to("/"), &options).unwrap_err();
        assert!(circle.to_string().contains("redirects more than 2 times"), "{circle}");
        assert!(!route.follow(StatusCode::OK, &to("/"), &options).unwrap());
    }
}
