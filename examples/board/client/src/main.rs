//! `cargo run -p board-client ADDRESS USER PASSWORD BOARD list|add TITLE|done NUMBER|watch`

use anyhow::bail;
use board_client::Command;
use tokio::sync::mpsc::unbounded_channel;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [address, user, password, board, command @ ..] = &*arguments else {
        bail!("usage: board-client ADDRESS USER PASSWORD BOARD list|add TITLE|done NUMBER|watch");
    };
    let command = Command::parse(command)?;
    let (sender, mut lines) = unbounded_channel();
    let is_watching = command == Command::Watch;
    let client = board_client::connect(address, user, password, sender.clone()).await?;
    // What others do is of interest to those who watch.
    let (own, mut results) = unbounded_channel();
    let mut run = std::pin::pin!(board_client::run(&client, board, command, &own));
    let ended = loop {
        tokio::select! {
            ended = &mut run => break ended,
            Some(line) = results.recv() => println!("{line}"),
            Some(line) = lines.recv() => if is_watching { println!("{line}") },
            _ = tokio::signal::ctrl_c() => break Ok(()),
        }
    };
    while let Ok(line) = results.try_recv() {
        println!("{line}");
    }
    client.disconnect().await;
    ended
}
