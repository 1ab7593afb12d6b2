//! One handler, read whole: its signature, its options and the attributes that go wherever it goes.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::{Attribute, Expr, ExprLit, Ident, Lit, Meta, Type};

use crate::attribute::{Options, Side};
use crate::check::{self, Errors};
use crate::runtime;
use crate::signature::{Output, Place, Signature};

/// A handler as the generators need it.
pub(crate) struct Handler {
    pub(crate) signature: Signature,
    pub(crate) options: Options,
    pub(crate) event: String,
    pub(crate) event_span: Span,
    pub(crate) carried: Carried,
    /// Whether its body may have to wait for something, as far as that can be seen.
    pub(crate) may_wait: bool,
}

/// Attributes that stubs, entries and tables share with the handler.
#[derive(Clone, Default)]
pub(crate) struct Carried {
    pub(crate) cfg: Vec<Attribute>,
    pub(crate) docs: Vec<Attribute>,
    pub(crate) deprecated: Option<Attribute>,
}

impl Carried {
    pub(crate) fn read(attributes: &[Attribute]) -> Self {
        let mut carried = Self::default();
        for attribute in attributes {
            if attribute.path().is_ident("cfg") {
                carried.cfg.push(attribute.clone());
            } else if attribute.path().is_ident("doc") {
                carried.docs.push(attribute.clone());
            } else if attribute.path().is_ident("deprecated") {
                carried.deprecated = Some(attribute.clone());
            }
        }
        carried
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
        attributes: &[Attribute],
        signature: &mut syn::Signature,
        place: Place,
        self_type: Option<&Type>,
        errors: &mut Errors,
    ) -> Self {
        let signature = Signature::read(signature, place, self_type, options.stream.as_ref(), errors);
        let (event, event_span) = match &options.leading {
            Some(literal) => (literal.value(), literal.span()),
            None => (signature.name.unraw().to_string(), signature.name.span()),
        };
        Self { carried: Carried::read(attributes), signature, options, event, event_span, may_wait: true }
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
            "connect" => "`connect` comes with one value, the auth of the handshake: take one struct",
            "disconnect" => "`disconnect` comes with one value, its `DisconnectReason`: remove the others",
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
                format!("nobody reads a stream from `{}`: it is not called, it happens", self.event),
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

    /// The trait of a target through which it can be called.
    pub(crate) fn target_bound(&self, arguments: &TokenStream) -> TokenStream {
        let runtime = runtime::path();
        let outcome = self.outcome();
        let shape = runtime::shape(&outcome);
        if let Output::Stream(stream) = &self.signature.output {
            let (item, item_shape) = (&stream.item, runtime::shape(&stream.item));
            return quote!(#runtime::Streams<#arguments, #outcome, #item, #shape, #item_shape>);
        }
        let is_unit = runtime::is_unit(&outcome);
        quote!(#runtime::Calls<#arguments, #outcome, #shape, #is_unit>)
    }
}

/// Where handlers are collected: a namespace of an app on one side.
#[derive(Clone)]
pub(crate) struct Home {
    pub(crate) namespace: String,
    pub(crate) side: Side,
    pub(crate) app: Option<Type>,
}

impl Home {
    /// The home that a handler's own options say.
    pub(crate) fn of(options: &Options) -> Self {
        Self {
            namespace: options.namespace.as_ref().map_or_else(|| "/".to_owned(), syn::LitStr::value),
            side: options.side.unwrap_or_default(),
            app: options.app.clone(),
        }
    }

    /// Whether one stub can name the namespace: those of a family have to be named at run time.
    pub(crate) fn is_family(&self) -> bool {
        self.namespace.contains('{')
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

    /// The calls that put an entry into this home.
    pub(crate) fn entry_calls(&self) -> TokenStream {
        let Self { namespace, side, app } = self;
        let mut calls = quote!(.namespaced(#namespace));
        if *side == Side::Client {
            let side = self.side();
            calls.extend(quote!(.on_side(#side)));
        }
        if app.is_some() {
            let app = self.app();
            calls.extend(quote!(.in_app(#app)));
        }
        calls
    }
}

/// `prefix` and a handler's name: an item beside those of other handlers.
pub(crate) fn item_name(prefix: &str, name: &Ident) -> Ident {
    Ident::new(&format!("{prefix}{}", name.unraw()), runtime::errors_at(name.span()))
}
