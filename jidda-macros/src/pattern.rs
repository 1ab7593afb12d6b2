//! The namespace that an attribute names, or the family of namespaces: `/orders/{id}`, `/orders/{id: u64}`.

use syn::{Ident, LitStr, Token, Type};

use crate::check::Errors;

/// A namespace as it is written in an attribute.
#[derive(Clone)]
pub(crate) struct Pattern {
    /// As the runtime reads it, without the types of parameters.
    pub(crate) text: String,
    pub(crate) parameters: Vec<Parameter>,
}

/// A parameter of a family of namespaces.
#[derive(Clone)]
pub(crate) struct Parameter {
    pub(crate) name: Ident,
    /// The type that callers give; without one it is anything that can be written as text.
    pub(crate) ty: Option<Type>,
}

impl Default for Pattern {
    fn default() -> Self {
        Self { text: "/".to_owned(), parameters: Vec::new() }
    }
}

impl Pattern {
    /// Reads what can be read; what is wrong is an error at the literal.
    pub(crate) fn read(literal: &LitStr, errors: &mut Errors) -> Self {
        let text = literal.value();
        let mut pattern = Self { text: String::new(), parameters: Vec::new() };
        let Some(path) = text.strip_prefix('/') else {
            errors.push(literal, format!("a namespace starts with a slash: `\"/{text}\"`"));
            return pattern;
        };
        if path.is_empty() {
            return Self::default();
        }
        if path.ends_with('/') {
            let fixed = text.trim_end_matches('/');
            let fixed = if fixed.is_empty() { "/" } else { fixed };
            errors.push(literal, format!("a namespace does not end with a slash: `\"{fixed}\"`"));
            return pattern;
        }
        for segment in path.split('/') {
            pattern.text.push('/');
            if segment.is_empty() {
                errors.push(literal, "a namespace has no empty segment: one slash is enough");
                break;
            }
            if !segment.contains(['{', '}']) {
                pattern.text.push_str(segment);
                continue;
            }
            if let Err(error) = pattern.parameter(literal, segment) {
                errors.add(error);
                break;
            }
        }
        pattern
    }

    fn parameter(&mut self, literal: &LitStr, segment: &str) -> syn::Result<()> {
        let no_parameter = || {
            let text = format!(
                "`{segment}` is no parameter: a parameter is a whole segment, `/{{id}}` or with its type `/{{id: u64}}`"
            );
            syn::Error::new(literal.span(), text)
        };
        let inside = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        let inside = inside.ok_or_else(no_parameter)?;
        let (star, inside) = match inside.strip_prefix('*') {
            Some(rest) => ("*", rest),
            None => ("", inside),
        };
        let parse = |input: syn::parse::ParseStream<'_>| {
            let name: Ident = input.parse()?;
            let colon: Option<Token![:]> = input.parse()?;
            let ty: Option<Type> = colon.map(|_| input.parse()).transpose()?;
            Ok(Parameter { name, ty })
        };
        let part = LitStr::new(inside, literal.span());
        let parameter = part.parse_with(parse).map_err(|_| no_parameter())?;
        if self.parameters.iter().any(|known| known.name == parameter.name) {
            let text = format!("the parameter `{{{}}}` is there twice", parameter.name);
            return Err(syn::Error::new(literal.span(), text));
        }
        for part in ["{", star, &parameter.name.to_string(), "}"] {
            self.text.push_str(part);
        }
        self.parameters.push(parameter);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proc_macro2::Span;

    use super::*;
    use crate::type_text::type_text;

    fn read(text: &str) -> (Pattern, Vec<String>) {
        let mut errors = Errors::default();
        let pattern = Pattern::read(&LitStr::new(text, Span::call_site()), &mut errors);
        (pattern, errors.texts())
    }

    #[test]
    fn namespaces_are_paths() {
        for text in ["/", "/chat", "/a/b", "/orders/{id}", "/{shop}/orders/{id}", "/files/{*path}"] {
            let (pattern, errors) = read(text);
            assert_eq!((&*pattern.text, errors), (text, Vec::new()));
        }
        let wrong = [
            "", "chat", "/chat/", "//", "/a//b", "/a/{}", "/a/x{id}", "/{a}/{a}", "/{a b}", "/{a: }", "/{a:}",
        ];
        for text in wrong {
            assert_eq!(read(text).1.len(), 1, "{text}");
        }
        assert_eq!(read("chat").1, ["a namespace starts with a slash: `\"/chat\"`"]);
    }

    #[test]
    fn parameters_may_have_types() {
        let (pattern, errors) = read("/{shop}/orders/{id: my::Id<u64>}/{*rest: String}");
        assert_eq!((&*pattern.text, errors), ("/{shop}/orders/{id}/{*rest}", Vec::new()));
        let types: Vec<_> =
            pattern.parameters.iter().map(|parameter| parameter.ty.as_ref().map(type_text)).collect();
        assert_eq!(types, [None, Some("my::Id<u64>".to_owned()), Some("String".to_owned())]);
    }
}
