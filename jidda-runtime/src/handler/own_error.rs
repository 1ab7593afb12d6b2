//! Code and message of a handler's own error, for callers that do not know its type.
//!
//! serde's derives give the name of a variant only for externally tagged enums; the other representations write a
//! struct. `Debug` always gives the name, but not the one of `#[serde(rename)]`. So both are used.

use std::borrow::Cow;
use std::fmt::{self, Debug, Display, Write};

use serde::Serialize;
use serde::ser::{Impossible, SerializeMap, SerializeStruct, Serializer};

/// A `Result` whose error is sent as it is. The parameters say whether the error has a `Display` and a `Debug`.
#[derive(Clone, Copy, Debug)]
pub struct Fallible<const DISPLAY: bool, const DEBUG: bool>;

/// What is known of an error beside its serialized form.
#[derive(Debug, Default)]
pub struct ErrorTexts {
    display: Option<String>,
    /// The name that its `Debug` begins with.
    name: Option<String>,
}

/// Asks an error for what its kind says that it implements.
pub trait Texts<E> {
    #[doc(hidden)]
    fn texts(self, error: &E) -> ErrorTexts;
}

impl<E> Texts<E> for Fallible<false, false> {
    fn texts(self, _: &E) -> ErrorTexts {
        ErrorTexts::default()
    }
}

impl<E: Display> Texts<E> for Fallible<true, false> {
    fn texts(self, error: &E) -> ErrorTexts {
        ErrorTexts { display: Some(error.to_string()), name: None }
    }
}

impl<E: Debug> Texts<E> for Fallible<false, true> {
    fn texts(self, error: &E) -> ErrorTexts {
        ErrorTexts { display: None, name: name_in_debug(error) }
    }
}

impl<E: Display + Debug> Texts<E> for Fallible<true, true> {
    fn texts(self, error: &E) -> ErrorTexts {
        ErrorTexts { display: Some(error.to_string()), name: name_in_debug(error) }
    }
}

/// The identifier that a derived `Debug` begins with: the variant's name, or the struct's.
fn name_in_debug(error: &dyn Debug) -> Option<String> {
    struct Name(String);

    impl Write for Name {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            for character in text.chars() {
                if !(character.is_alphanumeric() || character == '_') {
                    return Err(fmt::Error);
                }
                self.0.push(character);
            }
            Ok(())
        }
    }

    let mut name = Name(String::new());
    // It fails where the name ends, so that the rest is not written at all.
    write!(name, "{error:?}").ok();
    let is_name = name.0.starts_with(|first: char| first.is_alphabetic());
    (is_name && !["Some", "None", "Ok", "Err", "true", "false"].contains(&&*name.0)).then_some(name.0)
}

/// Code and message.
pub(super) fn describe(
    form: &dyn Fn(Names) -> Option<Form>,
    texts: &ErrorTexts,
) -> (Cow<'static, str>, Cow<'static, str>) {
    let mut own_message = None;
    let name = texts.name.clone().map(Cow::Owned);
    let code = match form(Names) {
        Some(Form::Variant(variant)) => Some(Cow::Borrowed(variant)),
        Some(Form::Fields(fields)) => {
            own_message = fields.message;
            let tag = match (fields.first, &texts.name) {
                (Some(first), Some(name)) if is_same_name(&first, name) => Some(first),
                _ => None,
            };
            let own = fields.code.or(tag).map(Cow::Owned);
            own.or(fields.tag.map(Cow::Borrowed)).or(name).or(fields.of.map(Cow::Borrowed))
        }
        Some(Form::Named(of)) => name.or(Some(Cow::Borrowed(of))),
        Some(Form::Text(_)) | None => name,
    };
    let code = code.unwrap_or(Cow::Borrowed("app"));
    let message = texts.display.clone().filter(|text| !text.is_empty()).or(own_message).map(Cow::Owned);
    let message = message.unwrap_or_else(|| code.clone());
    (code, message)
}

/// Whether one of them is the other as `#[serde(rename_all)]` would write it.
fn is_same_name(left: &str, right: &str) -> bool {
    let letters = |text: &str| -> String {
        text.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
    };
    letters(left) == letters(right)
}

/// What the serialized form of an error says of it.
#[derive(Debug)]
pub enum Form {
    /// A variant of an enum.
    Variant(&'static str),
    /// A struct whose fields say nothing more.
    Named(&'static str),
    /// A struct, a map, or an enum with a tag among its fields.
    Fields(Fields),
    /// A text.
    Text(String),
}

/// What is looked for among the fields of a struct.
#[derive(Debug, Default)]
pub struct Fields {
    /// The name of the struct.
    of: Option<&'static str>,
    /// The first field, if it is a text: where serde writes the variant of an internally tagged enum.
    first: Option<String>,
    /// The variant of an adjacently tagged enum.
    tag: Option<&'static str>,
    code: Option<String>,
    message: Option<String>,
    count: usize,
    key: Option<String>,
}

impl Fields {
    fn add<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) {
        let is_first = self.count == 0;
        self.count += 1;
        if !is_first && !matches!(key, "code" | "message") {
            return;
        }
        match form(value, Names) {
            Some(Form::Text(text)) => {
                match key {
                    "code" => self.code = Some(text.clone()),
                    "message" => self.message = Some(text.clone()),
                    _ => {}
                }
                if is_first {
                    self.first = Some(text);
                }
            }
            Some(Form::Variant(variant)) if key == "code" => self.code = Some(variant.to_owned()),
            Some(Form::Variant(variant)) if is_first => self.tag = Some(variant),
            _ => {}
        }
    }
}

/// Reads the form of a value.
pub(super) fn form<T: Serialize + ?Sized>(value: &T, names: Names) -> Option<Form> {
    match value.serialize(names) {
        Ok(form) => Some(form),
        Err(Stop(form)) => form,
    }
}

/// Ends a serialization as soon as nothing more is to be learnt.
#[derive(Debug)]
pub struct Stop(Option<Form>);

impl Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nothing more to learn")
    }
}

impl std::error::Error for Stop {}

impl serde::ser::Error for Stop {
    fn custom<T: Display>(_: T) -> Self {
        Self(None)
    }
}

/// A serializer that writes nothing and keeps names.
#[derive(Clone, Copy, Debug)]
pub struct Names;

macro_rules! nothing {
    ($($method:ident $type:ty),*) => {$(
        fn $method(self, _: $type) -> Result<Form, Stop> {
            Err(Stop(None))
        }
    )*};
}

impl Serializer for Names {
    type Ok = Form;
    type Error = Stop;
    type SerializeSeq = Impossible<Form, Stop>;
    type SerializeTuple = Impossible<Form, Stop>;
    type SerializeTupleStruct = Impossible<Form, Stop>;
    type SerializeTupleVariant = Impossible<Form, Stop>;
    type SerializeMap = Fields;
    type SerializeStruct = Fields;
    type SerializeStructVariant = Impossible<Form, Stop>;

    nothing! {
        serialize_bool bool, serialize_i8 i8, serialize_i16 i16, serialize_i32 i32, serialize_i64 i64,
        serialize_i128 i128, serialize_u8 u8, serialize_u16 u16, serialize_u32 u32, serialize_u64 u64,
        serialize_u128 u128, serialize_f32 f32, serialize_f64 f64, serialize_char char, serialize_bytes &[u8]
    }

    fn serialize_str(self, text: &str) -> Result<Form, Stop> {
        Ok(Form::Text(text.to_owned()))
    }

    fn serialize_none(self) -> Result<Form, Stop> {
        Err(Stop(None))
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Form, Stop> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Form, Stop> {
        Err(Stop(None))
    }

    fn serialize_unit_struct(self, name: &'static str) -> Result<Form, Stop> {
        Ok(Form::Named(name))
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<Form, Stop> {
        Ok(Form::Variant(variant))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<Form, Stop> {
        match form(value, self) {
            Some(form @ Form::Variant(_)) => Ok(form),
            _ => Ok(Form::Named(name)),
        }
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: &T,
    ) -> Result<Form, Stop> {
        Ok(Form::Variant(variant))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq, Stop> {
        Err(Stop(None))
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, Stop> {
        Err(Stop(None))
    }

    fn serialize_tuple_struct(
        self,
        name: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct, Stop> {
        Err(Stop(Some(Form::Named(name))))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Stop> {
        Err(Stop(Some(Form::Variant(variant))))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Fields, Stop> {
        Ok(Fields::default())
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Fields, Stop> {
        Ok(Fields { of: Some(name), ..Fields::default() })
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Stop> {
        Err(Stop(Some(Form::Variant(variant))))
    }
}

impl SerializeStruct for Fields {
    type Ok = Form;
    type Error = Stop;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Stop> {
        self.add(key, value);
        Ok(())
    }

    fn end(self) -> Result<Form, Stop> {
        Ok(Form::Fields(self))
    }
}

impl SerializeMap for Fields {
    type Ok = Form;
    type Error = Stop;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Stop> {
        self.key = match form(key, Names) {
            Some(Form::Text(key)) => Some(key),
            _ => None,
        };
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Stop> {
        let key = self.key.take().unwrap_or_default();
        self.add(&key, value);
        Ok(())
    }

    fn end(self) -> Result<Form, Stop> {
        Ok(Form::Fields(self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words<E: Serialize + Debug>(error: &E) -> (String, String) {
        let (code, message) = describe(&|names| form(error, names), &Fallible::<false, true>.texts(error));
        (code.into_owned(), message.into_owned())
    }

    fn code<E: Serialize + Debug>(error: &E) -> String {
        words(error).0
    }

    fn code_without_debug<E: Serialize>(error: &E) -> String {
        describe(&|names| form(error, names), &ErrorTexts::default()).0.into_owned()
    }

    #[derive(Clone, Debug, Serialize)]
    struct Limit {
        limit: u32,
    }

    macro_rules! representations {
        ($($name:ident $(#[$tag:meta])?),*) => {$(
            #[derive(Debug, Serialize)]
            $(#[$tag])?
            enum $name {
                Empty,
                Stale { kept: String },
                TooLong(Limit),
            }

            impl $name {
                fn all() -> [Self; 3] {
                    [Self::Empty, Self::Stale { kept: "Empty".into() }, Self::TooLong(Limit { limit: 3 })]
                }
            }
        )*};
    }

    representations! {
        External,
        Internal #[serde(tag = "kind")],
        InternalCode #[serde(tag = "code")],
        Adjacent #[serde(tag = "t", content = "c")],
        Untagged #[serde(untagged)]
    }

    #[test]
    fn the_code_is_the_variants_name_in_every_representation() {
        let names = ["Empty", "Stale", "TooLong"];
        assert_eq!(External::all().each_ref().map(code), names);
        assert_eq!(Internal::all().each_ref().map(code), names);
        assert_eq!(InternalCode::all().each_ref().map(code), names);
        assert_eq!(Adjacent::all().each_ref().map(code), names);
        assert_eq!(Untagged::all().each_ref().map(code), names);
        // Without `Debug` as far as serde tells it.
        assert_eq!(External::all().each_ref().map(code_without_debug), names);
        assert_eq!(InternalCode::all().each_ref().map(code_without_debug), names);
        assert_eq!(Adjacent::all().each_ref().map(code_without_debug), names);
        assert_eq!(Internal::all().each_ref().map(code_without_debug), ["Internal", "Internal", "Limit"]);
    }

    #[test]
    fn a_variant_has_the_name_that_travels() {
        #[derive(Debug, Serialize)]
        #[serde(tag = "kind", rename_all = "snake_case")]
        enum Renamed {
            NoSuchTask { id: u32 },
        }
        assert_eq!(code(&Renamed::NoSuchTask { id: 1 }), "no_such_task");
    }

    #[test]
    fn a_struct_says_its_code_or_is_called_by_its_name() {
        #[derive(Debug, Serialize)]
        struct Denied {
            reason: String,
        }
        #[derive(Debug, Serialize)]
        struct Coded {
            code: &'static str,
            message: &'static str,
        }
        #[derive(Debug, Serialize)]
        struct Wrapped(External);
        #[derive(Debug, Serialize)]
        struct Pair(u8, u8);
        #[derive(Debug, Serialize)]
        struct Unit;
        assert_eq!(code(&Denied { reason: "none".into() }), "Denied");
        assert_eq!(code_without_debug(&Denied { reason: "none".into() }), "Denied");
        let coded = words(&Coded { code: "stale", message: "read it again" });
        assert_eq!(coded, ("stale".to_owned(), "read it again".to_owned()));
        assert_eq!(code(&Limit { limit: 1 }), "Limit");
        assert_eq!(code(&Wrapped(External::Empty)), "Empty");
        assert_eq!((code(&Pair(1, 2)), code(&Unit)), ("Pair".to_owned(), "Unit".to_owned()));
    }

    #[test]
    fn what_has_no_name_is_app() {
        assert_eq!(code(&"plain text"), "app");
        assert_eq!(code(&7), "app");
        assert_eq!(code(&Some(vec![1])), "app");
        assert_eq!(code(&std::collections::BTreeMap::from([("reason", "x")])), "app");
    }

    #[test]
    fn the_message_is_what_display_writes() {
        let texts = Fallible::<true, true>.texts(&"plain text");
        let (code, message) = describe(&|names| form("plain text", names), &texts);
        assert_eq!((&*code, &*message), ("app", "plain text"));
    }
}
