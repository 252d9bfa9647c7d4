//! What an orchestrator may do.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::execution::State;
use crate::turn::{Command, Continuation, Signal};
use crate::{EntityId, Failure, Task, Timestamp};

mod calls;
mod events;
mod http;
mod locks;

pub(crate) use calls::request;
pub use calls::{ActivityCall, OrchestrationCall, StartOrchestration};
pub use events::{EventWait, TimedEventWait};
pub use http::HttpCall;
pub use locks::{LockGuard, Locking};

/// The namespace of the ids that [`Context::new_guid`] makes: the version 5 id of
/// `longhaul:new-guid` among URLs.
const GUID_NAMESPACE: Uuid = Uuid::from_u128(0xed96_3af6_3280_5df1_86a7_9b92_123d_3cea);

/// What an orchestrator may do: everything here gives the same on replay.
///
/// A call begins at once, in program order, whether or not it is awaited; dropping it cancels it.
/// To run calls in parallel, make them first and await them later, or give them to
/// [`join_all`](crate::join_all).
///
/// A value that has no JSON form (NaN, an infinity, a [`Timestamp`] after the year 9999, a map
/// whose keys are not strings) is not sent: a call with such an input fails with `InvalidValue`.
/// Where there is no result that could fail (a signal, an event, a detached start, the custom
/// status, the next execution's input) the orchestrator fails with that name, as if it had returned
/// there.
///
/// The code around it must be deterministic: no clocks, no random numbers, no threads, no iteration
/// over a `HashMap` that decides what is called. A guest has no access to any of the former; the
/// host compares each replay with the history.
#[derive(Clone)]
pub struct Context(pub(crate) Rc<RefCell<State>>);

impl Context {
    /// The instance's id.
    pub fn instance_id(&self) -> String {
        self.0.borrow().start.instance_id.clone()
    }

    /// The orchestration's name as the deployment spells it.
    pub fn name(&self) -> String {
        self.0.borrow().start.name.clone()
    }

    /// The version that was asked for at start, if any.
    pub fn version(&self) -> Option<String> {
        self.0.borrow().start.version.clone()
    }

    /// The tags given at start, by key. They stay when the instance continues as new.
    pub fn tags(&self) -> BTreeMap<String, String> {
        self.0.borrow().start.tags.clone()
    }

    /// The instance that called this one as a sub-orchestration.
    pub fn parent_instance_id(&self) -> Option<String> {
        self.0.borrow().start.parent_instance_id.clone()
    }

    /// The time of this turn. It stands still until something is awaited, never goes back and is
    /// the same on replay.
    ///
    /// After a rewind it is the same up to the first failure that this code was told of, caught or
    /// not, and new from there on.
    pub fn now(&self) -> Timestamp {
        self.0.borrow().now
    }

    /// True while the host rebuilds this orchestration from its history. Must not decide what is
    /// called.
    pub fn is_replaying(&self) -> bool {
        self.0.borrow().replaying
    }

    /// A new id, different from all others and the same on replay: RFC 4122 version 5 of the
    /// instance, the time and a counter.
    ///
    /// After a rewind it is the same up to the first failure that this code was told of, caught or
    /// not, and new from there on. An id that is to name the same thing after a rewind has to be
    /// made before anything can fail.
    pub fn new_guid(&self) -> Uuid {
        let mut state = self.0.borrow_mut();
        // The execution's id is part of the name because the counter starts again after
        // continue-as-new, maybe in the same millisecond.
        let name = format!("{}_{}_{}_{}", state.start.instance_id, state.start.execution_id, state.now.as_millis(), state.guids_made);
        state.guids_made += 1;
        Uuid::new_v5(&GUID_NAMESPACE, name.as_bytes())
    }

    /// A timer that is due after `duration`. One that would be due after the year 9999 fails with
    /// `InvalidTime`.
    pub fn timer(&self, duration: Duration) -> Task<()> {
        match self.now().checked_add(duration) {
            Some(time) => self.timer_at(time),
            None => self.refuse_timer(format_args!("{} s from now", duration.as_secs())),
        }
    }

    /// A timer that is due at `time`, never before. A time in the past is due at once, one after
    /// the year 9999 fails with `InvalidTime`.
    pub fn timer_at(&self, time: Timestamp) -> Task<()> {
        if time > Timestamp::MAX {
            return self.refuse_timer(format_args!("{} ms after 1970", time.as_millis()));
        }
        Task::create(&self.0, Command::CreateTimer(time))
    }

    fn refuse_timer(&self, when: std::fmt::Arguments<'_>) -> Task<()> {
        let text = format!("cannot create a timer that is due {when}: the latest time is {}", Timestamp::MAX);
        Task::refused(&self.0, Failure::new("InvalidTime", text).non_retriable())
    }

    /// Calls an operation of an entity and waits for its answer.
    pub fn call_entity<T: DeserializeOwned>(&self, entity: &EntityId, operation: &str, input: &(impl Serialize + ?Sized)) -> Task<T> {
        let call = |input| Command::CallEntity { entity: entity.clone(), operation: operation.to_owned(), input };
        Task::create_with(&self.0, format_args!("the input of operation '{operation}' of entity {entity}"), input, call)
    }

    /// Sends an operation to an entity without waiting. One sender's signals to one entity arrive
    /// in order, each exactly once.
    pub fn signal_entity(&self, entity: &EntityId, operation: &str, input: &(impl Serialize + ?Sized)) {
        self.signal(entity, operation, input, None);
    }

    /// Sends an operation to an entity, to be delivered at `time` or later.
    pub fn signal_entity_at(&self, entity: &EntityId, operation: &str, input: &(impl Serialize + ?Sized), time: Timestamp) {
        self.signal(entity, operation, input, Some(time));
    }

    fn signal(&self, entity: &EntityId, operation: &str, input: &(impl Serialize + ?Sized), at: Option<Timestamp>) {
        let signal = |input| Command::SignalEntity(Signal { entity: entity.clone(), operation: operation.to_owned(), input, at });
        self.0.borrow_mut().push_with(format_args!("the input of signal '{operation}' to entity {entity}"), input, signal);
    }

    /// Raises an event for another instance. If there is no such instance, or it has ended, the
    /// event is dropped. An id that no instance can have fails this orchestrator, with
    /// `InvalidInstanceId`.
    pub fn raise_event(&self, instance_id: &str, name: &str, data: &(impl Serialize + ?Sized)) {
        let event = |data| Command::RaiseEvent { instance_id: instance_id.to_owned(), name: name.to_owned(), data };
        self.0.borrow_mut().push_with(format_args!("the data of event '{name}'"), data, event);
    }

    /// Sets the custom status that queries of this instance show after this turn. At most 16 KiB as
    /// UTF-16: more fails the orchestrator. `&()` clears it.
    pub fn set_custom_status(&self, status: &(impl Serialize + ?Sized)) {
        let mut state = self.0.borrow_mut();
        if let Some(status) = state.write("the custom status", status) {
            state.custom_status = Some(status);
        }
    }

    /// Makes the instance begin anew with this input and an empty history once the orchestrator
    /// returns.
    ///
    /// What it returns then is ignored, unless it is an error: that fails the instance. The last
    /// call wins. Unconsumed events go over to the next execution; see [`ContinueAsNew`] for other
    /// ways.
    pub fn continue_as_new(&self, input: &(impl Serialize + ?Sized)) {
        self.continue_as_new_with(input, ContinueAsNew::default());
    }

    /// The same as [`continue_as_new`](Self::continue_as_new) with options.
    pub fn continue_as_new_with(&self, input: &(impl Serialize + ?Sized), options: ContinueAsNew) {
        let mut state = self.0.borrow_mut();
        if let Some(input) = state.write("the input of the next execution", input) {
            let ContinueAsNew { keep_events, version } = options;
            state.continuation = Some(Continuation { input, keep_events, version });
        }
    }
}

/// How the next execution of the same instance begins.
#[derive(Clone, Debug)]
pub struct ContinueAsNew {
    /// Whether unconsumed events go over to the next execution. Default: true.
    pub keep_events: bool,
    /// The version of the next execution. Default: that of this one.
    pub version: Option<String>,
}

impl Default for ContinueAsNew {
    fn default() -> Self {
        Self { keep_events: true, version: None }
    }
}
