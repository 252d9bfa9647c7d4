//! What attackers do. Each attack is bounded: in connections, in bytes, and in how long it holds them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use seeded::Random;
use serde_json::Value;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::Plan;
use super::caller::{Caller, status_of};
use super::host::Besieged;

/// Longest time that an attacker waits for an answer.
const PATIENCE: Duration = Duration::from_secs(15);
/// Longest time that the preparations wait for one.
const PREPARATION: Duration = Duration::from_secs(120);
/// How long connections are held for nothing.
const HELD: Duration = Duration::from_secs(2);
/// Between two looks at an instance.
const PAUSE: Duration = Duration::from_millis(200);
/// A body just below what a request may have.
const LONG_BODY_BYTES: usize = 31 << 20;
const ADDRESSES: usize = 250;
const MANAGEMENT: &str = "/runtime/webhooks/durabletask";

/// What is done to the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Attack {
    /// An anonymous client function keeps resources of the host, eats memory, asks for chance, loops.
    ClientFunctions,
    /// A deployed orchestrator, entity or activity does the same.
    DeployedGuests,
    /// Client functions get the beginnings of bodies.
    HalfSentBodies,
    /// The holder of an address for events sends long ones on many connections.
    LongEvents,
    /// Instances with long inputs are listed, several lists at a time.
    Lists,
    /// The holder of an address asks for the whole history; so does the owner, of instances with long inputs.
    Histories,
    /// Connections that send nothing.
    Connections,
    /// Bodies from a caller without a key.
    RefusedBodies,
    /// Guests fill a log that nothing reads.
    Log,
    /// A query with as many keys as fit.
    RepeatedKeys,
}

/// All of them.
pub(super) const ALL: [Attack; 10] = [
    Attack::ClientFunctions,
    Attack::DeployedGuests,
    Attack::HalfSentBodies,
    Attack::LongEvents,
    Attack::Lists,
    Attack::Histories,
    Attack::Connections,
    Attack::RefusedBodies,
    Attack::Log,
    Attack::RepeatedKeys,
];

const CLIENT_FUNCTIONS: [&str; 17] = [
    "keep-fields",
    "keep-empty-fields",
    "keep-copied-fields",
    "keep-requests",
    "keep-options",
    "keep-pollables",
    "keep-streams",
    "keep-bodies",
    "endless-fields",
    "many-values",
    "long-method",
    "poll-one-often",
    "much-chance",
    "some-chance",
    "eat-memory",
    "spin",
    "half-and-hang",
];

const GUESTS: [&str; 21] = [
    "spin",
    "eat memory",
    "recurse",
    "flood commands",
    "hoard tasks",
    "many timers",
    "continue for ever",
    "tick for ever",
    "talk to itself",
    "huge error",
    "ask activity eat memory",
    "ask activity keep-fields",
    "ask activity keep-bodies",
    "ask activity endless-fields",
    "ask activity much-chance",
    "ask activity some-chance",
    "ask activity huge output",
    "ask activity hand over too much",
    "ask hasty spin",
    "ask entity eat memory",
    "ask entity spin",
];

const LOGS: [&str; 5] =
    ["ask activity long lines", "ask activity flood log", "ask activity one long line", "ask entity flood log", "flood log"];

/// What attackers know of the host.
pub(super) struct Target {
    plan: Plan,
    address: std::net::SocketAddr,
    /// The owner's key, for what deployed guests do.
    key: String,
    /// Paths with their tokens, of one instance that waits.
    event: String,
    status: String,
    body: Bytes,
    /// Numbers for ids and addresses.
    count: AtomicUsize,
}

impl Target {
    /// Starts what is listed and what an address is handed out for.
    pub(super) async fn prepare(host: &Besieged, plan: Plan) -> anyhow::Result<Self> {
        let mut body = vec![b'x'; LONG_BODY_BYTES];
        body[0] = b'"';
        body[LONG_BODY_BYTES - 1] = b'"';
        let mut target = Self {
            plan,
            address: host.address(),
            key: format!("x-functions-key: {}\r\n", host.key()),
            event: String::new(),
            status: String::new(),
            body: body.into(),
            count: AtomicUsize::new(0),
        };
        let input = format!("\"wait {}\"", "x".repeat(plan.instance_mib << 20));
        for number in 0..plan.instances {
            target.until_started(&format!("long-{number}"), &input).await?;
        }
        let payload: Value = serde_json::from_str(&target.until_started("waits", "\"wait behave\"").await?)?;
        let path = |member: &str| -> anyhow::Result<String> {
            let uri = payload[member].as_str().with_context(|| format!("{payload} has no {member}"))?;
            Ok(uri[uri.find(MANAGEMENT).with_context(|| format!("no path in {uri}"))?..].to_owned())
        };
        target.event = path("sendEventPostUri")?.replace("{eventName}", "Other");
        target.status = path("statusQueryGetUri")?;
        Ok(target)
    }

    /// The body of the answer once there is room.
    async fn until_started(&self, id: &str, input: &str) -> anyhow::Result<String> {
        let line = format!("POST {MANAGEMENT}/orchestrators/Misbehaving/{id}");
        for _ in 0..100 {
            let (said, text) = self.caller().exchange(&line, &self.key, input.as_bytes(), PREPARATION).await;
            match said.as_str() {
                "202" => return Ok(text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default()),
                "429" | "503" => tokio::time::sleep(PAUSE).await,
                _ => anyhow::bail!("instance {id} could not be started: {said} {text}"),
            }
        }
        anyhow::bail!("there was no room for instance {id}")
    }

    fn number(&self) -> usize {
        self.count.fetch_add(1, Ordering::Relaxed)
    }

    /// A caller at the next address.
    fn caller(&self) -> Caller {
        Caller::new(self.address, self.number() % ADDRESSES)
    }
}

/// Does it once. Returns what was answered to each request.
pub(super) async fn run(attack: Attack, target: &Arc<Target>, mut chance: Random) -> Vec<String> {
    let connections = target.plan.connections;
    match attack {
        Attack::ClientFunctions => {
            let caller = target.caller();
            let what = (0..8).map(|_| *chance.choose(&CLIENT_FUNCTIONS));
            let lines = what.map(|what| format!("GET /api/MisbehavingClient?do=/{what}"));
            together(lines.map(|line| send(&caller, line, "", Bytes::new()))).await
        }
        Attack::DeployedGuests => orchestrations(target, (0..4).map(|_| *chance.choose(&GUESTS)).collect()).await,
        Attack::Log => orchestrations(target, (0..2).map(|_| *chance.choose(&LOGS)).collect()).await,
        Attack::HalfSentBodies => {
            let text = "POST /api/MisbehavingClient?do=/echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000000\r\n\r\nthe beginning";
            held(&target.caller(), connections, text.as_bytes()).await
        }
        Attack::Connections => held(&target.caller(), connections * 17, b"").await,
        Attack::LongEvents => {
            let caller = target.caller();
            let line = format!("POST {}", target.event);
            together((0..connections).map(|_| send(&caller, line.clone(), "", target.body.clone()))).await
        }
        Attack::Lists => {
            let caller = target.caller();
            let line = format!("GET {MANAGEMENT}/instances?top=1000&instanceIdPrefix=long");
            together((0..8).map(|_| send(&caller, line.clone(), &target.key, Bytes::new()))).await
        }
        Attack::Histories => {
            let caller = target.caller();
            let query = "showHistory=true&showHistoryOutput=true";
            let owner = format!("GET {MANAGEMENT}/instances/long-{}?{query}", chance.index(target.plan.instances));
            let handed_out = format!("GET {}&{query}", target.status);
            together((0..8).map(|number| match number % 2 {
                0 => send(&caller, owner.clone(), &target.key, Bytes::new()),
                _ => send(&caller, handed_out.clone(), "", Bytes::new()),
            }))
            .await
        }
        Attack::RefusedBodies => {
            let caller = target.caller();
            let line = format!("POST {MANAGEMENT}/orchestrators/Misbehaving");
            together((0..connections).map(|_| send(&caller, line.clone(), "", target.body.clone()))).await
        }
        Attack::RepeatedKeys => {
            let caller = target.caller();
            let line = format!("GET {MANAGEMENT}/instances?{}", "code=x&".repeat(2_300));
            together((0..connections).map(|_| send(&caller, line.clone(), "", Bytes::new()))).await
        }
    }
}

/// A request, for `together`.
fn send(caller: &Caller, line: String, headers: &str, body: Bytes) -> impl Future<Output = String> + Send + use<> {
    let (caller, headers) = (caller.clone(), headers.to_owned());
    async move { caller.request(&line, &headers, &body, PATIENCE).await }
}

async fn together(requests: impl Iterator<Item = impl Future<Output = String> + Send + 'static>) -> Vec<String> {
    requests.collect::<JoinSet<_>>().join_all().await
}

/// Opens connections, sends the same on each, holds them, and says what came of each.
async fn held(caller: &Caller, count: usize, bytes: &[u8]) -> Vec<String> {
    let (mut open, mut came) = (Vec::new(), Vec::new());
    for _ in 0..count {
        match tokio::time::timeout(PATIENCE, caller.open(bytes)).await {
            Ok(Ok(stream)) => open.push(stream),
            Ok(Err(error)) => came.push(format!("no connection: {}", error.kind())),
            Err(_) => came.push("no connection in time".into()),
        }
    }
    tokio::time::sleep(HELD).await;
    for stream in open {
        came.push(said(stream).await);
    }
    came
}

/// What a connection has been told by now.
async fn said(mut stream: TcpStream) -> String {
    let mut bytes = [0; 4_096];
    match tokio::time::timeout(Duration::from_millis(1), stream.read(&mut bytes)).await {
        Err(_) => "held".into(),
        Ok(Ok(count)) if count > 0 => status_of(&String::from_utf8_lossy(&bytes[..count])),
        Ok(_) => "closed".into(),
    }
}

/// Starts one of each, waits a while for what comes of it, and ends and removes it.
async fn orchestrations(target: &Arc<Target>, inputs: Vec<&'static str>) -> Vec<String> {
    together(inputs.into_iter().map(|input| {
        let target = target.clone();
        async move { orchestration(&target, input).await }
    }))
    .await
}

async fn orchestration(target: &Target, input: &str) -> String {
    let (caller, key, id) = (target.caller(), &target.key, format!("guest-{}", target.number()));
    let begin = format!("POST {MANAGEMENT}/orchestrators/Misbehaving/{id}");
    let begun = caller.request(&begin, key, format!("\"{input}\"").as_bytes(), PATIENCE).await;
    if begun != "202" {
        return begun;
    }
    let status = format!("GET {MANAGEMENT}/instances/{id}?showInput=false");
    let mut came = "still running".to_owned();
    for _ in 0..PATIENCE.as_millis() / PAUSE.as_millis() {
        tokio::time::sleep(PAUSE).await;
        let (said, text) = caller.exchange(&status, key, b"", PATIENCE).await;
        if text.contains("\"parkedReason\":\"") {
            came = "parked".into();
            break;
        }
        if let Some(ended) = ["Completed", "Failed"].into_iter().find(|ended| text.contains(&format!("\"runtimeStatus\":\"{ended}\""))) {
            came = ended.to_lowercase();
            break;
        }
        if said != "202" && said != "503" {
            came = format!("{said} for its status");
            break;
        }
    }
    if came != "completed" && came != "failed" {
        caller.request(&format!("POST {MANAGEMENT}/instances/{id}/terminate?reason=siege"), key, b"", PATIENCE).await;
        tokio::time::sleep(PAUSE).await;
    }
    caller.request(&format!("DELETE {MANAGEMENT}/instances/{id}"), key, b"", PATIENCE).await;
    came
}
