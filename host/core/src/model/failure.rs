//! Why something failed.

use serde::{Deserialize, Serialize};

/// A structured failure, as guests return it and as it travels to the caller.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// The kind of error, for example a type's name.
    pub error_type: String,
    /// One sentence for people.
    pub message: String,
    /// More for people; kept in the history only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<String>,
    /// True: retry policies give up at once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub non_retriable: bool,
    /// The messages of the causes, nearest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inner: Vec<String>,
}

impl Failure {
    /// A failure of the given kind.
    pub fn new(error_type: &str, message: impl Into<String>) -> Self {
        Self { error_type: error_type.into(), message: message.into(), ..Self::default() }
    }

    /// The text of this failure as the end of an orchestration, for its `output`.
    pub(crate) fn of_orchestrator(&self, name: &str) -> String {
        format!("Orchestrator function '{name}' failed: {}", self.message)
    }

    /// The same failure, seen one task boundary further out: `text` becomes the message, the old
    /// message a cause.
    pub fn wrapped(self, text: String) -> Self {
        let mut inner = vec![self.message];
        inner.extend(self.inner);
        Self { message: text, inner, ..self }
    }
}
