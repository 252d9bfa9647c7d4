//! The record of an instance's attempts: the state of `AttemptsEntity`.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A time in ISO 8601, UTC, such as `2026-11-22T18:30:00.250Z`.
pub type UtcTime = String;

/// How far an attempt has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AttemptState {
    New,
    Executing,
    ExecutedFailed,
    ExecutedSuccess,
    WaitingForCallback,
    TimedOut,
    CallbackSuccess,
    CallbackFailure,
}

impl AttemptState {
    /// False for the states in which an attempt has failed.
    pub fn is_success(self) -> bool {
        match self {
            Self::ExecutedFailed | Self::TimedOut | Self::CallbackFailure => false,
            Self::New | Self::Executing | Self::ExecutedSuccess | Self::WaitingForCallback | Self::CallbackSuccess => true,
        }
    }
}

impl fmt::Display for AttemptState {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, out)
    }
}

/// One attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    pub id: String,
    pub started: UtcTime,
    /// When the attempt was last changed.
    pub state_set: UtcTime,
    /// Until when the call-back is waited for.
    pub timeout_due: Option<UtcTime>,
    pub state: AttemptState,
    pub message: String,
    /// False for a new attempt, and for one that has failed.
    pub is_success: bool,
}

/// The input of the operations that change an attempt; what is left out stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AttemptChange {
    pub id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<AttemptState>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_due: Option<UtcTime>,
}

/// The attempts in the order in which they began. As JSON an object with the attempts' ids as names, in the same order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attempts(pub Vec<Attempt>);

impl Attempts {
    pub fn get(&self, id: &str) -> Option<&Attempt> {
        self.0.iter().find(|attempt| attempt.id == id)
    }

    pub fn get_mut(&mut self, id: &str) -> Option<&mut Attempt> {
        self.0.iter_mut().find(|attempt| attempt.id == id)
    }
}

impl Serialize for Attempts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|attempt| (&attempt.id, attempt)))
    }
}

impl<'de> Deserialize<'de> for Attempts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Attempts;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("an object of attempts by their ids")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Attempts, M::Error> {
                let mut attempts = Attempts::default();
                while let Some((_id, attempt)) = map.next_entry::<String, Attempt>()? {
                    attempts.0.push(attempt);
                }
                Ok(attempts)
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

/// The state of `AttemptsEntity`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AttemptsState {
    pub attempts: Attempts,
    pub overall_state: String,
}
