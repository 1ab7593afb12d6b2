//! Which pages of other origins may use a resource.

use std::fmt;
use std::time::Duration;

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue};

/// What a browser asks before a page of a public site may use a server in a private network, and what it wants to hear.
const REQUEST_PRIVATE_NETWORK: HeaderName = HeaderName::from_static("access-control-request-private-network");
const ALLOW_PRIVATE_NETWORK: HeaderName = HeaderName::from_static("access-control-allow-private-network");

use super::Origins;

const METHODS: &str = "GET,HEAD,PUT,PATCH,POST,DELETE";

/// Which pages of other origins a browser lets use a resource. Without it none.
///
/// Browsers ask about polling only. Where origins are named here, the server gives the others no WebSocket and no JSONP
/// either: see [`Resource::origins`](crate::Resource::origins).
///
/// ```
/// # use jidda::http::Cors;
/// let cors = Cors::origin("https://example.com").credentials(true);
/// ```
#[derive(Clone)]
#[must_use = "it is given to a resource: `.cors(..)`"]
pub struct Cors {
    origins: Origins,
    methods: String,
    allowed_headers: Option<String>,
    exposed_headers: Option<String>,
    credentials: bool,
    max_age: Option<Duration>,
    private_network: bool,
}

impl fmt::Debug for Cors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cors").field("credentials", &self.credentials).finish_non_exhaustive()
    }
}

fn list(names: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let names: Vec<_> = names.into_iter().map(|name| name.as_ref().to_owned()).collect();
    names.join(",")
}

impl Cors {
    fn new(origins: Origins) -> Self {
        Self {
            origins,
            methods: METHODS.to_owned(),
            allowed_headers: None,
            exposed_headers: None,
            credentials: false,
            max_age: None,
            private_network: false,
        }
    }

    /// Pages of one origin: `https://example.com`, with its port where it has one, without a path.
    pub fn origin(origin: impl Into<String>) -> Self {
        Self::new(Origins::from(origin.into()))
    }

    /// Pages of several origins.
    pub fn origins(origins: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self::new(origins.into_iter().collect())
    }

    /// Pages of the origins that `is_allowed` is true of.
    pub fn origin_if(is_allowed: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Self::new(Origins::matching(is_allowed))
    }

    /// Pages of all origins. Browsers send them no credentials.
    pub fn any_origin() -> Self {
        Self::new(Origins::any())
    }

    /// Whether browsers send cookies along. Default: no.
    pub fn credentials(mut self, credentials: bool) -> Self {
        self.credentials = credentials;
        self
    }

    /// The methods that a preflight allows. Default: GET, HEAD, PUT, PATCH, POST and DELETE.
    pub fn methods(mut self, methods: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        self.methods = list(methods);
        self
    }

    /// The headers that may be sent. Default: those that a preflight asks for.
    pub fn allowed_headers(mut self, names: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        self.allowed_headers = Some(list(names));
        self
    }

    /// The headers of responses that a page may read.
    pub fn exposed_headers(mut self, names: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        self.exposed_headers = Some(list(names));
        self
    }

    /// How long a browser may keep the answer to a preflight.
    pub fn max_age(mut self, max_age: Duration) -> Self {
        self.max_age = Some(max_age);
        self
    }

    /// The origins that it is for.
    pub(super) fn named(&self) -> &Origins {
        &self.origins
    }

    /// Whether pages of public sites may use a server in a private network or on the browser's own machine: Chrome's
    /// *Private Network Access*. The preflight is answered with `Access-Control-Allow-Private-Network: true`, to the
    /// origins that are allowed otherwise. Default: no.
    ///
    /// ```
    /// # use jidda::http::Cors;
    /// let cors = Cors::origin("https://app.example").allow_private_network(true);
    /// ```
    pub fn allow_private_network(mut self, allowed: bool) -> Self {
        self.private_network = allowed;
        self
    }

    /// What is wrong with it.
    pub(super) fn problem(&self) -> Option<String> {
        if self.credentials && self.origins.is_any() {
            return Some(
                "browsers send no credentials to a server that takes any origin: name the origins".into(),
            );
        }
        if let Some(problem) = self.origins.problem() {
            return Some(problem);
        }
        let lists = [Some(&self.methods), self.allowed_headers.as_ref(), self.exposed_headers.as_ref()];
        let bad = lists.into_iter().flatten().find(|list| HeaderValue::from_str(list).is_err());
        bad.map(|list| format!("`{list}` cannot be the value of a header"))
    }

    /// Adds what a browser has to know to the response to a request with these headers.
    pub(super) fn apply(&self, is_preflight: bool, request: &HeaderMap, response: &mut HeaderMap) {
        let text = |text: &str| HeaderValue::from_str(text).ok();
        let mut set = |name, value: Option<HeaderValue>| {
            if let Some(value) = value {
                response.insert(name, value);
            }
        };
        let origin = request.get(ORIGIN);
        let is_allowed = origin.is_some_and(|origin| {
            self.origins.is_any() || origin.to_str().is_ok_and(|origin| self.origins.allow(origin))
        });
        let mut vary = Vec::new();
        if self.origins.is_any() {
            set(ACCESS_CONTROL_ALLOW_ORIGIN, Some(HeaderValue::from_static("*")));
        } else {
            set(ACCESS_CONTROL_ALLOW_ORIGIN, origin.filter(|_| is_allowed).cloned());
            vary.push("Origin");
        }
        if self.credentials {
            set(ACCESS_CONTROL_ALLOW_CREDENTIALS, Some(HeaderValue::from_static("true")));
        }
        set(ACCESS_CONTROL_EXPOSE_HEADERS, self.exposed_headers.as_deref().and_then(text));
        if is_preflight {
            set(ACCESS_CONTROL_ALLOW_METHODS, text(&self.methods));
            match &self.allowed_headers {
                Some(names) => set(ACCESS_CONTROL_ALLOW_HEADERS, text(names)),
                None => {
                    set(ACCESS_CONTROL_ALLOW_HEADERS, request.get(ACCESS_CONTROL_REQUEST_HEADERS).cloned());
                    vary.push("Access-Control-Request-Headers");
                }
            }
            let seconds = self.max_age.map(|max_age| HeaderValue::from(max_age.as_secs()));
            set(ACCESS_CONTROL_MAX_AGE, seconds);
            let is_asked = request.get(REQUEST_PRIVATE_NETWORK).is_some_and(|value| value == "true");
            if self.private_network && is_asked && is_allowed {
                set(ALLOW_PRIVATE_NETWORK, Some(HeaderValue::from_static("true")));
            }
        }
        if let Some(vary) = text(&vary.join(", ")).filter(|vary| !vary.is_empty()) {
            response.append(VARY, vary);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn applied(cors: &Cors, is_preflight: bool, request: &[(&'static str, &str)]) -> Vec<String> {
        let mut response = HeaderMap::new();
        cors.apply(is_preflight, &headers(request), &mut response);
        response.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect()
    }

    const A: &str = "https://a.example";

    #[test]
    fn an_origin_that_is_named_is_sent_back() {
        let cors = Cors::origins([A, "https://b.example:8080"]);
        assert_eq!(
            applied(&cors, false, &[("origin", "https://b.example:8080")]),
            ["access-control-allow-origin: https://b.example:8080", "vary: Origin"]
        );
        for other in ["https://c.example", "https://b.example", "null", "https://a.example.evil"] {
            assert_eq!(applied(&cors, false, &[("origin", other)]), ["vary: Origin"]);
        }
        assert_eq!(applied(&cors, false, &[]), ["vary: Origin"]);
    }

    #[test]
    fn a_function_may_choose() {
        let cors = Cors::origin_if(|origin| origin.ends_with(".example")).credentials(true);
        assert_eq!(
            applied(&cors, false, &[("origin", A)]),
            [
                "access-control-allow-origin: https://a.example",
                "access-control-allow-credentials: true",
                "vary: Origin"
            ]
        );
        assert_eq!(
            applied(&cors, false, &[("origin", "https://a.test")]),
            ["access-control-allow-credentials: true", "vary: Origin"]
        );
    }

    #[test]
    fn a_preflight_is_told_more() {
        let cors = Cors::any_origin().max_age(Duration::from_secs(60)).exposed_headers(["x-a", "x-b"]);
        assert_eq!(
            applied(&cors, true, &[("origin", A), ("access-control-request-headers", "x-c, x-d")]),
            [
                "access-control-allow-origin: *",
                "access-control-expose-headers: x-a,x-b",
                "access-control-allow-methods: GET,HEAD,PUT,PATCH,POST,DELETE",
                "access-control-allow-headers: x-c, x-d",
                "access-control-max-age: 60",
                "vary: Access-Control-Request-Headers"
            ]
        );
        let cors = Cors::origin(A).methods(["GET", "POST"]).allowed_headers(["x-e"]);
        assert_eq!(
            applied(&cors, true, &[("origin", A), ("access-control-request-headers", "x-c")]),
            [
                "access-control-allow-origin: https://a.example",
                "access-control-allow-methods: GET,POST",
                "access-control-allow-headers: x-e",
                "vary: Origin"
            ]
        );
    }

    #[test]
    fn a_private_network_is_open_to_those_that_the_program_named() {
        let asks = ("access-control-request-private-network", "true");
        let is_open = |cors: &Cors, is_preflight, request: &[(&'static str, &str)]| {
            applied(cors, is_preflight, request)
                .contains(&"access-control-allow-private-network: true".into())
        };
        let cors = Cors::origin(A).allow_private_network(true);
        assert!(is_open(&cors, true, &[("origin", A), asks]));
        assert!(is_open(&Cors::any_origin().allow_private_network(true), true, &[("origin", A), asks]));
        let other = ("origin", "https://b.example");
        for (cors, is_preflight, request) in [
            (&Cors::origin(A), true, &[("origin", A), asks][..]),
            (&cors, true, &[other, asks]),
            (&cors, true, &[asks]),
            (&cors, true, &[("origin", A)]),
            (&cors, true, &[("origin", A), (asks.0, "false")]),
            (&cors, false, &[("origin", A), asks]),
        ] {
            assert!(!is_open(cors, is_preflight, request), "{is_preflight} {request:?}");
        }
    }

    #[test]
    fn what_browsers_would_not_understand_is_refused() {
        assert!(Cors::any_origin().credentials(true).problem().unwrap().contains("name the origins"));
        for origin in ["example.com", "*", "https://", "https://a.example/", "https://a, https://b", "://a"] {
            assert!(Cors::origin(origin).problem().is_some_and(|text| text.contains(origin)), "{origin}");
        }
        assert!(Cors::origin(A).allowed_headers(["a\nb"]).problem().is_some());
        assert_eq!(Cors::origins([A, "null"]).credentials(true).problem(), None);
    }
}
