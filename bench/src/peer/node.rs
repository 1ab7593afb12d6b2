//! socket.io on Node, which is a program of its own; npm installs it when it is first needed.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::LazyLock,
};

use anyhow::{Context as _, Result, bail};

/// The versions of socket.io and Node, or what is in the way. Asking for the first time installs.
static INSTALLED: LazyLock<Result<String, String>> =
    LazyLock::new(|| install().map_err(|error| format!("{error:#}")));

/// The versions of socket.io and Node.
///
/// # Errors
///
/// What is in the way of running it.
pub fn versions() -> Result<&'static str, &'static str> {
    INSTALLED.as_deref().map_err(String::as_str)
}

/// The server, as a program, with so many more events than the ones that measures need.
pub(super) fn program(more: usize) -> Command {
    let mut node = Command::new("node");
    node.arg(folder().join("server.js")).arg(more.to_string()).env("NODE_ENV", "production");
    node
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("node")
}

/// Installs what `package.json` asks for, if it is not there, and tells the versions.
fn install() -> Result<String> {
    let node = output(Command::new("node").arg("--version"))?;
    let (folder, package) = (folder(), folder().join("node_modules/socket.io/package.json"));
    if !package.exists() {
        eprintln!("npm installs socket.io");
        let npm = ["install", "--no-package-lock", "--no-audit", "--no-fund", "--omit=dev"];
        output(Command::new("npm").args(npm).current_dir(folder))?;
    }
    let package = fs::read_to_string(package)?;
    let version = package.split_once("\"version\": \"").and_then(|(_, rest)| rest.split_once('"'));
    let (version, _) = version.context("socket.io does not tell its version")?;
    Ok(format!("socket.io {version} on Node {}", node.trim().trim_start_matches('v')))
}

/// What a program writes, if it succeeds.
fn output(command: &mut Command) -> Result<String> {
    let name = command.get_program().display().to_string();
    let Output { status, stdout, stderr } = match command.output() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => bail!("{name} is not installed"),
        output => output?,
    };
    if !status.success() {
        bail!("{name} ended with {status}: {}", String::from_utf8_lossy(&stderr).trim());
    }
    Ok(String::from_utf8(stdout)?)
}
