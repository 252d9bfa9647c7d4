//! Instances for whose guests there was no memory: they are tried again one after the other.
//!
//! Several guests that need much would each get a part of what there is, fail, and begin anew side
//! by side, for ever. One at a time gets as much as a guest may have, as soon as those are done
//! that run already.

use std::collections::VecDeque;

use longhaul_core::InstanceId;

/// The instances that are tried again.
#[derive(Debug, Default)]
pub(super) struct Lane {
    holder: Option<InstanceId>,
    /// Not in memory; each may have ended since, or be gone.
    waiting: VecDeque<InstanceId>,
}

impl Lane {
    /// Whether it is this instance's turn.
    pub(super) fn is_held_by(&self, id: &InstanceId) -> bool {
        self.holder.as_ref() == Some(id)
    }

    /// Whether it is the turn of an instance other than this one.
    pub(super) fn is_held_by_another(&self, id: &InstanceId) -> bool {
        self.holder.as_ref().is_some_and(|holder| holder != id)
    }

    /// It is this instance's turn from now on.
    pub(super) fn give_to(&mut self, id: InstanceId) {
        self.holder = Some(id);
    }

    pub(super) fn wait(&mut self, id: InstanceId) {
        self.waiting.push_back(id);
    }

    /// The holder leaves the lane.
    pub(super) fn leave(&mut self) {
        self.holder = None;
    }

    /// The instance that has waited for longest.
    pub(super) fn next(&mut self) -> Option<InstanceId> {
        self.waiting.pop_front()
    }
}
