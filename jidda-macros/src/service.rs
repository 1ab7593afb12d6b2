//! `#[namespace]` on an `impl` block: its methods are the handlers of a service.

use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote};
use syn::{Ident, ImplItem, ItemImpl, parse_quote};

use crate::check::Errors;
use crate::expansion::{Expansion, handlers_function};
use crate::function::Function;
use crate::glue::Callee;
use crate::model::Mount;
use crate::runtime::signature_lints;
use crate::signature::Place;

/// Expands the attribute.
pub(crate) fn expand(
    mount: &Mount,
    mut block: ItemImpl,
    name: Option<&Ident>,
    errors: Errors,
) -> TokenStream {
    let self_type = (*block.self_ty).clone();
    let mut expansion = Expansion::new(Place::Method, Some(&self_type), errors);
    let mut items = Vec::new();
    for item in std::mem::take(&mut block.items) {
        let ImplItem::Fn(mut method) = item else {
            items.push(item);
            continue;
        };
        let Some(options) = expansion.take_on(&mut method.attrs) else {
            items.push(ImplItem::Fn(method));
            continue;
        };
        let method = Function::from(&method);
        for (method, _) in expansion.add(&method, &options) {
            let lints = signature_lints();
            items.push(ImplItem::Verbatim(quote!(#lints #method)));
        }
    }
    block.items = items;
    expansion.check();

    let stub = name.map(|name| {
        let client = format_ident!("{name}Client");
        let docs = format!(
            "Calls the handlers of [`{name}`] in the namespace `{}` through whatever carries a call.",
            mount.namespace()
        );
        let handlers = handlers_function(&expansion.entries(Callee::Method(&self_type), Some(mount)));
        expansion.client(&client, &parse_quote!(pub), &docs, mount, &handlers)
    });
    let prelude = expansion.prelude();
    let block = block.to_token_stream();
    quote!(#prelude #block #stub)
}
