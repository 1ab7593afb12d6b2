//! `cargo run -p board-server 127.0.0.1:8000`

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8000".to_owned());
    // Of this run only: no token outlives the server.
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(|error| anyhow::anyhow!("no random numbers: {error}"))?;
    board_server::build(&address, secret)?.serve().await?;
    Ok(())
}
