//! What a start does to a live instance of the same id: it is refused, or it takes the other's
//! place.

use std::time::Duration;

use longhaul_core::message::Start;
use longhaul_core::{InstanceId, InstanceRow, Message, Timestamp};
use tokio::time::Instant;

use super::Engine;
use crate::error::EngineError;
use crate::state::reservations::Binding;

/// Longest wait for an instance to end where the caller does not say.
const REPLACE_LIMIT: Duration = Duration::from_secs(180);

impl Engine {
    /// Sends a start, and terminates the instances that have the id until there is room for it. A
    /// start that comes meanwhile by another way goes first and is terminated in its turn, so of
    /// many at a time each one starts and the last one stays. Returns when the instance was started
    /// first: at `born_at`, or now.
    ///
    /// # Errors
    /// [`EngineError::Conflict`] when the live instance has not ended within the limit; the start
    /// was not done then.
    pub(crate) async fn send_replacing(
        &self,
        id: &InstanceId,
        mut start: Start,
        born_at: Option<Timestamp>,
        limit: Option<Duration>,
        binding: &Binding,
    ) -> Result<Timestamp, EngineError> {
        let deadline = Instant::now() + limit.unwrap_or(REPLACE_LIMIT);
        loop {
            let birth = born_at.unwrap_or(start.created_at);
            start.born_at = Some(birth);
            match self.send(id, Message::Start(Box::new(start.clone())), false, binding).await {
                Err(EngineError::Conflict(..)) if Instant::now() < deadline => self.make_room(id, deadline).await?,
                other => return other.map(|()| birth),
            }
            // What was handed out for the instance before must be older than this one.
            start.created_at = self.context().now();
        }
    }

    /// Terminates the execution that is there now and waits for its end, at most until `deadline`.
    async fn make_room(&self, id: &InstanceId, deadline: Instant) -> Result<(), EngineError> {
        let Some(live) = self.live(id).await? else { return Ok(()) };
        let reason = format!(
            "instance '{id}' was terminated because it was started again, and the setting overridable-existing-instance-states is AnyState"
        );
        tracing::info!(instance = %id, reason, "terminating an instance to make room");
        match self.terminate(id, Some(reason), true, &Binding::none()).await {
            // It ended by itself, or was purged even.
            Ok(()) | Err(EngineError::Gone(..) | EngineError::NotFound(_)) => {}
            Err(error) => return Err(error),
        }
        loop {
            let ended = self.context().scheduler().watch(id);
            // Looked at only now, so that an end between look and watch is not missed. Another
            // execution comes of another start.
            let is_gone = self.live(id).await?.is_none_or(|now| now.execution != live.execution);
            if is_gone || tokio::time::timeout_at(deadline, ended).await.is_err() {
                return Ok(());
            }
        }
    }

    async fn live(&self, id: &InstanceId) -> Result<Option<InstanceRow>, EngineError> {
        Ok(self.head(id).await?.filter(|row| !row.status.is_terminal()))
    }
}
