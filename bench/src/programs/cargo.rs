//! Builds by cargo, as whoever writes such a program would build it.

use std::{
    env,
    fs::File,
    path::{Path, PathBuf},
    process::Command,
    time::{Instant, SystemTime},
};

use anyhow::{Context as _, Result, ensure};

/// A profile like that of releases, without what only this workspace asks of it.
const PROFILE: &str = "program";

/// Builds a package as for a release. Returns the program, which is stripped.
pub fn build_stripped(package: &str) -> Result<PathBuf> {
    run(cargo(package).args(["--profile", PROFILE]))?;
    // This program is in the folder of another profile.
    let own = env::current_exe()?;
    let target = own.ancestors().nth(2).context("this program is not in a target folder")?;
    Ok(target.join(PROFILE).join(package))
}

/// Builds a package for development.
pub fn build(package: &str) -> Result<()> {
    run(&mut cargo(package))
}

/// The seconds that it takes to build a package for development again, after a change of its own source. What it depends
/// on is there already.
pub fn rebuild(package: &str) -> Result<f64> {
    let (kind, peer) = package.split_once('-').context("a package has the name of its folder")?;
    let source = workspace().join("programs").join(kind).join(peer).join("src/main.rs");
    let file = File::options().append(true).open(&source);
    file.with_context(|| source.display().to_string())?.set_modified(SystemTime::now())?;
    let begin = Instant::now();
    build(package)?;
    Ok(begin.elapsed().as_secs_f64())
}

fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn cargo(package: &str) -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--quiet", "--package", package]).current_dir(workspace());
    // What `cargo run` says of this program makes some build scripts run again.
    for (name, _) in env::vars_os() {
        let own = name
            .to_str()
            .is_some_and(|name| ["CARGO_MANIFEST_", "CARGO_PKG_"].iter().any(|it| name.starts_with(it)));
        if own {
            cargo.env_remove(name);
        }
    }
    cargo
}

fn run(cargo: &mut Command) -> Result<()> {
    let status = cargo.status().context("cargo does not run")?;
    ensure!(status.success(), "{cargo:?} ended with {status}");
    Ok(())
}
