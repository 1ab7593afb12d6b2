//! `&Path<T>`: the parameters of a namespace such as `/orders/{id}`.

use std::fmt;
use std::ops::Deref;

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeOwned, Deserializer, Error as _, IntoDeserializer, Visitor, value::Error};
use serde::forward_to_deserialize_any;

use super::{Context, FromConnection, Needs};

/// The parameters of the namespace: one as a plain type, several as a tuple or a struct with their names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path<T>(pub T);

impl<T> Deref for Path<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: fmt::Display> fmt::Display for Path<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T: DeserializeOwned + Send + Sync + 'static> FromConnection for Path<T> {
    async fn from_connection(context: &Context) -> Result<Self, crate::Error> {
        T::deserialize(Parameters(context.origin().parameters())).map(Self).map_err(|error| {
            let namespace = context.origin().namespace();
            crate::Error::new("bad_path", format!("the namespace `{namespace}` does not fit: {error}"))
        })
    }

    fn needs(needs: &mut Needs) {
        needs.parameters();
    }
}

struct Parameters<'a>(&'a [(Box<str>, Box<str>)]);

impl<'de> Parameters<'de> {
    fn only(&self) -> Result<Parameter<'de>, Error> {
        match self.0 {
            [(_, value)] => Ok(Parameter(value)),
            _ => Err(Error::custom(format!(
                "it has {} parameters; take them as a tuple or a struct",
                self.0.len()
            ))),
        }
    }
}

macro_rules! of_only {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            self.only()?.$method(visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for Parameters<'de> {
    type Error = Error;

    of_only! {
        deserialize_any deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_i128 deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64 deserialize_char deserialize_str deserialize_string
        deserialize_option deserialize_identifier
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.only()?.deserialize_enum(name, variants, visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_seq(SeqDeserializer::new(self.0.iter().map(|(_, value)| Parameter(value))))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor
            .visit_map(MapDeserializer::new(self.0.iter().map(|(name, value)| (&**name, Parameter(value)))))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_map(visitor)
    }

    forward_to_deserialize_any! { bytes byte_buf unit unit_struct ignored_any }
}

/// One parameter's text, read as whatever type is asked for.
struct Parameter<'a>(&'a str);

impl<'de> IntoDeserializer<'de> for Parameter<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

macro_rules! parsed {
    ($($method:ident $visit:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            match self.0.parse() {
                Ok(value) => visitor.$visit(value),
                Err(_) => Err(Error::invalid_value(serde::de::Unexpected::Str(self.0), &visitor)),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Parameter<'de> {
    type Error = Error;

    parsed! {
        deserialize_bool visit_bool
        deserialize_i8 visit_i8 deserialize_i16 visit_i16 deserialize_i32 visit_i32
        deserialize_i64 visit_i64 deserialize_i128 visit_i128
        deserialize_u8 visit_u8 deserialize_u16 visit_u16 deserialize_u32 visit_u32
        deserialize_u64 visit_u64 deserialize_u128 visit_u128
        deserialize_f32 visit_f32 deserialize_f64 visit_f64
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_borrowed_str(self.0)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_enum(self.0.into_deserializer())
    }

    forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Deserialize, Debug, PartialEq)]
    struct OrderId(u64);

    #[derive(Deserialize, Debug, PartialEq)]
    struct Both {
        shop: String,
        id: OrderId,
    }

    fn read<T: DeserializeOwned>(parameters: &[(&str, &str)]) -> Result<T, Error> {
        let parameters: Vec<_> =
            parameters.iter().map(|(name, value)| (Box::from(*name), Box::from(*value))).collect();
        // The lifetime of the borrowed parameters ends with this call; `T` owns what it keeps.
        T::deserialize(Parameters(&parameters))
    }

    #[test]
    fn one_parameter_is_a_plain_type_or_a_newtype() {
        assert_eq!(read::<u64>(&[("id", "7")]), Ok(7));
        assert_eq!(read::<OrderId>(&[("id", "7")]), Ok(OrderId(7)));
        assert_eq!(read::<String>(&[("id", "7")]), Ok("7".to_owned()));
        assert_eq!(
            read::<u64>(&[("id", "x")]).unwrap_err().to_string(),
            "invalid value: string \"x\", expected u64"
        );
    }

    #[test]
    fn several_are_a_tuple_or_a_struct() {
        let parameters = [("shop", "a"), ("id", "7")];
        assert_eq!(read::<(String, u64)>(&parameters), Ok(("a".to_owned(), 7)));
        assert_eq!(read::<Both>(&parameters), Ok(Both { shop: "a".to_owned(), id: OrderId(7) }));
        assert!(read::<u64>(&parameters).is_err());
    }
}
