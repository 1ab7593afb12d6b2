//! The page that a request is from: browsers send the user's cookies along with whatever page asks for a WebSocket or
//! loads a script, and CORS is not asked about either.

use std::borrow::Cow;

use http::header::{AUTHORIZATION, COOKIE, HOST, ORIGIN, REFERER};
use http::request::Parts;
use http::{HeaderMap, HeaderName};

use super::cors::Cors;
use super::resource::Resource;
use crate::peer::{Security, Transport};

const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_SCHEME: HeaderName = HeaderName::from_static("x-forwarded-proto");

fn value<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// The page that a request is from, as far as the browser says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Page<'a> {
    /// None at all, or one of the server's own origin.
    Own,
    /// One of another origin, which is unknown where the request does not name it.
    Foreign(Option<Cow<'a, str>>),
}

impl<'a> Page<'a> {
    pub(super) fn of(parts: &'a Parts, is_script: bool) -> Self {
        let site = value(&parts.headers, &SITE);
        // What begins with `Sec-` no page can set.
        if matches!(site, Some("same-origin" | "none")) {
            return Self::Own;
        }
        if let Some(origin) = value(&parts.headers, &ORIGIN) {
            return if is_own(origin, parts) { Self::Own } else { Self::Foreign(Some(origin.into())) };
        }
        // Old browsers say no site, and for a script no origin either. For other requests those that are no browser
        // say as little.
        let is_foreign = match site {
            Some(site) => ["cross-site", "same-site"].contains(&site),
            None => is_script,
        };
        if !is_foreign {
            return Self::Own;
        }
        let origin = value(&parts.headers, &REFERER).and_then(origin_of);
        match origin {
            Some(origin) if site.is_none() && is_own(&origin, parts) => Self::Own,
            origin => Self::Foreign(origin.map(Cow::Owned)),
        }
    }
}

/// The origin of a page.
fn origin_of(address: &str) -> Option<String> {
    let (scheme, rest) = address.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    Some(format!("{scheme}://{authority}"))
}

/// Whether an origin is that of the server, which a client reaches at the host it names. Before a proxy that is the host
/// which the proxy passes on: no page can add such a header, neither to a WebSocket nor to a script, and to other requests
/// only where CORS lets it.
fn is_own(origin: &str, parts: &Parts) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let is_secure = match value(&parts.headers, &FORWARDED_SCHEME) {
        Some(forwarded) => forwarded.eq_ignore_ascii_case("https"),
        None => matches!(parts.extensions.get(), Some(Security::Tls { .. })),
    };
    // Anyone on the network path can change a page that is sent in clear text.
    if is_secure && scheme.eq_ignore_ascii_case("http") {
        return false;
    }
    let host =
        value(&parts.headers, &HOST).or_else(|| parts.uri.authority().map(http::uri::Authority::as_str));
    let forwarded = parts.headers.get_all(FORWARDED_HOST).into_iter().filter_map(|value| value.to_str().ok());
    let mut hosts = host.into_iter().chain(forwarded.flat_map(|hosts| hosts.split(',')));
    hosts.any(|host| is_same(host.trim(), authority, scheme))
}

/// Whether two authorities are one, where a port that is left out is the scheme's.
fn is_same(one: &str, other: &str, scheme: &str) -> bool {
    let usual = if scheme.eq_ignore_ascii_case("https") { "443" } else { "80" };
    let split = |authority| match str::rsplit_once(authority, ':') {
        // What is behind the last colon of an IPv6 address alone is none.
        Some((host, port)) if !port.ends_with(']') => (host, port),
        _ => (authority, usual),
    };
    let ((host, port), (other_host, other_port)) = (split(one), split(other));
    port == other_port && host.eq_ignore_ascii_case(other_host)
}

/// Whether a browser may have sent something of the user's along that it would also send for another page.
fn has_credentials(parts: &Parts) -> bool {
    let has_certificate = match parts.extensions.get() {
        Some(Security::Tls { certificates }) => !certificates.is_empty(),
        _ => false,
    };
    has_certificate || parts.headers.contains_key(COOKIE) || parts.headers.contains_key(AUTHORIZATION)
}

impl Resource {
    /// Whether the page that a request is from may use the resource: the one rule for WebSockets, polling and JSONP.
    pub(super) fn admits(&self, parts: &Parts, transport: Transport, is_script: bool) -> bool {
        let page = Page::of(parts, is_script);
        let Page::Foreign(origin) = &page else { return true };
        let origin = origin.as_deref();
        let named = self.cors.as_ref().map(Cors::named).filter(|named| !named.is_any());
        let is_admitted = match (&self.origins, named) {
            (Some(origins), _) => origins.allow_page(origin),
            (None, Some(named)) if named.allow_page(origin) => true,
            // What it gets by polling a browser does not show to a page that CORS does not name.
            (None, Some(_)) if transport == Transport::WebSocket || is_script => false,
            _ => !has_credentials(parts),
        };
        if !is_admitted {
            tracing::debug!(
                ?origin,
                path = self.path,
                "a page of another origin was refused: `.origins(..)` on the resource allows it, \
                 and a proxy has to keep `Host` or to set `X-Forwarded-Host`"
            );
        }
        is_admitted
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::Request;

    use super::super::origins::Origins;
    use super::*;

    const APP: &str = "https://app.example";
    const EVIL: &str = "https://evil.example";

    fn parts(headers: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder().uri("/socket.io/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn tls(mut parts: Parts, certificates: &[&'static str]) -> Parts {
        let certificates = certificates.iter().map(|one| Bytes::from_static(one.as_bytes())).collect();
        parts.extensions.insert(Security::Tls { certificates });
        parts
    }

    const KINDS: [(Transport, bool); 3] =
        [(Transport::WebSocket, false), (Transport::Polling, false), (Transport::Polling, true)];

    /// What a resource says to WebSockets, polling and JSONP.
    fn admitted(resource: &Resource, headers: &[(&str, &str)]) -> [bool; 3] {
        KINDS.map(|(transport, is_script)| resource.admits(&parts(headers), transport, is_script))
    }

    #[test]
    fn admission_by_origin_cookie_and_settings() {
        let plain = || Resource::socket_io("/socket.io");
        let named = || plain().cors(Cors::origin(APP));
        let chosen = || plain().cors(Cors::origin_if(|origin| origin == APP));
        let all = [true; 3];
        let none = [false; 3];
        let polling = [false, true, false];
        for (resource, headers, expected) in vec![
            // Nothing is set: anybody, but no other site with the user's credentials.
            (plain(), &[("origin", EVIL)][..], all),
            (plain(), &[("origin", EVIL), ("cookie", "a=b")], none),
            (plain(), &[("origin", EVIL), ("authorization", "Basic YTpi")], none),
            (plain(), &[("origin", "null"), ("cookie", "a=b")], none),
            (plain(), &[("origin", "https://own.example"), ("cookie", "a=b")], all),
            (plain(), &[("origin", "http://own.example"), ("cookie", "a=b")], all),
            (plain(), &[("origin", "https://own.example:8443"), ("cookie", "a=b")], none),
            (plain(), &[("origin", "https://own.example.evil"), ("cookie", "a=b")], none),
            (plain(), &[("origin", "https://sub.own.example"), ("cookie", "a=b")], none),
            // No browser, or one that says where a script is from.
            (plain(), &[], all),
            (plain(), &[("cookie", "a=b")], [true, true, false]),
            (plain(), &[("cookie", "a=b"), ("sec-fetch-site", "same-origin")], all),
            (plain(), &[("cookie", "a=b"), ("sec-fetch-site", "none")], all),
            (plain(), &[("cookie", "a=b"), ("sec-fetch-site", "cross-site")], none),
            (plain(), &[("cookie", "a=b"), ("sec-fetch-site", "same-site")], none),
            (plain(), &[("cookie", "a=b"), ("referer", "https://own.example/page")], all),
            (plain(), &[("cookie", "a=b"), ("referer", "https://evil.example/page")], [true, true, false]),
            // A proxy that says another host; the browser knows better.
            (plain(), &[("origin", APP), ("cookie", "a=b"), ("sec-fetch-site", "same-origin")], all),
            (plain(), &[("origin", APP), ("cookie", "a=b"), ("x-forwarded-host", "app.example")], all),
            (plain(), &[("origin", APP), ("cookie", "a=b"), ("x-forwarded-host", "cdn, app.example")], all),
            // CORS names origins.
            (named(), &[("origin", APP)], all),
            (named(), &[("origin", APP), ("cookie", "a=b")], all),
            (named(), &[("origin", "https://own.example"), ("cookie", "a=b")], all),
            (named(), &[("origin", EVIL)], polling),
            (named(), &[("origin", EVIL), ("cookie", "a=b")], none),
            (named(), &[("origin", "null")], polling),
            (named(), &[], [true, true, false]),
            (named(), &[("referer", "https://app.example/page?q")], all),
            (named(), &[("referer", "https://app.example/page"), ("sec-fetch-site", "cross-site")], all),
            (named(), &[("referer", "https://evil.example/"), ("sec-fetch-site", "cross-site")], polling),
            (chosen(), &[("origin", APP), ("cookie", "a=b")], all),
            (chosen(), &[("origin", EVIL)], polling),
            // Browsers send no credentials to those that take any origin; here it is the server that sees to it.
            (plain().cors(Cors::any_origin()), &[("origin", EVIL)], all),
            (plain().cors(Cors::any_origin()), &[("origin", EVIL), ("cookie", "a=b")], none),
            // What is said of origins counts, whatever CORS says.
            (plain().origins([APP]), &[("origin", APP), ("cookie", "a=b")], all),
            (plain().origins([APP]), &[("origin", "https://own.example")], all),
            (plain().origins([APP]), &[("origin", EVIL)], none),
            (plain().origins([APP]), &[("origin", "https://APP.example")], none),
            (plain().origins([APP]), &[("sec-fetch-site", "cross-site")], none),
            (plain().origins(APP).cors(Cors::any_origin()), &[("origin", EVIL)], none),
            (plain().origins(Origins::own()), &[("origin", APP)], none),
            (plain().origins(Origins::own()), &[("origin", "https://own.example")], all),
            (plain().origins(Origins::matching(|origin| origin == APP)), &[("origin", APP)], all),
            (plain().origins(Origins::matching(|origin| origin == APP)), &[("origin", EVIL)], none),
            (plain().origins(Origins::any()), &[("origin", EVIL), ("cookie", "a=b")], all),
            (named().origins(Origins::any()), &[("cookie", "a=b")], all),
            (plain().origins(["null"]), &[("origin", "null"), ("cookie", "a=b")], all),
        ] {
            let headers = [&[("host", "own.example")], headers].concat();
            assert_eq!(admitted(&resource, &headers), expected, "{:?} {headers:?}", resource.origins);
        }
    }

    #[test]
    fn a_certificate_of_the_client_is_a_credential_and_a_page_in_clear_text_is_another_origin() {
        let resource = Resource::socket_io("/socket.io");
        let from = |origin| [("host", "own.example"), ("origin", origin)];
        let admits =
            |parts: Parts| KINDS.map(|(transport, script)| resource.admits(&parts, transport, script));
        assert_eq!(admits(tls(parts(&from(EVIL)), &[])), [true; 3]);
        assert_eq!(admits(tls(parts(&from(EVIL)), &["ada"])), [false; 3]);
        assert_eq!(admits(tls(parts(&from("https://own.example")), &["ada"])), [true; 3]);
        assert_eq!(admits(tls(parts(&from("http://own.example")), &["ada"])), [false; 3]);
        let forwarded = |scheme, origin| {
            parts(&[&from(origin)[..], &[("x-forwarded-proto", scheme), ("cookie", "a=b")]].concat())
        };
        assert_eq!(admits(forwarded("https", "http://own.example")), [false; 3]);
        assert_eq!(admits(forwarded("https", "https://own.example")), [true; 3]);
        assert_eq!(admits(forwarded("http", "http://own.example")), [true; 3]);
    }

    #[test]
    fn the_own_origin_is_known_however_host_and_port_are_written() {
        for (host, origin, is_own) in [
            ("own.example", "https://own.example", true),
            ("own.example:443", "https://own.example", true),
            ("own.example", "https://own.example:443", true),
            ("own.example:80", "http://own.example", true),
            ("own.example:80", "https://own.example", false),
            ("OWN.example:8000", "http://own.EXAMPLE:8000", true),
            ("own.example:8000", "http://own.example", false),
            ("own.example:8000", "http://own.example:80", false),
            ("[::1]:8000", "http://[::1]:8000", true),
            ("[::1]", "http://[::1]", true),
            ("[::1]", "http://[::1]:80", true),
            ("[::1]:8000", "http://[::1]", false),
            ("own.example", "null", false),
            ("own.example", "", false),
            ("own.example", "own.example", false),
            ("own.example", "https://", false),
            ("", "https://own.example", false),
        ] {
            let parts = parts(&[("host", host), ("origin", origin)]);
            assert_eq!(Page::of(&parts, false) == Page::Own, is_own, "{host} {origin}");
        }
        let absolute =
            Request::builder().uri("https://own.example/socket.io/").header("origin", "https://own.example");
        let (parts, ()) = absolute.body(()).unwrap().into_parts();
        assert_eq!(Page::of(&parts, false), Page::Own);
    }
}
