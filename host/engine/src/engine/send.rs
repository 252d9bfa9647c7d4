//! Messages from outside on their way to an instance.

use std::time::Duration;

use longhaul_core::{InstanceId, Message, RuntimeStatus};
use tokio::sync::oneshot;

use super::Engine;
use crate::error::EngineError;
use crate::state::mailbox::Delivery;
use crate::state::reservations::Binding;

/// How long a message from outside waits for the turn that takes it before it gets a record of its
/// own.
const PATIENCE: Duration = Duration::from_millis(500);

/// How long a message from outside waits until instances hold less, and up to which length it need
/// not.
const ROOM_PATIENCE: Duration = Duration::from_secs(5);
const SMALL_MESSAGE_BYTES: u64 = 16 << 10;

/// When a message may be recorded before any turn looks at it.
#[derive(Clone, Copy)]
enum EarlyRecord {
    Always,
    /// While the instance has not ended.
    IfLive,
    /// While no live instance has this id.
    IfAbsent,
    /// The answer depends on what the turn finds.
    Never,
}

impl EarlyRecord {
    fn of(message: &Message) -> Self {
        match message {
            Message::Operation(_) => Self::Always,
            Message::Start(_) => Self::IfAbsent,
            Message::Event { .. } | Message::Terminate { .. } => Self::IfLive,
            _ => Self::Never,
        }
    }
}

impl Engine {
    /// Puts a message from outside into the mailbox and waits until it is on stable storage.
    pub(crate) async fn send(&self, id: &InstanceId, message: Message, is_new: bool, binding: &Binding) -> Result<(), EngineError> {
        if id.is_entity() && !matches!(message, Message::Operation(_)) {
            return Err(EngineError::NotFound(id.clone()));
        }
        if message.bytes() > SMALL_MESSAGE_BYTES && !self.context.instances_have_room(ROOM_PATIENCE).await {
            let most = self.context.config.instance_memory_bytes;
            return Err(EngineError::Unavailable(format!(
                "instances at work hold more than {most} bytes; nothing large is taken until they hold less"
            )));
        }
        let (waiter, mut answer) = oneshot::channel();
        let takes_room = matches!(message, Message::Event { .. } | Message::Operation(_));
        let early = if is_new { EarlyRecord::Always } else { EarlyRecord::of(&message) };
        // What has an id of its own is not yet there to be meant.
        let born_at = self.permit.born_at().filter(|_| !is_new);
        if !self.permit.holds() {
            return Err(EngineError::Denied);
        }
        let note = binding.note(id, self.context.now());
        let ticket = {
            let mut scheduler = self.context.scheduler();
            if scheduler.is_closed() || self.context.is_stopping() {
                return Err(EngineError::Unavailable("the host is stopping, or its store does not take commits".into()));
            }
            let ticket = scheduler.new_ticket();
            let delivery = Delivery { waiter: Some(waiter), ticket: Some(ticket), note, born_at, ..Delivery::unrecorded(message) };
            match is_new {
                true => scheduler.admit_new(id, delivery),
                false => scheduler.deliver(id, delivery),
            }
            ticket
        };
        let stopped = |_| EngineError::Unavailable("the host stopped before it could answer".into());
        if let Ok(answered) = tokio::time::timeout(PATIENCE, &mut answer).await {
            return answered.map_err(stopped)?;
        }
        // The instance is busy, or many others are before it: a record of its own makes the message
        // safe without the turn.
        let recordable = match self.may_be_recorded(id, early).await {
            // The sender must be able to rely on this answer: the message does not wait for the
            // instance's end.
            Err(conflict @ EngineError::Conflict(..)) if self.context.scheduler().withdraw(id, ticket) => return Err(conflict),
            Err(EngineError::Conflict(..)) => false,
            other => other?,
        };
        if recordable && takes_room {
            let mut scheduler = self.context.scheduler();
            if let Err(beyond) = scheduler.check_inbox(id, &self.context.config.limits)
                && scheduler.withdraw(id, ticket)
            {
                return Err(EngineError::NoRoom(beyond.to_string()));
            }
        }
        if recordable {
            let (waiter, recorded) = oneshot::channel();
            let now = self.context.now();
            let outcome = self.context.scheduler().record_now(id, ticket, now, waiter);
            if outcome.is_ok() {
                return recorded.await.map_err(stopped)?;
            }
        }
        answer.await.map_err(stopped)?
    }

    /// Whether the instance, as its row shows it, takes a message that is recorded before any turn
    /// looks at it.
    async fn may_be_recorded(&self, id: &InstanceId, early: EarlyRecord) -> Result<bool, EngineError> {
        match early {
            EarlyRecord::Always => Ok(true),
            EarlyRecord::Never => Ok(false),
            EarlyRecord::IfLive => Ok(self.live_status(id).await?.is_some()),
            EarlyRecord::IfAbsent => match self.live_status(id).await? {
                Some(status) => Err(EngineError::Conflict(id.clone(), status)),
                None => Ok(true),
            },
        }
    }

    /// How an instance stands that has not ended.
    async fn live_status(&self, id: &InstanceId) -> Result<Option<RuntimeStatus>, EngineError> {
        let status = self.head(id).await?.map(|row| row.status);
        Ok(status.filter(|status| !status.is_terminal()))
    }
}
