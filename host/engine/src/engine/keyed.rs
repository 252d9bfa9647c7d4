//! What is known of a request's idempotency key.

use longhaul_core::InstanceId;

use super::Engine;
use crate::context::EngineContext;
use crate::error::EngineError;
use crate::idempotency::{KEY_LIFE_MS, KeyedRequest};
use crate::state::reservations::Binding;

/// What is known of a request's key.
pub enum Keyed {
    /// The request has been accepted before; this instance took it. It is to be answered as it was
    /// then.
    Accepted(InstanceId),
    /// The key is free: the one message that is sent with this binding takes it, if the message is
    /// accepted.
    First(Binding),
}

impl Engine {
    /// Looks a request's key up, after waiting for another request with the same key that is under
    /// way.
    ///
    /// # Errors
    /// [`EngineError::KeyReused`] when the key stands for another request.
    pub async fn keyed(&self, request: &KeyedRequest) -> Result<Keyed, EngineError> {
        let context = self.context();
        loop {
            let reserved = context.reservations.reserve(request);
            // Looked up only now: the request that had the key before has written its note or never
            // will.
            if let Some(instance) = accepted(context, request).await? {
                return Ok(Keyed::Accepted(instance));
            }
            match reserved {
                Ok(reservation) => return Ok(Keyed::First(Binding::to(reservation))),
                // The error says that the holder is gone, and nothing else is ever sent.
                Err(mut holder) => _ = holder.changed().await,
            }
        }
    }
}

/// The instance that took this very request, if one did within the life of its key.
async fn accepted(context: &EngineContext, request: &KeyedRequest) -> Result<Option<InstanceId>, EngineError> {
    if context.scheduler().is_closed() {
        // What the failed commit wrote is not settled yet.
        return Err(EngineError::Unavailable("its store does not take commits".into()));
    }
    let found = context.store.idempotency_note(&request.key).await?;
    match found.filter(|note| context.now().since(note.at) < KEY_LIFE_MS) {
        None => Ok(None),
        Some(note) if note.digest == request.digest => Ok(Some(note.instance)),
        Some(_) => Err(EngineError::KeyReused(format!(
            "the idempotency key '{}' stands for another request, accepted within the last 24 hours; a new request needs a new key",
            request.shown
        ))),
    }
}
