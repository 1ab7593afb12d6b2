//! One handler, read whole: its signature, its options and the attributes that go wherever it goes.

use std::sync::atomic::{AtomicUsize, Ordering};

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::{Attribute, Expr, ExprLit, Ident, Lit, Meta, Type};

use crate::attribute::{Options, Side};
use crate::check::{self, Errors};
use crate::function::Function;
use crate::pattern::Pattern;
use crate::runtime;
use crate::signature::{Output, Place, Signature};

/// A handler as the generators need it.
#[derive(Clone)]
pub(crate) struct Handler {
    pub(crate) signature: Signature,
    pub(crate) options: Options,
    pub(crate) event: String,
    pub(crate) event_span: Span,
    pub(crate) forwarded: ForwardedAttributes,
    /// The module in which the type of a free handler's stub stands.
    pub(crate) stub_module: Ident,
    /// Whether its body may have to wait for something, as far as that can be seen.
    pub(crate) may_wait: bool,
}

/// Attributes that stubs, entries and tables share with the handler.
#[derive(Clone, Default)]
pub(crate) struct ForwardedAttributes {
    pub(crate) cfg: Vec<Attribute>,
    pub(crate) docs: Vec<Attribute>,
    pub(crate) deprecated: Option<Attribute>,
}

impl ForwardedAttributes {
    pub(crate) fn read(attributes: &[Attribute]) -> Self {
        let mut forwarded = Self::default();
        for attribute in attributes {
            if attribute.path().is_ident("cfg") {
                forwarded.cfg.push(attribute.clone());
            } else if attribute.path().is_ident("doc") {
                forwarded.docs.push(attribute.clone());
            } else if attribute.path().is_ident("deprecated") {
                forwarded.deprecated = Some(attribute.clone());
            }
        }
        forwarded
    }

    pub(crate) fn cfg(&self) -> TokenStream {
        let cfg = &self.cfg;
        quote!(#(#cfg)*)
    }

    /// For an item that users meet in the handler's place.
    pub(crate) fn all(&self) -> TokenStream {
        let Self { cfg, docs, deprecated } = self;
        quote!(#(#cfg)* #(#docs)* #deprecated)
    }

    /// The documentation as one text.
    pub(crate) fn text(&self) -> String {
        let lines: Vec<_> = self.docs.iter().filter_map(doc_line).collect();
        lines.join("\n")
    }
}

fn doc_line(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(meta) = &attribute.meta else { return None };
    let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = &meta.value else { return None };
    let text = text.value();
    Some(text.strip_prefix(' ').unwrap_or(&text).to_owned())
}

impl Handler {
    /// Reads a handler; its function keeps none of our attributes.
    pub(crate) fn read(
        options: Options,
        function: &mut Function,
        place: Place,
        self_type: Option<&Type>,
        errors: &mut Errors,
    ) -> Self {
        let may_wait = function.may_wait();
        let items = options.stream.as_ref();
        let signature = Signature::read(&mut function.signature, place, self_type, items, errors);
        let (event, event_span) = match &options.leading {
            Some(literal) => (literal.value(), literal.span()),
            None => (signature.name.unraw().to_string(), signature.name.span()),
        };
        let forwarded = ForwardedAttributes::read(&function.attributes);
        let stub_module = unique_name("__jidda_stub", &signature.name);
        Self { signature, options, event, event_span, forwarded, stub_module, may_wait }
    }

    /// Checks what the signature has to do with the event.
    pub(crate) fn check(&self, errors: &mut Errors) {
        check::event(&self.event, self.event_span, errors);
        if let Some(span) = self.options.blocking
            && self.signature.is_async
        {
            errors.push_at(span, "an `async fn` does not block: remove `blocking`, or remove `async`");
        }
        if self.is_streaming() {
            self.check_stream(errors);
        }
        let advice = match self.event.as_str() {
            "connect" => "`connect` has one value, the auth of the handshake: take one struct",
            "disconnect" => "`disconnect` has one value, its `DisconnectReason`: remove the others",
            _ => return,
        };
        if let Some(second) = self.signature.owned().nth(1) {
            errors.push(&second.ty, advice);
        }
    }

    fn check_stream(&self, errors: &mut Errors) {
        if let Some(span) = self.options.blocking {
            errors.push_at(
                span,
                "a stream is asked for its items one by one, it does not run on the blocking pool: remove \
                 `blocking`, and use `tokio::task::spawn_blocking` inside for what blocks",
            );
        }
        if matches!(self.event.as_str(), "connect" | "disconnect") {
            errors.push_at(
                self.event_span,
                format!("`{}` cannot return a stream: it is not called, it happens", self.event),
            );
        }
    }

    /// Whether callers have something to call: the ends of a socket's life and catch-alls have no name to send.
    pub(crate) fn is_callable(&self) -> bool {
        !matches!(self.event.as_str(), "connect" | "disconnect" | "*")
    }

    /// Whether the reply is a stream.
    pub(crate) fn is_streaming(&self) -> bool {
        matches!(self.signature.output, Output::Stream(_))
    }

    /// What the handler returns; of a stream what stands for it.
    pub(crate) fn outcome(&self) -> TokenStream {
        match &self.signature.output {
            Output::Nothing => quote!(()),
            Output::Value(ty) => quote!(#ty),
            Output::Stream(stream) => stream.whole.to_token_stream(),
        }
    }

    /// The trait of a target through which it can be called, and the one that only says what such a call is.
    pub(crate) fn target_bounds(&self, arguments: &TokenStream) -> (TokenStream, TokenStream) {
        let runtime = runtime::path();
        let outcome = self.outcome();
        let shape = runtime::shape(&outcome);
        if let Output::Stream(stream) = &self.signature.output {
            let (item, item_shape) = (&stream.item, runtime::shape(&stream.item));
            let of = quote!(#outcome, #item, #shape, #item_shape);
            return (quote!(#runtime::Streams<#arguments, #of>), quote!(#runtime::StreamOf<#of>));
        }
        let is_unit = runtime::is_unit(&outcome);
        let of = quote!(#outcome, #shape, #is_unit);
        (quote!(#runtime::Calls<#arguments, #of>), quote!(#runtime::CallOf<#of>))
    }
}

/// Where handlers are collected: a namespace of an app on one side.
#[derive(Clone)]
pub(crate) struct Mount {
    pub(crate) namespace: Pattern,
    pub(crate) side: Side,
    pub(crate) app: Option<Type>,
}

impl Mount {
    /// The mount that a handler's own options say.
    pub(crate) fn of(options: &Options) -> Self {
        Self {
            namespace: options.pattern.clone().unwrap_or_default(),
            side: options.side.unwrap_or_default(),
            app: options.app.clone(),
        }
    }

    /// The namespace, or the family of them, as the runtime reads it.
    pub(crate) fn namespace(&self) -> &str {
        &self.namespace.text
    }

    pub(crate) fn side(&self) -> TokenStream {
        let runtime = runtime::path();
        match self.side {
            Side::Server => quote!(#runtime::Side::Server),
            Side::Client => quote!(#runtime::Side::Client),
        }
    }

    pub(crate) fn app(&self) -> TokenStream {
        let runtime = runtime::path();
        let app = self.app.as_ref().map_or_else(|| quote!(()), |app| quote!(#app));
        quote!(#runtime::AppKey::of::<#app>())
    }

    /// The calls that put an entry into this mount.
    pub(crate) fn entry_calls(&self) -> TokenStream {
        let (namespace, others) = (self.namespace(), self.app_calls());
        quote!(.namespaced(#namespace) #others)
    }

    /// The same without the namespace.
    pub(crate) fn app_calls(&self) -> TokenStream {
        let mut calls = TokenStream::new();
        if self.side == Side::Client {
            let side = self.side();
            calls.extend(quote!(.on_side(#side)));
        }
        if self.app.is_some() {
            let app = self.app();
            calls.extend(quote!(.in_app(#app)));
        }
        calls
    }
}

/// A name that no other item has, not even one of another module that `use super::*` imports.
fn unique_name(prefix: &str, name: &Ident) -> Ident {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    item_name(&format!("{prefix}_{number}_"), name)
}

/// `prefix` and a handler's name: an item beside those of other handlers.
pub(crate) fn item_name(prefix: &str, name: &Ident) -> Ident {
    Ident::new(&format!("{prefix}{}", name.unraw()), runtime::errors_at(name.span()))
}
