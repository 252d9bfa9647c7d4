//! How a turn ends: its commit is queued, and the instance rests or is loaded again.

use longhaul_core::{DeploymentId, InstanceId, Message, Timestamp};

use super::Scheduler;
use crate::state::cache::Counted;
use crate::state::instance::Phase;
use crate::state::mailbox::Delivery;
use crate::state::resident::Resident;

/// What stands in the log before a turn's record and was not known when the turn began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LogPlacement {
    /// Recorded messages not consumed before this turn, those that it consumes included.
    pub(crate) inbox_before: u32,
    /// The start that the turn took has got a record of its own meanwhile.
    pub(crate) start_is_recorded: bool,
}

/// Why a turn failed and was discarded.
pub(crate) enum TurnFailure {
    /// The deployment is not loaded.
    NeedsDeployment(DeploymentId),
    /// There is no room for another guest.
    NoCapacity,
    /// Its guest may have ended the host, and so may another that runs alone now.
    Suspect,
    /// The host stops: the turn is taken after its next start.
    Stopping,
    /// The guest failed in a way that may pass.
    Retryable(String),
    /// Trying again cannot help.
    Unrecoverable(String),
}

impl Scheduler {
    /// Where the record of an instance's turn under way will stand, if it is queued now. The turn
    /// took so many recorded messages.
    pub(crate) fn log_placement(&mut self, id: &InstanceId, recorded: u32) -> LogPlacement {
        let Some(cell) = self.cells.get_mut(id) else { return LogPlacement { inbox_before: recorded, start_is_recorded: false } };
        let start_is_recorded = cell.start_under_way().is_some_and(|start| start.recorded);
        let waiting = cell.mailbox.totals().recorded;
        LogPlacement { inbox_before: recorded + waiting + u32::from(start_is_recorded), start_is_recorded }
    }

    /// The turn under way ends: its start can get no record of its own any more. Returns the
    /// start's message if it has one.
    pub(crate) fn end_start(&mut self, id: &InstanceId) -> Option<Message> {
        let Phase::Busy(turn) = &mut self.cell(id).phase else { return None };
        turn.start.take().filter(|start| start.recorded).map(|start| start.message)
    }

    /// Puts deliveries back into the instance's mailbox, before all others.
    pub(crate) fn return_deliveries(&mut self, id: &InstanceId, deliveries: Vec<Delivery>) {
        if !deliveries.is_empty() {
            self.cell(id).push_front(deliveries.into_iter());
        }
    }

    /// The instance's turn succeeded: it rests.
    pub(crate) fn rest_after_turn(&mut self, id: &InstanceId, resident: Resident, now: Timestamp) {
        self.cell(id).failed_turns = 0;
        self.rest(id, resident, now);
    }

    /// The instance's turn succeeded, and what the instance is now follows from its chain.
    pub(crate) fn reload_after_turn(&mut self, id: &InstanceId) {
        self.cell(id).failed_turns = 0;
        self.reload(id);
    }

    /// The instance's turn failed: the instance is loaded again, or parked at its next turn after
    /// `max_failed_turns` in a row.
    pub(crate) fn reload_after_failure(&mut self, id: &InstanceId, failure: TurnFailure, max_failed_turns: u32) {
        let cell = self.cell(id);
        // Loading again happens only if something waits; a turn that was due by itself must not be
        // forgotten.
        cell.wake = true;
        match failure {
            TurnFailure::NeedsDeployment(deployment) => cell.wants = Some(deployment),
            TurnFailure::NoCapacity | TurnFailure::Suspect | TurnFailure::Stopping => {}
            TurnFailure::Retryable(reason) => {
                cell.failed_turns += 1;
                tracing::warn!(instance = %id, attempt = cell.failed_turns, "a turn failed and was discarded: {reason}");
                if cell.failed_turns >= max_failed_turns {
                    cell.park = Some(reason);
                }
            }
            TurnFailure::Unrecoverable(reason) => cell.park = Some(reason),
        }
        self.reload(id);
    }

    /// Whether a guest thread is at work on the instance.
    pub(crate) fn is_busy(&self, id: &InstanceId) -> bool {
        self.cells.get(id).is_some_and(|cell| matches!(cell.phase, Phase::Busy(_)))
    }

    /// Puts an instance that is at rest back into memory, and lets it have another turn if it needs
    /// one.
    pub(super) fn rest(&mut self, id: &InstanceId, mut resident: Resident, now: Timestamp) {
        self.leave_lane(id);
        self.set_wakeup(id, resident.wake_at(), now);
        let needs_turn = resident.needs_turn(now);
        let (counts, bytes) = (resident.counts(), resident.held_bytes());
        let cell = self.cell(id);
        cell.weigh_state(bytes);
        cell.phase = Phase::at_rest(resident);
        if self.grant_hold(id) {
            return;
        }
        let cell = self.cell(id);
        let (is_prefetched, again) = (cell.is_prefetched, needs_turn || cell.has_work());
        self.count(id, if is_prefetched { Counted::Not } else { counts });
        if again {
            self.schedule(id);
        } else {
            self.settle(id);
        }
    }

    /// The instance leaves memory and is loaded again if anything waits for it.
    pub(super) fn reload(&mut self, id: &InstanceId) {
        self.leave_lane(id);
        let cell = self.cell(id);
        cell.phase = Phase::Cold;
        cell.weigh_state(0);
        self.count(id, Counted::Not);
        self.schedule(id);
    }

    /// Another suspect of having ended the host runs alone: the instance takes no turn until
    /// [`offer_again`](Self::offer_again).
    pub(crate) fn hold_suspect(&mut self, id: &InstanceId) {
        self.cell(id).is_held = true;
    }

    /// No suspect runs alone any more.
    pub(crate) fn offer_again(&mut self, id: &InstanceId) {
        if let Some(cell) = self.cells.get_mut(id) {
            cell.is_held = false;
            self.schedule(id);
        }
    }
}
