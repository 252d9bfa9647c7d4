//! What goes wrong, on its way between functions.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::time::Duration;

use crate::client;
use crate::http;
use crate::json::NoJson;
use crate::timestamp::hours_minutes_seconds;

/// The usual result of a function: any error turns into a [`Failure`] by `?`.
pub type Result<T> = std::result::Result<T, Failure>;

/// Why a function failed, as the caller and the history see it.
///
/// Every [`std::error::Error`] converts into one by `?`, with its type's name, its message and the
/// messages of its causes. Errors of [`http`] have the types that stand at [`http::ErrorKind`],
/// those of `serde_json` the type `InvalidJson`. For that to be possible it is, like
/// `anyhow::Error`, not a `std::error::Error` itself.
///
/// ```
/// use longhaul::Failure;
/// fn parse(text: &str) -> Result<u32, Failure> {
///     if text.is_empty() {
///         return Err(Failure::new("EmptyText", "there is no number in an empty text").non_retriable());
///     }
///     Ok(text.parse()?)
/// }
/// assert_eq!(parse("x").unwrap_err().error_type, "ParseIntError");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The kind of error, for example a type's name. Retry policies can name kinds to give up on.
    pub error_type: String,
    /// One sentence for people. It reaches the `output` of a failed instance.
    pub message: String,
    /// More for people. Kept in the history, never shown as `output`.
    pub details: Option<String>,
    /// True: retry policies give up at once.
    pub non_retriable: bool,
    /// The messages of the causes, nearest first.
    pub inner: Vec<String>,
}

impl Failure {
    /// A failure that a retry policy may try again.
    pub fn new(error_type: impl Into<String>, message: impl Into<String>) -> Self {
        Self { error_type: error_type.into(), message: message.into(), details: None, non_retriable: false, inner: Vec::new() }
    }

    /// The same failure, at which retry policies give up at once.
    pub fn non_retriable(mut self) -> Self {
        self.non_retriable = true;
        self
    }

    /// The same failure with more for people, kept in the history only.
    pub fn with_details(mut self, details: impl Into<String>) -> Self {
        self.details = Some(details.into());
        self
    }

    pub(crate) fn invalid_input(of: &str, error: &serde_json::Error) -> Self {
        Self::new("InvalidInput", format!("{of} cannot read its input: {error}")).non_retriable()
    }

    pub(crate) fn invalid_output(of: &str, error: &NoJson) -> Self {
        Self::new("InvalidOutput", format!("{of} returned a value that cannot be written as JSON: {error}")).non_retriable()
    }

    /// `what` names what the value is for.
    pub(crate) fn invalid_value(what: impl fmt::Display, error: &NoJson) -> Self {
        Self::new("InvalidValue", format!("{what} cannot be written as JSON: {error}")).non_retriable()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message)
    }
}

impl<E: Error + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        let any: &dyn Any = &error;
        if let Some(TaskError::Failed(failure)) = any.downcast_ref() {
            return failure.clone();
        }
        if let Some(refused) = any.downcast_ref::<client::Error>() {
            return Self::new(refused.kind(), error.to_string());
        }
        if let Some(unanswered) = any.downcast_ref::<http::Error>() {
            let kind = unanswered.kind();
            return Self { non_retriable: kind.is_final(), ..Self::new(kind.failure_type(), error.to_string()) };
        }
        if any.is::<serde_json::Error>() {
            return Self::new("InvalidJson", error.to_string());
        }
        let inner = std::iter::successors(error.source(), |&cause| cause.source()).map(ToString::to_string).collect();
        Self { inner, ..Self::new(short_type_name::<E>(), error.to_string()) }
    }
}

/// `ParseIntError` for `core::num::ParseIntError`; what stands in angle brackets is left out.
pub(crate) fn short_type_name<T>() -> &'static str {
    let name = std::any::type_name::<T>();
    let name = name.split('<').next().unwrap_or(name);
    name.rsplit("::").next().unwrap_or(name)
}

/// Why awaiting a task of an orchestration gave no result.
#[derive(Clone, Debug, PartialEq)]
pub enum TaskError {
    /// The task failed, after all attempts of its retry policy.
    Failed(Failure),
    /// No event of this name was received within the time that
    /// [`EventWait::timeout`](crate::EventWait::timeout) allows.
    TimedOut {
        /// The event's name.
        event: String,
        /// The time allowed.
        after: Duration,
    },
    /// The task's result is not of the type that the code expects. It holds the reason.
    Unreadable(String),
}

impl fmt::Display for TaskError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(failure) => failure.fmt(out),
            Self::TimedOut { event, after } => write!(out, "Event {event} not received in {}", hours_minutes_seconds(*after)),
            Self::Unreadable(reason) => write!(out, "cannot read the task's result: {reason}"),
        }
    }
}

impl Error for TaskError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standard_error_keeps_its_type_message_and_causes() {
        #[derive(Debug)]
        struct Outer(std::num::ParseIntError);
        impl fmt::Display for Outer {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("bad order")
            }
        }
        impl Error for Outer {
            fn source(&self) -> Option<&(dyn Error + 'static)> {
                Some(&self.0)
            }
        }
        let failure = Failure::from(Outer("x".parse::<u32>().unwrap_err()));
        assert_eq!((failure.error_type.as_str(), failure.message.as_str()), ("Outer", "bad order"));
        assert_eq!(failure.inner, ["invalid digit found in string"]);
    }

    #[test]
    fn a_failed_tasks_failure_passes_through_unchanged() {
        let failure = Failure::new("Teapot", "no coffee").non_retriable();
        assert_eq!(Failure::from(TaskError::Failed(failure.clone())), failure);
    }

    #[test]
    fn an_event_that_did_not_come_reads_as_the_contract_says() {
        let error = TaskError::TimedOut { event: "Callback".into(), after: Duration::from_secs(60) };
        assert_eq!(error.to_string(), "Event Callback not received in 00:01:00");
    }
}
