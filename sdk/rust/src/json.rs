//! Payloads: JSON text in and out.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The JSON text of "nothing".
pub(crate) const NULL: &str = "null";

/// Writes a payload that the code hands to the SDK.
///
/// Panics where the value has no JSON form (a map with keys that are not strings, a failing `Serialize`): it is the author's
/// mistake, the same on every run, and the panic's line in the log names the place.
#[track_caller]
pub(crate) fn write<T: Serialize + ?Sized>(value: &T) -> String {
    match serde_json::to_string(value) {
        Ok(text) => text,
        Err(error) => panic!("this value cannot be written as JSON: {error}"),
    }
}

/// Reads a payload.
pub(crate) fn read<T: DeserializeOwned>(text: &str) -> Result<T, serde_json::Error> {
    serde_json::from_str(if text.trim().is_empty() { NULL } else { text })
}

/// True for what callers send that have no input to send: nothing, `null`, or, from the JavaScript client, an empty string.
pub(crate) fn is_missing(text: &str) -> bool {
    matches!(text.trim(), "" | NULL | "\"\"")
}

/// A value that may arrive as JSON or as a string that holds its JSON text.
///
/// The Python client of Azure Durable Functions always sends the latter. Written, it is the plain value.
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
