//! The server of the boards: HTTP by axum and realtime by jidda, on one port.

mod boards;
mod http;
mod tokens;

pub use boards::Boards;
use jidda::Server;
pub use tokens::Tokens;

/// Makes a server that does not listen yet; `listen` or `serve` starts it.
///
/// # Errors
///
/// What is wrong with the secret or the address.
pub fn build(address: &str, secret: [u8; 32]) -> anyhow::Result<Server> {
    let boards = Boards::default();
    let tokens = Tokens::new(secret);
    let server = Server::builder()
        .listen(address)
        .authenticator(tokens.authenticator()?)
        .allow_anonymous()
        .service(boards.clone())
        .service(tokens)
        .health("/healthz", "/readyz")
        .build()?;
    // Native clients, browsers and HTTP share the port: what is none of jidda's goes to axum.
    server.http_fallback(http::router(&server, boards));
    Ok(server)
}
