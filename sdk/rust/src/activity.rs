//! What the attribute `activity` makes of a function.

use crate::Failure;

/// An activity function. The attribute [`macro@crate::activity`] implements it.
pub trait Activity: 'static {
    /// The name that callers use, compared ignoring case.
    const NAME: &'static str;

    /// Runs it, from its JSON input to its JSON output.
    fn run(ctx: ActivityContext, input: &str) -> Result<String, Failure>;
}

/// What an activity may know about the call that it answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActivityContext {
    /// The activity's name as the deployment spells it.
    pub name: String,
    /// The instance that called.
    pub instance_id: String,
    /// The caller's task.
    pub task: u32,
    /// From 1.
    pub attempt: u32,
    /// The same for every run of one call, whatever the attempt: give it to systems that drop
    /// doubles.
    pub idempotency_key: String,
}
