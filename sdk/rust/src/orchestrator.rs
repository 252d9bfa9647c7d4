//! What the attribute `orchestrator` makes of a function.

use std::pin::Pin;

use crate::{Context, Failure};

/// An orchestrator's code, from its JSON input to its JSON output.
pub type Run = Pin<Box<dyn Future<Output = Result<String, Failure>>>>;

/// An orchestrator function. The attribute [`macro@crate::orchestrator`] implements it.
pub trait Orchestrator: 'static {
    /// The name that callers use, compared ignoring case.
    const NAME: &'static str;

    /// Begins an execution. Nothing of the code runs before the future is polled.
    fn run(ctx: Context, input: String) -> Run;
}
