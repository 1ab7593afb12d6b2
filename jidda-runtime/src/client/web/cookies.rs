//! The cookies that a server sets, by which a load balancer finds the same server again.
//!
//! Each goes back to the host that set it only, whatever other hosts it names.

use std::time::{Duration, SystemTime};

use cookie::Cookie;
use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderValue, Uri, uri::Scheme};

/// How many are kept: what a browser has room for, at least.
const MOST: usize = 50;
/// The most bytes of one, name and value: what a browser keeps.
const SIZE: usize = 4096;

/// The cookies of one connection.
#[derive(Debug, Default)]
pub(super) struct Cookies {
    /// The oldest first.
    kept: Vec<Kept>,
}

struct Kept {
    host: Box<str>,
    name: Box<str>,
    value: Box<str>,
    path: Box<str>,
    is_secure: bool,
    expires: Option<SystemTime>,
}

/// Without the value: it is a secret.
impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kept").field("host", &self.host).field("name", &self.name).finish_non_exhaustive()
    }
}

impl Cookies {
    /// Keeps those of a response to a request for `uri`.
    pub(super) fn store(&mut self, uri: &Uri, headers: &HeaderMap, now: SystemTime) {
        for header in headers.get_all(SET_COOKIE) {
            let cookie = header.to_str().ok().and_then(|text| Cookie::parse(text).ok());
            if let Some(cookie) = cookie {
                self.take(uri, &cookie, now);
            }
        }
    }

    fn take(&mut self, uri: &Uri, cookie: &Cookie<'_>, now: SystemTime) {
        let host = uri.host().unwrap_or_default().to_ascii_lowercase();
        let is_ours = cookie.domain().is_none_or(|domain| {
            let domain = domain.trim_start_matches('.').to_ascii_lowercase();
            host == domain || host.strip_suffix(&*domain).is_some_and(|front| front.ends_with('.'))
        });
        if !is_ours || cookie.name().is_empty() || cookie.name().len() + cookie.value().len() > SIZE {
            return;
        }
        let path =
            cookie.path().filter(|path| path.starts_with('/')).unwrap_or_else(|| directory(uri.path()));
        self.kept.retain(|kept| *kept.host != *host || &*kept.name != cookie.name() || &*kept.path != path);
        let age = cookie.max_age().map(|age| Duration::try_from(age).unwrap_or_default());
        let expires = match age {
            Some(age) => now.checked_add(age),
            None => cookie.expires_datetime().map(SystemTime::from),
        };
        if expires.is_some_and(|end| end <= now) {
            return;
        }
        if self.kept.len() == MOST {
            self.kept.remove(0);
        }
        self.kept.push(Kept {
            path: path.into(),
            host: host.into(),
            name: cookie.name().into(),
            value: cookie.value().into(),
            is_secure: cookie.secure() == Some(true),
            expires,
        });
    }

    /// The header for a request for `uri`.
    pub(super) fn header(&mut self, uri: &Uri, now: SystemTime) -> Option<HeaderValue> {
        self.kept.retain(|kept| kept.expires.is_none_or(|end| end > now));
        let host = uri.host().unwrap_or_default();
        let is_secure = uri.scheme() == Some(&Scheme::HTTPS);
        let mut pairs = Vec::new();
        for kept in &self.kept {
            if kept.host.eq_ignore_ascii_case(host)
                && is_within(uri.path(), &kept.path)
                && (is_secure || !kept.is_secure)
            {
                pairs.push(format!("{}={}", kept.name, kept.value));
            }
        }
        let mut header =
            (!pairs.is_empty()).then(|| HeaderValue::try_from(pairs.join("; ")).ok()).flatten()?;
        header.set_sensitive(true);
        Some(header)
    }
}

/// What a cookie without a path is for.
fn directory(path: &str) -> &str {
    match path.rfind('/') {
        Some(0) | None => "/",
        Some(end) => &path[..end],
    }
}

/// RFC 6265, section 5.1.4.
fn is_within(path: &str, directory: &str) -> bool {
    path.strip_prefix(directory)
        .is_some_and(|rest| rest.is_empty() || directory.ends_with('/') || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(cookies: &[&str]) -> HeaderMap {
        cookies.iter().map(|cookie| (SET_COOKIE, cookie.parse().unwrap())).collect()
    }

    fn sent(cookies: &mut Cookies, uri: &str, now: SystemTime) -> Option<String> {
        let header = cookies.header(&uri.parse().unwrap(), now)?;
        Some(header.to_str().unwrap().to_owned())
    }

    #[test]
    fn each_goes_back_where_it_is_for() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let uri: Uri = "http://a.example/socket.io/?EIO=4".parse().unwrap();
        let mut cookies = Cookies::default();
        cookies.store(
            &uri,
            &response(&[
                "lb=1; Path=/",
                "own=2",
                "deep=3; Path=/socket.io/x",
                "safe=4; Path=/; Secure",
                "wide=5; Path=/; Domain=.example",
                "foreign=6; Path=/; Domain=b.example",
                "old=7; Path=/; Max-Age=0",
                "past=8; Path=/; Expires=Wed, 21 Oct 2015 07:28:00 GMT",
                "short=9; Path=/; Max-Age=60",
                "no cookie at all",
                "lb=10; Path=/",
            ]),
            now,
        );
        let sent =
            |cookies: &mut Cookies, uri, seconds| sent(cookies, uri, now + Duration::from_secs(seconds));
        assert_eq!(
            sent(&mut cookies, "http://a.example/socket.io/", 0).unwrap(),
            "own=2; wide=5; short=9; lb=10"
        );
        assert_eq!(sent(&mut cookies, "https://A.example/", 0).unwrap(), "safe=4; wide=5; short=9; lb=10");
        assert_eq!(sent(&mut cookies, "http://a.example/socket.iox", 61).unwrap(), "wide=5; lb=10");
        assert_eq!(sent(&mut cookies, "http://b.a.example/", 0), None);
    }

    #[test]
    fn they_are_bounded() {
        let (uri, now) = ("http://a/".parse().unwrap(), SystemTime::UNIX_EPOCH);
        let mut cookies = Cookies::default();
        for number in 0..1000 {
            cookies.store(&uri, &response(&[&format!("c{number}=1")]), now);
        }
        cookies.store(&uri, &response(&[&format!("large={}", "x".repeat(SIZE))]), now);
        let header = sent(&mut cookies, "http://a/", now).unwrap();
        assert_eq!(header.split("; ").count(), MOST);
        assert!(header.starts_with("c950=1; ") && header.ends_with("c999=1"), "{header}");
    }
}
