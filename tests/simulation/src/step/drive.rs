//! The clients of a scenario. They live through every engine: what was answered is never asked for
//! again, so that a scenario whose answers were not kept does not end; what got no answer is, under
//! the same key where there is one.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use longhaul_core::{InstanceId, InstanceRow};
use longhaul_engine::{Binding, Engine, EngineError};
use longhaul_store::{IdempotencyNotes, Instances, MemoryStore};
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::scenario::{Act, Scenario, Sign, Wish};
use crate::check::{self, at_once};
use crate::client::{Request, account_id, once, persist, purge, until_ended, until_quiet};
use crate::store::GatedStore;
use crate::universe::Universe;

/// How long until something is asked again.
const PAUSE: Duration = Duration::from_millis(50);
/// Longest wait for a sign.
const PATIENCE: Duration = Duration::from_secs(3_600);

/// The clients.
#[derive(Clone)]
pub struct Drive {
    scenario: Arc<Scenario>,
    store: Arc<GatedStore>,
    universe: Arc<Universe>,
    /// How many of its acts each client has done.
    done: Arc<Mutex<Vec<usize>>>,
}

impl Drive {
    /// Clients that have done nothing.
    pub fn new(scenario: Arc<Scenario>, store: Arc<GatedStore>, universe: Arc<Universe>) -> Self {
        let done = Arc::new(Mutex::new(vec![0; scenario.clients.len()]));
        Self { scenario, store, universe, done }
    }

    /// Does what is left to do, and waits until all have ended and no instance has anything to do.
    pub async fn to_the_end(&self, engine: Engine) {
        let mut clients = JoinSet::new();
        for client in 0..self.scenario.clients.len() {
            clients.spawn(self.clone().client(engine.clone(), client));
        }
        while let Some(ended) = clients.join_next().await {
            if let Err(error) = ended {
                std::panic::resume_unwind(error.into_panic());
            }
        }
        for id in self.scenario.ends.keys() {
            until_ended(&engine, id).await;
        }
        until_quiet(|| check::rows(&self.store.inner)).await;
    }

    async fn client(self, engine: Engine, client: usize) {
        let done = || self.done.lock().unwrap_or_else(PoisonError::into_inner);
        let acts = &self.scenario.clients[client];
        loop {
            let number = done()[client];
            let Some(act) = acts.get(number) else { return };
            self.carry_out(&engine, (client, number), act).await;
            done()[client] += 1;
        }
    }

    async fn carry_out(&self, engine: &Engine, (client, number): (usize, usize), act: &Act) {
        match act {
            Act::Send(request) => self.send(engine, (client, number), request).await,
            Act::Again(earlier) => {
                let Act::Send(request) = &self.scenario.clients[client][*earlier] else { panic!("act {earlier} sends nothing") };
                self.send(engine, (client, *earlier), request).await;
            }
            Act::Ask(id, wish) => self.ask(engine, number, &InstanceId::trusted(id.as_str()), *wish).await,
            Act::Until(id, sign) => self.until(id, sign).await,
            Act::Heal => self.universe.heal(),
        }
    }

    /// Sends a request until it is accepted. What is accepted must be in the store by then.
    async fn send(&self, engine: &Engine, (client, number): (usize, usize), request: &Request) {
        let key = format!("{client}-{number}");
        let accepted = loop {
            match once(engine, &key, request).await {
                Ok(id) => break id,
                Err(EngineError::Full(_) | EngineError::Unavailable(_)) => {}
                Err(EngineError::NotFound(_)) if request.may_be_missing() => {}
                Err(error) => panic!("{request:?} is refused: {error}"),
            }
            sleep(PAUSE).await;
        };
        let (id, mark) = mark(request);
        assert_eq!(accepted, id, "{request:?} was accepted for another instance");
        self.assert_stored(&id, &mark);
        let noted = at_once(self.store.inner.idempotency_note(&format!("client:{key}")));
        assert!(matches!(noted, Ok(Some(note)) if note.instance == id), "{request:?} was accepted, and its key is not in the store");
    }

    fn assert_stored(&self, id: &InstanceId, mark: &str) {
        let is_there = self.store.log().iter().any(|record| record.instance == *id && record.record.encode().contains(mark));
        assert!(is_there, "{id} was told that {mark} is accepted, and the store does not have it");
    }

    async fn ask(&self, engine: &Engine, number: usize, id: &InstanceId, wish: Wish) {
        let reason = format!("act {number}");
        let why = || Some(reason.clone());
        let none = &Binding::none();
        let is_done = match wish {
            Wish::Suspend => persist(id, || engine.suspend(id, why(), none)).await,
            Wish::Resume => persist(id, || engine.resume(id, why(), none)).await,
            Wish::Terminate => persist(id, || engine.terminate(id, why(), true, none)).await,
            Wish::Rewind => persist(id, || engine.rewind(id, why(), false, none)).await,
            Wish::Purge => {
                purge(engine, id).await;
                assert!(row(&self.store.inner, id).is_none(), "{id} was purged, and is in the store");
                return;
            }
        };
        // Whatever else finds the instance ended was done before, and its answer lost.
        assert!(is_done || wish != Wish::Suspend, "{id} ended before it could be held");
        self.assert_stored(id, &reason);
    }

    async fn until(&self, id: &str, sign: &Sign) {
        let id = InstanceId::trusted(id);
        let limit = Instant::now() + PATIENCE;
        loop {
            let row = row(&self.store.inner, &id);
            if row.as_ref().is_some_and(|row| shows(row, sign)) {
                return;
            }
            assert!(Instant::now() < limit, "{id} never shows {sign:?}: {row:?}");
            sleep(PAUSE).await;
        }
    }
}

/// What the store really has, whatever its gate says.
fn row(store: &MemoryStore, id: &InstanceId) -> Option<InstanceRow> {
    at_once(store.instance(id)).expect("a store in memory answers")
}

fn shows(row: &InstanceRow, sign: &Sign) -> bool {
    match sign {
        Sign::Status(status) => row.status == *status,
        Sign::Custom(wanted) => {
            row.custom_status.as_ref().is_some_and(|seen| serde_json::from_str::<Value>(seen.as_str()).ok().as_ref() == Some(wanted))
        }
    }
}

/// Whose chain shows that a request was taken, and by which text.
fn mark(request: &Request) -> (InstanceId, String) {
    match request {
        Request::Start { id, input, .. } => (InstanceId::trusted(id.as_str()), input.to_string()),
        Request::Raise { id, data, .. } => (InstanceId::trusted(id.as_str()), data.to_string()),
        Request::Deposit { account, amount } => (account_id(account).instance_id(), amount.to_string()),
    }
}
