//! Which file of a crate imports which.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::source::Source;

/// A module's path from the crate's root; the root's is empty.
type Module = Vec<String>;

#[derive(Debug)]
struct File {
    name: String,
    lines: usize,
    source: Source,
}

#[derive(Debug)]
pub(crate) struct Graph {
    files: BTreeMap<Module, File>,
    imports: BTreeSet<(String, String)>,
}

impl Graph {
    /// Reads the files that are reached from `lib.rs`.
    pub(crate) fn read(folder: &Path) -> Self {
        let mut graph = Self { files: BTreeMap::new(), imports: BTreeSet::new() };
        graph.add(folder, Vec::new(), "lib.rs".to_owned());
        let mut imports = BTreeSet::new();
        for (module, file) in &graph.files {
            for target in graph.targets(module, &file.source) {
                let target = &graph.files[&target].name;
                if target != &file.name {
                    imports.insert((file.name.clone(), target.clone()));
                }
            }
        }
        graph.imports = imports;
        graph
    }

    fn add(&mut self, folder: &Path, module: Module, name: String) {
        let text = fs::read_to_string(folder.join(&name)).expect("a declared module has a file");
        let source = Source::parse(&text);
        let own = match name.rsplit_once('/') {
            Some((parent, "mod.rs")) => format!("{parent}/"),
            None if name == "lib.rs" => String::new(),
            _ => format!("{}/", name.strip_suffix(".rs").expect("a source file")),
        };
        for child in &source.children {
            let mut inner = module.clone();
            inner.push(child.clone());
            let file = format!("{own}{child}.rs");
            let file = if folder.join(&file).exists() { file } else { format!("{own}{child}/mod.rs") };
            self.add(folder, inner, file);
        }
        self.files.insert(module, File { name, lines: text.lines().count(), source });
    }

    /// The modules whose files a file imports from.
    fn targets(&self, module: &Module, source: &Source) -> BTreeSet<Module> {
        let mut targets = BTreeSet::new();
        // Names of modules here, for paths that begin with one of them.
        let mut modules: BTreeMap<String, Module> = BTreeMap::new();
        for child in &source.children {
            modules.insert(child.clone(), [module.as_slice(), std::slice::from_ref(child)].concat());
        }
        for declared in &source.uses {
            let Some(path) = absolute(module, &declared.path, declared.depth, &modules) else { continue };
            if declared.is_public && self.is_own(module, &path) {
                continue;
            }
            if self.files.contains_key(&path) && declared.name != "*" {
                modules.insert(declared.name.clone(), path);
            } else {
                targets.extend(self.resolve(&path));
            }
        }
        for (path, depth) in &source.paths {
            if let Some(path) = absolute(module, path, *depth, &modules) {
                targets.extend(self.resolve(&path));
            }
        }
        targets
    }

    /// Whether a path leads to a module below this one.
    fn is_own(&self, module: &Module, path: &[String]) -> bool {
        path.len() > module.len() + 1
            && path.starts_with(module)
            && self.files.contains_key(&path[..=module.len()])
    }

    /// The module that defines what the path names: where a module only re-exports it, the one it comes from.
    fn resolve(&self, path: &[String]) -> Option<Module> {
        let length = (0..=path.len()).rev().find(|length| self.files.contains_key(&path[..*length]))?;
        let (module, rest) = path.split_at(length);
        let module = module.to_vec();
        let Some(name) = rest.first() else { return Some(module) };
        let source = &self.files[&module].source;
        let children = source.children.iter();
        let children: BTreeMap<_, _> = children
            .map(|child| (child.clone(), [&module[..], std::slice::from_ref(child)].concat()))
            .collect();
        for declared in source.uses.iter().filter(|declared| declared.is_public && declared.name == *name) {
            if let Some(path) = absolute(&module, &declared.path, declared.depth, &children)
                && path.len() > 1
                && path[..] != [&module[..], std::slice::from_ref(name)].concat()
            {
                return self.resolve(&path);
            }
        }
        Some(module)
    }

    pub(crate) fn imports(&self) -> impl Iterator<Item = (&str, &str)> {
        self.imports.iter().map(|(from, to)| (from.as_str(), to.as_str()))
    }

    pub(crate) fn count(&self) -> usize {
        self.files.len()
    }

    pub(crate) fn lines(&self) -> impl Iterator<Item = (&str, usize)> {
        self.files.values().map(|file| (file.name.as_str(), file.lines))
    }

    /// The circles: files that reach each other by imports.
    pub(crate) fn circles(&self) -> Vec<Vec<&str>> {
        let reached: BTreeMap<&str, BTreeSet<&str>> =
            self.files.values().map(|file| (file.name.as_str(), self.reached_from(&file.name))).collect();
        let mut circles = BTreeSet::new();
        for (file, others) in &reached {
            let circle: Vec<_> =
                others.iter().copied().filter(|other| reached[other].contains(file)).collect();
            if circle.len() > 1 {
                circles.insert(circle);
            }
        }
        circles.into_iter().collect()
    }

    fn reached_from(&self, file: &str) -> BTreeSet<&str> {
        let mut reached = BTreeSet::new();
        let mut next = vec![file];
        while let Some(from) = next.pop() {
            for (_, to) in self.imports().filter(|(other, _)| *other == from) {
                if reached.insert(to) {
                    next.push(to);
                }
            }
        }
        reached
    }
}

/// A path from the crate's root, if it leads into the crate; `depth` inline modules are around it.
fn absolute(
    module: &Module,
    path: &[String],
    depth: usize,
    modules: &BTreeMap<String, Module>,
) -> Option<Module> {
    let first = path.first()?;
    match first.as_str() {
        "crate" => Some(path[1..].to_vec()),
        "self" if depth == 0 => Some([&module[..], &path[1..]].concat()),
        "super" => {
            let ups = path.iter().take_while(|segment| *segment == "super").count();
            let length = (module.len() + depth).checked_sub(ups)?;
            // An inline module's parent is still this file.
            let base = &module[..length.min(module.len())];
            Some([base, &path[ups..]].concat())
        }
        _ => Some([&modules.get(first)?[..], &path[1..]].concat()),
    }
}
