//! A handler's signature as a model: what it takes from the connection, what from the message, what it gives.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::visit_mut::VisitMut;
use syn::{
    Attribute, FnArg, Ident, Pat, PatType, Receiver, ReceiverKind, ReturnType, Safety, Type, TypeTuple,
};

use crate::check::{self, Errors};
use crate::stream::StreamOutput;
use crate::types::{ReplaceSelf, borrowed_lifetime, check_named, outcome_texts};

/// Where a handler stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A function of its own.
    Free,
    /// A function of a module in which all belong together.
    Module,
    /// A method in an `impl` block.
    Method,
    /// A method in a contract trait.
    Contract,
}

/// What a handler takes and gives.
#[derive(Clone)]
pub(crate) struct Signature {
    pub(crate) name: Ident,
    pub(crate) is_async: bool,
    pub(crate) has_receiver: bool,
    pub(crate) inputs: Vec<Input>,
    pub(crate) output: Output,
    /// Whether a stub can be written from it even if other things are wrong.
    pub(crate) is_sound: bool,
}

/// One argument of a handler, the receiver aside.
#[derive(Clone)]
pub(crate) struct Input {
    pub(crate) name: Ident,
    /// The type; of a borrowed argument the one behind the `&`.
    pub(crate) ty: Type,
    pub(crate) origin: Origin,
}

/// Where an argument's value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// It is borrowed.
    Connection,
    /// It is owned.
    Message {
        /// Whether a missing one is its type's default.
        or_default: bool,
    },
}

/// What a handler returns.
// A handler has one of them: its size does not matter.
#[allow(clippy::large_enum_variant)]
#[derive(Clone)]
pub(crate) enum Output {
    Nothing,
    Value(Type),
    Stream(Box<StreamOutput>),
}

impl Signature {
    /// Reads a signature; takes the attributes of ours away from the arguments.
    ///
    /// `self_type` stands for `Self`, which the generated code is not inside of.
    pub(crate) fn read(
        signature: &mut syn::Signature,
        place: Place,
        self_type: Option<&Type>,
        items: Option<&Type>,
        errors: &mut Errors,
    ) -> Self {
        let mut own = Errors::default();
        check_qualifiers(signature, &mut own);
        let mut has_receiver = false;
        let mut inputs = Vec::new();
        for (position, argument) in signature.inputs.iter_mut().enumerate() {
            match argument {
                FnArg::Receiver(receiver) => {
                    has_receiver = true;
                    check_receiver(receiver, place, &mut own);
                }
                FnArg::Typed(typed) => {
                    let position = position + usize::from(!has_receiver);
                    inputs.push(Input::read(typed, position, place, self_type, &mut own, errors));
                }
            }
        }
        if place == Place::Contract && !has_receiver {
            own.push(&signature.ident, "a contract's handlers are methods: take `&self`");
        }
        let output = Output::read(&signature.output, self_type, items, &mut own);
        let is_sound = own.is_empty();
        errors.append(own);
        Self {
            name: signature.ident.clone(),
            is_async: signature.asyncness.is_some(),
            has_receiver,
            inputs,
            output,
            is_sound,
        }
    }

    /// What the connection gives.
    pub(crate) fn borrowed(&self) -> impl Iterator<Item = &Input> {
        self.inputs.iter().filter(|input| input.origin == Origin::Connection)
    }

    /// What a caller sends.
    pub(crate) fn owned(&self) -> impl Iterator<Item = &Input> {
        self.inputs.iter().filter(|input| input.origin != Origin::Connection)
    }
}

fn check_qualifiers(signature: &syn::Signature, errors: &mut Errors) {
    if !signature.generics.params.is_empty() {
        errors.push(
            &signature.generics,
            "a handler cannot be generic: its arguments are decoded, so their types must be known",
        );
    } else if let Some(clause) = &signature.generics.where_clause
        && !clause.predicates.is_empty()
    {
        errors.push(clause, "a handler cannot have a `where` clause: its types must be known");
    }
    if let Safety::Unsafe(token) = &signature.safety {
        errors.push(token, "a handler cannot be `unsafe`: nothing is known of what a peer sends");
    }
    if let Some(abi) = &signature.abi {
        errors.push(abi, "a handler is a Rust function: remove the ABI");
    }
    if let Some(variadic) = &signature.variadic {
        errors.push(variadic, "a handler cannot be variadic: take `args: RawArguments` for any arguments");
    }
}

fn check_receiver(receiver: &Receiver, place: Place, errors: &mut Errors) {
    if matches!(place, Place::Free | Place::Module) {
        return errors.push(
            receiver,
            "a method is a handler only under `#[namespace(\"/\")]` on its whole `impl` block",
        );
    }
    match &receiver.kind {
        ReceiverKind::Reference(_, None, None) if receiver.attrs.is_empty() => {}
        _ => errors
            .push(receiver, "handlers share the service: take `&self`, and use a Mutex or atomics inside"),
    }
}

impl Input {
    fn read(
        typed: &mut PatType,
        position: usize,
        place: Place,
        self_type: Option<&Type>,
        unsound: &mut Errors,
        errors: &mut Errors,
    ) -> Self {
        let name = match &*typed.pat {
            Pat::Ident(pattern) if pattern.subpat.is_none() => pattern.ident.clone(),
            _ => format_ident!("argument_{position}"),
        };
        let or_default = take_default(&mut typed.attrs, place, errors);
        let mut ty = (*typed.ty).clone();
        while let Type::Group(group) = ty {
            ty = *group.elem;
        }
        if let Some(self_type) = self_type {
            ReplaceSelf(self_type).visit_type_mut(&mut ty);
        }
        if let Type::Reference(reference) = ty {
            if reference.mutability.is_some() {
                unsound.push(
                    &typed.ty,
                    "handlers run side by side: borrow it as `&T`, with a Mutex or atomics inside",
                );
            }
            if let Some(lifetime) = reference.lifetime.as_ref().filter(|lifetime| lifetime.ident == "static")
            {
                unsound.push(lifetime, "what a handler borrows lasts as long as its call: remove `'static`");
            }
            if place == Place::Contract {
                errors.push(
                    &*typed,
                    "a contract lists what travels: remove this argument, each `impl` of the contract may borrow it",
                );
            }
            check::borrowed(&name.to_string(), &typed.ty, &reference.elem, unsound);
            check_named(&reference.elem, "a borrowed argument", unsound);
            if let Some(attribute) = or_default {
                errors.push(attribute, "what a handler borrows is never missing: remove `#[serde(default)]`");
            }
            return Self { name, ty: *reference.elem, origin: Origin::Connection };
        }
        check::owned(&name.to_string(), &ty, errors);
        check_named(&ty, "an argument", unsound);
        if let Some(lifetime) = borrowed_lifetime(&ty) {
            unsound.push(lifetime, "an argument outlives the message: take a type that owns its data");
        }
        Self { name, ty, origin: Origin::Message { or_default: or_default.is_some() } }
    }
}

/// Takes `#[serde(default)]` away; rustc knows no such attribute on an argument.
fn take_default(attributes: &mut Vec<Attribute>, place: Place, errors: &mut Errors) -> Option<Attribute> {
    let mut found = None;
    attributes.retain(|attribute| {
        if !attribute.path().is_ident("serde") {
            return true;
        }
        match attribute.parse_args::<Ident>() {
            Ok(ident) if ident == "default" => {
                if place == Place::Contract {
                    errors.push(
                        attribute,
                        "a contract says what is called: `#[serde(default)]` belongs to the `impl` of it",
                    );
                }
                found = Some(attribute.clone());
            }
            _ => errors.push(attribute, "an argument knows only `#[serde(default)]`"),
        }
        false
    });
    found
}

impl Output {
    fn read(
        output: &ReturnType,
        self_type: Option<&Type>,
        items: Option<&Type>,
        errors: &mut Errors,
    ) -> Self {
        let ReturnType::Type(_, ty) = output else {
            if let Some(items) = items {
                errors.push(items, "a handler that returns nothing has no items: remove `stream`");
            }
            return Self::Nothing;
        };
        if let Some(stream) = StreamOutput::read(ty, self_type, items, errors) {
            return Self::Stream(Box::new(stream));
        }
        check_named(ty, "a reply", errors);
        if let Some(lifetime) = borrowed_lifetime(ty) {
            errors.push(lifetime, "a reply owns its data: return `String` for `&str`, `Vec<T>` for `&[T]`");
        }
        let mut ty = (**ty).clone();
        if let Some(self_type) = self_type {
            ReplaceSelf(self_type).visit_type_mut(&mut ty);
        }
        match &ty {
            Type::Tuple(TypeTuple { elems, .. }) if elems.is_empty() => Self::Nothing,
            _ => Self::Value(ty),
        }
    }

    /// The names of the reply's and the error's types, for listings: two expressions.
    pub(crate) fn texts(&self) -> (TokenStream, TokenStream) {
        match self {
            Self::Nothing => (quote!("()"), quote!(::core::option::Option::None)),
            Self::Value(ty) => outcome_texts(ty, ty),
            Self::Stream(stream) => stream.texts(),
        }
    }
}

#[cfg(test)]
#[path = "signature_tests.rs"]
mod tests;
