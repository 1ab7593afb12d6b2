//! The floors of the house: a file imports only from floors below its own, and no files import each other in a circle.
//!
//! The graph is read from the sources: `use` declarations and paths that begin with `crate`, `super`, `self` or a child
//! module, in code that is not for tests only. What a module re-exports of its children is no import of them: who imports
//! such a name imports the file that defines it.

#[path = "architecture/graph.rs"]
mod graph;
#[path = "architecture/source.rs"]
mod source;

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::path::Path;

use graph::Graph;

/// The floors of `jidda-runtime`, the lowest first. What stands on one floor does not import from its neighbours, except
/// on the first.
const FLOORS: &[&[&str]] = &[
    &[PLAIN_VALUES],
    &["wire", "transport"],
    &["authentication", "handler", "polling", "tunnel"],
    &["room"],
    &["observe"],
    &["link"],
    &["objects"],
    &["socket"],
    &["hub"],
    &["driver"],
    &["connection_options", "reconnect"],
    &["client"],
    &["proxy"],
    &["server"],
    &["testing", "__private"],
];

/// The files at the top of the source folder, and these folders: plain values, which anything may import.
const PLAIN_VALUES: &str = "plain values";
const PLAIN_FOLDERS: &[&str] = &["error", "payload", "sync"];

fn floor(folder: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&folder))
}

/// The folder that decides on which floor a file stands.
fn folder(file: &str) -> &str {
    let top = file.split('/').next().expect("a path has a first part");
    let is_file = top.strip_suffix(".rs").is_some();
    let stem = top.strip_suffix(".rs").unwrap_or(top);
    if floor(stem).is_some() {
        stem
    } else if is_file || PLAIN_FOLDERS.contains(&top) {
        PLAIN_VALUES
    } else {
        top
    }
}

/// What is wrong with an import, if anything is.
fn problem(from: &str, to: &str) -> Option<String> {
    let (own, other) = (folder(from), folder(to));
    if own == other {
        return None;
    }
    let Some(own_floor) = floor(own) else {
        return Some(format!("`{own}/` is on no floor: add it to FLOORS"));
    };
    let Some(other_floor) = floor(other) else {
        return Some(format!("`{other}/` is on no floor: add it to FLOORS"));
    };
    match other_floor.cmp(&own_floor) {
        Ordering::Less => None,
        Ordering::Equal => Some(format!(
            "`{from}` imports `{to}`, but `{own}/` and `{other}/` stand side by side on one floor"
        )),
        Ordering::Greater => {
            Some(format!("`{from}` imports `{to}`, but `{other}/` stands on a higher floor than `{own}/`"))
        }
    }
}

fn crate_folder(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name).join("src")
}

#[test]
fn files_of_the_runtime_import_from_lower_floors_only() {
    let graph = Graph::read(&crate_folder("jidda-runtime"));
    let problems: BTreeSet<_> = graph.imports().filter_map(|(from, to)| problem(from, to)).collect();
    assert!(problems.is_empty(), "\n{}", problems.into_iter().collect::<Vec<_>>().join("\n"));
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let mut sentences = Vec::new();
    for name in ["jidda-runtime", "jidda-macros"] {
        let graph = Graph::read(&crate_folder(name));
        let largest = graph.circles().iter().map(Vec::len).max().unwrap_or(1);
        println!("{name}: {} files, the largest circle has {largest}", graph.count());
        if std::env::var_os("JIDDA_IMPORTS").is_some() {
            graph.imports().for_each(|(from, to)| println!("{from} -> {to}"));
        }
        sentences.extend(graph.circles().iter().map(|circle| {
            format!("these files of {name} import each other in a circle: {}", circle.join(", "))
        }));
    }
    assert!(sentences.is_empty(), "\n{}", sentences.join("\n"));
}

#[test]
fn a_file_has_at_most_600_lines() {
    for name in ["jidda-runtime", "jidda-macros"] {
        let graph = Graph::read(&crate_folder(name));
        let long: Vec<_> = graph.lines().filter(|(_, lines)| *lines > 600).collect();
        assert!(long.is_empty(), "divide these files of {name} by responsibility: {long:?}");
    }
}
