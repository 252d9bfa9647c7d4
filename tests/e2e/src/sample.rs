//! The sample app with its external system.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use crate::eventually::{Seen, eventually};
use crate::{Answer, Apps, Host, HostOptions, JobApi};

/// Longest time for something that the sample should do at once.
const LIMIT: Duration = Duration::from_secs(30);

/// A host with the sample deployed, and the external system that it calls.
pub struct Sample {
    /// The host.
    pub host: Host,
    /// The external system.
    pub jobs: JobApi,
}

/// One attempt, as the entity shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt {
    /// The attempt's id.
    pub id: String,
    /// Its state's name.
    pub state: String,
    /// Its message.
    pub message: String,
    /// All of it.
    pub json: Value,
}

impl Sample {
    /// Starts both; the external system answers at once.
    pub async fn start() -> Self {
        Self::with_delay(Duration::ZERO, Vec::new()).await
    }

    /// Starts both; the external system takes this long for each answer.
    pub async fn with_delay(delay: Duration, arguments: Vec<&'static str>) -> Self {
        let jobs = JobApi::start(delay).await;
        let authority = jobs.authority().to_owned();
        // The manifest names the sample's usual address; each test has a port of its own.
        let app = Apps::sample().with_manifest(|text| text.replace("localhost:5000", &authority));
        let host = Host::start(HostOptions { app: Some(&app), arguments }).await;
        Self { host, jobs }
    }

    /// Starts an attempt loop, and returns the answer's management payload.
    pub async fn begin(&self, settings: &Value) -> Value {
        self.begin_with(settings).await.expect(202).json()
    }

    /// POST to the starting function.
    pub async fn begin_with(&self, settings: &Value) -> Answer {
        self.host.http().send_json(Method::POST, &self.host.uri("/api/HttpStartClient"), settings).await
    }

    /// Posts the call-back to the address in a management payload, as the external system would.
    pub async fn call_back(&self, payload: &Value, success: bool) -> Answer {
        let template = text(payload, "sendEventPostUri");
        let uri = template.replace("{eventName}", "Callback");
        assert_ne!(uri, template, "the address has no place for the event's name");
        self.host.http().send_json(Method::POST, &uri, &json!(success)).await
    }

    /// What the app's own function shows of an instance.
    pub async fn shown(&self, id: &str) -> Answer {
        let uri = self.host.uri(&format!("/api/HttpAttemptCounterEntityClient?instanceid={id}"));
        self.host.http().send(Method::GET, &uri).await
    }

    /// The attempts so far in the order of their start; empty while the entity does not exist.
    pub async fn attempts(&self, id: &str) -> Vec<Attempt> {
        let answer = self.shown(id).await;
        if answer.status == 404 {
            return Vec::new();
        }
        let state = answer.expect(200).json();
        let mut attempts: Vec<Attempt> = state["attempts"].as_object().into_iter().flatten().map(|(id, json)| attempt(id, json)).collect();
        attempts.sort_by_key(|attempt| text(&attempt.json, "started"));
        attempts
    }

    /// Waits until the attempts are as wanted, and returns them.
    pub async fn until_attempts(&self, id: &str, what: &str, is_wanted: impl Fn(&[Attempt]) -> bool) -> Vec<Attempt> {
        eventually(format!("attempts of {id}: {what}"), LIMIT, || async {
            let attempts = self.attempts(id).await;
            if is_wanted(&attempts) { Ok(attempts) } else { Seen::Err(format!("{attempts:?}")) }
        })
        .await
    }

    /// Waits until the `number`-th attempt, from 1, waits for its call-back.
    pub async fn until_waiting(&self, id: &str, number: usize) -> Vec<Attempt> {
        let what = format!("number {number} waits for its call-back");
        self.until_attempts(id, &what, |attempts| attempts.len() == number && attempts[number - 1].state == "WaitingForCallback").await
    }
}

/// A member that must be a text.
pub fn text(json: &Value, member: &str) -> String {
    json[member].as_str().unwrap_or_else(|| panic!("no text `{member}` in {json}")).to_owned()
}

fn attempt(id: &str, json: &Value) -> Attempt {
    let message = json["message"].as_str().unwrap_or_default().to_owned();
    Attempt { id: id.to_owned(), state: text(json, "state"), message, json: json.clone() }
}
