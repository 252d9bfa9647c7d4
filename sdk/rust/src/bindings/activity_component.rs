//! Exports activities.

use std::marker::PhantomData;

use super::activity::exports::longhaul::durable::activity as wit;
use super::types;
use crate::ActivityContext;
use crate::export::{ActivitySet, find};

/// A component of these activities.
pub struct ActivityComponent<S>(PhantomData<S>);

impl<S: ActivitySet> wit::Guest for ActivityComponent<S> {
    fn run(context: wit::Context, input: String) -> Result<String, types::Failure> {
        super::log_panics();
        let wit::Context { name, instance_id, task, attempt, idempotency_key } = context;
        let run = find("activity", S::ALL, &name)?;
        Ok(run(ActivityContext { name, instance_id, task, attempt, idempotency_key }, &input)?)
    }
}
