//! A function as it stands in the source: a macro reads its signature and leaves its body alone.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Meta, Path, Signature, Visibility};

use crate::attribute::{self, Options};
use crate::check::Errors;
use crate::waiting;

/// A function whose body was not looked into.
#[derive(Clone)]
pub(crate) struct Function {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) visibility: Visibility,
    pub(crate) signature: Signature,
    body: TokenStream,
}

/// Functions, methods and those of traits, which have a semicolon for a body.
impl<T: ToTokens> From<&T> for Function {
    fn from(item: &T) -> Self {
        syn::parse2(item.to_token_stream()).expect("it was read as a function before")
    }
}

impl Function {
    /// Whether it may have to wait for something, as far as that can be seen.
    pub(crate) fn may_wait(&self) -> bool {
        waiting::may_wait(&self.attributes, self.body.clone())
    }
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        Ok(Self {
            attributes: input.call(Attribute::parse_outer)?,
            visibility: input.parse()?,
            signature: input.parse()?,
            body: input.parse()?,
        })
    }
}

impl ToTokens for Function {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        for attribute in &self.attributes {
            attribute.to_tokens(tokens);
        }
        self.visibility.to_tokens(tokens);
        self.signature.to_tokens(tokens);
        self.body.to_tokens(tokens);
    }
}

/// Takes `#[on]` away and reads its options.
pub(crate) fn take_on(
    attributes: &mut Vec<Attribute>,
    consumed: &mut Consumed,
    errors: &mut Errors,
) -> Option<Options> {
    let mut found = None;
    attributes.retain(|attribute| {
        if !is_ours(attribute, "on") {
            return true;
        }
        consumed.add(attribute.path());
        if found.is_some() {
            errors.push(attribute, "a handler handles one event: write a second function for the second one");
            return false;
        }
        let tokens = match &attribute.meta {
            Meta::Path(_) => TokenStream::new(),
            Meta::List(list) => list.tokens.clone(),
            Meta::NameValue(_) => {
                errors.push(attribute, "the event's name stands in parentheses: `#[on(\"name\")]`");
                TokenStream::new()
            }
        };
        let options = Options::read(attribute::Attribute::On, tokens, errors);
        found = Some(options);
        false
    });
    found
}

/// Whether an attribute is the one of ours with this name, by whatever path.
pub(crate) fn is_ours(attribute: &Attribute, name: &str) -> bool {
    attribute.path().segments.last().is_some_and(|last| last.ident == name)
}

/// The attributes that an outer macro took away. Each is written once more, on nothing, so that its import
/// counts as used and a wrong one is an error.
#[derive(Default)]
pub(crate) struct Consumed(Vec<Path>);

impl Consumed {
    fn add(&mut self, path: &Path) {
        let text = path.to_token_stream().to_string();
        if !self.0.iter().any(|known| known.to_token_stream().to_string() == text) {
            self.0.push(path.clone());
        }
    }

    pub(crate) fn tokens(&self) -> TokenStream {
        self.0.iter().map(|path| quote::quote!(#[#path(@consumed)] const _: () = ();)).collect()
    }
}

/// Whether an attribute stands there for [`Consumed`].
pub(crate) fn is_consumed(attribute: &TokenStream) -> bool {
    attribute.to_string().replace(' ', "") == "@consumed"
}
