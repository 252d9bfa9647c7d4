//! Instances that are held at rest for a purge.

use std::sync::Arc;

use longhaul_core::InstanceId;
use tokio::sync::oneshot;

use super::Scheduler;
use crate::state::cache::Counted;
use crate::state::hold::{Answer, Hold, Release};
use crate::state::instance::{InstanceCell, Phase};
use crate::state::resident::Resident;

impl Scheduler {
    /// Holds an instance as soon as it is at rest. The answer fails if memory is discarded before.
    pub(crate) fn hold(&mut self, release: Arc<dyn Release>, id: &InstanceId) -> oneshot::Receiver<Answer> {
        let (hold, answer) = Hold::new(release);
        let holds = &mut self.cell(id).holds;
        holds.retain(|hold| !hold.is_over());
        holds.push_back(hold);
        self.grant_hold(id);
        answer
    }

    /// Gives an instance that is at rest to the purge that has waited for it longest. Returns
    /// whether it is held now.
    pub(super) fn grant_hold(&mut self, id: &InstanceId) -> bool {
        let Some(cell) = self.cells.get_mut(id).filter(|cell| !cell.holds.is_empty()) else { return false };
        if cell.phase.is_live() {
            cell.holds.drain(..).for_each(Hold::refuse);
            return false;
        }
        if !comes_to_rest(cell) {
            return false;
        }
        while let Some(hold) = cell.holds.pop_front() {
            if hold.grant(id) {
                let before = std::mem::replace(&mut cell.phase, Phase::Purging);
                self.to_drop.extend(before.into_resident());
                cell.weigh_state(0);
                self.count(id, Counted::Not);
                return true;
            }
        }
        false
    }

    /// A purge has released the instance.
    pub(crate) fn release(&mut self, id: &InstanceId) {
        // Memory may have been discarded meanwhile.
        let Some(cell) = self.cells.get_mut(id).filter(|cell| matches!(cell.phase, Phase::Purging)) else { return };
        cell.phase = Phase::Cold;
        if cell.is_idle() {
            self.settle(id);
        } else {
            self.schedule(id);
        }
    }
}

/// Whether nothing goes on here, once results are dropped that come too late for an instance that
/// has ended.
fn comes_to_rest(cell: &mut InstanceCell) -> bool {
    match &cell.phase {
        Phase::InMemory { resident: Resident::Orchestration(_), .. } => {
            cell.drop_ignored();
            // It may stand in the run queue for what was just dropped, or for a wake-up: a guest
            // thread that comes to it finds it held.
            cell.mailbox.is_empty() && cell.in_flight == 0 && cell.park.is_none()
        }
        Phase::Cold | Phase::InMemory { resident: Resident::Entity(_), .. } => cell.is_idle(),
        Phase::Loading | Phase::Busy(_) | Phase::Purging => false,
    }
}
