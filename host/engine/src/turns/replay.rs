//! Replay: brings an execution's guest back by the calls that its history holds, and finds out
//! whether the code still does what it did.

use std::sync::Arc;

use longhaul_core::orchestration::{Activation, ReplayStep, fold};
use longhaul_core::{DeploymentId, GuestTurn, InstanceId, Record, StartContext};
use longhaul_store::ChainRecord;

use crate::ports::{GuestError, Guests, OrchestratorGuest};

/// Why a replay did not bring the guest to where the history ends.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Divergence {
    /// The deployment that the execution is pinned to is not in memory.
    #[error("deployment {0} is not loaded")]
    NotLoaded(DeploymentId),
    /// The deployment has no orchestrator of the execution's name.
    #[error("deployment {0} has no orchestrator '{1}'")]
    NoOrchestrator(DeploymentId, String),
    /// A call of the guest came to no result.
    #[error("{0}")]
    Guest(GuestError),
    /// The guest asked for something else than the history holds; the text says what, and in which
    /// turn.
    #[error("replay does not match the history: {0}")]
    Mismatch(String),
}

/// Replays the latest execution of an instance in a new guest of the deployment that the execution
/// is pinned to, and compares each turn with what was recorded. `chain`: the instance's records,
/// oldest first. An execution that has ended is replayed up to the turn before its end. Plain and
/// blocking, like every call of a guest.
///
/// # Errors
/// [`Divergence`]; [`Divergence::Mismatch`] where the code does not do again what it did.
pub fn replay(id: &InstanceId, chain: Vec<ChainRecord>, guests: &dyn Guests) -> Result<(), Divergence> {
    let end = chain.iter().position(|link| ends_the_code(&link.record)).unwrap_or(chain.len());
    let folded = fold(id.clone(), chain.into_iter().take(end).map(|link| (link.record, link.base)));
    let Some((name, deployment)) = folded.state.function() else { return Ok(()) };
    let app = guests.loaded(deployment).ok_or(Divergence::NotLoaded(deployment))?;
    let function = app.orchestrator(name).ok_or_else(|| Divergence::NoOrchestrator(deployment, name.to_owned()))?;
    let mut guest = function.open(id.clone()).map_err(Divergence::Guest)?;
    run(&mut *guest, function.name(), folded.replay)
}

fn ends_the_code(record: &Record) -> bool {
    matches!(record, Record::Turn(turn) if turn.outcome.is_some() || turn.returned.is_some())
}

/// Calls a new guest as the history says, and compares what it returns.
pub(crate) fn run(guest: &mut dyn OrchestratorGuest, name: &Arc<str>, steps: Vec<ReplayStep>) -> Result<(), Divergence> {
    for mut step in steps {
        let activation = step.take_replaying_activation();
        let returned = activate(guest, name, activation, true).map_err(Divergence::Guest)?;
        step.compare(&returned).map_err(|mismatch| Divergence::Mismatch(mismatch.to_string()))?;
    }
    Ok(())
}

/// Calls the guest once.
pub(crate) fn activate(
    guest: &mut dyn OrchestratorGuest,
    name: &Arc<str>,
    activation: Activation,
    replaying: bool,
) -> Result<GuestTurn, GuestError> {
    match activation {
        Activation::Start(context) => guest.start(StartContext { name: name.clone(), ..context }),
        Activation::Resume { now, received } => guest.resume(now, replaying, received),
    }
}

#[cfg(test)]
mod tests;
