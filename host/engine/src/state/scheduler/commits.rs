//! The way to the store: what is queued, and what follows once it is written.

use longhaul_core::InstanceId;
use tokio::sync::oneshot;

use super::Scheduler;
use crate::state::commit_queue::{Commit, QueueItem};
use crate::state::instance::{NextTurn, Phase};

impl Scheduler {
    /// Hands a commit to the committer, in order.
    pub(crate) fn queue_commit(&mut self, mut commit: Commit) {
        if let Some(id) = &commit.turn_of {
            self.cell(id).turns_in_flight += 1;
        }
        for encoded in &commit.records {
            let cell = self.cell(&encoded.record.instance);
            cell.in_flight += 1;
            if std::mem::take(&mut cell.is_new) {
                commit.new.push(encoded.record.instance.clone());
            }
        }
        self.queue_item(QueueItem::Commit(commit));
    }

    /// Has an instance's chain read as of this place in the order of commits.
    pub(super) fn queue_chain_read(&mut self, id: InstanceId) {
        self.queue_item(QueueItem::ReadChain(id));
    }

    /// Tells `reached` when everything that is queued now has been written.
    pub(crate) fn queue_barrier(&mut self, reached: oneshot::Sender<()>) {
        self.queue_item(QueueItem::Barrier(reached));
    }

    fn queue_item(&mut self, item: QueueItem) {
        self.commits.push(item, self.cache.scale());
        self.signals.commit.notify_one();
    }

    /// Takes what has gathered for the committer, up to a full batch or so many items.
    pub(crate) fn gather_commits(&mut self, max_items: usize) -> Vec<QueueItem> {
        self.commits.gather(max_items)
    }

    /// Commits are on stable storage: those of the `turns` and records of the instances in
    /// `touched`, once for each record.
    pub(crate) fn commits_are_written(&mut self, turns: &[InstanceId], touched: &[InstanceId]) {
        turns.iter().for_each(|id| self.turn_is_written(id));
        self.begin_held_back_turns();
        for id in touched {
            if let Some(cell) = self.cells.get_mut(id) {
                cell.in_flight = cell.in_flight.saturating_sub(1);
                if cell.in_flight == 0 {
                    self.settle(id);
                }
            }
        }
    }

    /// A turn or batch of the instance is on stable storage.
    pub(super) fn turn_is_written(&mut self, id: &InstanceId) {
        let Some(cell) = self.cells.get_mut(id) else { return };
        let was_held_back = cell.turns_in_flight >= self.max_turns_in_flight;
        cell.turns_in_flight = cell.turns_in_flight.saturating_sub(1);
        if was_held_back {
            // Whatever there is for it to do. If there is nothing, its turn shows that.
            self.schedule(id);
        }
    }

    /// Turns that waited until less is unwritten begin.
    pub(super) fn begin_held_back_turns(&mut self) {
        if self.held_back.is_empty() || self.commits.is_over() {
            return;
        }
        for id in std::mem::take(&mut self.held_back) {
            let Some(cell) = self.cells.get_mut(&id) else { continue };
            if let Phase::InMemory { next_turn: next_turn @ NextTurn::HeldBack, .. } = &mut cell.phase {
                *next_turn = NextTurn::NotDue;
                self.schedule(&id);
            }
        }
    }

    /// Takes what leaves memory, if the lock's holder should drop it: a busy guest thread comes by
    /// soon, but if none is, none may come for long.
    #[must_use]
    pub(crate) fn take_dropped_if_idle(&mut self) -> Vec<crate::state::resident::Resident> {
        if self.workers.is_any() { self.take_dropped() } else { Vec::new() }
    }
}
