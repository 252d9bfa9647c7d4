//! Calls an entity's operations.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::entity::{Operation, OperationResult, run_batch};
use crate::turn::{OrchestrationRequest, Signal};
use crate::{Entity, EntityId, Failure, Timestamp, json};

/// An entity with its state, and what it has sent.
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Default, Serialize, Deserialize)]
/// # struct Counter(i64);
/// # #[longhaul::entity]
/// # impl Counter {
/// #     fn add(&mut self, n: i64) -> i64 { self.0 += n; self.0 }
/// # }
/// let mut counter = longhaul::testing::EntityUnderTest::<Counter>::new("visits");
/// assert_eq!(counter.call::<i64>("Add", &2), Ok(2));
/// assert_eq!(counter.call::<i64>("add", &3), Ok(5));
/// ```
pub struct EntityUnderTest<E> {
    id: EntityId,
    now: Timestamp,
    state: Option<String>,
    signals: Vec<Signal>,
    starts: Vec<OrchestrationRequest>,
    entity: std::marker::PhantomData<E>,
}

impl<E: Entity> EntityUnderTest<E> {
    /// The entity `key`, which does not exist yet. The time is 1970.
    pub fn new(key: &str) -> Self {
        let id = EntityId::new(E::NAME, key);
        Self { id, now: Timestamp::default(), state: None, signals: Vec::new(), starts: Vec::new(), entity: std::marker::PhantomData }
    }

    /// Moves the clock.
    pub fn set_now(&mut self, now: Timestamp) {
        self.now = now;
    }

    /// Calls one operation.
    ///
    /// # Errors
    /// The operation's failure; the state is then as it was.
    ///
    /// # Panics
    /// If the output is not the JSON of a `T`.
    pub fn call<T: DeserializeOwned>(&mut self, operation: &str, input: &(impl Serialize + ?Sized)) -> Result<T, Failure> {
        let operation = Operation { name: operation.to_owned(), input: json::write_for_test(input) };
        let batch = run_batch::<E>(&self.id, self.state.take(), self.now, vec![operation]);
        self.state = batch.state;
        let OperationResult { outcome, signals, starts } =
            batch.results.into_iter().next().expect("a batch has a result for each operation");
        self.signals.extend(signals);
        self.starts.extend(starts);
        outcome.map(|output| json::read(&output).expect("the output is of the type that the test expects"))
    }

    /// The state; `None` while the entity does not exist.
    ///
    /// # Panics
    /// If the stored state cannot be read.
    pub fn state(&self) -> Option<E> {
        self.state.as_deref().map(|text| json::read(text).expect("a stored state can be read"))
    }

    /// The signals that successful operations sent.
    pub fn signals(&self) -> &[Signal] {
        &self.signals
    }

    /// The orchestrations that successful operations started.
    pub fn started(&self) -> &[OrchestrationRequest] {
        &self.starts
    }
}
