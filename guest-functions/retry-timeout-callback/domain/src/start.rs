//! What an orchestration is started with.

use serde::{Deserialize, Serialize};

/// Stands in a management URI for the id of an instance that has none yet.
pub const PLACEHOLDER_INSTANCE_ID: &str = "INSTANCEID";

/// The settings that may be given at start. Members that are left out have their defaults.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Settings {
    /// How long to wait for the call-back of one attempt. Default 60.
    pub timeout_seconds: u64,
    /// Default 5.
    pub max_attempts: u32,
    /// From 0, the default, to 100.
    pub error_likelihood_percentage: u8,
}

impl Default for Settings {
    fn default() -> Self {
        Self { timeout_seconds: 60, max_attempts: 5, error_likelihood_percentage: 0 }
    }
}

impl Settings {
    /// A year: longer waits are a mistake in the unit.
    const MAX_TIMEOUT_SECONDS: u64 = 366 * 24 * 60 * 60;

    /// What is wrong with the settings, in a sentence.
    pub fn check(&self) -> Result<(), String> {
        if self.timeout_seconds == 0 || self.timeout_seconds > Self::MAX_TIMEOUT_SECONDS {
            return Err(format!("timeoutSeconds is {}, it must be from 1 to {}", self.timeout_seconds, Self::MAX_TIMEOUT_SECONDS));
        }
        if self.max_attempts == 0 {
            return Err("maxAttempts is 0, it must be at least 1".to_owned());
        }
        if self.error_likelihood_percentage > 100 {
            return Err(format!("errorLikelihoodPercentage is {}, it must be from 0 to 100", self.error_likelihood_percentage));
        }
        Ok(())
    }
}

/// The input of `MainOrchestrator`. A plain string is read as the URI, with the default settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", from = "InputForm")]
pub struct MainInput {
    /// The URI to raise an event with, in which `{eventName}` stands for the event's name. The instance's id may be
    /// [`PLACEHOLDER_INSTANCE_ID`].
    pub send_event_post_uri: String,
    pub settings: Settings,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum InputForm {
    Uri(String),
    #[serde(rename_all = "camelCase")]
    Full {
        send_event_post_uri: String,
        #[serde(default)]
        settings: Settings,
    },
}

impl From<InputForm> for MainInput {
    fn from(form: InputForm) -> Self {
        match form {
            InputForm::Uri(send_event_post_uri) => Self { send_event_post_uri, settings: Settings::default() },
            InputForm::Full { send_event_post_uri, settings } => Self { send_event_post_uri, settings },
        }
    }
}
