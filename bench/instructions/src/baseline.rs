//! The counts that others are held to: `baseline.toml`, with the compiler that they were taken with.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::PathBuf, process::Command};

use anyhow::{Context as _, Result, ensure};
use clap::ValueEnum as _;

use crate::kind::Kind;

const HEAD: &str = "\
# Instructions that jidda takes for a message, counted by callgrind.
# `cargo run --release -p instructions -- --record` in bench/ writes this file.
";

/// The counts of the kinds that have been recorded.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Baseline {
    rustc: String,
    counts: BTreeMap<Kind, u64>,
}

impl Baseline {
    /// Reads the file. There is nothing in it before the first recording.
    pub fn read() -> Result<Self> {
        let path = path();
        if !path.exists() {
            return Ok(Self::default());
        }
        Self::parse(&fs::read_to_string(&path)?).with_context(|| path.display().to_string())
    }

    /// What has been recorded of a kind.
    pub fn count(&self, kind: Kind) -> Option<u64> {
        self.counts.get(&kind).copied()
    }

    /// Replaces some counts, and writes the file.
    pub fn record(&mut self, counts: impl IntoIterator<Item = (Kind, u64)>) -> Result<()> {
        self.counts.extend(counts);
        self.rustc = rustc()?;
        let path = path();
        fs::write(&path, self.render()?).with_context(|| format!("cannot write {}", path.display()))
    }

    /// The compiler of the baseline, if it is not the one that there is.
    pub fn other_compiler(&self) -> Result<Option<&str>> {
        Ok((self.rustc != rustc()?).then_some(&self.rustc))
    }

    /// Lines of a name and a value, which is all of TOML that it takes.
    fn parse(text: &str) -> Result<Self> {
        let mut baseline = Self::default();
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (name, value) = line.split_once(" = ").with_context(|| format!("not a line: {line}"))?;
            if name == "rustc" {
                value.trim_matches('"').clone_into(&mut baseline.rustc);
            } else if let Ok(kind) = Kind::from_str(name, false) {
                // A kind that there is no more is left behind.
                baseline.counts.insert(kind, value.parse().with_context(|| format!("not a count: {line}"))?);
            }
        }
        Ok(baseline)
    }

    fn render(&self) -> Result<String> {
        let mut text = format!("{HEAD}rustc = \"{}\"\n\n", self.rustc);
        for (kind, count) in &self.counts {
            writeln!(text, "{} = {count}", kind.name())?;
        }
        Ok(text)
    }
}

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("baseline.toml")
}

/// The compiler, as it calls itself.
fn rustc() -> Result<String> {
    let output = Command::new("rustc").arg("--version").output().context("rustc does not run")?;
    ensure!(output.status.success(), "rustc ended with {}", output.status);
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_baseline_survives() {
        let counts = BTreeMap::from([(Kind::Call, 1_500), (Kind::SocketioAck, 2_000)]);
        let baseline = Baseline { rustc: "rustc 1.95.0 (5 2026-04-14)".to_owned(), counts };
        assert_eq!(Baseline::parse(&baseline.render().unwrap()).unwrap(), baseline);
    }

    #[test]
    fn what_is_not_a_baseline_is_an_error() {
        assert!(Baseline::parse("call = many\n").is_err());
        assert!(Baseline::parse("call\n").is_err());
        assert_eq!(Baseline::parse("# nothing\n\nformer = 7\n").unwrap(), Baseline::default());
    }
}
