//! Payloads: JSON text that is checked once and then passed on untouched.

mod look;

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

pub use look::Look;

/// One JSON value as text. Cheap to clone; stands in records as the JSON value itself.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Payload(Arc<RawValue>);

/// The text is not one JSON value.
#[derive(Debug, thiserror::Error)]
#[error("not one JSON value: {0}")]
pub struct InvalidJson(#[from] serde_json::Error);

impl Payload {
    /// Takes a text that must be exactly one JSON value; blanks around it are dropped.
    ///
    /// # Errors
    /// [`InvalidJson`] when it is anything else, trailing text included.
    pub fn parse(text: impl Into<String>) -> Result<Self, InvalidJson> {
        Ok(Self(RawValue::from_string(text.into())?.into()))
    }

    /// The JSON value `null`.
    pub fn null() -> Self {
        Self(RawValue::NULL.to_owned().into())
    }

    /// Whether this is the JSON value `null`.
    pub fn is_null(&self) -> bool {
        self.as_str() == "null"
    }

    /// A value of any serialisable type.
    ///
    /// # Errors
    /// [`InvalidJson`] when the value cannot be JSON, such as a map whose keys are no strings.
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Result<Self, InvalidJson> {
        Ok(Self(serde_json::value::to_raw_value(value)?.into()))
    }

    /// A JSON string.
    pub fn string(text: &str) -> Self {
        Self::of(text).expect("a string is always JSON")
    }

    /// Stored text as a value: a text that is one JSON value as a whole is that value, any other is
    /// a string. So is a value that not every reader of JSON reads.
    pub fn of_text(text: &str) -> Self {
        if text.trim().is_empty() {
            return Self::string("");
        }
        Self::parse(text).ok().filter(|value| value.look().flaw.is_none()).unwrap_or_else(|| Self::string(text))
    }

    /// The JSON text.
    pub fn as_str(&self) -> &str {
        self.0.get()
    }

    /// How deep it is, and what it contains that not every reader of JSON reads.
    pub fn look(&self) -> Look {
        look::look(self.as_str())
    }

    /// As an answer shows it: a value that not every reader of JSON reads is a string with its
    /// text. Such values are refused today; older versions stored them.
    pub fn shown(&self) -> Self {
        let is_flawed = look::may_have_flaw(self.as_str()) && self.look().flaw.is_some();
        if is_flawed { Self::string(self.as_str()) } else { self.clone() }
    }

    /// Length of the text in bytes.
    pub fn len_bytes(&self) -> usize {
        self.as_str().len()
    }
}

impl Default for Payload {
    fn default() -> Self {
        Self::null()
    }
}

impl PartialEq for Payload {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Payload {}

impl fmt::Debug for Payload {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_one_json_value() {
        assert_eq!(Payload::parse(" {\"a\": 1} ").unwrap().as_str(), "{\"a\": 1}");
        assert!(Payload::parse("{} {}").is_err());
        assert!(Payload::parse("").is_err());
    }

    #[test]
    fn text_that_is_json_as_a_whole_shows_as_json() {
        assert_eq!(Payload::of_text("42").as_str(), "42");
        assert_eq!(Payload::of_text("42 apples").as_str(), "\"42 apples\"");
        assert_eq!(Payload::of_text(" ").as_str(), "\"\"");
        assert_eq!(Payload::of_text("1e400").as_str(), "\"1e400\"", "no reader could read the number");
    }

    #[test]
    fn what_an_older_version_stored_is_shown_so_that_every_reader_reads_it() {
        let shown = |text: &str| Payload::parse(text).unwrap().shown().as_str().to_owned();
        let long = format!("[1{}]", "0".repeat(309));
        for bad in ["1e400", "[-1.5E+309]", r#""\ud800""#, r#"{"\uDEAD":1}"#, &long] {
            assert_eq!(serde_json::from_str::<String>(&shown(bad)).unwrap(), bad);
        }
        for good in ["1e3", r#""\ud83d\ude00""#, r#""1e400""#, r#""\\ud800""#, "{\"a\": [1, null]}"] {
            assert_eq!(shown(good), good);
        }
    }

    #[test]
    fn a_payload_stands_in_json_as_itself() {
        let list = vec![Payload::null(), Payload::parse("[1]").unwrap()];
        assert_eq!(serde_json::to_string(&list).unwrap(), "[null,[1]]");
        assert_eq!(serde_json::from_str::<Vec<Payload>>("[null,[1]]").unwrap(), list);
    }
}
