//! What the macros' output refers to. Not for authors; it may change with every version.
//!
//! The traits named after what a type can do are chosen by the compiler's method lookup, which
//! tries the fewest references first. So `(&&&Probe).method()` finds the most special
//! implementation that the concrete type allows, without trait specialization.

use std::fmt::Display;
use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

#[cfg(target_arch = "wasm32")]
pub use crate::bindings;
pub use crate::entity::{Applied, run_batch};
pub use crate::execution::Execution;
pub use crate::export::{ActivitySet, EntitySet, Functions, OrchestratorSet, RunActivity, RunEntity, StartOrchestrator, find};
pub use crate::orchestrator::Run;
use crate::{Failure, Response, json};

/// Stands for a type whose abilities are asked for.
pub struct Probe<T>(PhantomData<fn() -> T>);

impl<T> Probe<T> {
    pub fn new() -> Self {
        Self(PhantomData)
    }

    pub fn of(_value: &T) -> Self {
        Self::new()
    }
}

impl<T> Default for Probe<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// Reads inputs of types that have a default, which stands in where no input was given.
pub trait ReadOrDefault<T> {
    fn read_input(&self, of: &str, text: &str) -> Result<T, Failure>;
}

impl<T: DeserializeOwned + Default> ReadOrDefault<T> for &Probe<T> {
    fn read_input(&self, of: &str, text: &str) -> Result<T, Failure> {
        json::read(text).or_else(|error| if json::is_missing(text) { Ok(T::default()) } else { Err(Failure::invalid_input(of, &error)) })
    }
}

/// Reads inputs of other types.
pub trait ReadStrictly<T> {
    fn read_input(&self, of: &str, text: &str) -> Result<T, Failure>;
}

impl<T: DeserializeOwned> ReadStrictly<T> for Probe<T> {
    fn read_input(&self, of: &str, text: &str) -> Result<T, Failure> {
        json::read(text).map_err(|error| Failure::invalid_input(of, &error))
    }
}

/// How a function returned a `Result` whose error becomes a failure by itself.
pub trait ReturnsFailure {
    fn kind(&self) -> FailureKind {
        FailureKind
    }
}

impl<O, E: Into<Failure>> ReturnsFailure for &&Probe<Result<O, E>> {}

/// How a function returned a `Result` whose error can only be shown: a string, an `anyhow::Error`.
pub trait ReturnsMessage {
    fn kind(&self) -> MessageKind {
        MessageKind
    }
}

impl<O, E: Display> ReturnsMessage for &Probe<Result<O, E>> {}

/// How a function returned a plain value.
pub trait ReturnsValue {
    fn kind(&self) -> ValueKind {
        ValueKind
    }
}

impl<O> ReturnsValue for Probe<O> {}

pub struct FailureKind;
pub struct MessageKind;
pub struct ValueKind;

impl FailureKind {
    pub fn split<O, E: Into<Failure>>(self, returned: Result<O, E>) -> Result<O, Failure> {
        returned.map_err(Into::into)
    }
}

impl MessageKind {
    pub fn split<O, E: Display>(self, returned: Result<O, E>) -> Result<O, Failure> {
        returned.map_err(|error| {
            let (message, with_causes) = (error.to_string(), format!("{error:#}"));
            let failure = Failure::new("Error", message.clone());
            if with_causes == message { failure } else { failure.with_details(with_causes) }
        })
    }
}

impl ValueKind {
    pub fn split<O>(self, returned: O) -> Result<O, Failure> {
        Ok(returned)
    }
}

/// Writes what a function returned.
pub fn write_output<O: Serialize>(of: &str, returned: Result<O, Failure>) -> Result<String, Failure> {
    json::write(&returned?).map_err(|error| Failure::invalid_output(of, &error))
}

/// Answers with what a client function returned.
pub fn respond(of: &str, returned: Result<Response, Failure>) -> Response {
    returned.unwrap_or_else(|failure| crate::client::failure_response(of, &failure))
}

/// True if a caller's `operation` names the method `method`: case and underscores do not count.
pub fn same_operation(operation: &str, method: &str) -> bool {
    let plain = |byte: &u8| *byte != b'_';
    let given = operation.bytes().filter(plain).map(|byte| byte.to_ascii_lowercase());
    given.eq(method.bytes().filter(plain).map(|byte| byte.to_ascii_lowercase()))
}
