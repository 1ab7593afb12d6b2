//! Sets of origins.

use std::fmt;
use std::sync::Arc;

/// Pages of which other origins may use a resource: see `Resource::origins`.
///
/// An origin is written as browsers send it: `https://example.com`, with its port where it has one, without a path. A
/// list or a single text becomes one by itself.
#[derive(Clone)]
pub struct Origins(Kind);

#[derive(Clone)]
enum Kind {
    Any,
    List(Vec<String>),
    If(Arc<dyn Fn(&str) -> bool + Send + Sync>),
}

impl fmt::Debug for Origins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Any => f.write_str("any"),
            Kind::List(origins) => origins.fmt(f),
            Kind::If(_) => f.write_str("(chosen by a function)"),
        }
    }
}

impl Origins {
    /// Allows all pages, also with the user's cookies. The program has to check by other means that the user wants a
    /// request, for example by a token in the auth value.
    pub fn any() -> Self {
        Self(Kind::Any)
    }

    /// Allows only pages of the server's own origin.
    pub fn own() -> Self {
        Self(Kind::List(Vec::new()))
    }

    /// Pages of the origins that `is_allowed` is true of. It must not block; where it panics, the page is refused.
    pub fn matching(is_allowed: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Self(Kind::If(Arc::new(is_allowed)))
    }

    pub(super) fn is_any(&self) -> bool {
        matches!(self.0, Kind::Any)
    }

    /// Those that were listed.
    pub(super) fn listed(&self) -> &[String] {
        if let Kind::List(origins) = &self.0 { origins } else { &[] }
    }

    /// Whether pages of this origin are allowed. It may call a closure of the program, which may panic.
    pub(super) fn allow(&self, origin: &str) -> bool {
        match &self.0 {
            Kind::Any => true,
            Kind::List(origins) => origins.iter().any(|other| other == origin),
            Kind::If(is_allowed) => is_allowed(origin),
        }
    }

    /// Whether a page is allowed whose origin the browser may have left out.
    pub(super) fn allow_page(&self, origin: Option<&str>) -> bool {
        self.is_any() || origin.is_some_and(|origin| self.allow(origin))
    }

    /// What is wrong with it.
    pub(super) fn problem(&self) -> Option<String> {
        let origin = self.listed().iter().find(|origin| !is_origin(origin))?;
        Some(format!("`{origin}` is no origin: write it as https://example.com:8080"))
    }
}

impl<T: Into<String>> FromIterator<T> for Origins {
    fn from_iter<I: IntoIterator<Item = T>>(origins: I) -> Self {
        Self(Kind::List(origins.into_iter().map(Into::into).collect()))
    }
}

impl From<&str> for Origins {
    fn from(origin: &str) -> Self {
        Self::from_iter([origin])
    }
}

impl From<String> for Origins {
    fn from(origin: String) -> Self {
        Self::from_iter([origin])
    }
}

impl<T: Into<String>, const COUNT: usize> From<[T; COUNT]> for Origins {
    fn from(origins: [T; COUNT]) -> Self {
        Self::from_iter(origins)
    }
}

impl<T: Into<String>> From<Vec<T>> for Origins {
    fn from(origins: Vec<T>) -> Self {
        Self::from_iter(origins)
    }
}

/// Whether a text is what browsers send as an origin.
fn is_origin(text: &str) -> bool {
    let Some((scheme, authority)) = text.split_once("://") else { return text == "null" };
    let is_clean = !authority.is_empty() && authority.bytes().all(|byte| byte.is_ascii_graphic());
    !scheme.is_empty() && is_clean && !authority.contains(['/', '?', '#', ','])
}

#[cfg(test)]
mod tests {
    use super::*;

    const APP: &str = "https://app.example";

    #[test]
    fn what_is_no_origin_is_refused_at_start() {
        for origin in ["example.com", "*", "https://", "https://a.example/", "https://a, https://b", "://a"] {
            assert!(Origins::from(origin).problem().is_some_and(|text| text.contains(origin)), "{origin}");
        }
        assert_eq!(Origins::from(vec![APP, "null"]).problem(), None);
        assert_eq!(Origins::any().problem(), None);
    }
}
