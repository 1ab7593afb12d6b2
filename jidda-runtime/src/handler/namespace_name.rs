//! The name of one namespace of a family, made of the family's pattern and values for its parameters.

use std::fmt::{Display, Write};

/// A value that has no place in the name of a namespace.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{value}` cannot be the parameter `{parameter}` of `{pattern}`: it is one part of a path, neither empty nor with a slash"
)]
pub struct NamespaceError {
    pattern: &'static str,
    parameter: &'static str,
    value: String,
}

/// The namespace of the family `pattern` whose parameters have these values, in order.
///
/// # Errors
///
/// When the text of a value is empty or has a slash in it, so that it would name another namespace.
pub fn namespace_path(pattern: &'static str, values: &[&dyn Display]) -> Result<String, NamespaceError> {
    let mut name = String::new();
    let mut values = values.iter();
    for segment in pattern.split('/').skip(1) {
        name.push('/');
        let Some(parameter) = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else {
            name.push_str(segment);
            continue;
        };
        let start = name.len();
        if let Some(value) = values.next() {
            write!(name, "{value}").expect("a text takes everything");
        }
        let value = &name[start..];
        // A parameter with a star is all that follows.
        let is_rest = parameter.starts_with('*');
        if value.is_empty() || (!is_rest && value.contains('/')) {
            let parameter = parameter.trim_start_matches('*');
            return Err(NamespaceError { pattern, parameter, value: value.to_owned() });
        }
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_take_the_place_of_parameters() {
        assert_eq!(namespace_path("/board/{id}", &[&7]).unwrap(), "/board/7");
        assert_eq!(namespace_path("/{shop}/orders/{id}", &[&"a", &"b c"]).unwrap(), "/a/orders/b c");
        assert_eq!(namespace_path("/files/{*path}", &[&"a/b"]).unwrap(), "/files/a/b");
    }

    #[test]
    fn a_value_stays_in_its_place() {
        for value in ["", "a/b", "/"] {
            let error = namespace_path("/board/{id}", &[&value]).unwrap_err();
            assert!(
                error
                    .to_string()
                    .starts_with(&format!("`{value}` cannot be the parameter `id` of `/board/{{id}}`"))
            );
        }
        assert!(namespace_path("/files/{*path}", &[&""]).is_err());
    }
}
