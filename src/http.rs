//! HTTP beside events: CORS, cookies, services of your own, and jidda inside another server.
//!
//! [`Server::http_service`](crate::Server::http_service) is a `tower` service for the types of the crate `http`, which axum
//! and hyper use; [`ServerBuilder::http_fallback`](crate::server::ServerBuilder::http_fallback) takes one.
//!
//! ```
//! use jidda::Server;
//!
//! let page = axum::Router::new().route("/", axum::routing::get(async || "hello"));
//! let builder = Server::builder().listen("127.0.0.1:0").http_fallback(page);
//! # let _ = builder;
//! ```

pub use jidda_runtime::{
    Cookie, Cors, HttpBody, HttpService, Origins, RequestBody, RequestBodyError, SameSite,
};
