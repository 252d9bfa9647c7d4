//! Broken guests beside a canary: each harms its own instance only, and the host says what is wrong with it.
//!
//! - `rows`: what each of them does, and the right outcome. `modules`: guests that no compiler writes.
//! - [`run`]: all of them against one host, several at a time. [`measure`]: what the canary notices of them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, ensure};
use e2e::{Host, HostOptions, is_terminal};
use http::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::Instant;

mod measure;
mod modules;
mod rows;

pub use measure::measure;
pub use rows::{Attack, Outcome, Row, broken, honest};

/// Longest time until a guest has come to its outcome.
const LIMIT: Duration = Duration::from_secs(120);
/// Between two looks at an instance.
const PAUSE: Duration = Duration::from_millis(20);
/// Guests that run at a time: more than the host has threads for.
const AT_A_TIME: usize = 6;
/// What the host may hold more of, once all is over, than before: code that was compiled meanwhile, and what an allocator keeps.
const MEMORY_SLACK_KIB: u64 = 200 << 10;
/// Limits low enough to be reached in a moment. Every turn begins with a replay, so what a limit decided must come out of it again.
const ARGUMENTS: &[&str] = &[
    "--evict-after-every-turn",
    "--turn-deadline-ms=1000",
    "--orchestrator-memory-bytes=33554432",
    "--client-timeout-seconds=9",
    "--activity-timeout-seconds=10",
    "--max-payload-bytes=1000000",
    "--max-history-turns=100",
    "--max-pending-tasks=20000",
    "--max-buffered-events=50",
    "--max-nesting=10",
];

/// A host with the test guests and the bad modules.
pub async fn host() -> Arc<Host> {
    let app = modules::app();
    Arc::new(Host::start(HostOptions { app: Some(&app), arguments: ARGUMENTS.to_vec() }).await)
}

/// Runs every broken guest, several at a time, with a canary behind each. Returns what was wrong, each with its row's name.
pub async fn run(rows: Vec<Row>) -> Vec<String> {
    let host = host().await;
    let bystanders = Bystanders::start(&host).await;
    let (process, before) = (host.process_id(), bystanders.shown(&host).await);
    let memory = memory_kib(process);
    let mut wrong = side_by_side(&host, rows).await;
    if let Err(error) = nothing_else_changed(&host, process, memory, &bystanders, &before).await {
        wrong.push(format!("in the end: {error:#}"));
    }
    wrong
}

/// Runs the rows, several at a time.
async fn side_by_side(host: &Arc<Host>, rows: Vec<Row>) -> Vec<String> {
    let rows = Arc::new(Mutex::new(rows.into_iter()));
    let mut works = JoinSet::new();
    for _ in 0..AT_A_TIME {
        let (host, rows) = (host.clone(), rows.clone());
        works.spawn(async move {
            let mut wrong = Vec::new();
            loop {
                let next = rows.lock().unwrap_or_else(PoisonError::into_inner).next();
                let Some(row) = next else { return wrong };
                if let Err(error) = one(&host, &row).await {
                    wrong.push(format!("{}: {error:#}", row.name));
                }
            }
        });
    }
    works.join_all().await.concat()
}

/// Instances and an entity that nobody touches.
pub(crate) struct Bystanders;

impl Bystanders {
    pub(crate) async fn start(host: &Host) -> Self {
        host.start_with_id("Misbehaving", "waits", &json!("wait behave")).await;
        host.start_with_id("Misbehaving", "ended", &json!("behave")).await;
        host.signal("MisbehavingEntity", "kept", "add", &json!(1)).await;
        host.until_entity("MisbehavingEntity", "kept", |state| *state == json!([1])).await;
        host.until_running("waits").await;
        host.output_of("ended").await;
        Self
    }

    async fn shown(&self, host: &Host) -> Vec<Value> {
        vec![host.status("waits").await, host.status("ended").await, host.entity("MisbehavingEntity", "kept").await.unwrap_or_default()]
    }
}

async fn nothing_else_changed(host: &Host, process: u32, memory: u64, bystanders: &Bystanders, before: &[Value]) -> anyhow::Result<()> {
    let after = bystanders.shown(host).await;
    ensure!(after == before, "others changed from {before:?} to {after:?}");
    host.raise("waits", "Go", &json!(1)).await;
    ensure!(host.output_of("waits").await == "well", "the one that waited cannot go on");
    ensure!(host.process_id() == process, "the host is another process");
    let forged = host.log().lines().any(|line| line.starts_with("INFO forged") || line.contains('\u{1b}'));
    ensure!(!forged, "a guest's line begins a line of the log, or colours one");
    ensure!(!host.log().contains("panicked at 'host") && !host.log().contains("panicked at host"), "the host panicked");
    let deadline = Instant::now() + LIMIT;
    loop {
        let now = memory_kib(process);
        if now <= memory + MEMORY_SLACK_KIB {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "the host holds {now} KiB, and held {memory} KiB before");
        tokio::time::sleep(PAUSE).await;
    }
}

/// What the process holds in memory.
fn memory_kib(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse().unwrap_or(0)
}

/// Runs one guest to its outcome; a canary gets through right behind it.
async fn one(host: &Host, row: &Row) -> anyhow::Result<()> {
    let id = row.name.replace(' ', "-");
    match &row.attack {
        Attack::Orchestration { function, input } => {
            host.start_with_id(function, &id, &json!(input)).await;
            came_to(host, &id, &row.outcome).await?;
        }
        Attack::AfterGo(what) => {
            host.start_with_id("Misbehaving", &id, &json!(format!("wait {what}"))).await;
            host.until_running(&id).await;
            host.raise(&id, "Go", &json!(1)).await;
            came_to(host, &id, &row.outcome).await?;
        }
        Attack::Client(what) => answered(host, what, &row.outcome).await?,
        Attack::Events(count) => flood(host, &id, *count, &row.outcome).await?,
        Attack::Chatter => chatter(host, &id).await?,
    }
    canary(host).await.map(drop)
}

/// Runs an orchestration that behaves. Returns how long it took.
async fn canary(host: &Host) -> anyhow::Result<Duration> {
    let begun = Instant::now();
    let uri = host.management_uri("/orchestrators/Misbehaving?timeout=60&pollingInterval=1");
    let answer = host.http().try_send_json(Method::POST, &uri, &json!("behave")).await.context("the canary was not answered")?;
    ensure!(answer.status == 200 && answer.json() == "well", "the canary came to {}: {}", answer.status, answer.text());
    Ok(begun.elapsed())
}

async fn came_to(host: &Host, id: &str, outcome: &Outcome) -> anyhow::Result<()> {
    let status = settled(host, id, outcome).await?;
    let (shown, text) = (status["runtimeStatus"].as_str().unwrap_or_default(), status["output"].to_string());
    match outcome {
        Outcome::Completed(said) => {
            ensure!(shown == "Completed" && text.contains(said), "it should complete with '{said}': {}", short(&status));
        }
        Outcome::Failed(said) => {
            ensure!(shown == "Failed" && text.contains(said), "it should fail with '{said}': {}", short(&status));
            ensure!(text.len() < 100_000, "its failure is shown with {} bytes", text.len());
        }
        Outcome::Parked(said) => {
            let reason = status["parkedReason"].as_str().unwrap_or_default();
            // One that fell in its first turn has never run.
            let stands = ["Running", "Pending"].contains(&shown);
            ensure!(stands && reason.contains(said), "it should be parked with '{said}': {}", short(&status));
            terminate(host, id).await?;
        }
        Outcome::GoesOn => {
            ensure!(shown == "Running", "it should go on: {}", short(&status));
            canary(host).await?;
            terminate(host, id).await?;
        }
        Outcome::Answered(..) | Outcome::CutOff => anyhow::bail!("an orchestration is not answered"),
    }
    Ok(())
}

/// The status once it shows an outcome. What is meant to go on is given a few canaries' time.
async fn settled(host: &Host, id: &str, outcome: &Outcome) -> anyhow::Result<Value> {
    if *outcome == Outcome::GoesOn {
        for _ in 0..3 {
            canary(host).await?;
        }
        return Ok(host.status(id).await);
    }
    let deadline = Instant::now() + LIMIT;
    loop {
        let status = host.status(id).await;
        if is_terminal(&status) || status["parkedReason"].is_string() {
            return Ok(status);
        }
        ensure!(Instant::now() < deadline, "it came to nothing within {LIMIT:?}: {}", short(&status));
        tokio::time::sleep(PAUSE).await;
    }
}

async fn terminate(host: &Host, id: &str) -> anyhow::Result<()> {
    host.post(&format!("/instances/{id}/terminate?reason=hopeless")).await.expect_empty(202);
    let deadline = Instant::now() + LIMIT;
    loop {
        let status = host.status(id).await;
        if status["runtimeStatus"] == "Terminated" {
            ensure!(status.get("parkedReason").is_none(), "it is still shown as parked: {}", short(&status));
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "it cannot be terminated: {}", short(&status));
        tokio::time::sleep(PAUSE).await;
    }
}

async fn answered(host: &Host, what: &str, outcome: &Outcome) -> anyhow::Result<()> {
    // The guest does what the last part of path and query says.
    let answer = host.http().try_send(Method::GET, &host.uri(&format!("/api/MisbehavingClient?do=/{what}"))).await;
    match (outcome, answer) {
        (Outcome::Answered(status, said), Ok(answer)) => {
            ensure!(answer.status == *status && answer.text().contains(said), "it was answered with {}: {}", answer.status, answer.text());
        }
        (Outcome::CutOff, Err(_)) => {}
        (_, answer) => anyhow::bail!("it should come to {outcome:?}, and came to {answer:?}"),
    }
    Ok(())
}

/// More events than an instance may have waiting: those beyond are refused, and it goes on.
async fn flood(host: &Host, id: &str, count: usize, outcome: &Outcome) -> anyhow::Result<()> {
    host.start_with_id("Misbehaving", id, &json!("wait behave")).await;
    host.until_running(id).await;
    let (mut taken, mut refused) = (0, 0);
    for number in 0..count {
        let answer = host.raise(id, "Other", &json!(number)).await;
        match answer.status {
            202 => taken += 1,
            429 => {
                ensure!(answer.text().contains("at most 50") && answer.header("retry-after") == "1", "{answer:?}");
                refused += 1;
            }
            _ => anyhow::bail!("an event was answered with {answer:?}"),
        }
    }
    ensure!((taken, refused) == (50, count - 50), "{taken} events were taken and {refused} refused");
    host.raise(id, "Go", &json!(1)).await.expect_empty(202);
    came_to(host, id, outcome).await
}

/// An entity that signals itself for ever, until an operator makes it stop.
async fn chatter(host: &Host, key: &str) -> anyhow::Result<()> {
    host.signal("MisbehavingEntity", key, "chatter", &json!(1)).await;
    for _ in 0..3 {
        canary(host).await?;
    }
    host.signal("MisbehavingEntity", key, "be%20quiet", &json!(1)).await;
    host.until_entity("MisbehavingEntity", key, |state| *state == "quiet").await;
    Ok(())
}

fn short(status: &Value) -> String {
    status.to_string().chars().take(600).collect()
}
