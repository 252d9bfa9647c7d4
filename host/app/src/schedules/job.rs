//! One timer at work.

use std::sync::Arc;
use std::time::Duration;

use longhaul_core::{DeploymentId, InstanceId, Tags, Timestamp};
use longhaul_engine::clock;
use longhaul_engine::{Binding, Engine, EngineError, Keyed, KeyedRequest, StartRequest, TimerStart};
use longhaul_store::{ScheduleState, Store};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use super::RETRY_PAUSE;
use super::plan::{Step, step};
use crate::Registry;
use crate::manifest::{Overlap, ScheduleEntry};

/// Longest sleep: the machine's clock may be put forward meanwhile.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// How long a start waits for the end of what it has terminated.
const TERMINATION_LIMIT: Duration = Duration::from_secs(10);

/// Names what tells an orchestrator why it was started: the timer, and the due time in ISO 8601 (absent when started by hand).
const TAG_TIMER: &str = "timer";
const TAG_DUE: &str = "timer-due";

/// What others ask of a timer.
pub(super) enum Command {
    SetPaused(bool, oneshot::Sender<Result<(), EngineError>>),
    Run(oneshot::Sender<Result<(), EngineError>>),
}

pub(super) struct Job {
    pub(super) engine: Engine,
    pub(super) store: Arc<dyn Store>,
    pub(super) registry: Arc<Registry>,
    pub(super) deployment: DeploymentId,
    pub(super) entry: ScheduleEntry,
    /// As the store has it.
    pub(super) state: watch::Sender<ScheduleState>,
    pub(super) commands: mpsc::Receiver<Command>,
}

/// Whether a timer is paused, by hand or by its manifest.
pub(super) fn is_paused(entry: &ScheduleEntry, state: &ScheduleState) -> bool {
    state.paused.unwrap_or(entry.paused)
}

impl Job {
    /// Works until nobody can send commands any more. What has begun is finished first.
    pub(super) async fn run(mut self) {
        loop {
            let pause = match self.work().await {
                Ok(pause) => pause,
                Err(error) => {
                    tracing::warn!(timer = &*self.entry.name, %error, "a timer cannot do what is due; trying again");
                    RETRY_PAUSE
                }
            };
            match tokio::time::timeout(pause, self.commands.recv()).await {
                Ok(Some(command)) => self.obey(command).await,
                Ok(None) => return,
                Err(_) => {}
            }
        }
    }

    /// Does what is due now. Returns how long there is nothing more to do.
    async fn work(&mut self) -> Result<Duration, EngineError> {
        let state = self.state.borrow().clone();
        if is_paused(&self.entry, &state) {
            return Ok(LONGEST_SLEEP);
        }
        let now = clock::now();
        match step(&self.entry.schedule, self.entry.missed, state.handled, now) {
            Step::Wait(until) => return Ok(until.map_or(LONGEST_SLEEP, |due| Duration::from_millis(due.since(now)).min(LONGEST_SLEEP))),
            Step::Fire(due) => self.fire(due).await?,
            Step::Pass(due) => self.put(ScheduleState { handled: due, ..state }).await?,
            Step::GoBack(now) => {
                tracing::warn!(timer = &*self.entry.name, "the machine's clock was put back; the timer goes on from now");
                self.put(ScheduleState { handled: now, ..state }).await?;
            }
        }
        Ok(Duration::ZERO)
    }

    async fn fire(&self, due: Timestamp) -> Result<(), EngineError> {
        if self.registry.current().is_none_or(|app| app.id != self.deployment) {
            return Err(EngineError::Unavailable("another deployment takes over".into()));
        }
        let id = InstanceId::trusted(format!("{}-{}", self.entry.name, compact(&due.to_iso_seconds())));
        let binding = match self.engine.keyed(&self.keyed(Some(due), &id)).await? {
            // It was written though the host did not learn of it.
            Keyed::Accepted(_) => {
                self.started(Some(due), id);
                return Ok(());
            }
            Keyed::First(binding) => binding,
        };
        let state = self.state.borrow().clone();
        if let Some(last) = state.last_instance.clone().filter(|_| self.entry.overlap != Overlap::Allow)
            && self.is_live(&last).await?
        {
            match self.entry.overlap {
                Overlap::TerminateRunning => self.terminate(&last).await?,
                Overlap::Skip | Overlap::Allow => {
                    tracing::info!(timer = &*self.entry.name, running = %last, "what the timer started last still runs: this time is left out");
                    return self.put(ScheduleState { handled: due, ..state }).await;
                }
            }
        }
        match self.engine.start(self.request(Some(due), &id), &binding).await {
            Ok(id) => {
                self.started(Some(due), id);
                Ok(())
            }
            Err(EngineError::Conflict(..)) => {
                tracing::error!(timer = &*self.entry.name, instance = %id, "an instance that the timer did not start has the id of this time's: it is left out");
                self.put(ScheduleState { handled: due, ..state }).await
            }
            Err(error) => Err(error),
        }
    }

    async fn is_live(&self, id: &InstanceId) -> Result<bool, EngineError> {
        Ok(self.engine.head(id).await?.is_some_and(|row| !row.status.is_terminal()))
    }

    async fn terminate(&self, id: &InstanceId) -> Result<(), EngineError> {
        let reason = format!("timer '{}' is due again", self.entry.name);
        match self.engine.terminate(id, Some(reason), true, &Binding::none()).await {
            Ok(()) | Err(EngineError::NotFound(_) | EngineError::Gone(..)) => {}
            Err(error) => return Err(error),
        }
        self.engine.ended(id, Instant::now() + TERMINATION_LIMIT).await?;
        Ok(())
    }

    fn keyed(&self, due: Option<Timestamp>, id: &InstanceId) -> KeyedRequest {
        let app = self.state.borrow().app.clone();
        KeyedRequest::of_timer(TimerStart { app, name: self.entry.name.to_string(), due }, id)
    }

    fn request(&self, due: Option<Timestamp>, id: &InstanceId) -> StartRequest {
        let mut tags = Tags::from([(TAG_TIMER.to_owned(), self.entry.name.to_string())]);
        tags.extend(due.map(|due| (TAG_DUE.to_owned(), due.to_iso_seconds())));
        let (name, input, instance_id) = (self.entry.orchestrator.to_string(), self.entry.input.clone(), Some(id.to_string()));
        StartRequest { name, input, instance_id, tags, ..StartRequest::default() }
    }

    /// Follows in memory what the commit of the start has done to the row.
    fn started(&self, due: Option<Timestamp>, id: InstanceId) {
        self.state.send_modify(|state| {
            state.handled = state.handled.max(due.unwrap_or(state.handled));
            state.last_due = due.or(state.last_due);
            state.last_instance = Some(id);
        });
    }

    async fn put(&self, state: ScheduleState) -> Result<(), EngineError> {
        self.store.put_schedule(state.clone()).await?;
        self.state.send_replace(state);
        Ok(())
    }

    async fn obey(&self, command: Command) {
        // Whoever asked may have gone.
        match command {
            Command::SetPaused(paused, reply) => _ = reply.send(self.set_paused(paused).await),
            Command::Run(reply) => _ = reply.send(self.run_by_hand().await),
        }
    }

    async fn set_paused(&self, paused: bool) -> Result<(), EngineError> {
        let state = self.state.borrow().clone();
        match is_paused(&self.entry, &state) {
            held if held == paused => Ok(()),
            true => self.put(ScheduleState { paused: Some(false), handled: state.handled.max(clock::now()), ..state }).await,
            false => self.put(ScheduleState { paused: Some(true), ..state }).await,
        }
    }

    async fn run_by_hand(&self) -> Result<(), EngineError> {
        // To the millisecond, so that it is no due time's id.
        let id = InstanceId::trusted(format!("{}-{}", self.entry.name, compact(&clock::now().to_iso_millis())));
        match self.engine.keyed(&self.keyed(None, &id)).await? {
            Keyed::Accepted(_) => {}
            Keyed::First(binding) => _ = self.engine.start(self.request(None, &id), &binding).await?,
        }
        self.started(None, id);
        Ok(())
    }
}

/// `2026-01-02T03:04:05Z` as `20260102T030405Z`.
fn compact(iso: &str) -> String {
    iso.replace(['-', ':', '.'], "")
}
