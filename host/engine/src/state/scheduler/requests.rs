//! Messages from outside that no turn has taken yet.

use longhaul_core::limits::{BeyondLimit, InstanceLimits};
use longhaul_core::{InstanceId, Outgoing, Timestamp};

use super::Scheduler;
use crate::state::commit_queue::Commit;
use crate::state::mailbox::{Delivery, Ticket, Waiter};

impl Scheduler {
    /// Gives a message that could not be taken at once a record of its own, so that its sender need
    /// not wait for the turn that takes it. Returns the waiter if the turn's own commit is on its
    /// way already, or the message is for one instance alone and that turn may be another's.
    pub(crate) fn record_now(&mut self, id: &InstanceId, ticket: Ticket, now: Timestamp, waiter: Waiter) -> Result<(), Waiter> {
        let Some(cell) = self.cells.get_mut(id).filter(|cell| cell.is_sure_of(ticket)) else { return Err(waiter) };
        let (message, note) = if let Some(delivery) = cell.take_one(ticket) {
            // It goes behind those that are recorded already: the inbox has the order of the log.
            cell.push(Delivery::recorded(delivery.message.clone()));
            (delivery.message, delivery.note)
        } else {
            match cell.start_under_way() {
                Some(start) if start.ticket == ticket && !start.recorded => {
                    start.recorded = true;
                    (start.message.clone(), start.note.clone())
                }
                _ => return Err(waiter),
            }
        };
        let mut commit = Commit::default();
        commit.push_outgoing(&[Outgoing { to: id.clone(), message }], now);
        commit.notes.extend(note);
        commit.answers.push((waiter, Ok(())));
        self.queue_commit(commit);
        Ok(())
    }

    /// Whether an event or operation from outside may get a record of its own beside those that
    /// wait for the instance's next turn.
    ///
    /// # Errors
    /// `TooManyEvents`: as much waits as the instance may hold.
    pub(crate) fn check_inbox(&self, id: &InstanceId, limits: &InstanceLimits) -> Result<(), BeyondLimit> {
        let totals = self.cells.get(id).map(|cell| cell.mailbox.totals()).unwrap_or_default();
        let (count, bytes) = (totals.recorded as usize, totals.recorded_bytes);
        let (most, most_bytes) = (limits.max_buffered_events, limits.max_buffered_event_bytes);
        if count < most && bytes < most_bytes {
            return Ok(());
        }
        let text = format!(
            "{count} messages of {bytes} bytes wait for the next turn of instance '{id}', which is held up; at most {most} of {most_bytes} \
             bytes may"
        );
        Err(BeyondLimit { error_type: "TooManyEvents", text })
    }

    /// Takes a message back that no guest thread has taken yet. Returns whether it was still there.
    pub(crate) fn withdraw(&mut self, id: &InstanceId, ticket: Ticket) -> bool {
        self.cells.get_mut(id).is_some_and(|cell| cell.take_one(ticket).is_some())
    }
}
