//! `#[namespace]` on a module: its free handlers and its middlewares belong to the namespace.

use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote};
use syn::{Item, ItemFn, ItemMod, Meta, Visibility, parse_quote};

use crate::attribute::{Attribute, Options, Side};
use crate::check::Errors;
use crate::expansion::{Expansion, handlers_function};
use crate::function::{Function, is_ours};
use crate::model::Mount;
use crate::on::free;
use crate::signature::Place;

/// Expands the attribute.
pub(crate) fn expand(
    attribute: &TokenStream,
    mount: &Mount,
    mut module: ItemMod,
    errors: Errors,
) -> TokenStream {
    let Some((_, content)) = &mut module.content else { return elsewhere(mount, &module, errors) };
    let mut expansion = Expansion::new(Place::Module, None, errors);
    let mut items = Vec::new();
    let mut functions = Vec::new();
    for item in std::mem::take(content) {
        let Item::Fn(mut function) = item else {
            items.push(item);
            continue;
        };
        place_middleware(&mut function, attribute);
        match expansion.take_on(&mut function.attrs) {
            Some(options) => functions.extend(expansion.add(&Function::from(&function), &options)),
            None => items.push(Item::Fn(function)),
        }
    }
    expansion.check();

    let is_sound = expansion.errors.is_empty();
    let functions = functions.iter().map(|(function, handler)| free(function, handler, mount, is_sound));
    let functions: TokenStream = functions.collect();
    let docs = format!(
        "Calls the handlers of the namespace `{}` through whatever carries a call.",
        mount.namespace()
    );
    let visibility: Visibility = parse_quote!(pub);
    let handlers = handlers_function(&expansion.entries_of_functions());
    let stub = expansion.client(&format_ident!("Client"), &visibility, &docs, mount, &handlers);
    let prelude = expansion.prelude();
    // Inside, where the attributes' imports are.
    items.push(Item::Verbatim(quote!(#prelude #functions #stub)));
    *content = items;
    module.into_token_stream()
}

/// A module in another file, whose functions an attribute cannot see. The module itself is left out: what is in it would
/// not be what it says, and rustc would have an error of its own to say about it.
fn elsewhere(mount: &Mount, module: &ItemMod, mut errors: Errors) -> TokenStream {
    let (name, namespace) = (&module.ident, mount.namespace());
    let text = format!(
        "`#[namespace]` has to see the functions: write them here, `mod {name} {{ .. }}`, or put \
         `namespace = \"{namespace}\"` on each `#[on]` in the file"
    );
    errors.push(module, text);
    errors.into_tokens()
}

/// Gives a middleware of the module the module's mount, unless it says its own.
fn place_middleware(function: &mut ItemFn, mount: &TokenStream) {
    for attribute in function.attrs.iter_mut().filter(|attribute| is_ours(attribute, "middleware")) {
        let own = match &attribute.meta {
            Meta::List(list) => list.tokens.clone(),
            _ => TokenStream::new(),
        };
        let mut errors = Errors::default();
        let inner = Options::read(Attribute::Middleware, own.clone(), &mut errors);
        let outer = Options::read(Attribute::Namespace, mount.clone(), &mut errors);
        let mut added = TokenStream::new();
        if let (None, Some(namespace)) = (&inner.namespace, &outer.leading) {
            added.extend(quote!(namespace = #namespace,));
        }
        if let (None, Some(app)) = (&inner.app, &outer.app) {
            added.extend(quote!(app = #app,));
        }
        if let (None, Some(Side::Client)) = (inner.side, outer.side) {
            added.extend(quote!(side = client,));
        }
        let path = attribute.path().clone();
        *attribute = parse_quote!(#[#path(#added #own)]);
    }
}
