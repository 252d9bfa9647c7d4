//! What most tests do with instances and entities.

use std::time::Duration;

use serde_json::Value;

use crate::eventually::{Seen, eventually};
use crate::{Answer, Host};

/// The members of the management payload, in the contract's order.
pub const PAYLOAD_MEMBERS: [&str; 8] = [
    "id",
    "statusQueryGetUri",
    "sendEventPostUri",
    "terminatePostUri",
    "purgeHistoryDeleteUri",
    "restartPostUri",
    "suspendPostUri",
    "resumePostUri",
];

/// Longest time for a condition that should hold within milliseconds: the machine may be busy.
const LIMIT: Duration = Duration::from_secs(30);

impl Host {
    /// Starts an orchestration with an id of the host's choice, and returns the id.
    pub async fn start_orchestration(&self, name: &str, input: &Value) -> String {
        id_of(self.post_json(&format!("/orchestrators/{name}"), input).await)
    }

    /// Starts an orchestration with the given id.
    pub async fn start_with_id(&self, name: &str, id: &str, input: &Value) -> String {
        id_of(self.post_json(&format!("/orchestrators/{name}/{id}"), input).await)
    }

    /// The status object of an instance that exists.
    pub async fn status(&self, id: &str) -> Value {
        self.get(&format!("/instances/{id}")).await.json()
    }

    /// Waits until the instance has this status, and returns its status object.
    ///
    /// # Panics
    /// When it ends with another one, or not in time.
    pub async fn until_status(&self, id: &str, wanted: &str) -> Value {
        self.until(id, &format!("instance {id} to be {wanted}"), |status| status["runtimeStatus"] == wanted).await
    }

    /// Waits until the instance is there and has had its first turn.
    pub async fn until_running(&self, id: &str) {
        eventually(format!("instance {id} to run"), LIMIT, || async {
            let answer = self.get(&format!("/instances/{id}")).await;
            if answer.status == 202 && answer.json()["runtimeStatus"] == "Running" { Ok(()) } else { Err(answer.text()) }
        })
        .await;
    }

    /// Waits until the instance completes, and returns its output.
    ///
    /// # Panics
    /// When it ends otherwise, or not in time.
    pub async fn output_of(&self, id: &str) -> Value {
        self.until_status(id, "Completed").await["output"].take()
    }

    /// Starts an orchestration, waits until it completes, and returns its output.
    pub async fn start_and_wait(&self, name: &str, input: &Value) -> Value {
        let id = self.start_orchestration(name, input).await;
        self.output_of(&id).await
    }

    /// Waits until the status object is as wanted, and returns it.
    ///
    /// # Panics
    /// When the instance ends before that, or the time is over.
    pub async fn until(&self, id: &str, what: &str, is_wanted: impl Fn(&Value) -> bool) -> Value {
        eventually(what, LIMIT, || async {
            let status = self.status(id).await;
            match is_wanted(&status) {
                true => Ok(status),
                false if is_terminal(&status) => panic!("while waiting for {what}, instance {id} ended: {status}"),
                false => Err(status.to_string()),
            }
        })
        .await
    }

    /// Raises an event.
    pub async fn raise(&self, id: &str, event: &str, data: &Value) -> Answer {
        self.post_json(&format!("/instances/{id}/raiseEvent/{event}"), data).await
    }

    /// The committed state of an entity, if it exists.
    pub async fn entity(&self, name: &str, key: &str) -> Option<Value> {
        let answer = self.get(&format!("/entities/{name}/{key}")).await;
        match answer.status {
            404 => None,
            _ => Some(answer.expect(200).json()),
        }
    }

    /// Sends an operation to an entity.
    pub async fn signal(&self, name: &str, key: &str, operation: &str, input: &Value) {
        self.post_json(&format!("/entities/{name}/{key}?op={operation}"), input).await.expect_empty(202);
    }

    /// Waits until an entity's state is as wanted, and returns it.
    ///
    /// # Panics
    /// When the time is over.
    pub async fn until_entity(&self, name: &str, key: &str, is_wanted: impl Fn(&Value) -> bool) -> Value {
        eventually(format!("entity @{name}@{key}"), LIMIT, || async {
            let state = self.entity(name, key).await.unwrap_or(Value::Null);
            if is_wanted(&state) { Ok(state) } else { Err(state.to_string()) }
        })
        .await
    }

    /// A page of a list, with its continuation token in the header `x-ms-continuation-token`.
    pub async fn page(&self, path: &str, token: Option<&str>) -> Answer {
        let mut request = http::Request::builder().uri(self.management_uri(path));
        if let Some(token) = token {
            request = request.header("x-ms-continuation-token", token);
        }
        let request = request.body(Default::default()).expect("a token that came in a header can go in one");
        self.http().try_request(request).await.unwrap_or_else(|error| panic!("{error:#}")).expect(200)
    }

    /// Who holds the lock of an entity that exists.
    pub async fn lock_holder(&self, name: &str, key: &str) -> Option<String> {
        // Ids are compared exactly, and an entity's has its name in lower case.
        let status = self.get(&format!("/instances/@{}@{key}", name.to_lowercase())).await.expect(202).json();
        status["customStatus"]["lockedBy"].as_str().map(str::to_owned)
    }

    /// Waits until an entity that exists is locked by `holder`, or by nobody.
    pub async fn until_locked_by(&self, name: &str, key: &str, holder: Option<&str>) {
        eventually(format!("entity @{name}@{key} to be locked by {holder:?}"), LIMIT, || async {
            let found = self.lock_holder(name, key).await;
            expect_equal(&found.as_deref(), &holder)
        })
        .await;
    }
}

/// Whether a status object shows an instance that has ended.
pub fn is_terminal(status: &Value) -> bool {
    let terminal = ["Completed", "Failed", "Terminated", "Canceled"];
    status["runtimeStatus"].as_str().is_some_and(|status| terminal.contains(&status))
}

/// A look that wants `found` to be `wanted`.
pub fn expect_equal<T: PartialEq + std::fmt::Debug>(found: &T, wanted: &T) -> Seen<()> {
    if found == wanted { Ok(()) } else { Err(format!("{found:?}")) }
}

fn id_of(answer: Answer) -> String {
    let payload = answer.expect(202).json();
    payload["id"].as_str().unwrap_or_else(|| panic!("no id in {payload}")).to_owned()
}
