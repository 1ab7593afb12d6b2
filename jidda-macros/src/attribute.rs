//! What stands between an attribute's parentheses: known options only, each at most once.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::{Ident, LitInt, LitStr, Path, Token, Type, bracketed, token};

use crate::check::{self, Errors};
use crate::pattern::Pattern;
use crate::type_text::type_text;

/// The attributes that take options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attribute {
    On,
    Namespace,
    Middleware,
    ConfigureSocket,
}

impl Attribute {
    fn name(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Namespace => "namespace",
            Self::Middleware => "middleware",
            Self::ConfigureSocket => "configure_socket",
        }
    }

    fn known(self) -> &'static [&'static str] {
        match self {
            Self::On => &["namespace", "app", "side", "allow", "blocking", "sequential", "stream", "timeout"],
            Self::Namespace => &["side", "app"],
            Self::Middleware => &["namespace", "app", "side", "order"],
            Self::ConfigureSocket => &["app"],
        }
    }

    /// What a leading string means.
    fn leading(self) -> Option<&'static str> {
        match self {
            Self::On => Some("the event's name, such as \"post\""),
            Self::Namespace => Some("the namespace, such as \"/chat\""),
            Self::Middleware | Self::ConfigureSocket => None,
        }
    }
}

/// Which end of a connection runs a handler.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Side {
    #[default]
    Server,
    Client,
}

/// The options of one attribute. Those that it does not know stay at their defaults.
#[derive(Clone, Default)]
pub(crate) struct Options {
    /// The leading string: an event's name, or a namespace.
    pub(crate) leading: Option<LitStr>,
    pub(crate) namespace: Option<LitStr>,
    /// The namespace as it was read, from whichever of the two says it.
    pub(crate) pattern: Option<Pattern>,
    pub(crate) app: Option<Type>,
    pub(crate) side: Option<Side>,
    /// The permissions of which a caller needs one.
    pub(crate) allow: Vec<Permission>,
    pub(crate) blocking: Option<Span>,
    pub(crate) sequential: Option<Span>,
    /// What the items of a streaming reply are, where its type does not say it.
    pub(crate) stream: Option<Type>,
    pub(crate) timeout_ms: Option<u64>,
    pub(crate) order: Option<LitInt>,
    /// The options as they were written, for errors at one of them.
    pub(crate) given: Vec<Ident>,
}

impl Options {
    /// Reads what can be read; the rest are errors.
    pub(crate) fn read(attribute: Attribute, tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut options = Self::default();
        let parse = |input: ParseStream<'_>| {
            options.parse(attribute, input, errors);
            Ok(())
        };
        // The closure takes every token, so that this cannot fail.
        Parser::parse2(parse, tokens).ok();
        options
    }

    /// The option's name as it was written.
    pub(crate) fn find(&self, name: &str) -> Option<&Ident> {
        self.given.iter().find(|given| *given == name)
    }

    /// The permissions of which a caller needs one, in one order however they were written.
    pub(crate) fn permissions(&self) -> Vec<String> {
        let mut permissions: Vec<_> = self.allow.iter().map(Permission::text).collect();
        permissions.sort();
        permissions
    }

    fn parse(&mut self, attribute: Attribute, input: ParseStream<'_>, errors: &mut Errors) {
        let mut first = true;
        while !input.is_empty() {
            if let Err(error) = self.parse_one(attribute, first, input, errors) {
                errors.add(error);
                skip_to_comma(input);
            }
            if !input.is_empty() && input.parse::<Token![,]>().is_err() {
                errors.push_at(input.span(), "a comma is missing before this");
                skip_to_comma(input);
                input.parse::<Token![,]>().ok();
            }
            first = false;
        }
    }

    fn parse_one(
        &mut self,
        attribute: Attribute,
        first: bool,
        input: ParseStream<'_>,
        errors: &mut Errors,
    ) -> syn::Result<()> {
        if input.peek(LitStr) {
            let literal: LitStr = input.parse()?;
            match attribute.leading() {
                Some(_) if first => {
                    if attribute == Attribute::Namespace {
                        self.pattern = Some(Pattern::read(&literal, errors));
                    }
                    self.leading = Some(literal);
                }
                Some(meaning) => {
                    errors.push(literal, format!("{meaning}, is the first option and is written once"));
                }
                None => errors.push(literal, unknown(attribute)),
            }
            return Ok(());
        }
        if !input.peek(Ident::peek_any) {
            return Err(input.error(unknown(attribute)));
        }
        let name = Ident::parse_any(input)?;
        let text = name.to_string();
        if !attribute.known().contains(&text.as_str()) {
            let error = syn::Error::new(
                name.span(),
                format!("`#[{}]` has no option `{text}`: {}", attribute.name(), unknown(attribute)),
            );
            return Err(error);
        }
        if self.find(&text).is_some() {
            return Err(syn::Error::new(
                name.span(),
                format!("the option `{text}` is given twice: keep one"),
            ));
        }
        self.given.push(name.clone());
        self.parse_value(&name, &text, input, errors)
    }

    fn parse_value(
        &mut self,
        name: &Ident,
        text: &str,
        input: ParseStream<'_>,
        errors: &mut Errors,
    ) -> syn::Result<()> {
        match text {
            "blocking" | "sequential" => {
                if input.peek(Token![=]) {
                    return Err(input.error(format!("`{text}` takes no value: its name is enough")));
                }
                let flag = if text == "blocking" { &mut self.blocking } else { &mut self.sequential };
                *flag = Some(name.span());
            }
            "namespace" => {
                let literal = string(name, "namespace = \"/chat\"", input)?;
                self.pattern = Some(Pattern::read(&literal, errors));
                self.namespace = Some(literal);
            }
            "allow" => {
                self.allow = permissions(name, input, errors)?;
            }
            "timeout" => {
                let literal = string(name, "timeout = \"5s\"", input)?;
                self.timeout_ms = check::timeout(&literal, errors);
            }
            "side" => {
                equals(name, "side = client", input)?;
                let side = Ident::parse_any(input).ok();
                self.side = match side.as_ref().map(ToString::to_string).as_deref() {
                    Some("client") => Some(Side::Client),
                    Some("server") => Some(Side::Server),
                    _ => {
                        let span = side.map_or_else(|| input.span(), |side| side.span());
                        return Err(syn::Error::new(span, "a side is `client` or `server`"));
                    }
                };
            }
            "stream" => {
                equals(name, "stream = Item", input)?;
                self.stream = Some(input.parse().map_err(|error| {
                    syn::Error::new(error.span(), "`stream` names the type of the items: `stream = u32`")
                })?);
            }
            "app" => {
                equals(name, "app = Admin", input)?;
                self.app = Some(input.parse().map_err(|error| {
                    syn::Error::new(error.span(), "an app is named by a type: `app = Admin`")
                })?);
            }
            "order" => {
                equals(name, "order = 1", input)?;
                self.order = Some(integer(input)?);
            }
            _ => unreachable!("every known option is read"),
        }
        Ok(())
    }
}

/// A permission: a text, or a constant that has it.
#[derive(Clone)]
pub(crate) enum Permission {
    Text(LitStr),
    Constant(Path),
}

impl Permission {
    /// The text, or the constant as it is written.
    fn text(&self) -> String {
        match self {
            Self::Text(literal) => literal.value(),
            Self::Constant(path) => type_text(path),
        }
    }
}

impl Parse for Permission {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        if input.peek(LitStr) { input.parse().map(Self::Text) } else { input.parse().map(Self::Constant) }
    }
}

impl ToTokens for Permission {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match self {
            Self::Text(literal) => literal.to_tokens(tokens),
            Self::Constant(path) => path.to_tokens(tokens),
        }
    }
}

/// One permission, or a list of them.
fn permissions(name: &Ident, input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<Vec<Permission>> {
    equals(name, "allow = \"admin\"", input)?;
    let mut permissions = Vec::new();
    if input.peek(token::Bracket) {
        let list;
        let bracket = bracketed!(list in input);
        permissions.extend(list.parse_terminated(<Permission as Parse>::parse, Token![,]).map_err(
            |error| {
                let message = "permissions are strings, or constants that are: `allow = [\"admin\", ROOT]`";
                syn::Error::new(error.span(), message)
            },
        )?);
        if permissions.is_empty() {
            let message = "a list of permissions names one at least: without `allow` everyone may call";
            errors.push_at(bracket.span.join(), message);
        }
    } else {
        permissions.push(input.parse().map_err(|error: syn::Error| {
            let message = "`allow` takes a string, a constant that is one, or a list of them: `allow = \"admin\"`, \
                           `allow = [\"admin\", ROOT]`";
            syn::Error::new(error.span(), message)
        })?);
    }
    for (index, permission) in permissions.iter().enumerate() {
        let text = permission.text();
        if text.is_empty() {
            errors.push(permission, "a permission needs a name: `allow = \"admin\"`");
        } else if permissions[..index].iter().any(|earlier| earlier.text() == text) {
            errors.push(permission, format!("the permission `{text}` is listed twice: keep one"));
        }
    }
    Ok(permissions)
}

/// The end of an error about something that is no option.
fn unknown(attribute: Attribute) -> String {
    let known: Vec<_> = attribute.known().iter().map(|name| format!("`{name}`")).collect();
    let options = match known.as_slice() {
        [only] => format!("the only option is {only}"),
        [rest @ .., last] => format!("the options are {} and {last}", rest.join(", ")),
        [] => "it takes none".to_owned(),
    };
    match attribute.leading() {
        Some(meaning) => format!("{options}, after {meaning}"),
        None => options,
    }
}

fn equals(name: &Ident, example: &str, input: ParseStream<'_>) -> syn::Result<()> {
    if input.peek(Token![=]) {
        input.parse::<Token![=]>()?;
        return Ok(());
    }
    Err(syn::Error::new(name.span(), format!("`{name}` needs a value: `{example}`")))
}

fn string(name: &Ident, example: &str, input: ParseStream<'_>) -> syn::Result<LitStr> {
    equals(name, example, input)?;
    input
        .parse()
        .map_err(|error| syn::Error::new(error.span(), format!("`{name}` takes a string: `{example}`")))
}

fn integer(input: ParseStream<'_>) -> syn::Result<LitInt> {
    let error = |span| syn::Error::new(span, "an order is an integer that fits an `i32`: `order = 1`");
    let minus = input.parse::<Option<Token![-]>>()?;
    let literal: LitInt = input.parse().map_err(|parse: syn::Error| error(parse.span()))?;
    let sign = if minus.is_some() { "-" } else { "" };
    let value: i32 =
        format!("{sign}{}", literal.base10_digits()).parse().map_err(|_| error(literal.span()))?;
    Ok(LitInt::new(&format!("{value}i32"), literal.span()))
}

fn skip_to_comma(input: ParseStream<'_>) {
    while !input.is_empty() && !input.peek(Token![,]) {
        input.parse::<TokenTree>().ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::quote;

    fn read(attribute: Attribute, tokens: TokenStream) -> (Options, Vec<String>) {
        let mut errors = Errors::default();
        let options = Options::read(attribute, tokens, &mut errors);
        (options, errors.texts())
    }

    #[test]
    fn every_option_is_read() {
        let (options, errors) = read(
            Attribute::On,
            quote!("kick", namespace = "/a", app = my::App<u8>, side = client, allow = "admin", sequential, timeout = "5s"),
        );
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!(options.permissions(), ["admin"]);
        assert_eq!(options.leading.unwrap().value(), "kick");
        assert_eq!(options.namespace.unwrap().value(), "/a");
        assert_eq!(options.side, Some(Side::Client));
        assert!(options.sequential.is_some() && options.blocking.is_none());
        assert_eq!(options.timeout_ms, Some(5000));
        let (options, errors) = read(Attribute::Middleware, quote!(order = -3,));
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!(options.order.unwrap().base10_parse::<i32>().unwrap(), -3);
    }

    #[test]
    fn all_mistakes_are_told_at_once() {
        let (options, errors) = read(
            Attribute::On,
            quote!("x", alow = "admin", blocking, blocking, timeout = 5, sequential = true),
        );
        assert!(options.blocking.is_some());
        assert_eq!(
            errors,
            [
                "`#[on]` has no option `alow`: the options are `namespace`, `app`, `side`, `allow`, `blocking`, \
                 `sequential`, `stream` and `timeout`, after the event's name, such as \"post\"",
                "the option `blocking` is given twice: keep one",
                "`timeout` takes a string: `timeout = \"5s\"`",
                "`sequential` takes no value: its name is enough",
            ]
        );
    }

    #[test]
    fn strings_and_commas_have_their_place() {
        assert_eq!(read(Attribute::On, quote!(blocking, "x")).1.len(), 1);
        assert_eq!(read(Attribute::On, quote!("x" blocking)).1, ["a comma is missing before this"]);
        assert_eq!(read(Attribute::ConfigureSocket, quote!("x")).1, ["the only option is `app`"]);
        assert_eq!(read(Attribute::On, quote!(side = both)).1, ["a side is `client` or `server`"]);
        assert_eq!(read(Attribute::On, quote!(= 5)).1.len(), 1);
        assert_eq!(read(Attribute::On, quote!(allow)).1, ["`allow` needs a value: `allow = \"admin\"`"]);
    }

    #[test]
    fn permissions_are_one_or_several() {
        let (options, errors) = read(Attribute::On, quote!(allow = ["root", "admin",], sequential));
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!(options.permissions(), ["admin", "root"]);
        assert!(options.sequential.is_some());
        let (options, errors) = read(Attribute::On, quote!(allow = [Role::ADMIN, "root"]));
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!(options.permissions(), ["Role::ADMIN", "root"]);
        for wrong in
            [quote!(allow = []), quote!(allow = [""]), quote!(allow = ["a", "a"]), quote!(allow = [5])]
        {
            assert_eq!(read(Attribute::On, wrong).1.len(), 1);
        }
    }
}
