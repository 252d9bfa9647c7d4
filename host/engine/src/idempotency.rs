//! Requests that come with a key: the same request again gets the same answer and has no second effect.
//!
//! What was accepted is known by a note in the store, written in the transaction that holds the message's record. While a request is
//! under way its key is claimed in memory, so that a second one waits for the first. The claim travels with the message: it is
//! given up when the commit with the note is on stable storage, or when nothing can come of the message any more, and never just
//! because the caller has gone.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use longhaul_core::{InstanceId, Timestamp};
use longhaul_store::{IdempotencyNote, ScheduleFired};
use sha2::{Digest, Sha256};
use tokio::sync::watch;

use crate::context::Shared;
use crate::engine::Engine;
use crate::error::EngineError;

/// How long a key stands for its request, milliseconds.
const KEY_LIFE_MS: u64 = 24 * 60 * 60 * 1_000;

/// Longest key that a client may choose, characters.
const MAX_KEY_CHARS: usize = 255;

/// How often old notes are removed, and how many in one step, so that no commit waits long behind it.
const FORGET_EVERY: Duration = Duration::from_secs(600);
const FORGET_STEP: u32 = 1_000;

/// A request that comes with a key.
#[derive(Clone, Debug)]
pub struct KeyedRequest {
    key: String,
    /// The key as it was given, for messages.
    shown: String,
    digest: [u8; 32],
    timer: Option<TimerStart>,
}

/// The timer in whose name a start is sent.
#[derive(Clone, Debug)]
pub struct TimerStart {
    /// The app whose timer it is.
    pub app: String,
    /// The timer's name.
    pub name: String,
    /// When it was due; absent for a start by hand.
    pub due: Option<Timestamp>,
}

impl KeyedRequest {
    /// A request under a key that its sender chose: 1 to 255 characters, none of them a control character. `parts` are all that makes two
    /// requests the same.
    ///
    /// # Errors
    /// [`EngineError::KeyMalformed`] says what is wrong with the key.
    pub fn new<'part>(key: &str, parts: impl IntoIterator<Item = &'part [u8]>) -> Result<Self, EngineError> {
        let length = key.chars().count();
        let problem = match length {
            0 => "is empty".to_owned(),
            _ if length > MAX_KEY_CHARS => format!("has {length} characters"),
            _ if key.chars().any(char::is_control) => "contains a control character".to_owned(),
            _ => return Ok(Self { key: format!("client:{key}"), shown: key.to_owned(), digest: digest(parts), timer: None }),
        };
        Err(EngineError::KeyMalformed(format!(
            "the idempotency key {problem}; it needs 1 to {MAX_KEY_CHARS} characters, none of them a control character"
        )))
    }
}

impl KeyedRequest {
    /// The start of `instance` in the name of a timer. It is noted in the timer's state in the very commit of the start, and no
    /// client's key can stand in its way.
    pub fn of_timer(timer: TimerStart, instance: &InstanceId) -> Self {
        let TimerStart { app, name, due } = &timer;
        let when = due.map_or_else(|| "by hand".to_owned(), |due| due.0.to_string());
        let key = format!("timer:{app}:{name}:{when}:{instance}");
        Self { shown: key.clone(), key, digest: digest([]), timer: Some(timer) }
    }
}

/// Every part counts with its length, so that no two lists of parts look the same.
fn digest<'part>(parts: impl IntoIterator<Item = &'part [u8]>) -> [u8; 32] {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    digest.finalize().into()
}

/// What is known of a request's key.
pub enum Keyed {
    /// The request has been accepted before; this instance took it. It is to be answered as it was then.
    Accepted(InstanceId),
    /// The key is free. The one message that is sent through this engine binds it, if it is accepted.
    Free(Engine),
}

/// Keys of requests that are under way.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    /// Whoever waits for a key holds a receiver; the sender goes with the claim.
    claimed: Mutex<HashMap<String, watch::Sender<()>>>,
}

impl Claims {
    fn claimed(&self) -> MutexGuard<'_, HashMap<String, watch::Sender<()>>> {
        self.claimed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Claims a key, or tells how to wait for the one who has.
    fn claim(self: &Arc<Self>, request: &KeyedRequest) -> Result<Claim, watch::Receiver<()>> {
        let mut claimed = self.claimed();
        if let Some(holder) = claimed.get(&request.key) {
            return Err(holder.subscribe());
        }
        claimed.insert(request.key.clone(), watch::Sender::new(()));
        Ok(Claim { claims: self.clone(), request: request.clone() })
    }
}

/// The right to bind a key. Dropping it lets the next request with that key go on.
#[derive(Debug)]
pub(crate) struct Claim {
    claims: Arc<Claims>,
    request: KeyedRequest,
}

impl Claim {
    /// What is to be kept if `instance` takes the message.
    pub(crate) fn note(self: &Arc<Self>, instance: &InstanceId, at: Timestamp) -> Arc<ClaimedNote> {
        let KeyedRequest { key, digest, timer, .. } = self.request.clone();
        let fired = timer.map(|TimerStart { app, name, due }| ScheduleFired { app, name, due, instance: instance.clone() });
        Arc::new(ClaimedNote { note: IdempotencyNote { key, digest, instance: instance.clone(), at }, fired, _claim: self.clone() })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.claims.claimed().remove(&self.request.key);
    }
}

/// A note on its way into the store, which keeps the key claimed until it is there.
#[derive(Debug)]
pub(crate) struct ClaimedNote {
    pub(crate) note: IdempotencyNote,
    pub(crate) fired: Option<ScheduleFired>,
    _claim: Arc<Claim>,
}

impl Engine {
    /// Looks a request's key up, after waiting for another request with the same key that is under way.
    ///
    /// # Errors
    /// [`EngineError::KeyReused`] when the key stands for another request.
    pub async fn keyed(&self, request: &KeyedRequest) -> Result<Keyed, EngineError> {
        let shared = self.shared();
        loop {
            let claim = shared.claims.claim(request);
            // Looked up only now: whoever had the claim before has written the note or never will.
            if let Some(instance) = accepted(shared, request).await? {
                return Ok(Keyed::Accepted(instance));
            }
            match claim {
                Ok(claim) => return Ok(Keyed::Free(self.with_claim(claim))),
                // The error says that the holder is gone, and nothing else is ever sent.
                Err(mut holder) => _ = holder.changed().await,
            }
        }
    }
}

/// The instance that took this very request, if one did within the life of its key.
async fn accepted(shared: &Shared, request: &KeyedRequest) -> Result<Option<InstanceId>, EngineError> {
    if shared.board().closed {
        // What the failed commit wrote is not settled yet.
        return Err(EngineError::Unavailable("its store does not take commits".into()));
    }
    let found = shared.store.idempotency_note(&request.key).await?;
    match found.filter(|note| shared.now().since(note.at) < KEY_LIFE_MS) {
        None => Ok(None),
        Some(note) if note.digest == request.digest => Ok(Some(note.instance)),
        Some(_) => Err(EngineError::KeyReused(format!(
            "the idempotency key '{}' stands for another request, accepted within the last 24 hours; a new request needs a new key",
            request.shown
        ))),
    }
}

/// Removes old notes, until the engine stops.
pub(crate) async fn forget_old(shared: Arc<Shared>) {
    loop {
        let before = Timestamp(shared.now().0.saturating_sub(KEY_LIFE_MS));
        let mut removed = shared.store.forget_idempotency_notes(before, FORGET_STEP).await;
        while matches!(removed, Ok(FORGET_STEP)) && !shared.is_stopping() {
            removed = shared.store.forget_idempotency_notes(before, FORGET_STEP).await;
        }
        if let Err(error) = removed {
            tracing::warn!(%error, "cannot remove old idempotency keys; trying again later");
        }
        if shared.stopped_within(FORGET_EVERY).await {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(key: &str) -> KeyedRequest {
        KeyedRequest::new(key, [&b"x"[..]]).unwrap()
    }

    #[test]
    fn a_key_has_1_to_255_characters_and_no_control_characters() {
        for good in ["a", "8e03978e-40d5-43dd-bc93-6894a57f9324", "two words", &"\u{00e9}".repeat(255)] {
            assert!(KeyedRequest::new(good, []).is_ok(), "{good}");
        }
        for bad in ["", "a\tb", "a\u{85}b", &"x".repeat(256)] {
            assert!(matches!(KeyedRequest::new(bad, []), Err(EngineError::KeyMalformed(_))), "{bad:?}");
        }
    }

    #[test]
    fn parts_that_are_split_in_another_place_make_another_request() {
        assert_ne!(digest([&b"ab"[..], b"c"]), digest([&b"a"[..], b"bc"]));
        assert_ne!(digest([&b"a"[..]]), digest([&b"a"[..], b""]));
    }

    #[test]
    fn a_key_is_claimed_once_until_the_claim_and_all_its_notes_are_gone() {
        let claims = Arc::new(Claims::default());
        let claim = Arc::new(claims.claim(&request("a")).unwrap());
        let note = claim.note(&InstanceId::trusted("i"), Timestamp(1));
        assert!(claims.claim(&request("b")).is_ok());
        drop(claim);
        let waiting = claims.claim(&request("a")).unwrap_err();
        assert!(waiting.has_changed().is_ok(), "the note keeps the claim");
        drop(note);
        assert!(waiting.has_changed().is_err(), "the holder is gone");
        assert!(claims.claim(&request("a")).is_ok());
    }
}
