//! Compile-time checks, each at the span of what is wrong and with the fix in its text.

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::{Ident, LitStr, Type, TypePath};

/// The mistakes of one item, reported together.
#[derive(Default)]
pub(crate) struct Errors(Option<syn::Error>);

impl Errors {
    /// A mistake in `tokens`.
    pub(crate) fn push(&mut self, tokens: impl ToTokens, message: impl std::fmt::Display) {
        self.add(syn::Error::new_spanned(tokens, message));
    }

    /// A mistake at `span`.
    pub(crate) fn push_at(&mut self, span: Span, message: impl std::fmt::Display) {
        self.add(syn::Error::new(span, message));
    }

    pub(crate) fn add(&mut self, error: syn::Error) {
        match &mut self.0 {
            Some(all) => all.combine(error),
            None => self.0 = Some(error),
        }
    }

    /// Takes over the mistakes of a part.
    pub(crate) fn append(&mut self, other: Self) {
        if let Some(error) = other.0 {
            self.add(error);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// One `compile_error!` a mistake; nothing if there is none.
    pub(crate) fn into_tokens(self) -> TokenStream {
        self.0.map(|error| error.to_compile_error()).unwrap_or_default()
    }

    #[cfg(test)]
    pub(crate) fn texts(self) -> Vec<String> {
        self.0.into_iter().flatten().map(|error| error.to_string()).collect()
    }
}

/// What a program cannot send, and hence no handler can receive. `connect` and `disconnect` are not among them:
/// they are the two ends of a socket's life.
const RESERVED: [&str; 4] = ["connect_error", "disconnecting", "newListener", "removeListener"];

/// Checks the name of an event.
pub(crate) fn event(name: &str, span: Span, errors: &mut Errors) {
    if name.is_empty() {
        errors.push_at(span, "an event needs a name: `#[on(\"name\")]`");
    } else if RESERVED.contains(&name) {
        errors.push_at(
            span,
            format!(
                "the event name `{name}` is reserved by Socket.IO: no program can send it, choose another"
            ),
        );
    } else if name.starts_with("$/") {
        errors.push_at(span, "event names that start with `$/` are jidda's own: choose another");
    }
}

/// The types of the language, which a stub of the same name would hide.
const PRIMITIVES: [&str; 19] = [
    "bool", "char", "str", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128",
    "isize", "f16", "f32", "f64", "f128",
];

/// Checks the name of a free handler: its stub is a type of that name, which must not hide one that code beside it uses.
pub(crate) fn function_name(name: &Ident, event: &str, is_crate: impl Fn(&str) -> bool, errors: &mut Errors) {
    let text = name.unraw().to_string();
    let hidden = if PRIMITIVES.contains(&text.as_str()) {
        "type"
    } else if ["std", "core", "alloc"].contains(&text.as_str()) || is_crate(&text) {
        "crate"
    } else {
        return;
    };
    errors.push(
        name,
        format!(
            "the stub `{text}` would hide the {hidden} of that name: rename the function and keep its event, \
             `#[on(\"{event}\")] fn on_{text}`"
        ),
    );
}

/// Reads a timeout such as `"5s"`; milliseconds.
pub(crate) fn timeout(literal: &LitStr, errors: &mut Errors) -> Option<u64> {
    let text = literal.value();
    let unit = text.trim_start_matches(|digit: char| digit.is_ascii_digit());
    let number = &text[..text.len() - unit.len()];
    let scale = match unit {
        "ms" => Some(1),
        "s" => Some(1_000),
        "m" => Some(60_000),
        "h" => Some(3_600_000),
        _ => None,
    };
    match (scale, number.parse::<u64>().ok()) {
        (Some(_), Some(0)) => {
            errors.push(literal, "a timeout of nothing refuses every call: leave the option away for none");
            None
        }
        (Some(scale), Some(number)) if number.checked_mul(scale).is_some() => Some(number * scale),
        _ => {
            errors.push(literal, "a timeout is a number and a unit, such as \"300ms\", \"5s\" or \"2m\"");
            None
        }
    }
}

/// Types that belong to the connection, by the name users know them under.
const OF_THE_CONNECTION: [&str; 6] = ["Socket", "Server", "State", "Path", "EventName", "Handshake"];

/// Says how to write an owned argument whose type belongs to the connection.
pub(crate) fn owned(name: &str, ty: &Type, errors: &mut Errors) {
    let Type::Path(TypePath { qself: None, path, .. }) = ty else { return };
    let Some(last) = path.segments.last() else { return };
    let ident = last.ident.to_string();
    if OF_THE_CONNECTION.contains(&ident.as_str()) {
        let written = crate::type_text::type_text(ty);
        errors.push(ty, format!("`{ident}` belongs to the connection: borrow it, `{name}: &{written}`"));
    }
}

/// Says how to write a borrowed argument that cannot come from the connection, whatever is implemented.
pub(crate) fn borrowed(name: &str, whole: &Type, element: &Type, errors: &mut Errors) {
    let instead = match element {
        Type::Path(TypePath { qself: None, path, .. }) if path.is_ident("str") => "String".to_owned(),
        Type::Slice(slice) => format!("Vec<{}>", crate::type_text::type_text(&slice.elem)),
        Type::TraitObject(_) => {
            return errors.push(whole, "a handler borrows types, not trait objects: name the type");
        }
        _ => return,
    };
    errors.push(
        whole,
        format!("what a handler borrows comes from the connection; to take it from the message, own it: `{name}: {instead}`"),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::quote;

    fn told(check: impl FnOnce(&mut Errors)) -> Vec<String> {
        let mut errors = Errors::default();
        check(&mut errors);
        errors.texts()
    }

    fn literal(text: &str) -> LitStr {
        LitStr::new(text, Span::call_site())
    }

    #[test]
    fn reserved_event_names_are_refused() {
        for name in ["", "connect_error", "newListener", "$/cancel"] {
            assert_eq!(told(|errors| event(name, Span::call_site(), errors)).len(), 1, "{name}");
        }
        for name in ["*", "connect", "disconnect", "draw.me.a.sheep"] {
            assert!(told(|errors| event(name, Span::call_site(), errors)).is_empty(), "{name}");
        }
    }

    #[test]
    fn a_stub_hides_no_type_and_no_crate() {
        let told = |name: &str| {
            let name = Ident::new(name, Span::call_site());
            told(|errors| function_name(&name, "list", |name| name == "serde", errors))
        };
        for name in ["str", "u8", "std", "serde"] {
            assert_eq!(told(name).len(), 1, "{name}");
        }
        assert!(told("list").is_empty());
    }

    #[test]
    fn timeouts_have_a_unit() {
        let mut errors = Errors::default();
        assert_eq!(timeout(&literal("300ms"), &mut errors), Some(300));
        assert_eq!(timeout(&literal("5s"), &mut errors), Some(5_000));
        assert_eq!(timeout(&literal("2m"), &mut errors), Some(120_000));
        assert!(errors.is_empty());
        for text in ["", "5", "s", "5 s", "-1s", "0s", "5 seconds", "99999999999999999999s"] {
            assert_eq!(told(|errors| assert_eq!(timeout(&literal(text), errors), None)).len(), 1, "{text}");
        }
    }

    #[test]
    fn the_connections_types_are_borrowed() {
        let ty: Type = syn::parse2(quote!(jidda::State<Db>)).unwrap();
        assert_eq!(
            told(|errors| owned("db", &ty, errors)),
            ["`State` belongs to the connection: borrow it, `db: &jidda::State<Db>`"]
        );
        let ty: Type = syn::parse2(quote!(Login)).unwrap();
        assert!(told(|errors| owned("login", &ty, errors)).is_empty());
    }
}
