//! Discarding all memory after a failed commit, and telling of ends.

use std::collections::{HashSet, VecDeque};

use longhaul_core::InstanceId;
use tokio::sync::oneshot;

use super::Scheduler;
use crate::state::commit_queue::QueueItem;
use crate::state::instance::Phase;
use crate::state::lane::Lane;
use crate::state::mailbox::Delivery;
use crate::state::prefetch::Prefetch;
use crate::state::wakeups::Wakeups;

/// What was in memory when it was discarded.
pub(crate) struct DiscardedState {
    /// What was in the mailboxes.
    pub(crate) deliveries: Vec<(InstanceId, Delivery)>,
    /// The instances that guest threads were at work on. What these threads took from the mailboxes
    /// is lost as well.
    pub(crate) busy: HashSet<InstanceId>,
    pub(crate) queue: VecDeque<QueueItem>,
}

impl Scheduler {
    /// Discards all memory and takes nothing more: after a failed commit nothing in it can be
    /// trusted.
    pub(crate) fn discard_all(&mut self) -> DiscardedState {
        self.is_closed = true;
        self.epoch += 1;
        self.run_queue.clear();
        self.held_back.clear();
        self.lane = Lane::default();
        self.wakeups = Wakeups::default();
        self.cache.clear();
        self.prefetch = Prefetch::default();
        // If an end was in fact written although its commit reported failure, its watchers look
        // again.
        self.watchers.clear();
        let cells = std::mem::take(&mut self.cells);
        let busy = cells.iter().filter(|(_, cell)| matches!(cell.phase, Phase::Busy(_))).map(|(id, _)| id.clone()).collect();
        let mailboxes = cells.into_iter().flat_map(|(id, cell)| cell.mailbox.into_deliveries().map(move |delivery| (id.clone(), delivery)));
        let mut deliveries: Vec<_> = mailboxes.collect();
        // A map has no order, and a simulation must repeat itself.
        deliveries.sort_by(|(one, _), (other, _)| one.cmp(other));
        DiscardedState { deliveries, busy, queue: self.commits.take_all() }
    }

    /// Tells when the instance has ended and that is on stable storage, or when it is time to look
    /// again.
    pub(crate) fn watch(&mut self, id: &InstanceId) -> oneshot::Receiver<()> {
        let (watcher, ended) = oneshot::channel();
        let watchers = self.watchers.entry(id.clone()).or_default();
        watchers.retain(|watcher| !watcher.is_closed());
        watchers.push(watcher);
        ended
    }

    /// The watchers of instances that have ended, to be told once the lock is free.
    #[must_use]
    pub(crate) fn take_watchers(&mut self, ended: &[InstanceId]) -> Vec<oneshot::Sender<()>> {
        ended.iter().filter_map(|id| self.watchers.remove(id)).flatten().collect()
    }
}
