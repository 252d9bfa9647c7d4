//! The job that the external system is asked to do.

use serde::{Deserialize, Serialize};

/// The body of `POST /api/Job`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobRequest {
    /// True: answer with an error.
    #[serde(default)]
    pub return_error: bool,
    /// Where to POST `true` or `false` when the job is done.
    pub callback_uri: String,
    /// Present: the external system posts `true` to the call-back URI by itself after this many seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback_after_seconds: Option<u64>,
}

/// The input of the activity `CallApiActivity`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CallApiInput {
    pub callback_uri: String,
    /// In how many of a hundred calls the API is asked for an error.
    pub error_likelihood_percentage: u8,
}

/// The output of the activity `CallApiActivity`: what the API answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CallApiOutput {
    pub status_code: u16,
    pub status_text: String,
}
