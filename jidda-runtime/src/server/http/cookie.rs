//! The cookie by which a load balancer recognizes a client's session.
//!
//! By hand: the crate `cookie` writes the attributes, checks none of them and needs `time` for that.

use std::time::Duration;

use http::HeaderValue;

/// When a browser sends the cookie along with requests that begin on other sites.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SameSite {
    /// Never.
    Strict,
    /// When a link is followed.
    Lax,
    /// Always; browsers want it secure, too.
    None,
}

/// A cookie with a session's id, for load balancers: each of the session's requests has to reach the same server.
/// It is set on the first polling response only.
///
/// ```
/// # use jidda::http::Cookie;
/// let cookie = Cookie::new("io").secure(true);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "it is given to a resource: `.cookie(..)`"]
pub struct Cookie {
    name: String,
    path: Option<String>,
    domain: Option<String>,
    max_age: Option<Duration>,
    http_only: bool,
    secure: bool,
    same_site: Option<SameSite>,
}

impl Cookie {
    /// A cookie of this name, for the whole site, that scripts cannot read: `Path=/; HttpOnly; SameSite=Lax`.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            path: Some("/".to_owned()),
            domain: None,
            max_age: None,
            http_only: true,
            secure: false,
            same_site: Some(SameSite::Lax),
        }
    }

    /// The paths it is sent to. Default: `/`.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// The domain it is sent to, with those below it. Default: the server's own.
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.domain = Some(domain.into());
        self
    }

    /// How long it is kept. Default: as long as the browser runs.
    pub fn max_age(mut self, max_age: Duration) -> Self {
        self.max_age = Some(max_age);
        self
    }

    /// Whether scripts cannot read it. Default: yes.
    pub fn http_only(mut self, http_only: bool) -> Self {
        self.http_only = http_only;
        self
    }

    /// Whether it is sent over HTTPS only. Default: no.
    pub fn secure(mut self, secure: bool) -> Self {
        self.secure = secure;
        self
    }

    /// When it is sent with requests from other sites. Default: [`SameSite::Lax`].
    pub fn same_site(mut self, same_site: SameSite) -> Self {
        self.same_site = Some(same_site);
        self
    }

    /// What is wrong with it.
    pub(super) fn problem(&self) -> Option<String> {
        let is_token = |byte: u8| byte.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?={}".contains(&byte);
        if self.name.is_empty() || !self.name.bytes().all(is_token) {
            return Some(format!("`{}` cannot be the name of a cookie", self.name));
        }
        let is_clean =
            |text: &&String| text.bytes().all(|byte| (b' '..=b'~').contains(&byte) && byte != b';');
        let attributes = [self.path.as_ref(), self.domain.as_ref()];
        let bad = attributes.into_iter().flatten().find(|text| !is_clean(text));
        bad.map(|text| format!("`{text}` cannot be an attribute of a cookie"))
    }

    /// The header's value for a session.
    pub(super) fn value(&self, session: &str) -> Option<HeaderValue> {
        let attribute = |name, value: &Option<String>| Some(format!("; {name}={}", value.as_ref()?));
        let flag = |name, is_set: bool| is_set.then(|| format!("; {name}"));
        let attributes = [
            self.max_age.map(|max_age| format!("; Max-Age={}", max_age.as_secs())),
            attribute("Domain", &self.domain),
            attribute("Path", &self.path),
            flag("HttpOnly", self.http_only),
            flag("Secure", self.secure),
            self.same_site.map(|same_site| format!("; SameSite={same_site:?}")),
        ];
        let text: String = attributes.into_iter().flatten().collect();
        HeaderValue::try_from(format!("{}={session}{text}", self.name)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_written_as_browsers_read_it() {
        assert_eq!(Cookie::new("io").value("abc").unwrap(), "io=abc; Path=/; HttpOnly; SameSite=Lax");
        let full = Cookie::new("s")
            .path("/socket.io/")
            .domain("example.com")
            .max_age(Duration::from_secs(3600))
            .http_only(false)
            .secure(true)
            .same_site(SameSite::None);
        assert_eq!(
            full.value("abc").unwrap(),
            "s=abc; Max-Age=3600; Domain=example.com; Path=/socket.io/; Secure; SameSite=None"
        );
    }

    #[test]
    fn what_would_break_the_header_is_refused() {
        for name in ["", "a b", "a=b", "a;b", "a\nb"] {
            assert!(Cookie::new(name).problem().is_some(), "{name:?}");
        }
        assert!(Cookie::new("io").path("/;x").problem().is_some());
        assert!(Cookie::new("io").domain("a\r\nb").problem().is_some());
        assert_eq!(Cookie::new("io").domain("a.b").problem(), None);
    }
}
