use quote::{ToTokens, quote};
use syn::parse_quote;

use super::*;
use crate::type_text::type_text;

fn read(tokens: TokenStream, place: Place) -> (Signature, syn::Signature, Vec<String>) {
    let mut syntax: syn::Signature = syn::parse2(tokens).unwrap();
    let mut errors = Errors::default();
    let self_type: Type = parse_quote!(my::Chat);
    let self_type = (place == Place::Method).then_some(&self_type);
    let signature = Signature::read(&mut syntax, place, self_type, None, &mut errors);
    (signature, syntax, errors.texts())
}

fn mistakes(tokens: TokenStream) -> Vec<String> {
    read(tokens, Place::Free).2
}

#[test]
fn what_is_borrowed_and_what_is_owned() {
    let (signature, _, errors) = read(
        quote!(async fn post(&self, user: &User, mut text: String, Point(x, y): Point) -> Result<u64, ChatError>),
        Place::Method,
    );
    assert!(errors.is_empty(), "{errors:?}");
    assert!(signature.is_async && signature.has_receiver && signature.is_sound);
    let names = |inputs: Vec<&Input>| inputs.iter().map(|input| input.name.to_string()).collect::<Vec<_>>();
    assert_eq!(names(signature.borrowed().collect()), ["user"]);
    assert_eq!(names(signature.owned().collect()), ["text", "argument_3"]);
    let (value, error) = signature.output.texts();
    assert!(
        value.to_string().contains(r#"{ "u64" }"#) && error.to_string().contains(r#"Some ("ChatError")"#)
    );
}

#[test]
fn serde_default_is_taken_away() {
    let (signature, syntax, errors) =
        read(quote!(fn list(#[serde(default)] page: u32, #[allow(unused)] size: u32)), Place::Free);
    assert!(errors.is_empty(), "{errors:?}");
    assert_eq!(signature.inputs[0].origin, Origin::Message { or_default: true });
    assert_eq!(signature.inputs[1].origin, Origin::Message { or_default: false });
    assert_eq!(
        syntax.to_token_stream().to_string(),
        quote!(fn list(page: u32, #[allow(unused)] size: u32)).to_string()
    );
}

#[test]
fn the_type_says_what_is_returned_not_its_name() {
    let output = |tokens| read(tokens, Place::Free).0.output;
    assert!(matches!(output(quote!(fn f())), Output::Nothing));
    assert!(matches!(output(quote!(fn f() -> ())), Output::Nothing));
    for ty in [quote!(String), quote!(jidda::Result<u8>), quote!(SearchResult)] {
        assert!(matches!(output(quote!(fn f() -> #ty)), Output::Value(_)), "{ty}");
    }
    let (value, error) = output(quote!(fn f() -> jidda::Result<u8>)).texts();
    assert!(value.to_string().ends_with(r#"{ "u8" } else { "jidda::Result<u8>" }"#), "{value}");
    assert!(error.to_string().contains(r#"Some ("Error")"#), "{error}");
}

#[test]
fn self_is_written_out() {
    let (signature, _, errors) =
        read(quote!(fn f(&self, a: Vec<Self>, b: Self::Item) -> Result<Self, Self::Error>), Place::Method);
    assert!(errors.is_empty(), "{errors:?}");
    assert_eq!(type_text(&signature.inputs[0].ty), "Vec<my::Chat>");
    assert_eq!(type_text(&signature.inputs[1].ty), "<my::Chat>::Item");
    let Output::Value(ty) = &signature.output else { panic!() };
    assert_eq!(type_text(ty), "Result<my::Chat, <my::Chat>::Error>");
}

#[test]
fn each_mistake_is_told_once() {
    let cases = [
        quote!(fn f(socket: Socket)),
        quote!(fn f(text: &str)),
        quote!(fn f(list: &[u8])),
        quote!(fn f(user: &mut User)),
        quote!(fn f(user: &dyn User)),
        quote!(fn f(user: &'static User)),
        quote!(fn f(user: impl User)),
        quote!(fn f(text: Cow<'_, str>)),
        quote!(fn f(text: Option<&str>)),
        quote!(fn f() -> &str),
        quote!(fn f() -> impl Sized),
        quote!(fn f<T>(value: T)),
        quote!(fn f() where u8: Copy),
        quote!(unsafe fn f()),
        quote!(extern "C" fn f()),
        quote!(fn f(&self)),
        quote!(fn f(#[serde(rename = "x")] a: u8)),
        quote!(fn f(#[serde(default)] a: &User)),
    ];
    for case in cases {
        let text = case.to_string();
        assert_eq!(mistakes(case).len(), 1, "{text}");
    }
    assert!(mistakes(quote!(fn f(text: &User, name: Cow<'static, str>, call: fn(&str)))).is_empty());
}

#[test]
fn the_receiver_is_shared() {
    for case in [quote!(fn f(self)), quote!(fn f(&mut self)), quote!(fn f(self: Arc<Self>))] {
        let (_, _, errors) = read(case, Place::Method);
        assert_eq!(errors, ["handlers share the service: take `&self`, and use a Mutex or atomics inside"]);
    }
}
