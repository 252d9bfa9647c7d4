//! Reservations of idempotency keys in memory.
//!
//! What was accepted is known by a note in the store, written in the transaction that holds the
//! message's record. While a request is under way its key is reserved here, so that a second
//! request with that key waits for the first. The reservation travels with the message: it ends
//! when the commit with the note is on stable storage, or when nothing can come of the message any
//! more, and never just because the caller has gone.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use longhaul_core::{InstanceId, Timestamp};
use longhaul_store::{IdempotencyNote, ScheduleFired};
use tokio::sync::watch;

use crate::idempotency::{KeyedRequest, TimerStart};

/// Idempotency keys of requests that are under way.
#[derive(Debug, Default)]
pub(crate) struct Reservations {
    /// A request that waits for a key holds a receiver; the sender goes with the reservation.
    reserved: Mutex<HashMap<String, watch::Sender<()>>>,
}

impl Reservations {
    fn reserved(&self) -> MutexGuard<'_, HashMap<String, watch::Sender<()>>> {
        self.reserved.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reserves a request's key, or tells how to wait for the request that has it.
    pub(crate) fn reserve(self: &Arc<Self>, request: &KeyedRequest) -> Result<Reservation, watch::Receiver<()>> {
        let mut reserved = self.reserved();
        if let Some(holder) = reserved.get(&request.key) {
            return Err(holder.subscribe());
        }
        reserved.insert(request.key.clone(), watch::Sender::new(()));
        Ok(Reservation { of: self.clone(), request: request.clone() })
    }
}

/// Reservation of an idempotency key. Dropping it unblocks the next request with the same key.
#[derive(Debug)]
pub(crate) struct Reservation {
    of: Arc<Reservations>,
    request: KeyedRequest,
}

impl Reservation {
    /// What is to be kept if `instance` takes the message.
    pub(crate) fn note(self: &Arc<Self>, instance: &InstanceId, at: Timestamp) -> Arc<ReservedNote> {
        let KeyedRequest { key, digest, timer, .. } = self.request.clone();
        let fired = timer.map(|TimerStart { app, name, due }| ScheduleFired { app, name, due, instance: instance.clone() });
        Arc::new(ReservedNote { note: IdempotencyNote { key, digest, instance: instance.clone(), at }, fired, _reservation: self.clone() })
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.of.reserved().remove(&self.request.key);
    }
}

/// The idempotency key that a message binds if it is accepted, or none. Clones bind the same key,
/// and the key stays reserved as long as there is one.
#[derive(Clone, Debug, Default)]
pub struct Binding(Option<Arc<Reservation>>);

impl Binding {
    /// No key: the message came without one.
    pub fn none() -> Self {
        Self::default()
    }

    pub(crate) fn to(reservation: Reservation) -> Self {
        Self(Some(Arc::new(reservation)))
    }

    /// What is to be kept if `instance` takes the message.
    pub(crate) fn note(&self, instance: &InstanceId, at: Timestamp) -> Option<Arc<ReservedNote>> {
        self.0.as_ref().map(|reservation| reservation.note(instance, at))
    }
}

/// A note on its way into the store. It keeps the key reserved until it is there.
#[derive(Debug)]
pub(crate) struct ReservedNote {
    pub(crate) note: IdempotencyNote,
    pub(crate) fired: Option<ScheduleFired>,
    _reservation: Arc<Reservation>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(key: &str) -> KeyedRequest {
        KeyedRequest::new(key, [&b"x"[..]]).unwrap()
    }

    #[test]
    fn a_key_is_reserved_once_until_the_reservation_and_all_its_notes_are_gone() {
        let reservations = Arc::new(Reservations::default());
        let reservation = Arc::new(reservations.reserve(&request("a")).unwrap());
        let note = reservation.note(&InstanceId::trusted("i"), Timestamp(1));
        assert!(reservations.reserve(&request("b")).is_ok());
        drop(reservation);
        let waiting = reservations.reserve(&request("a")).unwrap_err();
        assert!(waiting.has_changed().is_ok(), "the note keeps the reservation");
        drop(note);
        assert!(waiting.has_changed().is_err(), "the holder is gone");
        assert!(reservations.reserve(&request("a")).is_ok());
    }
}
