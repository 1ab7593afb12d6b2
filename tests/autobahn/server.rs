//! What Autobahn's test suite talks to: whatever comes goes back.

use jidda::payload::Value;
use jidda::prelude::*;
use jidda::socketio::Resource;

#[on("message")]
async fn echo(socket: &Socket, message: Value) -> jidda::Result<()> {
    Ok(socket.emit("message", &message).await?)
}

fn main() -> Result<(), jidda::StartError> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:0".to_owned());
    // The largest message of the suite has 16 MiB.
    let server = Server::builder().max_message(20 << 20).max_outbox(64 << 20);
    server.listen(address).resource(Resource::raw("/engine.io/")).run()
}
