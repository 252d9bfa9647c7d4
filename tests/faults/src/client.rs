//! Clients of the host that send again, under the same key, whatever got no answer.

use std::time::Duration;

use anyhow::ensure;
use bytes::Bytes;
use e2e::{Answer, eventually, is_terminal};
use http::{Method, Request};
use http_body_util::Full;
use interpreter_programs::{Program, Step};
use serde_json::{Value, json};

use crate::model::{Events, FUNDS};
use crate::subject::Subject;
use seeded::Random;

/// Longest time for anything to happen that must happen, faults included.
const LIMIT: Duration = Duration::from_secs(150);

/// Starts a program; sometimes sends the request a second time.
///
/// # Panics
/// When the host refuses it, or answers with another id.
pub async fn start(subject: &Subject<'_>, random: &mut Random, instance: &str, ledger: &str, steps: &[Step]) {
    let program = Program { ledger: ledger.to_owned(), steps: steps.to_vec(), done: Vec::new() };
    let body = json!(program).to_string();
    let path = format!("/orchestrators/Interpreter/{instance}");
    for _ in 0..random.within(1, 3) {
        let answer = send(subject, &path, &format!("{instance}-start"), &body, false).await;
        assert_eq!(answer.json()["id"], instance, "the start of {instance} was answered with another id");
    }
}

/// Raises events one after the other; each as often as chance has it, also after later ones.
///
/// # Panics
/// When the host refuses one. `is_child`: its instance may not have been started yet.
pub async fn raise(subject: &Subject<'_>, random: &mut Random, events: &Events, is_child: bool) {
    let Events { instance, name, payloads } = events;
    for (index, payload) in payloads.iter().enumerate() {
        tokio::time::sleep(Duration::from_millis(random.within(0, 300))).await;
        let repeated = random.percent(40).then(|| random.within(0, index as u64 + 1) as usize);
        for (number, payload) in [Some((index, payload)), repeated.map(|number| (number, &payloads[number]))].into_iter().flatten() {
            let path = format!("/instances/{instance}/raiseEvent/{name}");
            send(subject, &path, &format!("{instance}-{name}-{number}"), &payload.to_string(), is_child).await;
        }
    }
}

/// Pays the first money into an account.
///
/// # Panics
/// When the host refuses it.
pub async fn fund(subject: &Subject<'_>, account: &str) {
    send(subject, &format!("/entities/Account/{account}?op=deposit"), &format!("fund-{account}"), &FUNDS.to_string(), false).await;
}

/// Starts an instance that locks accounts and keeps them, and waits until it has.
///
/// # Panics
/// When the host refuses it.
pub async fn lock(subject: &Subject<'_>, instance: &str, accounts: &[&str]) {
    let body = json!({ "accounts": accounts, "then": "return" }).to_string();
    send(subject, &format!("/orchestrators/Section/{instance}"), &format!("{instance}-start"), &body, false).await;
    eventually(format!("{instance} to have its locks"), LIMIT, || async {
        let status = look(subject, &format!("/instances/{instance}")).await.map_err(|error| format!("{error:#}"))?;
        if status["customStatus"] == "inside" { Ok(()) } else { Err(status.to_string()) }
    })
    .await;
}

/// Waits until an instance has ended; returns its status object and the number of the host's start in which it was seen.
///
/// # Panics
/// When it does not end.
pub async fn until_ended(subject: &Subject<'_>, instance: &str) -> (Value, u32) {
    eventually(format!("{instance} to end"), LIMIT, || async {
        match look(subject, &format!("/instances/{instance}")).await {
            // Read after the answer: a later host cannot have given it.
            Ok(status) if is_terminal(&status) => Ok((status, subject.ledger().starts())),
            Ok(status) => Err(without_input(status)),
            Err(error) => Err(format!("{error:#}")),
        }
    })
    .await
}

/// Waits until an account has this balance.
///
/// # Panics
/// When it does not get it.
pub async fn until_balance(subject: &Subject<'_>, account: &str, balance: u64) {
    eventually(format!("account {account} to hold {balance}"), LIMIT, || async {
        match look(subject, &format!("/entities/Account/{account}")).await {
            Ok(state) if state["balance"] == balance => Ok(()),
            Ok(state) => Err(state.to_string()),
            Err(error) => Err(format!("{error:#}")),
        }
    })
    .await;
}

async fn look(subject: &Subject<'_>, path: &str) -> anyhow::Result<Value> {
    let answer = subject.http().try_send(Method::GET, &subject.uri(path)).await?;
    ensure!(matches!(answer.status, 200 | 202), "status {}: {}", answer.status, answer.text());
    Ok(answer.json())
}

fn without_input(mut status: Value) -> String {
    status["input"] = Value::Null;
    status.to_string()
}

/// Sends a request under a key until it is accepted.
async fn send(subject: &Subject<'_>, path: &str, key: &str, body: &str, may_be_missing: bool) -> Answer {
    let uri = subject.uri(path);
    eventually(format!("the host to accept {key}"), LIMIT, || async {
        let request = Request::post(&uri).header("content-type", "application/json").header("idempotency-key", key);
        let request = request.body(Full::new(Bytes::copy_from_slice(body.as_bytes()))).expect("keys and paths are plain");
        match subject.http().try_request(request).await {
            Ok(answer) if answer.status == 202 => Ok(answer),
            // What a host says that cannot write now, or is about to stop.
            Ok(answer) if matches!(answer.status, 503 | 507) => Err(answer.text()),
            Ok(answer) if may_be_missing && answer.status == 404 => Err("404".to_owned()),
            Ok(answer) => panic!("{key} was refused with {}: {}", answer.status, answer.text()),
            Err(error) => Err(format!("{error:#}")),
        }
    })
    .await
}

/// Sends a request without a key until the answer has one of these statuses. An earlier attempt may have had its effect without an answer.
///
/// # Panics
/// When the host answers with another status.
pub async fn insist(subject: &Subject<'_>, method: Method, uri: &str, key: Option<&str>, statuses: &[u16]) -> Answer {
    eventually(format!("an answer to {method} {uri}"), LIMIT, || async {
        let request = Request::builder().method(method.clone()).uri(uri);
        let request = key.into_iter().fold(request, |request, key| request.header("x-functions-key", key));
        match subject.http().try_request(request.body(Full::default()).expect("keys and paths are plain")).await {
            Ok(answer) if statuses.contains(&answer.status) => Ok(answer),
            Ok(answer) if matches!(answer.status, 503 | 507) => Err(answer.text()),
            Ok(answer) => panic!("{method} {uri} was answered with {}: {}", answer.status, answer.text()),
            Err(error) => Err(format!("{error:#}")),
        }
    })
    .await
}

/// The key for administration that the first start makes. While a host starts the file may hold one that a kill has kept from being stored: the next start makes another.
///
/// # Panics
/// When the host is ready and has made none.
pub async fn admin_key(subject: &Subject<'_>) -> String {
    insist(subject, Method::GET, &subject.root_uri("/healthz"), None, &[200]).await;
    let key = std::fs::read_to_string(subject.data().join("admin-key")).expect("a host that is ready has made a key");
    key.trim().to_owned()
}
