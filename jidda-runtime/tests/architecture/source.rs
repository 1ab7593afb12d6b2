//! The paths that a source file names outside of its tests.

use std::str::FromStr;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// What one source file says of others.
#[derive(Debug, Default)]
pub(crate) struct Source {
    /// The modules it declares, without those for tests only.
    pub(crate) children: Vec<String>,
    /// Each path of its `use` declarations; `is_public` tells what it re-exports.
    pub(crate) uses: Vec<Use>,
    /// Other paths of at least two segments, each with the number of inline modules around it.
    pub(crate) paths: Vec<(Vec<String>, usize)>,
}

#[derive(Debug)]
pub(crate) struct Use {
    pub(crate) path: Vec<String>,
    /// The name it has in the file; `*` for all names of a module.
    pub(crate) name: String,
    pub(crate) is_public: bool,
    pub(crate) depth: usize,
}

impl Source {
    pub(crate) fn parse(text: &str) -> Self {
        let mut source = Self::default();
        let tokens = TokenStream::from_str(text).expect("the sources are Rust");
        source.walk(&tokens.into_iter().collect::<Vec<_>>(), 0);
        source
    }

    fn walk(&mut self, tokens: &[TokenTree], depth: usize) {
        let mut at = 0;
        while at < tokens.len() {
            if let Some(attribute) = attribute(tokens, at) {
                at += 2;
                if is_for_tests(attribute) {
                    at = skip_item(tokens, at);
                }
            } else if is_word(tokens.get(at), "pub")
                && matches!(tokens.get(at + 1), Some(TokenTree::Group(scope)) if scope.delimiter() == Delimiter::Parenthesis)
                && !is_word(tokens.get(at + 2), "use")
            {
                // A visibility names no import.
                at += 2;
            } else if is_word(tokens.get(at), "use") && !is_word(tokens.get(at.wrapping_sub(1)), "r") {
                at = self.declaration(tokens, at, depth);
            } else if is_word(tokens.get(at), "mod") {
                at = self.module(tokens, at, depth);
            } else if let Some((path, next)) = path(tokens, at) {
                if path.len() > 1 {
                    self.paths.push((path, depth));
                }
                at = next;
            } else {
                if let TokenTree::Group(group) = &tokens[at] {
                    self.walk(&group.stream().into_iter().collect::<Vec<_>>(), depth);
                }
                at += 1;
            }
        }
    }

    fn module(&mut self, tokens: &[TokenTree], at: usize, depth: usize) -> usize {
        let Some(TokenTree::Ident(name)) = tokens.get(at + 1) else { return at + 1 };
        match tokens.get(at + 2) {
            Some(TokenTree::Punct(end)) if end.as_char() == ';' => self.children.push(name.to_string()),
            Some(TokenTree::Group(body)) => {
                self.walk(&body.stream().into_iter().collect::<Vec<_>>(), depth + 1);
            }
            _ => {}
        }
        at + 3
    }

    fn declaration(&mut self, tokens: &[TokenTree], at: usize, depth: usize) -> usize {
        let length = tokens[at..].iter().position(|token| is_mark(Some(token), ';'));
        let Some(length) = length else { return at + 1 };
        let is_public = match at.checked_sub(1).map(|before| &tokens[before]) {
            Some(TokenTree::Ident(word)) => word == "pub",
            Some(TokenTree::Group(scope)) => {
                scope.delimiter() == Delimiter::Parenthesis && is_word(tokens.get(at.wrapping_sub(2)), "pub")
            }
            _ => false,
        };
        let mut found = Vec::new();
        tree(&tokens[at + 1..at + length], &[], &mut found);
        self.uses.extend(found.into_iter().map(|(path, name)| Use { path, name, is_public, depth }));
        at + length + 1
    }
}

/// The content of an attribute that begins here.
fn attribute(tokens: &[TokenTree], at: usize) -> Option<TokenStream> {
    match (tokens.get(at), tokens.get(at + 1)) {
        (Some(TokenTree::Punct(mark)), Some(TokenTree::Group(group)))
            if mark.as_char() == '#' && group.delimiter() == Delimiter::Bracket =>
        {
            Some(group.stream())
        }
        _ => None,
    }
}

/// Whether what has the attribute is compiled for tests only: `cfg(test)`, `cfg(all(test, ..))`.
fn is_for_tests(attribute: TokenStream) -> bool {
    let text: String = attribute.to_string().split_whitespace().collect();
    text == "test" || text == "cfg(test)" || text.starts_with("cfg(all(test,")
}

/// Where the item ends that begins here.
fn skip_item(tokens: &[TokenTree], mut at: usize) -> usize {
    while let Some(token) = tokens.get(at) {
        at += 1;
        let is_body = matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace);
        if is_body || is_mark(Some(token), ';') || is_mark(Some(token), ',') {
            break;
        }
    }
    at
}

fn is_word(token: Option<&TokenTree>, word: &str) -> bool {
    matches!(token, Some(TokenTree::Ident(found)) if found == word)
}

fn is_mark(token: Option<&TokenTree>, mark: char) -> bool {
    matches!(token, Some(TokenTree::Punct(found)) if found.as_char() == mark)
}

fn is_double_colon(tokens: &[TokenTree], at: usize) -> bool {
    is_mark(tokens.get(at), ':') && is_mark(tokens.get(at + 1), ':')
}

/// The path that begins here, and where it ends.
fn path(tokens: &[TokenTree], at: usize) -> Option<(Vec<String>, usize)> {
    let Some(TokenTree::Ident(first)) = tokens.get(at) else { return None };
    let mut path = vec![first.to_string()];
    let mut next = at + 1;
    while is_double_colon(tokens, next)
        && let Some(TokenTree::Ident(segment)) = tokens.get(next + 2)
    {
        path.push(segment.to_string());
        next += 3;
    }
    Some((path, next))
}

/// The paths of a `use` declaration's tree, each with the name that it has here.
fn tree(tokens: &[TokenTree], prefix: &[String], found: &mut Vec<(Vec<String>, String)>) {
    for branch in tokens.split(|token| is_mark(Some(token), ',')) {
        let mut whole = prefix.to_vec();
        let mut name = None;
        let mut at = 0;
        while at < branch.len() {
            match &branch[at] {
                TokenTree::Ident(word) if word == "as" => {
                    name = branch.get(at + 1).map(ToString::to_string);
                    break;
                }
                TokenTree::Ident(word) if word == "self" && !whole.is_empty() => {}
                TokenTree::Ident(word) => whole.push(word.to_string()),
                TokenTree::Punct(mark) if mark.as_char() == '*' => name = Some("*".to_owned()),
                TokenTree::Group(group) => {
                    tree(&group.stream().into_iter().collect::<Vec<_>>(), &whole, found);
                    whole.clear();
                    break;
                }
                _ => {}
            }
            at += 1;
        }
        if let Some(last) = whole.last() {
            let name = name.unwrap_or_else(|| last.clone());
            found.push((whole, name));
        }
    }
}
