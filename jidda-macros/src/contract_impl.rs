//! `#[namespace]` on the `impl` of a contract: its methods are handlers under the contract's names.
//!
//! A contract lists what travels. A method that borrows from the connection beside it has another signature than the
//! trait's, so it becomes a method of the type itself; the trait's is there for rustc to compare what travels.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::spanned::Spanned;
use syn::{FnArg, ImplItem, ItemImpl, Path, ReturnType, Type, parse_quote};

use crate::attribute::Options;
use crate::check::Errors;
use crate::contract::entries_function;
use crate::expansion::Expansion;
use crate::function::{Function, is_ours};
use crate::glue::Callee;
use crate::model::Handler;
use crate::runtime::{allow_lints, path, signature_lints};
use crate::signature::{Origin, Output, Place};

/// Expands the attribute.
pub(crate) fn expand(attribute: &TokenStream, mut block: ItemImpl, mut errors: Errors) -> TokenStream {
    if !attribute.is_empty() {
        errors.push(
            attribute,
            "the contract says where its handlers belong: write `#[namespace]` alone on an `impl` of it",
        );
    }
    let self_type = (*block.self_ty).clone();
    let Some((contract, _)) = block.trait_.clone() else { return block.into_token_stream() };

    let mut expansion = Expansion::new(Place::Method, Some(&self_type), errors);
    let mut items = Vec::new();
    let mut borrowing = Vec::new();
    for item in std::mem::take(&mut block.items) {
        let ImplItem::Fn(mut method) = item else {
            items.push(item);
            continue;
        };
        refuse_on(&mut method, &mut expansion);
        for (mut method, handler) in expansion.add(&Function::from(&method), &Options::default()) {
            let lints = signature_lints();
            if handler.signature.borrowed().next().is_none() {
                items.push(ImplItem::Verbatim(quote!(#lints #method)));
            } else {
                items.push(ImplItem::Verbatim(of_the_trait(&method, &handler, &self_type, &contract)));
                // Behind its attributes, such as documentation.
                method.visibility = parse_quote!(pub(crate));
                borrowing.push(quote!(#lints #method));
            }
        }
    }
    let (runtime, allow_lints, function) = (path(), allow_lints(), entries_function());
    let entries = expansion.entries(Callee::Contract(&self_type, &contract), None);
    items.push(parse_quote! {
        #[doc(hidden)]
        #allow_lints
        fn #function() -> &'static [&'static #runtime::HandlerEntry] {
            #entries
        }
    });
    block.items = items;
    let prelude = expansion.prelude();
    let own = (!borrowing.is_empty()).then(|| quote!(impl #self_type { #(#borrowing)* }));
    quote!(#prelude #block #own)
}

fn refuse_on(method: &mut syn::ImplItemFn, expansion: &mut Expansion<'_>) {
    let Some(on) = method.attrs.iter().find(|attribute| is_ours(attribute, "on")) else { return };
    let span = on.path().span();
    // It goes away with whatever is wrong in it.
    let errors = std::mem::take(&mut expansion.errors);
    expansion.take_on(&mut method.attrs);
    expansion.errors = errors;
    expansion
        .errors
        .push_at(span, "the event's name and options belong to the contract: remove `#[on]` here");
}

/// The contract's method of a handler that borrows: rustc compares its signature with the trait's.
fn of_the_trait(method: &Function, handler: &Handler, self_type: &Type, contract: &Path) -> TokenStream {
    let allow_lints = allow_lints();
    let cfg = handler.forwarded.cfg();
    let mut signature = method.signature.clone();
    let mut inputs = handler.signature.inputs.iter();
    signature.inputs = std::mem::take(&mut signature.inputs)
        .into_iter()
        .filter(|argument| match argument {
            FnArg::Receiver(_) => true,
            FnArg::Typed(_) => inputs.next().is_none_or(|input| input.origin != Origin::Connection),
        })
        .collect();
    let name = &handler.signature.name;
    let (ty, contract) = (self_type.to_token_stream().to_string(), contract.to_token_stream().to_string());
    let text = format!(
        "`{contract}::{name}` of `{ty}` borrows from the connection: call it through a stub, or `{ty}::{name}` itself"
    );
    let value = value(&handler.signature.output, &signature.output);
    quote! {
        #cfg
        #allow_lints
        #[allow(unreachable_code)]
        #signature {
            ::core::unimplemented!(#text);
            #value
        }
    }
}

/// A value for a return type that has no name, which is never made.
fn value(output: &Output, written: &ReturnType) -> TokenStream {
    let runtime = path();
    let Output::Stream(stream) = output else { return TokenStream::new() };
    let ReturnType::Type(_, ty) = written else { return TokenStream::new() };
    let item = &stream.item;
    let pending = quote!(#runtime::no_items::<#item>());
    match &**ty {
        Type::ImplTrait(_) => pending,
        ty if ty.to_token_stream().to_string().contains("impl ") => {
            quote!(::core::result::Result::Ok(#pending))
        }
        _ => TokenStream::new(),
    }
}
