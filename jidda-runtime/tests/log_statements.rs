//! Each statement that logs says by its form that no text of a peer goes to the log as it is.
#![allow(missing_docs)]

use std::fs;
use std::path::{Path, PathBuf};

/// Values that are numbers, texts of this side, or print themselves in one line.
const SAFE: [&str; 42] = [
    // Of the table of handlers: the program's own.
    "entry.namespace()",
    "entry.event()",
    "entry.location()",
    "address",
    "addresses",
    "check",
    "connection",
    "connection.id",
    "connection.peer",
    "connections",
    "count",
    "failure",
    "id",
    "limit",
    "limit.setting()",
    "missed",
    "most",
    "origin",
    "other.id",
    "other.id()",
    "path",
    "path.display()",
    "peer",
    "place",
    "plan.source.address()",
    "reason",
    "refused",
    "report",
    "self",
    "self.address",
    "self.connection.id",
    "self.id",
    "self.peer",
    "socket.connection_id()",
    "socket.id()",
    "Socket { inner: Arc::clone(socket) }.id()",
    "table.permissions(first).join(\" or \")",
    "table.route(first).event()",
    "takes",
    "what",
    "wire",
    "wire.name()",
];
/// What makes a text one line.
const ESCAPES: [&str; 3] = ["printable(", "in_one_line(", "&*shown("];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The statements of a file, without what they are called, and where each begins.
fn statements(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for kind in ["trace!(", "debug!(", "info!(", "warn!(", "error!(", "debug_span!("] {
        for (start, _) in text.match_indices(&format!("tracing::{kind}")) {
            let begin = start + "tracing::".len() + kind.len();
            let mut depth = 1;
            let mut is_text = false;
            let end = text[begin..].bytes().enumerate().position(|(at, byte)| {
                let is_escaped = at > 0 && text.as_bytes()[begin + at - 1] == b'\\';
                match byte {
                    b'"' if !is_escaped => is_text = !is_text,
                    b'(' if !is_text => depth += 1,
                    b')' if !is_text => depth -= 1,
                    _ => {}
                }
                depth == 0
            });
            found.push((start, &text[begin..begin + end.expect("a statement ends")]));
        }
    }
    found
}

/// The arguments of a statement.
fn arguments(statement: &str) -> Vec<String> {
    let (mut depth, mut is_text) = (0, false);
    let mut arguments = vec![String::new()];
    for character in statement.chars() {
        match character {
            '"' => is_text = !is_text,
            '(' | '[' | '{' if !is_text => depth += 1,
            ')' | ']' | '}' if !is_text => depth -= 1,
            ',' if !is_text && depth == 0 => {
                arguments.push(String::new());
                continue;
            }
            _ => {}
        }
        arguments.last_mut().unwrap().push(character);
    }
    arguments.iter().map(|argument| argument.trim().to_owned()).filter(|text| !text.is_empty()).collect()
}

/// The values of an argument: that of a field, or those in a text.
fn values(argument: &str) -> Vec<&str> {
    if let Some(text) = argument.strip_prefix('"') {
        let inner = text.split('{').skip(1).filter_map(|part| part.split_once('}'));
        return inner
            .map(|(name, _)| name.split(':').next().unwrap())
            .filter(|name| !name.is_empty())
            .collect();
    }
    let value = argument.split_once(" = ").map_or(argument, |(_, value)| value);
    vec![value.trim_start_matches('%')]
}

fn is_safe(value: &str, before: &str) -> bool {
    let is_escaped = |value: &str| ESCAPES.iter().any(|escape| value.starts_with(escape));
    // What is shown with `?` is one line by itself: texts are in quotes there, and escaped.
    if SAFE.contains(&value) || is_escaped(value) || value.starts_with(['?', '"']) {
        return true;
    }
    // A constant is the program's own.
    if value.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_') {
        return true;
    }
    // Or it has just got its form, in the lines above.
    let mut lets = before.rsplit("let ").take(8);
    lets.any(|statement| {
        let Some((names, rest)) = statement.split_once(" = ") else { return false };
        let names: Vec<_> = names.trim_matches(['(', ')']).split(", ").collect();
        let Some(place) = names.iter().position(|name| *name == value.trim_start_matches("&*")) else {
            return false;
        };
        let rest = rest.split(';').next().unwrap();
        if names.len() == 1 {
            return is_escaped(rest) || rest.starts_with("shown(");
        }
        let inner = rest.trim().trim_start_matches('(');
        let part =
            arguments(inner.strip_suffix(')').unwrap_or(inner)).get(place).cloned().unwrap_or_default();
        SAFE.contains(&value) || is_escaped(&part) || part.starts_with("shown(")
    })
}

#[test]
fn no_text_of_a_peer_is_logged_as_it_is() {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let (mut count, mut wrong) = (0, Vec::new());
    let read = |file: PathBuf| (file.clone(), fs::read_to_string(file).unwrap());
    let texts: Vec<_> = files.into_iter().map(read).collect();
    for (file, text) in &texts {
        for (start, statement) in statements(text) {
            count += 1;
            for argument in arguments(statement) {
                let is_setting = ["target: ", "parent: "].iter().any(|setting| argument.starts_with(setting));
                for value in values(&argument).into_iter().filter(|_| !is_setting) {
                    let is_known = value == "Empty" || value.starts_with("if ") || value.starts_with("self.");
                    if !is_known && !is_safe(value, &text[..start]) {
                        let line = text[..start].lines().count();
                        wrong.push(format!("{}:{line}: `{value}` in `{argument}`", file.display()));
                    }
                }
            }
        }
    }
    for (file, text) in &texts {
        for (_, field) in text.match_indices(".record(\"").map(|(start, _)| (start, &text[start..])) {
            let value = field.split_once(", ").and_then(|(_, rest)| rest.split_once(");")).unwrap().0;
            let is_known = ["display(reason)", "trace.trace_id()", "outcome"].contains(&value);
            if !is_known && !value.starts_with("&*shown(") {
                wrong.push(format!("{}: `{value}` in a span", file.display()));
            }
        }
    }
    assert!(count > 40, "only {count} statements were found");
    assert!(wrong.is_empty(), "not known to be one line: escape it with `printable`\n{}", wrong.join("\n"));
}
