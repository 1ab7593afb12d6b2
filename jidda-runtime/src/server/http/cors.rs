//! Which pages of other origins may use a resource: the settings, and the headers, which are those of `tower-http`.

use std::convert::Infallible;
use std::fmt;
use std::future::{Ready, ready};
use std::sync::OnceLock;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt;
use http::header::{ACCESS_CONTROL_REQUEST_HEADERS, ORIGIN};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response};
use tower_http::cors::{self, AllowHeaders, AllowOrigin, AllowPrivateNetwork, CorsLayer, Vary};
use tower_layer::Layer;
use tower_service::Service;

use super::origins::Origins;

const METHODS: [Method; 6] =
    [Method::GET, Method::HEAD, Method::PUT, Method::PATCH, Method::POST, Method::DELETE];

/// The pages of other origins that a browser allows to use a resource. By default there are none.
///
/// Browsers apply CORS only to polling. If origins are given here, the server refuses WebSockets and JSONP of other
/// origins as well: see [`Resource::origins`](crate::Resource::origins).
///
/// ```
/// # use jidda::http::Cors;
/// let cors = Cors::origin("https://example.com").credentials(true);
/// ```
#[derive(Clone)]
#[must_use = "it is given to a resource: `.cors(..)`"]
pub struct Cors {
    origins: Origins,
    methods: Vec<Method>,
    allowed_headers: Option<Vec<HeaderName>>,
    exposed_headers: Vec<HeaderName>,
    credentials: bool,
    max_age: Option<Duration>,
    private_network: bool,
    /// Texts that were given as methods or header names and are invalid.
    invalid: Vec<String>,
    /// Made of the settings when the first request needs it.
    answers: OnceLock<Answers>,
}

/// Answers with nothing but the headers: to preflights, and to all other requests.
#[derive(Clone)]
struct Answers {
    preflight: cors::Cors<Nothing>,
    other: cors::Cors<Nothing>,
}

/// An empty response.
#[derive(Clone)]
struct Nothing;

impl Service<Request<()>> for Nothing {
    type Response = Response<()>;
    type Error = Infallible;
    type Future = Ready<Result<Response<()>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        ready(Ok(Response::new(())))
    }
}

impl fmt::Debug for Cors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cors").field("credentials", &self.credentials).finish_non_exhaustive()
    }
}

impl Cors {
    fn new(origins: Origins) -> Self {
        Self {
            origins,
            methods: METHODS.to_vec(),
            allowed_headers: None,
            exposed_headers: Vec::new(),
            credentials: false,
            max_age: None,
            private_network: false,
            invalid: Vec::new(),
            answers: OnceLock::new(),
        }
    }

    /// Allows pages of one origin: `https://example.com`, with its port if it has one, without a path.
    pub fn origin(origin: impl Into<String>) -> Self {
        Self::new(Origins::from(origin.into()))
    }

    /// Allows pages of several origins.
    pub fn origins(origins: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self::new(origins.into_iter().collect())
    }

    /// Allows pages of the origins for which `is_allowed` returns `true`.
    pub fn origin_if(is_allowed: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Self::new(Origins::matching(is_allowed))
    }

    /// Allows pages of all origins. Browsers then send no credentials.
    pub fn any_origin() -> Self {
        Self::new(Origins::any())
    }

    /// Sets whether browsers send cookies with the requests. Default: no.
    pub fn credentials(mut self, credentials: bool) -> Self {
        self.credentials = credentials;
        self
    }

    /// Sets the methods that a preflight allows. Default: GET, HEAD, PUT, PATCH, POST and DELETE.
    pub fn methods(mut self, methods: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        self.methods = self.parsed(methods);
        self
    }

    /// Sets the headers that may be sent. Default: those that a preflight requests.
    pub fn allowed_headers(mut self, names: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        self.allowed_headers = Some(self.parsed(names));
        self
    }

    /// Sets the headers of responses that a page may read.
    pub fn exposed_headers(mut self, names: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        self.exposed_headers = self.parsed(names);
        self
    }

    /// Sets how long a browser may cache the response to a preflight.
    pub fn max_age(mut self, max_age: Duration) -> Self {
        self.max_age = Some(max_age);
        self
    }

    /// The origins that it is for.
    pub(super) fn named(&self) -> &Origins {
        &self.origins
    }

    /// Sets whether pages of public sites may use a server in a private network or on the browser's own machine:
    /// Chrome's
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
        let invalid = self.invalid.first()?;
        Some(format!("`{invalid}` is neither a method nor the name of a header"))
    }

    /// Reads methods or names of headers; what is none is kept for [`problem`](Self::problem).
    fn parsed<T: std::str::FromStr>(&mut self, texts: impl IntoIterator<Item = impl AsRef<str>>) -> Vec<T> {
        let mut parsed = Vec::new();
        for text in texts {
            match text.as_ref().parse() {
                Ok(value) => parsed.push(value),
                Err(_) => self.invalid.push(text.as_ref().to_owned()),
            }
        }
        parsed
    }

    fn answers(&self) -> Answers {
        let origins = self.origins.clone();
        let allows = move |origin: &HeaderValue| {
            origins.is_any() || origin.to_str().is_ok_and(|origin| origins.allow(origin))
        };
        let mut vary = Vec::new();
        let mut both = CorsLayer::new().allow_credentials(self.credentials);
        if self.origins.is_any() {
            both = both.allow_origin(AllowOrigin::any());
        } else {
            let allows = allows.clone();
            both = both.allow_origin(AllowOrigin::predicate(move |origin, _| allows(origin)));
            vary.push(ORIGIN);
        }
        let other = both.clone().vary(Vary::list(vary.clone())).expose_headers(self.exposed_headers.clone());
        let mut preflight = both.allow_methods(self.methods.clone());
        preflight = match &self.allowed_headers {
            Some(names) => preflight.allow_headers(names.clone()),
            None => {
                vary.push(ACCESS_CONTROL_REQUEST_HEADERS);
                preflight.allow_headers(AllowHeaders::mirror_request())
            }
        };
        if let Some(max_age) = self.max_age {
            preflight = preflight.max_age(max_age);
        }
        if self.private_network {
            let allows = AllowPrivateNetwork::predicate(move |origin, _| allows(origin));
            preflight = preflight.allow_private_network(allows);
        }
        Answers { preflight: preflight.vary(Vary::list(vary)).layer(Nothing), other: other.layer(Nothing) }
    }

    /// Adds the headers that a browser needs to the response to a request with these headers.
    pub(super) fn apply(&self, is_preflight: bool, request: &HeaderMap, response: &mut HeaderMap) {
        let answers = self.answers.get_or_init(|| self.answers());
        let (answer, method) =
            if is_preflight { (&answers.preflight, Method::OPTIONS) } else { (&answers.other, Method::GET) };
        let mut question = Request::new(());
        *question.method_mut() = method;
        *question.headers_mut() = request.clone();
        // It waits for nothing.
        if let Some(Ok(answer)) = answer.clone().call(question).now_or_never() {
            for (name, value) in answer.headers() {
                response.append(name, value.clone());
            }
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
        let mut headers: Vec<_> =
            response.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        headers.sort();
        headers
    }

    const A: &str = "https://a.example";

    #[test]
    fn an_origin_that_is_named_is_sent_back() {
        let cors = Cors::origins([A, "https://b.example:8080"]);
        assert_eq!(
            applied(&cors, false, &[("origin", "https://b.example:8080")]),
            ["access-control-allow-origin: https://b.example:8080", "vary: origin"]
        );
        for other in ["https://c.example", "https://b.example", "null", "https://a.example.evil"] {
            assert_eq!(applied(&cors, false, &[("origin", other)]), ["vary: origin"]);
        }
        assert_eq!(applied(&cors, false, &[]), ["vary: origin"]);
    }

    #[test]
    fn a_function_may_choose() {
        let cors = Cors::origin_if(|origin| origin.ends_with(".example")).credentials(true);
        assert_eq!(
            applied(&cors, false, &[("origin", A)]),
            [
                "access-control-allow-credentials: true",
                "access-control-allow-origin: https://a.example",
                "vary: origin"
            ]
        );
        assert_eq!(
            applied(&cors, false, &[("origin", "https://a.test")]),
            ["access-control-allow-credentials: true", "vary: origin"]
        );
    }

    #[test]
    fn a_preflight_gets_more_headers() {
        let cors = Cors::any_origin().max_age(Duration::from_secs(60)).exposed_headers(["x-a", "x-b"]);
        assert_eq!(
            applied(&cors, true, &[("origin", A), ("access-control-request-headers", "x-c, x-d")]),
            [
                "access-control-allow-headers: x-c, x-d",
                "access-control-allow-methods: GET,HEAD,PUT,PATCH,POST,DELETE",
                "access-control-allow-origin: *",
                "access-control-max-age: 60",
                "vary: access-control-request-headers"
            ]
        );
        assert_eq!(
            applied(&cors, false, &[("origin", A)]),
            ["access-control-allow-origin: *", "access-control-expose-headers: x-a,x-b"]
        );
        let cors = Cors::origin(A).methods(["GET", "POST"]).allowed_headers(["x-e"]);
        assert_eq!(
            applied(&cors, true, &[("origin", A), ("access-control-request-headers", "x-c")]),
            [
                "access-control-allow-headers: x-e",
                "access-control-allow-methods: GET,POST",
                "access-control-allow-origin: https://a.example",
                "vary: origin"
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
