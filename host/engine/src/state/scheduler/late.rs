//! Messages between instances that come too late.
//!
//! A message that comes after its receiver's end leaves no trace: no record, no turn, no cell in
//! memory. If the receiver is in memory, its state says so here. If it is not, the store says so
//! when it appends the sender's commit, and the reading of the receiver's chain that follows finds
//! what the store kept. While that reading is under way the mailbox keeps such messages with a
//! mark, and what was read tells which of them the store has left out.

use longhaul_core::{InstanceId, Message, Outgoing, Standing};

use super::Scheduler;
use crate::state::commit_queue::Commit;
use crate::state::instance::Phase;
use crate::state::mailbox::{Delivery, Mailbox};
use crate::state::resident::Resident;

/// What becomes of a message.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It is recorded and delivered.
    Recorded,
    /// The store decides.
    IfWanted,
    /// It comes too late.
    Dropped,
}

impl Scheduler {
    /// Queues a commit, and puts the messages into their receivers' mailboxes whose records stand
    /// last in it.
    pub(crate) fn queue_with_messages(&mut self, mut commit: Commit, messages: Vec<Outgoing>) {
        let mut receivers = Vec::with_capacity(messages.len());
        let first = commit.records.len() - messages.len();
        let mut dropped = Vec::new();
        for (place, Outgoing { to, message }) in (first..).zip(messages) {
            let fate = self.fate(&to, &message);
            if fate == Fate::Dropped {
                dropped.push(place);
                continue;
            }
            let if_wanted = fate == Fate::IfWanted;
            commit.records[place].if_wanted = if_wanted;
            self.cell(&to).push(Delivery { if_wanted, ..Delivery::recorded(message) });
            receivers.push(to);
        }
        for place in dropped.into_iter().rev() {
            commit.records.remove(place);
        }
        if !commit.is_empty() {
            self.queue_commit(commit);
        }
        // Only now: a receiver that has to be read finds all of these messages in its chain, and
        // must forget all of them here.
        receivers.iter().for_each(|to| self.schedule(to));
    }

    fn fate(&self, to: &InstanceId, message: &Message) -> Fate {
        // Nothing comes too late for an entity, and some messages for no one.
        if to.is_entity() || !Standing::is_late(None, message) {
            return Fate::Recorded;
        }
        let Some(cell) = self.cells.get(to) else { return Fate::IfWanted };
        // A start that is before it makes an instance that takes it, and the store may not know of
        // that start yet.
        if cell.has_start() {
            return Fate::Recorded;
        }
        match &cell.phase {
            // In all of these the chain is read before a turn is taken, and says what the store has
            // kept.
            Phase::Cold | Phase::Loading | Phase::Purging => Fate::IfWanted,
            Phase::InMemory { resident: Resident::Orchestration(orchestration), .. } => {
                match Standing::is_late(Standing::of_state(&orchestration.state).as_ref(), message) {
                    true => Fate::Dropped,
                    false => Fate::Recorded,
                }
            }
            // Its end may come with the turn that is being taken. Then another turn takes the
            // message in, which changes nothing.
            Phase::Busy(_) | Phase::InMemory { resident: Resident::Entity(_), .. } => Fate::Recorded,
        }
    }
}

/// Drops deliveries that the store has left out, now that the chain was read: `inbox` is what it
/// holds that no turn has taken.
pub(super) fn drop_left_out(mailbox: &mut Mailbox, resident: &Resident, inbox: &[Message]) {
    let Resident::Orchestration(orchestration) = resident else { return };
    if !mailbox.has_undecided() {
        return;
    }
    let standing = inbox.iter().fold(Standing::of_state(&orchestration.state), Standing::after_message);
    mailbox.drop_if(|delivery| delivery.if_wanted && Standing::is_late(standing.as_ref(), &delivery.message));
    mailbox.all_are_decided();
}

#[cfg(test)]
pub(crate) mod tests;
