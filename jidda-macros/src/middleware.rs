//! `#[middleware]`: a function around every call, or one that has a look before it.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{FnArg, ReturnType, Type};

use crate::attribute::{Attribute, Options, Side};
use crate::check::Errors;
use crate::function::{Function, is_seen};
use crate::handler::{Carried, Home};
use crate::runtime::{errors_at, local, path, path_at, quiet, signature_lints};

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
    if is_seen(&attribute) {
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
        [true] if is_result(output) => Some(Form::Before),
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

/// Whether the two arguments stand the wrong way round.
fn is_turned(signature: &syn::Signature) -> bool {
    let Some(FnArg::Typed(first)) = signature.inputs.first() else { return false };
    matches!(&*first.ty, Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "Next"))
}

fn is_result(ty: &Type) -> bool {
    match ty {
        Type::Path(path) => {
            path.path.segments.last().is_some_and(|last| last.ident.to_string().ends_with("Result"))
        }
        _ => false,
    }
}

fn entry(function: &Function, options: &Options, form: Form) -> TokenStream {
    let runtime = path();
    let quiet = quiet();
    let name = &function.signature.ident;
    let text = name.unraw().to_string();
    let cfg = Carried::read(&function.attributes).cfg();
    let line = quote_spanned!(name.span()=> ::core::line!());
    let (call, next) = (local("call"), local("next"));
    let run = run(function, form, &call, &next);
    let home = Home::of(options);
    let mut calls = TokenStream::new();
    if let Some(namespace) = &options.namespace {
        calls.extend(quote!(.namespaced(#namespace)));
    }
    if home.side == Side::Client {
        let side = home.side();
        calls.extend(quote!(.on_side(#side)));
    }
    if options.app.is_some() {
        let app = home.app();
        calls.extend(quote!(.in_app(#app)));
    }
    if let Some(order) = &options.order {
        calls.extend(quote!(.ordered(#order)));
    }
    quote! {
        #cfg
        #quiet
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
                #runtime::Location {
                    file: ::core::file!(),
                    line: #line,
                    module: ::core::module_path!(),
                    package: ::core::env!("CARGO_PKG_NAME"),
                },
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
    let error = Ident::new("error", output_span);
    let refuse = {
        let runtime = path_at(output_span);
        quote_spanned!(output_span=> #runtime::Reply::error(#error))
    };
    quote_spanned! {span=>
        ::std::boxed::Box::pin(async move {
            match #name(&#call) #wait {
                ::core::result::Result::Ok(_) => #next.run(#call).await,
                ::core::result::Result::Err(#error) => #refuse,
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
            quote!(async fn f(call: &Call) -> Reply),
            quote!(async fn f(&self, next: Next) -> Reply),
            quote!(async fn f<T>(call: Call, next: T) -> Reply),
        ] {
            assert_eq!(form_of(tokens.clone()), None, "{tokens}");
        }
    }
}
