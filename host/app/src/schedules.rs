//! Schedules: orchestrations that the host starts by itself.
//!
//! Each due time starts exactly one instance. What a timer has dealt with stands in a row of its own, and the row changes in the very
//! transaction that holds the start; a start whose answer got lost is found by its key. The timers are those of the current
//! deployment: with each new one all jobs end, rows are brought into line with the manifest, and new jobs begin.
//!
//! - [`plan`]: what is to be done now. `job`: one timer at work.

pub mod plan;

mod job;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use longhaul_core::{InstanceId, Timestamp};
use longhaul_engine::clock;
use longhaul_engine::{Engine, EngineError};
use longhaul_store::{Error as StoreError, ScheduleState, Store};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::manifest::ScheduleEntry;
use crate::{App, Registry};
use job::{Command, Job};

/// How long until a store that failed is asked again.
const RETRY_PAUSE: Duration = Duration::from_millis(500);

/// The timers of the current deployment at work.
pub struct Schedules {
    running: Arc<Mutex<BTreeMap<String, Running>>>,
    stop: watch::Sender<bool>,
    manager: Mutex<Option<JoinHandle<()>>>,
}

/// One timer's job, from outside.
struct Running {
    entry: ScheduleEntry,
    commands: mpsc::Sender<Command>,
    state: watch::Receiver<ScheduleState>,
    job: JoinHandle<()>,
}

/// How a timer stands.
#[derive(Clone, Debug)]
pub struct ScheduleStatus {
    /// What the manifest says of it.
    pub entry: ScheduleEntry,
    /// Whether it is paused.
    pub paused: bool,
    /// When it is due next; absent while it is paused.
    pub next_due: Option<Timestamp>,
    /// The due time for which it last started something.
    pub last_due: Option<Timestamp>,
    /// What it started last, by its schedule or by hand.
    pub last_instance: Option<InstanceId>,
}

impl Schedules {
    /// Runs the timers of whatever deployment is current, until [`Schedules::stop`].
    pub fn run(engine: Engine, registry: Arc<Registry>, store: Arc<dyn Store>) -> Self {
        let running = Arc::default();
        let stop = watch::Sender::new(false);
        let manager = tokio::spawn(manage(engine, registry, store, Arc::clone(&running), stop.subscribe()));
        Self { running, stop, manager: Mutex::new(Some(manager)) }
    }

    /// Ends all jobs; starts under way are finished first. To be called before the engine stops.
    pub async fn stop(&self) {
        self.stop.send_replace(true);
        let manager = self.manager.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(manager) = manager {
            // A job that panicked has said so already.
            let _ = manager.await;
        }
    }

    /// All timers of the current deployment, ordered by name.
    pub fn list(&self) -> Vec<ScheduleStatus> {
        lock(&self.running).values().map(Running::status).collect()
    }

    /// Pauses a timer: it skips its due times. One that is paused already stays so.
    ///
    /// # Errors
    /// [`EngineError::Invalid`] if there is no such timer; the store's.
    pub async fn pause(&self, name: &str) -> Result<ScheduleStatus, EngineError> {
        self.ask(name, |reply| Command::SetPaused(true, reply)).await
    }

    /// Resumes a timer with its next due time; those that it skipped are not made up for.
    ///
    /// # Errors
    /// As for [`Schedules::pause`].
    pub async fn resume(&self, name: &str) -> Result<ScheduleStatus, EngineError> {
        self.ask(name, |reply| Command::SetPaused(false, reply)).await
    }

    /// Starts what the timer starts, now and besides its schedule, whatever runs and even if it is paused.
    ///
    /// # Errors
    /// As for [`Schedules::pause`].
    pub async fn run_now(&self, name: &str) -> Result<ScheduleStatus, EngineError> {
        self.ask(name, Command::Run).await
    }

    async fn ask(
        &self,
        name: &str,
        command: impl FnOnce(oneshot::Sender<Result<(), EngineError>>) -> Command,
    ) -> Result<ScheduleStatus, EngineError> {
        let key = name.to_ascii_lowercase();
        let commands = lock(&self.running).get(&key).map(|timer| timer.commands.clone());
        let commands = commands.ok_or_else(|| self.unknown(name))?;
        let (reply, done) = oneshot::channel();
        let changed = || EngineError::Unavailable("the timers change with a new deployment".into());
        commands.send(command(reply)).await.map_err(|_| changed())?;
        done.await.map_err(|_| changed())??;
        lock(&self.running).get(&key).map(Running::status).ok_or_else(changed)
    }

    fn unknown(&self, name: &str) -> EngineError {
        let known: Vec<_> = lock(&self.running).values().map(|timer| timer.entry.name.to_string()).collect();
        let known = if known.is_empty() { "it has none".to_owned() } else { format!("it has: {}", known.join(", ")) };
        EngineError::Invalid(format!("the current deployment has no timer '{name}'; {known}"))
    }
}

impl Running {
    fn status(&self) -> ScheduleStatus {
        let state = self.state.borrow().clone();
        let paused = job::is_paused(&self.entry, &state);
        ScheduleStatus {
            paused,
            next_due: self.entry.schedule.next(state.handled).filter(|_| !paused),
            last_due: state.last_due,
            last_instance: state.last_instance,
            entry: self.entry.clone(),
        }
    }
}

fn lock(running: &Mutex<BTreeMap<String, Running>>) -> MutexGuard<'_, BTreeMap<String, Running>> {
    running.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn manage(
    engine: Engine,
    registry: Arc<Registry>,
    store: Arc<dyn Store>,
    running: Arc<Mutex<BTreeMap<String, Running>>>,
    mut stop: watch::Receiver<bool>,
) {
    let mut changes = registry.changes();
    loop {
        let app = changes.borrow_and_update().clone();
        let begun = begin(&engine, &registry, &store, app.as_deref()).await;
        let retry = begun.is_err();
        match begun {
            Ok(jobs) => *lock(&running) = jobs,
            Err(error) => tracing::warn!(%error, "cannot read the timers; trying again"),
        }
        let stopping = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => true,
            changed = changes.changed() => changed.is_err(),
            () = tokio::time::sleep(RETRY_PAUSE), if retry => false,
        };
        let jobs = std::mem::take(&mut *lock(&running));
        for Running { commands, job, .. } in jobs.into_values() {
            // Without anyone who could send commands the job ends.
            drop(commands);
            let _ = job.await;
        }
        if stopping {
            return;
        }
    }
}

/// Brings the rows into line with the manifest and begins a job for each timer.
async fn begin(
    engine: &Engine,
    registry: &Arc<Registry>,
    store: &Arc<dyn Store>,
    app: Option<&App>,
) -> Result<BTreeMap<String, Running>, StoreError> {
    let Some(app) = app else { return Ok(BTreeMap::new()) };
    let mut rows = store.schedules().await?;
    let is_known = |row: &ScheduleState| row.app == app.name && app.timers.iter().any(|entry| *entry.name == *row.name);
    for row in rows.extract_if(.., |row| !is_known(row)) {
        store.remove_schedule(&row.app, &row.name).await?;
    }
    let mut jobs = BTreeMap::new();
    for entry in &app.timers {
        let row = rows.iter().find(|row| *row.name == *entry.name);
        let state = state_for(&app.name, entry, row, clock::now());
        if row != Some(&state) {
            store.put_schedule(state.clone()).await?;
        }
        let (commands, received) = mpsc::channel(16);
        let (shown, seen) = watch::channel(state);
        let job = Job {
            engine: engine.clone(),
            store: store.clone(),
            registry: registry.clone(),
            deployment: app.id,
            entry: entry.clone(),
            state: shown,
            commands: received,
        };
        let running = Running { entry: entry.clone(), commands, state: seen, job: tokio::spawn(job.run()) };
        jobs.insert(entry.name.to_ascii_lowercase(), running);
    }
    Ok(jobs)
}

/// Where a timer goes on. One that is new, or has other times than before, begins now: nothing before counts as missed.
fn state_for(app: &str, entry: &ScheduleEntry, row: Option<&ScheduleState>, now: Timestamp) -> ScheduleState {
    let held = if entry.paused { ", paused" } else { "" };
    let plan = format!("{:?}{held}", entry.schedule);
    match row {
        Some(row) if row.plan == plan => row.clone(),
        // Who pauses in the manifest, or stops to, overrules what was done by hand before.
        Some(row) => {
            let paused = row.paused.filter(|_| row.plan.ends_with(", paused") == entry.paused);
            ScheduleState { plan, paused, handled: now, ..row.clone() }
        }
        None => ScheduleState {
            app: app.to_owned(),
            name: entry.name.to_string(),
            plan,
            paused: None,
            handled: now,
            last_due: None,
            last_instance: None,
        },
    }
}
