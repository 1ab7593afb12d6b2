//! What was measured, and what it was built with.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::peer::node;

/// The lock file of this very build, which knows the versions of the peers.
const LOCK: &str = include_str!("../Cargo.lock");

/// Those that matter.
const PACKAGES: [&str; 9] =
    ["jidda", "tokio", "tarpc", "jsonrpsee", "tonic", "socketioxide", "axum", "tokio-tungstenite", "rustls"];

/// The versions of the compiler and of all servers, Node's if it is there.
pub fn all() -> Result<Vec<String>> {
    let mut versions = vec![rustc()?];
    versions.extend(PACKAGES.into_iter().filter_map(|package| version(LOCK, package)));
    versions.extend(node::versions().ok().map(ToOwned::to_owned));
    Ok(versions)
}

/// A package and its version, if it is in the lock file.
fn version(lock: &str, package: &str) -> Option<String> {
    let (_, rest) = lock.split_once(&format!("name = \"{package}\"\nversion = \""))?;
    let (version, _) = rest.split_once('"')?;
    Some(format!("{package} {version}"))
}

/// The compiler, without its commit.
fn rustc() -> Result<String> {
    let output = Command::new("rustc").arg("--version").output().context("rustc does not run")?;
    ensure!(output.status.success(), "rustc ended with {}", output.status);
    let version = String::from_utf8(output.stdout)?;
    Ok(version.split(" (").next().unwrap_or_default().trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_that_of_the_whole_name() {
        let lock = "[[package]]\nname = \"tokio-util\"\nversion = \"0.7.1\"\n\n[[package]]\nname = \"tokio\"\nversion = \"1.5.2\"\n";
        assert_eq!(version(lock, "tokio").unwrap(), "tokio 1.5.2");
        assert_eq!(version(lock, "tonic"), None);
    }
}
