//! Exports orchestrators.

use std::cell::RefCell;
use std::marker::PhantomData;

use super::orchestrator::exports::longhaul::durable::orchestrator as wit;
use crate::Timestamp;
use crate::execution::Execution;
use crate::export::{OrchestratorSet, find};
use crate::turn::{Completion, Outcome, Start, Turn};

/// A component of these orchestrators. One guest runs one execution at a time.
pub struct OrchestratorComponent<S>(PhantomData<S>);

thread_local! {
    static EXECUTION: RefCell<Option<Execution>> = const { RefCell::new(None) };
}

impl<S: OrchestratorSet> wit::Guest for OrchestratorComponent<S> {
    fn start(context: wit::Context) -> wit::Turn {
        super::log_panics();
        let start_one = match find("orchestrator", S::ALL, &context.name) {
            Ok(start_one) => start_one,
            Err(failure) => return Turn { outcome: Some(Outcome::Failed(failure)), ..Turn::default() }.into(),
        };
        let (execution, turn) = start_one(Start::from(context));
        EXECUTION.set(Some(execution));
        turn.into()
    }

    fn resume(now: u64, replaying: bool, received: Vec<wit::Completion>) -> wit::Turn {
        let received = received.into_iter().map(Completion::from).collect();
        EXECUTION.with_borrow_mut(|execution| {
            let execution = execution.as_mut().expect("the host starts an execution before it resumes it");
            execution.resume(Timestamp::from_millis(now), replaying, received).into()
        })
    }
}
