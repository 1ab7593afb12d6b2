//! Holds the pages for readers together: links that lead somewhere, a short README, and every page of the guide listed
//! and compiled.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn guide() -> Vec<String> {
    let folder = fs::read_dir(root().join("docs/guide")).unwrap();
    let mut names: Vec<_> = folder.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// All pages, as paths from the root.
fn pages() -> Vec<String> {
    let top = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(str::to_owned);
    let references = ["limits", "observability", "socketio", "wire"].map(|name| format!("docs/{name}.md"));
    let guide = guide().into_iter().map(|name| format!("docs/guide/{name}"));
    top.into_iter().chain(references).chain(guide).collect()
}

/// The lines of a page that are not part of a program.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut is_code = false;
    text.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    })
}

/// The anchors of the headings, as GitHub makes them.
fn anchors(text: &str) -> HashSet<String> {
    let headings = prose(text).filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| {
        let heading = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(anchor).collect()
}

/// The targets of the links to files and headings.
fn links(text: &str) -> Vec<String> {
    let text = prose(text).collect::<Vec<_>>().join("\n");
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.filter(|target| !target.contains("://")).map(str::to_owned).collect()
}

#[test]
fn each_link_leads_to_a_file_and_a_heading() {
    let mut dead = Vec::new();
    let mut count = 0;
    for page in pages() {
        let path = root().join(&page);
        for link in links(&read(&path)) {
            count += 1;
            let (file, heading) = link.split_once('#').unwrap_or((&link, ""));
            let target = if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
            let is_there =
                target.exists() && (heading.is_empty() || anchors(&read(&target)).contains(heading));
            if !is_there {
                dead.push(format!("{page}: {link}"));
            }
        }
    }
    assert!(count > 100, "only {count} links were found");
    assert!(dead.is_empty(), "dead links:\n{}", dead.join("\n"));
}

#[test]
fn each_page_of_the_guide_is_listed_and_compiled() {
    let index = links(&read(&root().join("docs/guide/README.md")));
    let compiled = read(&root().join("src/pages.rs"));
    for page in guide().into_iter().filter(|page| page != "README.md") {
        assert!(index.contains(&page), "docs/guide/README.md does not list {page}");
        assert!(compiled.contains(&format!("docs/guide/{page}")), "src/pages.rs does not compile {page}");
    }
}

#[test]
fn the_readme_lists_each_feature() {
    let manifest = read(&root().join("Cargo.toml"));
    let readme = read(&root().join("README.md"));
    let (_, features) = manifest.split_once("[features]\n").unwrap();
    let features = features.split("\n[").next().unwrap();
    let names =
        features.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(" ="));
    for (name, _) in names.filter(|(name, _)| *name != "default" && !name.starts_with("__")) {
        assert!(readme.contains(&format!("| `{name}` |")), "the README does not list the feature {name}");
    }
}

#[test]
fn the_readme_is_short() {
    let lines = read(&root().join("README.md")).lines().count();
    assert!(lines <= 220, "the README has {lines} lines: move some to docs/guide");
}
