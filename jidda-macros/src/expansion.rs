//! The one way from functions to handlers, whatever holds the functions: a function of its own, a module, an `impl`
//! block, a contract or an `impl` of one.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Ident, Type, Visibility};

use crate::attribute::{Options, Side};
use crate::cfg_variants::cfg_variants;
use crate::check::{self, Errors};
use crate::entry::{entry, entry_name};
use crate::function::{Consumed, Function, take_on};
use crate::glue::Callee;
use crate::model::{Handler, Mount};
use crate::runtime::{allow_lints, is_crate, path};
use crate::signature::Place;
use crate::stub;

/// The handlers of one item, as they are found in it.
pub(crate) struct Expansion<'a> {
    place: Place,
    /// What `Self` stands for.
    self_type: Option<&'a Type>,
    pub(crate) errors: Errors,
    consumed: Consumed,
    pub(crate) handlers: Vec<Handler>,
    /// Which of the handlers have all of their arguments: the others are variants of them under `#[cfg]`.
    firsts: Vec<usize>,
}

impl<'a> Expansion<'a> {
    pub(crate) fn new(place: Place, self_type: Option<&'a Type>, errors: Errors) -> Self {
        let (handlers, firsts) = (Vec::new(), Vec::new());
        Self { place, self_type, errors, consumed: Consumed::default(), handlers, firsts }
    }

    /// Takes `#[on]` away and reads its options, of which none may repeat what the block says.
    pub(crate) fn take_on(&mut self, attributes: &mut Vec<Attribute>) -> Option<Options> {
        let options = take_on(attributes, &mut self.consumed, &mut self.errors)?;
        for name in ["namespace", "app", "side"] {
            if let Some(given) = options.find(name) {
                let text = format!("`{name}` is said once, by the `#[namespace]` around: remove it here");
                self.errors.push(given, text);
            }
        }
        Some(options)
    }

    /// Adds a handler, once for each variant of its arguments, and gives back its functions. Only the first one, which
    /// has all arguments, reports mistakes.
    pub(crate) fn add(&mut self, function: &Function, options: &Options) -> Vec<(Function, Handler)> {
        let first = self.handlers.len();
        let variants = cfg_variants(&function.signature, &mut self.errors);
        let mut functions = Vec::new();
        for (index, variant) in variants.into_iter().enumerate() {
            let mut function = function.clone();
            function.attributes.extend(variant.cfg);
            function.signature = variant.signature;
            let mut repeated = Errors::default();
            let errors = if index == 0 { &mut self.errors } else { &mut repeated };
            let handler = Handler::read(options.clone(), &mut function, self.place, self.self_type, errors);
            self.handlers.push(handler.clone());
            functions.push((function, handler));
        }
        self.firsts.push(first);
        functions
    }

    /// Checks each handler's event, and what clashes: two handlers of one event, a handler with a name of the stub's.
    pub(crate) fn check(&mut self) {
        let firsts: Vec<_> = self.firsts.iter().map(|&index| &self.handlers[index]).collect();
        for (index, handler) in firsts.iter().enumerate() {
            handler.check(&mut self.errors);
            if matches!(self.place, Place::Free | Place::Module) {
                let name = &handler.signature.name;
                check::function_name(name, &handler.event, is_crate, &mut self.errors);
            }
            if self.place != Place::Free {
                check_name(handler, &mut self.errors);
            }
            check_unique(handler, &firsts[..index], &mut self.errors);
        }
    }

    /// The errors and what else belongs before the item.
    pub(crate) fn prelude(&mut self) -> TokenStream {
        let (errors, consumed) = (std::mem::take(&mut self.errors).into_tokens(), self.consumed.tokens());
        quote!(#errors #consumed)
    }

    /// The body of a function that gives the entries of the handlers, which stand inside of it.
    pub(crate) fn entries(&self, callee: Callee<'_>, mount: Option<&Mount>) -> TokenStream {
        if !self.errors.is_empty() {
            return quote!(&[]);
        }
        let entries = self.handlers.iter().map(|handler| entry(handler, callee, mount));
        let listed = self.handlers.iter().map(|handler| {
            let (cfg, name) = (handler.forwarded.cfg(), entry_name(&handler.signature.name));
            quote!(#cfg &#name)
        });
        let list = list(listed);
        quote!(#(#entries)* #list)
    }

    /// The same for free handlers, whose entries stand in functions of their stubs.
    pub(crate) fn entries_of_functions(&self) -> TokenStream {
        if !self.errors.is_empty() {
            return quote!(&[]);
        }
        list(self.handlers.iter().map(|handler| {
            let (cfg, stub) = (handler.forwarded.cfg(), stub::function_path(handler));
            quote!(#cfg #stub::handler())
        }))
    }

    /// The stub of all handlers. `handlers` is the function that gives their entries.
    pub(crate) fn client(
        &self,
        name: &Ident,
        visibility: &Visibility,
        docs: &str,
        mount: &Mount,
        handlers: &TokenStream,
    ) -> TokenStream {
        let allow_lints = allow_lints();
        let stub = stub::client(name, visibility, docs, &self.handlers, mount);
        let connect = (mount.side == Side::Server).then(|| stub::connect(name, &self.handlers, mount));
        let namespace = stub::namespace(name, mount);
        quote! {
            #stub

            #allow_lints
            impl #name<()> {
                #connect
                #namespace
                #handlers
            }
        }
    }
}

/// An expression that lists entries.
fn list(entries: impl Iterator<Item = TokenStream>) -> TokenStream {
    let runtime = path();
    quote! {
        const LIST: &[&#runtime::HandlerEntry] = &[#(#entries),*];
        LIST
    }
}

/// The function of a stub that gives the entries of its handlers.
pub(crate) fn handlers_function(entries: &TokenStream) -> TokenStream {
    let runtime = path();
    quote! {
        /// The handlers themselves, to build a table of chosen ones.
        pub fn handlers() -> &'static [&'static #runtime::HandlerEntry] {
            #entries
        }
    }
}

fn check_name(handler: &Handler, errors: &mut Errors) {
    let name = handler.signature.name.to_string();
    if handler.is_callable() && stub::OF_THE_STUB.contains(&name.as_str()) {
        let text = format!(
            "the stub has a function `{name}` of its own: rename this one and keep its event with `#[on(\"{}\")]`",
            handler.event
        );
        errors.push(&handler.signature.name, text);
    }
}

fn check_unique(handler: &Handler, earlier: &[&Handler], errors: &mut Errors) {
    // Under `#[cfg]` at most one of them may be there.
    if !handler.forwarded.cfg.is_empty() {
        return;
    }
    let permissions = handler.options.permissions();
    let same = |other: &&&Handler| {
        other.event == handler.event
            && other.forwarded.cfg.is_empty()
            && other.options.permissions() == permissions
    };
    let Some(first) = earlier.iter().find(same) else { return };
    let (event, first) = (&handler.event, &first.signature.name);
    let text = if permissions.is_empty() {
        format!(
            "the event `{event}` is handled by `{first}` already: an event has one handler, or several that differ in \
             `allow`"
        )
    } else {
        let permissions = permissions.join("` or `");
        format!(
            "the event `{event}` is handled for `{permissions}` by `{first}` already: only the first one could ever run"
        )
    };
    errors.push_at(handler.event_span, text);
}
