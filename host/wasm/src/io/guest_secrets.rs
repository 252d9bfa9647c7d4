//! Values that a guest may read and that must appear neither in a history nor in a log.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::bindings::types::Failure;

/// Shorter values are not searched for: they occur by chance.
const SHORTEST_LOOKED_FOR: usize = 8;

/// The secrets of one function, by name. They are environment variables for the guest, like
/// settings.
///
/// Whatever the host keeps of a guest's output is searched for the values. That catches a secret
/// that slips out, and cannot catch one that the code encodes first.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secrets(BTreeMap<String, Secret>);

#[derive(Clone, PartialEq, Eq)]
struct Secret {
    value: Arc<str>,
    /// The value as it is written within a JSON text.
    in_json: Arc<str>,
}

impl Secrets {
    /// Adds one.
    pub fn insert(&mut self, name: &str, value: &str) {
        let quoted = serde_json::to_string(value).unwrap_or_default();
        let in_json = quoted.trim_start_matches('"').strip_suffix('"').unwrap_or(value);
        self.0.insert(name.to_owned(), Secret { value: value.into(), in_json: in_json.into() });
    }

    /// Names and values.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, secret)| (name.as_str(), &*secret.value))
    }

    /// The name of a secret whose value is part of `text`.
    pub(crate) fn found_in(&self, text: &str) -> Option<&str> {
        self.looked_for().find(|(_, secret)| text.contains(&*secret.value) || text.contains(&*secret.in_json)).map(|(name, _)| name)
    }

    /// The text with names in place of values.
    pub(crate) fn hidden_in<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut text = Cow::Borrowed(text);
        for (name, secret) in self.looked_for() {
            for value in [&secret.value, &secret.in_json] {
                if text.contains(&**value) {
                    text = text.replace(&**value, &format!("[secret {name}]")).into();
                }
            }
        }
        text
    }

    /// The part of an activity's outcome that may go into a history, searched before any of it is
    /// cut. An output is refused rather than changed, since code may depend on it.
    pub(crate) fn kept_out(&self, outcome: Result<String, Failure>) -> Result<String, Failure> {
        match outcome {
            Ok(output) => match self.found_in(&output) {
                None => Ok(output),
                Some(name) => {
                    let message = format!("the output contains the secret '{name}', which may not stand in a history");
                    Err(Failure { error_type: "SecretInOutput".into(), message, details: None, non_retriable: true, inner: Vec::new() })
                }
            },
            Err(failure) => {
                let hidden = |text: String| self.hidden_in(&text).into_owned();
                let Failure { error_type, message, details, non_retriable, inner } = failure;
                Err(Failure {
                    error_type: hidden(error_type),
                    message: hidden(message),
                    details: details.map(hidden),
                    non_retriable,
                    inner: inner.into_iter().map(hidden).collect(),
                })
            }
        }
    }

    /// How many bytes at the end of `text` may be the beginning of a value.
    pub(crate) fn begun_in(&self, text: &[u8]) -> usize {
        let begun = |value: &str| (1..value.len().min(text.len() + 1)).rev().find(|length| text.ends_with(&value.as_bytes()[..*length]));
        let values = self.looked_for().flat_map(|(_, secret)| [&secret.value, &secret.in_json]);
        values.filter_map(|value| begun(value)).max().unwrap_or(0)
    }

    fn looked_for(&self) -> impl Iterator<Item = (&str, &Secret)> {
        self.0.iter().filter(|(_, secret)| secret.value.len() >= SHORTEST_LOOKED_FOR).map(|(name, secret)| (name.as_str(), secret))
    }
}

/// Shows names and never values.
impl fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUE: &str = "pass\"word\\7";

    fn secrets() -> Secrets {
        let mut secrets = Secrets::default();
        secrets.insert("TOKEN", VALUE);
        secrets.insert("PIN", "1234");
        secrets
    }

    #[test]
    fn a_value_is_found_as_it_is_and_as_json_writes_it() {
        let in_json = serde_json::json!({"a": format!("Bearer {VALUE}")}).to_string();
        assert!(!in_json.contains(VALUE));
        for text in [VALUE, &in_json] {
            assert_eq!(secrets().found_in(text), Some("TOKEN"), "{text}");
        }
        assert_eq!(secrets().found_in("the password is 1234"), None, "four digits turn up by chance");
        assert_eq!(secrets().hidden_in(&in_json), r#"{"a":"Bearer [secret TOKEN]"}"#);
        assert_eq!(secrets().hidden_in("nothing"), "nothing");
    }

    #[test]
    fn an_output_with_a_secret_is_refused_and_a_failure_loses_it() {
        let output = |text: &str| secrets().kept_out(Ok(text.to_owned()));
        assert_eq!(output("fine").unwrap(), "fine");
        let refused = output(VALUE).unwrap_err();
        assert!(refused.error_type == "SecretInOutput" && refused.non_retriable && refused.message.contains("'TOKEN'"), "{refused:?}");
        let text = || format!("cannot log in with {VALUE}");
        let failure = Failure { error_type: text(), message: text(), details: Some(text()), non_retriable: false, inner: vec![text()] };
        let kept = format!("{:?}", secrets().kept_out(Err(failure)).unwrap_err());
        assert_eq!(kept.matches("cannot log in with [secret TOKEN]").count(), 4, "{kept}");
    }

    #[test]
    fn the_beginning_of_a_value_at_the_end_of_a_text_is_noticed() {
        for (text, begun) in [("a pass", 4), ("a pas", 3), ("pass the", 0), (VALUE, 0), (r#"p pass\""#, 6), ("", 0), ("1", 0)] {
            assert_eq!(secrets().begun_in(text.as_bytes()), begun, "{text}");
        }
    }

    #[test]
    fn whoever_prints_secrets_sees_their_names() {
        assert_eq!(format!("{:?}", secrets()), r#"{"PIN", "TOKEN"}"#);
    }
}
