//! `#[middleware]`: a function around every call, or one that has a look before it.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{FnArg, ReturnType, Type};

use crate::attribute::{Attribute, Options};
use crate::check::Errors;
use crate::function::{Function, is_consumed};
use crate::model::{ForwardedAttributes, Mount};
use crate::runtime::{allow_lints, errors_at, hygienic_ident, location, path, path_at, signature_lints};

/// The two forms a middleware has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Around,
    Before,
}

const FORMS: &str = "a middleware is `async fn (call: Call, next: Next) -> Reply`, around the call, or \
                     `fn (call: &Call) -> Result<()>`, async or not, before it";

/// Expands the attribute.
pub(crate) fn expand(attribute: TokenStream, item: TokenStream) -> TokenStream {
    if is_consumed(&attribute) {
        return TokenStream::new();
    }
    let mut errors = Errors::default();
    let Ok(mut function) = syn::parse2::<Function>(item.clone()) else {
        errors.push(&item, format!("`#[middleware]` marks a function: {FORMS}"));
        let errors = errors.into_tokens();
        return quote!(#errors #item);
    };
    let options = Options::read(Attribute::Middleware, attribute, &mut errors);
    let form = form(&function.signature);
    if form.is_none() {
        let mut signature = function.signature.clone();
        signature.generics = syn::Generics::default();
        errors.push(signature, FORMS);
    }
    let entry = match form {
        Some(form) if errors.is_empty() => entry(&function, &options, form),
        _ => TokenStream::new(),
    };
    function.attributes.push(signature_lints());
    let errors = errors.into_tokens();
    quote!(#errors #function #entry)
}

fn form(signature: &syn::Signature) -> Option<Form> {
    if !signature.generics.params.is_empty() || signature.variadic.is_some() {
        return None;
    }
    let inputs: Vec<_> = signature.inputs.iter().map(borrows).collect::<Option<_>>()?;
    let ReturnType::Type(_, output) = &signature.output else { return None };
    match inputs.as_slice() {
        [false, false] if signature.asyncness.is_some() && !is_turned(signature) => Some(Form::Around),
        // Whether it is a `Result` its type says: see `run`.
        [true] if !is_unit(output) => Some(Form::Before),
        _ => None,
    }
}

/// Whether an argument is a shared reference; `None` if it is nothing a middleware takes.
fn borrows(argument: &FnArg) -> Option<bool> {
    match argument {
        FnArg::Receiver(_) => None,
        FnArg::Typed(typed) => match &*typed.ty {
            Type::Reference(reference) if reference.mutability.is_some() => None,
            Type::Reference(_) => Some(true),
            _ => Some(false),
        },
    }
}

fn is_unit(ty: &Type) -> bool {
    matches!(ty, Type::Tuple(tuple) if tuple.elems.is_empty())
}

/// Whether the two arguments stand the wrong way round.
fn is_turned(signature: &syn::Signature) -> bool {
    let Some(FnArg::Typed(first)) = signature.inputs.first() else { return false };
    matches!(&*first.ty, Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "Next"))
}

fn entry(function: &Function, options: &Options, form: Form) -> TokenStream {
    let runtime = path();
    let allow_lints = allow_lints();
    let name = &function.signature.ident;
    let text = name.unraw().to_string();
    let cfg = ForwardedAttributes::read(&function.attributes).cfg();
    let location = location(name.span());
    let (call, next) = (hygienic_ident("call"), hygienic_ident("next"));
    let run = run(function, form, &call, &next);
    let mount = Mount::of(options);
    // Without a namespace of its own it is around the calls of all of them.
    let mut calls = if options.namespace.is_some() { mount.entry_calls() } else { mount.app_calls() };
    if let Some(order) = &options.order {
        calls.extend(quote!(.ordered(#order)));
    }
    quote! {
        #cfg
        #allow_lints
        const _: () = {
            fn __jidda_run(
                #call: #runtime::Call,
                #next: #runtime::Next,
            ) -> #runtime::BoxFuture<'static, #runtime::Reply> {
                #run
            }

            static __JIDDA_ENTRY: #runtime::MiddlewareEntry = #runtime::MiddlewareEntry::new(
                #text,
                __jidda_run,
                #location,
            )
            #calls;

            #runtime::inventory::submit! { #runtime::RegisteredMiddleware(&__JIDDA_ENTRY) }
        };
    }
}

fn run(function: &Function, form: Form, call: &Ident, next: &Ident) -> TokenStream {
    let runtime = path();
    let signature = &function.signature;
    let name = &signature.ident;
    let span = errors_at(name.span());
    let output_span = errors_at(match &signature.output {
        ReturnType::Type(_, ty) => ty.span(),
        ReturnType::Default => name.span(),
    });
    if form == Form::Around {
        let reply = Ident::new("reply", output_span);
        return quote_spanned! {span=>
            ::std::boxed::Box::pin(async move {
                let #reply = #name(#call, #next).await;
                // Its type is checked here, at the return type that was written.
                let #reply: #runtime::Reply = #reply;
                #reply
            })
        };
    }
    let wait = signature.asyncness.map(|_| quote_spanned!(span=> .await));
    let verdict = Ident::new("verdict", output_span);
    let refuse = {
        let runtime = path_at(output_span);
        quote_spanned!(output_span=> #runtime::refusal(#verdict))
    };
    quote_spanned! {span=>
        ::std::boxed::Box::pin(async move {
            let #verdict = #name(&#call) #wait;
            match #refuse {
                ::core::option::Option::None => #next.run(#call).await,
                ::core::option::Option::Some(reply) => reply,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form_of(tokens: TokenStream) -> Option<Form> {
        form(&syn::parse2(tokens).unwrap())
    }

    #[test]
    fn the_form_is_in_the_signature() {
        assert_eq!(form_of(quote!(async fn f(call: Call, next: Next) -> Reply)), Some(Form::Around));
        assert_eq!(form_of(quote!(async fn f(call: &Call) -> jidda::Result<()>)), Some(Form::Before));
        assert_eq!(form_of(quote!(fn f(_: &Call) -> Result<(), Denied>)), Some(Form::Before));
    }

    #[test]
    fn nothing_else_is_one() {
        for tokens in [
            quote!(fn f(call: Call, next: Next) -> Reply),
            quote!(async fn f(call: Call) -> Reply),
            quote!(async fn f(call: &Call)),
            quote!(async fn f(next: Next, call: Call) -> Reply),
            quote!(async fn f(call: &mut Call) -> Result<()>),
            quote!(async fn f(&self, next: Next) -> Reply),
            quote!(async fn f<T>(call: Call, next: T) -> Reply),
        ] {
            assert_eq!(form_of(tokens.clone()), None, "{tokens}");
        }
    }
}
