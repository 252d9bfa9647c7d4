//! Clients of an engine. They send again whatever got no answer, now and then what did, and hang up
//! at times.

use std::time::Duration;

use longhaul_core::{EntityId, InstanceId, InstanceRow, Payload, RuntimeStatus};
use longhaul_engine::{Binding, Engine, EngineError, Keyed, KeyedRequest, StartRequest};
use seeded::Random;
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};

/// Something to ask for under a key.
#[derive(Clone, Debug)]
pub enum Request {
    /// Starts an instance.
    Start {
        /// The orchestration.
        name: String,
        /// The new instance.
        id: String,
        /// Its input.
        input: Value,
    },
    /// Raises an event.
    Raise {
        /// The receiver.
        id: String,
        /// Whether the receiver may not have been started yet.
        may_be_missing: bool,
        /// The event's name.
        event: String,
        /// The event's payload.
        data: Value,
    },
    /// Sends a deposit to an account.
    Deposit {
        /// The account.
        account: String,
        /// How much.
        amount: u64,
    },
}

impl Request {
    async fn send(&self, engine: &Engine, binding: &Binding) -> Result<InstanceId, EngineError> {
        match self {
            Self::Start { name, id, input } => {
                let (name, instance_id) = (name.clone(), Some(id.clone()));
                engine.start(StartRequest { name, input: payload(input), instance_id, ..StartRequest::default() }, binding).await
            }
            Self::Raise { id, event, data, .. } => {
                let id = InstanceId::trusted(id.as_str());
                engine.raise_event(&id, event, payload(data), binding).await.map(|()| id)
            }
            Self::Deposit { account, amount } => {
                let account = account_id(account);
                engine.signal_entity(account.clone(), "deposit", payload(&(*amount).into()), binding).await.map(|()| account.instance_id())
            }
        }
    }

    pub(crate) fn may_be_missing(&self) -> bool {
        matches!(self, Self::Raise { may_be_missing: true, .. })
    }
}

/// The entity of an account.
pub fn account_id(key: &str) -> EntityId {
    EntityId::new("Account", key).expect("keys of accounts are plain")
}

/// JSON for the engine.
pub fn payload(value: &Value) -> Payload {
    Payload::parse(value.to_string()).expect("what was JSON is JSON")
}

/// Sends a request under a key until it is accepted, and perhaps once more after that.
///
/// # Panics
/// When it is refused for good, or accepted with another instance the second time: the panic is the
/// violation.
pub async fn insist(engine: &Engine, random: &mut Random, key: &str, request: &Request) -> InstanceId {
    let mut accepted = None;
    loop {
        let longest = Duration::from_millis(if random.percent(10) { random.within(0, 40) } else { 3_600_000 });
        // A client that hangs up does not know what came of it, and asks again.
        match timeout(longest, once(engine, key, request)).await {
            Ok(Ok(id)) => {
                assert!(accepted.is_none() || accepted.as_ref() == Some(&id), "{key}: accepted for {accepted:?} first and then for {id}");
                let again = accepted.is_none() && random.percent(25);
                accepted = Some(id.clone());
                if !again {
                    return id;
                }
            }
            Err(_) | Ok(Err(EngineError::Full(_) | EngineError::Unavailable(_))) => {}
            Ok(Err(EngineError::NotFound(_))) if request.may_be_missing() => {}
            Ok(Err(error)) => panic!("{key} is refused: {error}; the request: {request:?}"),
        }
        sleep(Duration::from_millis(random.within(5, 400))).await;
    }
}

/// Sends a request under a key once.
pub(crate) async fn once(engine: &Engine, key: &str, request: &Request) -> Result<InstanceId, EngineError> {
    match engine.keyed(&KeyedRequest::new(key, [key.as_bytes()])?).await? {
        Keyed::Accepted(id) => Ok(id),
        Keyed::First(binding) => request.send(engine, &binding).await,
    }
}

/// Longest run of a program in time that passes, whatever the clock shows: nothing that one waits
/// for lasts longer than seconds, and trouble ends after two minutes.
const LONGEST_RUN: Duration = Duration::from_secs(900);

/// Waits until an instance has ended.
///
/// # Panics
/// When it is not there though it was accepted, or has not ended after `LONGEST_RUN`.
pub async fn until_ended(engine: &Engine, id: &str) -> InstanceRow {
    let id = InstanceId::trusted(id);
    let limit = Instant::now() + LONGEST_RUN;
    loop {
        match engine.wait_until_ended(&id, Instant::now() + Duration::from_secs(20)).await {
            Ok(Some(row)) if row.status.is_terminal() => return row,
            Ok(Some(row)) => assert!(Instant::now() < limit, "{id} does not end: {row:?}"),
            Ok(None) => panic!("{id} was accepted, and is not there"),
            Err(_) => sleep(Duration::from_millis(100)).await,
        }
    }
}

/// Does something without a key until its outcome is known. Returns whether it was done, or found
/// done: an answer that was lost cannot be told from that.
///
/// # Panics
/// When the instance is not there though it was accepted.
pub async fn persist<F>(id: &InstanceId, act: impl Fn() -> F) -> bool
where
    F: Future<Output = Result<(), EngineError>>,
{
    loop {
        match act().await {
            Ok(()) | Err(EngineError::WrongState(_)) => return true,
            Err(EngineError::Gone(..) | EngineError::NotFailed(..)) => return false,
            Err(EngineError::Full(_) | EngineError::Unavailable(_)) => sleep(Duration::from_millis(50)).await,
            Err(error) => panic!("{id}: {error}"),
        }
    }
}

/// Holds an instance for a while.
pub async fn hold(engine: &Engine, id: &InstanceId, pause: Duration) {
    let none = Binding::none();
    if persist(id, || engine.suspend(id, None, &none)).await {
        sleep(pause).await;
        persist(id, || engine.resume(id, None, &none)).await;
    }
}

/// Removes an ended instance.
///
/// # Panics
/// When the engine says that it has not ended, or is at work: an instance whose end shows can be
/// removed.
pub async fn purge(engine: &Engine, id: &InstanceId) {
    loop {
        match engine.purge(id).await {
            Ok(_) => return,
            Err(EngineError::Full(_) | EngineError::Unavailable(_)) => {}
            Err(error) => panic!("{id}: {error}"),
        }
        sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until no instance has anything to do: nothing waits in an inbox, and no lock is held.
///
/// # Panics
/// When that does not come to be within ten minutes.
pub async fn until_quiet(rows: impl Fn() -> Vec<InstanceRow>) {
    let limit = Instant::now() + Duration::from_secs(600);
    loop {
        let busy = |row: &InstanceRow| row.inbox > 0 || row.pending || row.locked_by.is_some() || row.queue_size > 0;
        let restless: Vec<_> = rows().into_iter().filter(busy).collect();
        if restless.is_empty() {
            return;
        }
        assert!(Instant::now() < limit, "these do not come to rest: {restless:?}");
        sleep(Duration::from_millis(50)).await;
    }
}

/// Whether this is the row of an instance that completed with this output.
pub fn completed_with(row: &InstanceRow, output: &Value) -> bool {
    let seen = row.output.as_ref().and_then(|output| serde_json::from_str::<Value>(output.as_str()).ok());
    row.status == RuntimeStatus::Completed && seen.as_ref() == Some(output)
}
