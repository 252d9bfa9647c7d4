//! Instances that were read from their chains.

use longhaul_core::{DeploymentId, InstanceId, Message, Timestamp};

use super::Scheduler;
use crate::state::instance::Phase;
use crate::state::mailbox::Delivery;
use crate::state::resident::Resident;

impl Scheduler {
    /// The deployment that a turn of the instance asked for.
    pub(crate) fn wanted_deployment(&self, id: &InstanceId) -> Option<DeploymentId> {
        self.cells.get(id)?.wants
    }

    /// Has the instance parked at its next turn.
    pub(crate) fn park(&mut self, id: &InstanceId, reason: String) {
        self.cell(id).park = Some(reason);
    }

    /// Puts what was read into memory. `inbox`: recorded messages that no turn has taken, oldest
    /// first. The instance comes to rest by [`rest_loaded`](Self::rest_loaded).
    pub(crate) fn put_inbox(&mut self, id: &InstanceId, resident: &Resident, inbox: Vec<Message>) {
        let cell = self.cell(id);
        cell.wants = None;
        super::late::drop_left_out(&mut cell.mailbox, resident, &inbox);
        cell.push_front(inbox.into_iter().map(Delivery::recorded));
        cell.phase = Phase::Cold;
    }

    /// An instance that was read comes to rest.
    pub(crate) fn rest_loaded(&mut self, id: &InstanceId, resident: Resident, now: Timestamp) {
        self.end_prefetch_load(id, &resident, now);
        self.rest(id, resident, now);
    }

    /// The instance could not be read: it is tried again.
    pub(crate) fn load_again(&mut self, id: &InstanceId) {
        self.cell(id).wake = true;
        self.reload(id);
    }
}
