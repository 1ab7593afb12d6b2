//! Why a request is refused, in the words its clients know.

use http::header::{CONNECTION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use serde::Serialize;

use super::body::{HttpBody, response, text};
use crate::polling::Refusal;

/// A refusal with the number that it has in Engine.IO.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    UnknownTransport,
    UnknownSession,
    BadMethod,
    BadRequest,
    /// By the program, which says why.
    Forbidden(String),
    /// A page of another origin, which is not allowed.
    ForeignOrigin,
    UnsupportedVersion,
    /// The server takes no new sessions.
    ShuttingDown,
    /// There are as many connections as there may be.
    TooManyConnections,
}

impl Refused {
    fn code(&self) -> u8 {
        match self {
            Self::UnknownTransport => 0,
            Self::UnknownSession => 1,
            Self::BadMethod => 2,
            Self::BadRequest => 3,
            Self::Forbidden(_) | Self::ForeignOrigin => 4,
            Self::UnsupportedVersion => 5,
            Self::ShuttingDown | Self::TooManyConnections => u8::MAX,
        }
    }

    fn message(&self) -> &str {
        match self {
            Self::UnknownTransport => "Transport unknown",
            Self::UnknownSession => "Session ID unknown",
            Self::BadMethod => "Bad handshake method",
            Self::BadRequest => "Bad request",
            Self::Forbidden(message) if message.is_empty() => "Forbidden",
            Self::Forbidden(message) => message,
            Self::ForeignOrigin => {
                "pages of this origin may not connect: the server names those that may in `.origins(..)` or `.cors(..)`"
            }
            Self::UnsupportedVersion => "Unsupported protocol version",
            Self::ShuttingDown => "the server is shutting down",
            Self::TooManyConnections => "too many connections",
        }
    }

    /// The response to a plain request.
    pub(super) fn response(&self) -> Response<HttpBody> {
        #[derive(Serialize)]
        struct Body<'a> {
            code: u8,
            message: &'a str,
        }
        let status = match self {
            Self::Forbidden(_) | Self::ForeignOrigin => StatusCode::FORBIDDEN,
            Self::ShuttingDown => return text(StatusCode::SERVICE_UNAVAILABLE, self.message()),
            Self::TooManyConnections => {
                let mut response = text(StatusCode::SERVICE_UNAVAILABLE, self.message());
                response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
                return response;
            }
            _ => StatusCode::BAD_REQUEST,
        };
        let body = serde_json::to_vec(&Body { code: self.code(), message: self.message() });
        let mut response = response(status, body.unwrap_or_default());
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }

    /// The response to a request for a WebSocket, after which its connection ends.
    pub(super) fn raw_response(&self) -> Response<HttpBody> {
        if *self == Self::TooManyConnections {
            let mut response = self.response();
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            return response;
        }
        // Not as HTML, as others send it: the text may be the program's.
        let status = match self {
            // RFC 6455, section 4.2.2.
            Self::ForeignOrigin => StatusCode::FORBIDDEN,
            _ => StatusCode::BAD_REQUEST,
        };
        let mut response = text(status, self.message());
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        response
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unknown => Self::UnknownSession,
            Refusal::Overlap | Refusal::Upgraded => Self::BadRequest,
        }
    }
}
