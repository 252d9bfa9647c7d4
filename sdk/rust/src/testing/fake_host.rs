//! A host for client functions and activities, made of lists.

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde::Serialize;

use crate::client::{StartOptions, Status};
use crate::{EntityId, http, json};

/// Something that a client function had the host do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the arguments of the functions in `client`; payloads are JSON text")]
pub enum ClientCall {
    Start { name: String, input: String, options: StartOptions },
    RaiseEvent { instance_id: String, name: String, data: String },
    Terminate { instance_id: String, reason: Option<String> },
    SignalEntity { entity: EntityId, operation: String, input: String },
}

#[derive(Default)]
pub(super) struct Fakes {
    pub calls: Vec<ClientCall>,
    pub statuses: BTreeMap<String, Status>,
    /// By the entity's instance id, in which the name is in lower case.
    pub entities: BTreeMap<String, String>,
    settings: BTreeMap<String, String>,
    http: Option<HttpAnswer>,
}

type HttpAnswer = Box<dyn FnMut(&http::Request) -> Option<http::Response>>;

thread_local! {
    static FAKES: RefCell<Fakes> = RefCell::default();
}

pub(super) fn with<T>(use_them: impl FnOnce(&mut Fakes) -> T) -> T {
    FAKES.with_borrow_mut(use_them)
}

/// The host that client functions talk to in this thread.
pub struct FakeHost(());

impl FakeHost {
    /// A host without instances and entities; it replaces the thread's former one.
    pub fn new() -> Self {
        with(|fakes| {
            fakes.calls.clear();
            fakes.statuses.clear();
            fakes.entities.clear();
        });
        Self(())
    }

    /// Lets an entity exist with this state.
    pub fn set_entity_state(&self, entity: &EntityId, state: &impl Serialize) {
        with(|fakes| fakes.entities.insert(entity.to_string(), json::write_for_test(state)));
    }

    /// Lets an instance exist with this status.
    pub fn set_status(&self, status: Status) {
        with(|fakes| fakes.statuses.insert(status.instance_id.clone(), status));
    }

    /// What client functions have had the host do, in order.
    pub fn calls(&self) -> Vec<ClientCall> {
        with(|fakes| fakes.calls.clone())
    }
}

impl Default for FakeHost {
    fn default() -> Self {
        Self::new()
    }
}

/// Gives this thread an app setting.
pub fn set_app_setting(name: &str, value: &str) {
    with(|fakes| fakes.settings.insert(name.to_owned(), value.to_owned()));
}

pub(crate) fn read_app_setting(name: &str) -> Option<String> {
    with(|fakes| fakes.settings.get(name).cloned())
}

/// Answers the HTTP requests of this thread from now on. `None` stands for a refused connection,
/// and so does having no answer.
pub fn answer_http(answer: impl FnMut(&http::Request) -> Option<http::Response> + 'static) {
    with(|fakes| fakes.http = Some(Box::new(answer)));
}

pub(super) fn send_http(request: &http::Request) -> Result<http::Response, http::Error> {
    // Taken out while it runs, so that an answer may itself use the fakes.
    let mut answer = with(|fakes| fakes.http.take());
    let response = answer.as_mut().and_then(|answer| answer(request));
    with(|fakes| fakes.http = fakes.http.take().or(answer));
    response.ok_or_else(|| request.error(http::ErrorKind::Connect, "the connection was refused"))
}
