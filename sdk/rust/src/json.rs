//! Payloads: JSON text in and out.

use std::{fmt, io};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::ser::Formatter;

mod finite;

/// The JSON text of "nothing".
pub(crate) const NULL: &str = "null";

/// Writes a payload.
///
/// # Errors
/// When the value has no JSON form, or one that reads back as something else: a map with keys that
/// are not strings, NaN or an infinity, a failing `Serialize`.
pub(crate) fn write<T: Serialize + ?Sized>(value: &T) -> Result<String, NoJson> {
    let mut text = Vec::with_capacity(128);
    let mut wrote_null = false;
    let watch = NullWatch { wrote_null: &mut wrote_null };
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut text, watch)).map_err(|error| NoJson(error.to_string()))?;
    if wrote_null {
        finite::check(value).map_err(|found| NoJson(found.to_string()))?;
    }
    String::from_utf8(text).map_err(|error| NoJson(error.to_string()))
}

/// Writes a payload of a test.
///
/// # Panics
/// Where [`write`] fails: it is the test's mistake.
#[cfg(not(target_arch = "wasm32"))]
#[track_caller]
pub(crate) fn write_for_test<T: Serialize + ?Sized>(value: &T) -> String {
    match write(value) {
        Ok(text) => text,
        Err(error) => panic!("this value cannot be written as JSON: {error}"),
    }
}

/// Why a value cannot be a payload.
#[derive(Debug)]
pub(crate) struct NoJson(String);

impl fmt::Display for NoJson {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// Writes compact JSON, and notes whether there is a `null` in it: it may stand for a number that
/// JSON does not have.
struct NullWatch<'a> {
    wrote_null: &'a mut bool,
}

impl Formatter for NullWatch<'_> {
    fn write_null<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        *self.wrote_null = true;
        writer.write_all(NULL.as_bytes())
    }
}

/// Reads a payload.
pub(crate) fn read<T: DeserializeOwned>(text: &str) -> Result<T, serde_json::Error> {
    serde_json::from_str(if text.trim().is_empty() { NULL } else { text })
}

/// True for what callers send that have no input to send: nothing, `null`, or, from the JavaScript
/// client, an empty string.
pub(crate) fn is_missing(text: &str) -> bool {
    matches!(text.trim(), "" | NULL | "\"\"")
}

/// A value that may arrive as JSON or as a string that holds its JSON text.
///
/// The Python client of Azure Durable Functions always sends the latter. Written, it is the plain
/// value.
///
/// ```
/// use longhaul::MaybeEncoded;
/// let twice: MaybeEncoded<Vec<u8>> = serde_json::from_str(r#""[1,2]""#).unwrap();
/// let once: MaybeEncoded<Vec<u8>> = serde_json::from_str("[1,2]").unwrap();
/// assert_eq!(twice.0, once.0);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MaybeEncoded<T>(pub T);

impl<'de, T: DeserializeOwned> Deserialize<'de> for MaybeEncoded<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        let encoded = value.as_str().and_then(|text| serde_json::from_str(text).ok());
        encoded.map_or_else(|| serde_json::from_value(value), Ok).map(Self).map_err(serde::de::Error::custom)
    }
}

impl<T: Serialize> Serialize for MaybeEncoded<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

#[cfg(test)]
mod tests;
