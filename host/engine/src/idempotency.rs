//! Requests that come with an idempotency key: the same request again gets the same answer and has
//! no second effect.

use longhaul_core::{InstanceId, Timestamp};
use sha2::{Digest, Sha256};

use crate::error::EngineError;

/// How long a key stands for its request, milliseconds.
pub(crate) const KEY_LIFE_MS: u64 = 24 * 60 * 60 * 1_000;

/// Longest key that a client may choose, characters.
const MAX_KEY_CHARS: usize = 255;

/// A request that comes with a key.
#[derive(Clone, Debug)]
pub struct KeyedRequest {
    pub(crate) key: String,
    /// The key as it was given, for messages.
    pub(crate) shown: String,
    pub(crate) digest: [u8; 32],
    pub(crate) timer: Option<TimerStart>,
}

/// The timer in whose name a start is sent.
#[derive(Clone, Debug)]
pub struct TimerStart {
    /// The app whose timer it is.
    pub app: String,
    /// The timer's name.
    pub name: String,
    /// When it was due; absent for a start by hand.
    pub due: Option<Timestamp>,
}

impl KeyedRequest {
    /// A request under a key that its sender chose: 1 to 255 characters, none of them a control
    /// character. `parts` are all that makes two requests the same.
    ///
    /// # Errors
    /// [`EngineError::KeyMalformed`] says what is wrong with the key.
    pub fn new<'part>(key: &str, parts: impl IntoIterator<Item = &'part [u8]>) -> Result<Self, EngineError> {
        let length = key.chars().count();
        let problem = match length {
            0 => "is empty".to_owned(),
            _ if length > MAX_KEY_CHARS => format!("has {length} characters"),
            _ if key.chars().any(char::is_control) => "contains a control character".to_owned(),
            _ => return Ok(Self { key: format!("client:{key}"), shown: key.to_owned(), digest: digest(parts), timer: None }),
        };
        Err(EngineError::KeyMalformed(format!(
            "the idempotency key {problem}; it needs 1 to {MAX_KEY_CHARS} characters, none of them a control character"
        )))
    }
}

impl KeyedRequest {
    /// The start of `instance` in the name of a timer. It is noted in the timer's state in the very
    /// commit of the start, and no client's key can stand in its way.
    pub fn of_timer(timer: TimerStart, instance: &InstanceId) -> Self {
        let TimerStart { app, name, due } = &timer;
        let when = due.map_or_else(|| "by hand".to_owned(), |due| due.0.to_string());
        let key = format!("timer:{app}:{name}:{when}:{instance}");
        Self { shown: key.clone(), key, digest: digest([]), timer: Some(timer) }
    }
}

/// Every part counts with its length, so that no two lists of parts look the same.
fn digest<'part>(parts: impl IntoIterator<Item = &'part [u8]>) -> [u8; 32] {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    digest.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_1_to_255_characters_and_no_control_characters() {
        for good in ["a", "8e03978e-40d5-43dd-bc93-6894a57f9324", "two words", &"\u{00e9}".repeat(255)] {
            assert!(KeyedRequest::new(good, []).is_ok(), "{good}");
        }
        for bad in ["", "a\tb", "a\u{85}b", &"x".repeat(256)] {
            assert!(matches!(KeyedRequest::new(bad, []), Err(EngineError::KeyMalformed(_))), "{bad:?}");
        }
    }

    #[test]
    fn parts_that_are_split_in_another_place_make_another_request() {
        assert_ne!(digest([&b"ab"[..], b"c"]), digest([&b"a"[..], b"bc"]));
        assert_ne!(digest([&b"a"[..]]), digest([&b"a"[..], b""]));
    }
}
