//! Node's client, which is `../../node/client.js`.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::process::Command;

pub(super) async fn call(address: &str, in_flight: usize, span: Duration) -> Result<u64> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../node");
    if !folder.join("node_modules/socket.io-client").exists() {
        let installed =
            Command::new("npm").args(["install", "--silent"]).current_dir(&folder).status().await?;
        ensure!(installed.success(), "npm cannot install socket.io-client");
    }
    let output = Command::new("node")
        .arg(folder.join("client.js"))
        .args([address, &span.as_millis().to_string()])
        .args([super::CONNECTIONS.to_string(), in_flight.to_string()])
        .stderr(Stdio::inherit())
        .output()
        .await?;
    ensure!(output.status.success(), "Node's client failed");
    String::from_utf8(output.stdout)?.trim().parse().context("it prints a number")
}
