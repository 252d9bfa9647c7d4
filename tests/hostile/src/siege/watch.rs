//! What others notice: a canary, a prober of `/healthz`, and the host's memory.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, ensure};
use bytes::Bytes;
use e2e::{Answer, Http};
use http::{Method, Request};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::host::Besieged;

/// Between two requests to `/healthz`.
const PROBE_PAUSE: Duration = Duration::from_millis(10);
const CANARY_PAUSE: Duration = Duration::from_millis(50);
const MEMORY_PAUSE: Duration = Duration::from_millis(250);
/// Longest time until a canary gets through once the attackers have left.
const CALM_LIMIT: Duration = Duration::from_secs(120);

/// What was seen.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// How long canaries took that got through.
    pub(super) canaries: Vec<Duration>,
    /// What came of the others, and how often.
    pub(super) canaries_refused: BTreeMap<String, usize>,
    /// What came of the canary behind the last attack, if it did not get through.
    pub(super) last_canary: Option<String>,
    /// How long `/healthz` took, by the second of the siege.
    pub(super) health: BTreeMap<u64, Vec<Duration>>,
    pub(super) health_failed: usize,
    pub(super) memory: Memory,
}

/// The host's memory and its budgets.
#[derive(Debug, Default)]
pub(super) struct Memory {
    pub(super) peak_kib: u64,
    /// Of each budget, the most that was taken and the limit, bytes.
    pub(super) budgets: BTreeMap<String, (u64, u64)>,
    /// The most that was taken of all together.
    pub(super) most_used: u64,
    /// The most that was resident beyond what all budgets together had taken at that moment, bytes.
    pub(super) most_besides: u64,
}

impl Memory {
    pub(super) fn limits(&self) -> u64 {
        self.budgets.values().map(|(_, limit)| limit).sum()
    }
}

pub(super) struct Watch {
    stop: watch::Sender<bool>,
    guard: Guard,
    canary: JoinHandle<(Vec<Duration>, BTreeMap<String, usize>)>,
    health: JoinHandle<(BTreeMap<u64, Vec<Duration>>, usize)>,
    memory: JoinHandle<Memory>,
}

/// The owner's client, and where the host is.
#[derive(Clone)]
struct Guard {
    http: Http,
    address: SocketAddr,
    key: String,
    process: u32,
}

impl Watch {
    /// Begins once a canary has got through.
    pub(super) async fn start(host: &Besieged) -> anyhow::Result<Self> {
        let (address, key, process) = (host.address(), host.key().to_owned(), host.process_id());
        let guard = Guard { http: Http::default(), address, key, process };
        guard.canary().await.context("the canary does not get through before the siege")?;
        let (stop, stopped) = watch::channel(false);
        let canary = tokio::spawn(guard.clone().canaries(stopped.clone()));
        let health = tokio::spawn(guard.clone().probe(stopped.clone()));
        let memory = tokio::spawn(guard.clone().memory(stopped));
        Ok(Self { stop, guard, canary, health, memory })
    }

    /// Ends it. A host that is still there has a while to let a last canary through.
    pub(super) async fn end(self, alive: bool) -> Seen {
        let Self { stop, guard, canary, health, memory } = self;
        let last_canary = if alive { guard.last_canary().await } else { Some("the host has ended".into()) };
        stop.send_replace(true);
        let (canaries, canaries_refused) = canary.await.expect("the canary does not panic");
        let (health, health_failed) = health.await.expect("the prober does not panic");
        let memory = memory.await.expect("the watch over memory does not panic");
        Seen { canaries, canaries_refused, last_canary, health, health_failed, memory }
    }
}

impl Guard {
    async fn send(&self, method: Method, path: &str, body: &'static str) -> anyhow::Result<Answer> {
        let uri = format!("http://{}{path}", self.address);
        let request = Request::builder().method(method).uri(uri).header("x-functions-key", &self.key);
        self.http.try_request(request.header("content-type", "application/json").body(Bytes::from_static(body.as_bytes()).into())?).await
    }

    async fn canary(&self) -> anyhow::Result<()> {
        let path = "/runtime/webhooks/durabletask/orchestrators/Misbehaving?timeout=60&pollingInterval=1";
        let answer = self.send(Method::POST, path, "\"behave\"").await?;
        ensure!(answer.status == 200 && answer.body == "\"well\"", "answered with {}", answer.status);
        Ok(())
    }

    async fn last_canary(&self) -> Option<String> {
        let deadline = Instant::now() + CALM_LIMIT;
        loop {
            match self.canary().await {
                Ok(()) => return None,
                Err(error) if Instant::now() > deadline => return Some(format!("{error:#}")),
                Err(_) => tokio::time::sleep(MEMORY_PAUSE).await,
            }
        }
    }

    async fn canaries(self, stopped: watch::Receiver<bool>) -> (Vec<Duration>, BTreeMap<String, usize>) {
        let (mut took, mut refused) = (Vec::new(), BTreeMap::new());
        while !*stopped.borrow() {
            let begun = Instant::now();
            match self.canary().await {
                Ok(()) => took.push(begun.elapsed()),
                Err(error) => *refused.entry(error.to_string()).or_default() += 1,
            }
            tokio::time::sleep(CANARY_PAUSE).await;
        }
        (took, refused)
    }

    /// A request that takes long counts for those too that would have been sent meanwhile.
    async fn probe(self, stopped: watch::Receiver<bool>) -> (BTreeMap<u64, Vec<Duration>>, usize) {
        let (begun, mut failed) = (Instant::now(), 0);
        let mut health: BTreeMap<u64, Vec<Duration>> = BTreeMap::new();
        while !*stopped.borrow() {
            let mut sent = Instant::now();
            let answer = self.send(Method::GET, "/healthz", "").await;
            let answered = Instant::now();
            failed += usize::from(!answer.is_ok_and(|answer| answer.status == 200));
            while sent <= answered {
                health.entry((sent - begun).as_secs()).or_default().push(answered - sent);
                sent += PROBE_PAUSE;
            }
            tokio::time::sleep(PROBE_PAUSE).await;
        }
        (health, failed)
    }

    async fn memory(self, stopped: watch::Receiver<bool>) -> Memory {
        let mut memory = Memory::default();
        loop {
            // A host that has no room for the answer is asked again.
            if let Ok(answer) = self.send(Method::GET, "/metrics", "").await
                && answer.status == 200
            {
                let used = note(&mut memory, &answer.text());
                memory.most_besides = memory.most_besides.max((self.status_kib("VmRSS:") << 10).saturating_sub(used));
            }
            memory.peak_kib = memory.peak_kib.max(self.status_kib("VmHWM:"));
            if *stopped.borrow() {
                return memory;
            }
            tokio::time::sleep(MEMORY_PAUSE).await;
        }
    }

    /// A line of what the kernel says of the host's memory; 0 once it has ended.
    fn status_kib(&self, start: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process)).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix(start)).unwrap_or_default();
        line.trim().trim_end_matches(" kB").parse().unwrap_or(0)
    }
}

/// Notes how much of each budget is taken. Returns the sum.
fn note(memory: &mut Memory, metrics: &str) -> u64 {
    let values = |which: &str| {
        let start = format!("longhaul_memory_{which}_bytes{{of=\"");
        let value = |line: &str| {
            let (of, value) = line.strip_prefix(&start)?.split_once("\"} ")?;
            Some((of.to_owned(), value.parse::<u64>().ok()?))
        };
        metrics.lines().filter_map(value).collect::<BTreeMap<_, _>>()
    };
    let (used, limits) = (values("used"), values("limit"));
    let sum = used.values().sum();
    memory.most_used = memory.most_used.max(sum);
    for (of, limit) in limits {
        let taken = used.get(&of).copied().unwrap_or(0);
        let budget = memory.budgets.entry(of).or_default();
        *budget = (budget.0.max(taken), limit);
    }
    sum
}
