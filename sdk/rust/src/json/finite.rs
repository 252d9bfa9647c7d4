//! Finds numbers that JSON does not have.
//!
//! `serde_json` writes NaN and the infinities as `null` and says nothing, so that what was written
//! cannot be read back. Its formatter is not asked either. So a text in which a `null` stands is
//! followed by a second walk through the value, which writes nothing and stops at the first such
//! number. Values without any `null` pay nothing.

use std::fmt::{self, Display};

use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple, SerializeTupleStruct,
    SerializeTupleVariant, Serializer,
};

/// Checks that every number in the value is one that JSON has.
pub(super) fn check<T: Serialize + ?Sized>(value: &T) -> Result<(), NotFinite> {
    value.serialize(Walk)
}

/// A number that JSON does not have, and where in the value it stands.
#[derive(Debug)]
pub(super) struct NotFinite {
    number: String,
    place: String,
}

impl NotFinite {
    /// Puts a step in front of the place.
    fn within(mut self, step: &str) -> Self {
        let separator = if self.place.is_empty() || self.place.starts_with('[') { "" } else { "." };
        self.place = format!("{step}{separator}{}", self.place);
        self
    }
}

impl Display for NotFinite {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.place.is_empty() {
            write!(out, "at `{}`: ", self.place)?;
        }
        write!(out, "JSON has no number {}", self.number)
    }
}

impl std::error::Error for NotFinite {}

impl serde::ser::Error for NotFinite {
    fn custom<T: Display>(message: T) -> Self {
        // A `Serialize` that fails only the second time it is asked.
        Self { number: format!("for what fails with: {message}"), place: String::new() }
    }
}

/// Walks through a value.
struct Walk;

/// Walks through the parts of a value, and knows which comes next.
#[derive(Default)]
struct Parts {
    index: usize,
    key: String,
}

impl Parts {
    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NotFinite> {
        let result = value.serialize(Walk).map_err(|found| found.within(&format!("[{}]", self.index)));
        self.index += 1;
        result
    }

    fn field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), NotFinite> {
        value.serialize(Walk).map_err(|found| found.within(name))
    }
}

macro_rules! nothing_to_find {
    ($($method:ident: $type:ty),+ $(,)?) => {
        $(fn $method(self, _value: $type) -> Result<(), NotFinite> { Ok(()) })+
    };
}

macro_rules! has_parts {
    ($($method:ident -> $associated:ident ($($type:ty),*)),+ $(,)?) => {
        $(fn $method(self, $(_: $type),*) -> Result<Self::$associated, NotFinite> { Ok(Parts::default()) })+
    };
}

impl Serializer for Walk {
    type Ok = ();
    type Error = NotFinite;
    type SerializeSeq = Parts;
    type SerializeTuple = Parts;
    type SerializeTupleStruct = Parts;
    type SerializeTupleVariant = Parts;
    type SerializeMap = Parts;
    type SerializeStruct = Parts;
    type SerializeStructVariant = Parts;

    nothing_to_find!(
        serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64, serialize_i128: i128,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_u128: u128, serialize_char: char,
        serialize_str: &str, serialize_bytes: &[u8], serialize_unit_struct: &'static str,
    );

    has_parts!(
        serialize_seq -> SerializeSeq (Option<usize>),
        serialize_tuple -> SerializeTuple (usize),
        serialize_tuple_struct -> SerializeTupleStruct (&'static str, usize),
        serialize_tuple_variant -> SerializeTupleVariant (&'static str, u32, &'static str, usize),
        serialize_map -> SerializeMap (Option<usize>),
        serialize_struct -> SerializeStruct (&'static str, usize),
        serialize_struct_variant -> SerializeStructVariant (&'static str, u32, &'static str, usize),
    );

    fn serialize_f32(self, value: f32) -> Result<(), NotFinite> {
        self.serialize_f64(value.into())
    }

    fn serialize_f64(self, value: f64) -> Result<(), NotFinite> {
        if value.is_finite() { Ok(()) } else { Err(NotFinite { number: value.to_string(), place: String::new() }) }
    }

    fn serialize_none(self) -> Result<(), NotFinite> {
        Ok(())
    }

    fn serialize_unit(self) -> Result<(), NotFinite> {
        Ok(())
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, _: &'static str) -> Result<(), NotFinite> {
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), NotFinite> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), NotFinite> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), NotFinite> {
        value.serialize(self).map_err(|found| found.within(variant))
    }

    fn collect_str<T: Display + ?Sized>(self, _value: &T) -> Result<(), NotFinite> {
        Ok(())
    }
}

macro_rules! counted_parts {
    ($($of:ident :: $method:ident),+ $(,)?) => {
        $(impl $of for Parts {
            type Ok = ();
            type Error = NotFinite;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NotFinite> {
                self.item(value)
            }

            fn end(self) -> Result<(), NotFinite> {
                Ok(())
            }
        })+
    };
}

counted_parts!(
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field,
);

macro_rules! named_parts {
    ($($of:ident),+ $(,)?) => {
        $(impl $of for Parts {
            type Ok = ();
            type Error = NotFinite;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), NotFinite> {
                self.field(name, value)
            }

            fn end(self) -> Result<(), NotFinite> {
                Ok(())
            }
        })+
    };
}

named_parts!(SerializeStruct, SerializeStructVariant);

impl SerializeMap for Parts {
    type Ok = ();
    type Error = NotFinite;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), NotFinite> {
        let text = serde_json::to_string(key).unwrap_or_default();
        text.trim_matches('"').clone_into(&mut self.key);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NotFinite> {
        let key = std::mem::take(&mut self.key);
        self.field(&key, value)
    }

    fn end(self) -> Result<(), NotFinite> {
        Ok(())
    }
}
