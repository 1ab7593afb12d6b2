//! Which crates' handlers reach a program: those it names, and those that these name.
//!
//! A linker drops what nothing refers to, and differs between profiles: `JIDDA_TEST_RELEASE=1` tests the release
//! profile, too.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Builds the program of `tests/linking` and gives the folder of its executables.
fn build(profile: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let fixture = root.join("tests/linking");
    // The same versions as ours: they are there already, so that nothing has to be fetched.
    std::fs::copy(root.join("Cargo.lock"), fixture.join("Cargo.lock")).expect("the lock file can be copied");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("it is in the target folder");
    let output = Command::new(env!("CARGO"))
        .args(["build", "--offline", "--quiet", "--profile", profile, "--target-dir"])
        .arg(target)
        .current_dir(&fixture)
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    target.join(if profile == "dev" { "debug" } else { profile })
}

fn run(folder: &Path, program: &str) -> Output {
    let program = folder.join(format!("{program}{}", std::env::consts::EXE_SUFFIX));
    Command::new(program).env("JIDDA_HANDLERS", "1").output().expect("the program runs")
}

fn check(profile: &str) {
    let folder = build(profile);
    let output = run(&folder, "program");
    let table = String::from_utf8(output.stdout).expect("a table is text");
    assert!(output.status.success(), "{profile}: {table}");
    let handlers: Vec<_> =
        table.lines().map(|line| line.split('(').next().expect("a name").replace("  ", " ")).collect();
    // The namespace and the event, in order. `uninvited` is not among them.
    assert_eq!(handlers, ["/ greet", "/ here", "/ weather", "/almanac sunrise"], "{profile}: {table}");

    let output = run(&folder, "mistaken");
    assert!(!output.status.success(), "{profile}");
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "Error: the server cannot start: the crate `silent` is listed in `link` but no handler of it is in the \
         program\n",
        "{profile}"
    );
}

#[test]
fn handlers_of_named_crates_are_in_the_program() {
    check("dev");
    if std::env::var_os("JIDDA_TEST_RELEASE").is_some_and(|value| value == "1") {
        check("release");
    }
}
