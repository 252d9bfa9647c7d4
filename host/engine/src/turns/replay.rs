//! Replay: brings an execution's guest back by the calls that its history holds.

use std::sync::Arc;

use longhaul_core::orchestration::{Activation, ReplayStep};
use longhaul_core::{GuestTurn, StartContext};

use crate::ports::{GuestError, OrchestratorGuest};

/// Why a replay did not bring the guest to where the history ends.
pub(crate) enum ReplayError {
    /// The guest failed.
    Guest(GuestError),
    /// The guest asked for something else than the history holds.
    Mismatch(String),
}

/// Calls the guest as the history says, and compares what it returns.
pub(crate) fn run(guest: &mut dyn OrchestratorGuest, name: &Arc<str>, steps: Vec<ReplayStep>) -> Result<(), ReplayError> {
    for mut step in steps {
        let activation = step.take_replaying_activation();
        let returned = activate(guest, name, activation, true).map_err(ReplayError::Guest)?;
        step.compare(&returned).map_err(|mismatch| ReplayError::Mismatch(mismatch.to_string()))?;
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
