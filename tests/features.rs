//! What each set of features compiles: a crate of contracts little, a native client no HTTP.
#![allow(missing_docs)]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

fn cargo(folder: &Path, arguments: &[&str]) -> String {
    let output =
        Command::new(env!("CARGO")).args(arguments).current_dir(folder).output().expect("cargo runs");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("its output is text")
}

/// The names of the crates that `jidda` is built from, itself included.
fn crates(features: &[&str]) -> BTreeSet<String> {
    let features = features.join(",");
    let mut arguments =
        vec!["tree", "--offline", "--package", "jidda", "--edges", "normal", "--prefix", "none"];
    if features != "default" {
        arguments.extend(["--no-default-features", "--features", &features]);
    }
    let tree = cargo(Path::new(env!("CARGO_MANIFEST_DIR")), &arguments);
    tree.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

#[test]
fn a_crate_of_contracts_is_built_from_few_crates() {
    let all = crates(&[]);
    // These run in the compiler, and most of them are there already in a program that derives anything.
    let of_the_macros = [
        "equivalent",
        "hashbrown",
        "indexmap",
        "jidda-macros",
        "proc-macro-crate",
        "proc-macro2",
        "quote",
        "syn",
        "toml_datetime",
        "toml_edit",
        "toml_parser",
        "unicode-ident",
        "winnow",
    ];
    let others: Vec<_> = all
        .iter()
        .filter(|name| !of_the_macros.contains(&name.as_str()))
        .filter(|name| !["serde", "serde_core", "serde_derive", "thiserror-impl"].contains(&name.as_str()))
        .collect();
    assert!(others.len() <= 14, "{} crates beside serde and the macros: {others:?}", others.len());
    for absent in ["tokio", "hyper", "http", "rustls", "snow", "socket2", "futures-util", "tracing"] {
        assert!(!all.contains(absent), "{absent}");
    }
}

#[test]
fn a_native_client_has_neither_an_http_server_nor_an_http_client() {
    let client = crates(&["client"]);
    for absent in
        ["hyper", "hyper-util", "httparse", "http-body", "flate2", "cookie", "tracing-subscriber", "rustls"]
    {
        assert!(!client.contains(absent), "{absent}");
    }
    assert!(client.contains("tokio"));
}

#[test]
fn each_feature_brings_what_it_is_for() {
    let of = |features: &[&str], name: &str| crates(features).contains(name);
    assert!(of(&["run"], "tracing-subscriber") && !of(&["server"], "tracing-subscriber"));
    assert!(of(&["server"], "hyper") && !of(&["server"], "cookie"));
    assert!(of(&["web-client"], "hyper") && of(&["web-client"], "cookie") && !of(&["web-client"], "rustls"));
    assert!(of(&["tls"], "rustls") && of(&["noise"], "snow") && of(&["metrics"], "metrics"));
    assert!(of(&["jwt"], "jsonwebtoken") && !of(&["default"], "jsonwebtoken"));
    assert!(of(&["anyhow"], "anyhow") && of(&["default"], "rustls") && of(&["default"], "snow"));
}

#[test]
fn a_crate_of_contracts_builds() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let fixture = root.join("tests/contract");
    // The same versions as ours: they are there already, so that nothing has to be fetched.
    std::fs::copy(root.join("Cargo.lock"), fixture.join("Cargo.lock")).expect("the lock file can be copied");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("it is in the target folder");
    let target = target.to_str().expect("a path of text");
    cargo(&fixture, &["check", "--offline", "--quiet", "--target-dir", target]);
}
