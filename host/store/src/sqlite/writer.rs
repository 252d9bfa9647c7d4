//! The writer: one thread, one connection, one command after the other.
//!
//! Commands come over a channel and answers go back over another, so a caller that gives up never stops a database call half-way.
//! Between commands the writer brings the tables up to date, in steps short enough that no commit waits long.

use std::time::Duration;

use longhaul_core::{DeploymentId, InstanceId, Timestamp};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::config::SqliteConfig;
use super::database::{AppendStatements, Database, SharedOverlay};
use super::lock::ProcessLock;
use super::open;
use crate::contract::{AccessKey, Appended, Batch, Deployment, Error, Purged, ScheduleState};

/// Where an answer goes. Nobody may be waiting for it any more.
pub(super) type Reply<T> = oneshot::Sender<Result<T, Error>>;

/// What the writer is asked to do.
pub(super) enum Command {
    Append(Batch, Reply<Appended>),
    Purge(Vec<InstanceId>, Reply<Purged>),
    Deploy(Box<Deployment>, Vec<(String, Vec<u8>)>, Reply<DeploymentId>),
    PutTimer(Box<ScheduleState>, Reply<()>),
    RemoveTimer {
        app: String,
        name: String,
        reply: Reply<()>,
    },
    PutAccessKey(AccessKey, Reply<()>),
    RemoveAccessKey {
        scope: String,
        name: String,
        reply: Reply<()>,
    },
    ForgetKeys {
        before: Timestamp,
        limit: u32,
        reply: Reply<u32>,
    },
    /// Brings the tables up to date with all that was appended before.
    Flush(Reply<()>),
    Rebuild(Reply<()>),
    /// The last command: flushes, closes the database and ends the writer.
    Close(Reply<()>),
}

/// Commands that wait at most; further callers wait for room.
pub(super) const MAX_WAITING: usize = 64;
/// Bytes of pending records at which the tables are brought up to date early.
const PROJECT_AT_BYTES: usize = 16 << 20;
/// Appends wait for the projection once this many times as much is pending as begins it early.
const HARD_LIMIT_FACTOR: usize = 4;
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LONGEST_RETRY: Duration = Duration::from_secs(30);

/// The writer's thread: opens the database, says how that went, and carries out commands. Jobs of the store's owner may run beside it.
pub(super) fn run_thread(
    config: &SqliteConfig,
    overlay: SharedOverlay,
    commands: mpsc::Receiver<Command>,
    opened: Reply<(AppendStatements, Handle)>,
) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_time().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = opened.send(Err(Error::Unavailable(format!("cannot start the writer: {error}"))));
            return;
        }
    };
    runtime.block_on(async {
        match open::open(config, overlay).await {
            Ok((lock, database)) => {
                let counted = database.append_statements.clone();
                let writer = Writer::new(config, lock, database, commands);
                let _ = opened.send(Ok((counted, Handle::current())));
                writer.run().await;
            }
            Err(error) => _ = opened.send(Err(error)),
        }
    });
}

/// The writer's state.
struct Writer {
    database: Database,
    commands: mpsc::Receiver<Command>,
    project_every: Duration,
    project_at_records: usize,
    /// When the tables are next brought up to date.
    next_run: Instant,
    /// The run that is under way ends once all records up to this position are projected.
    goal: Option<i64>,
    /// Delay before the next attempt after a failure of the projection.
    retry: Duration,
    /// Callers that wait until a position is projected.
    flushes: Vec<(i64, Reply<()>)>,
    /// Dropped last: as long as the database is open, no other process may have it.
    lock: ProcessLock,
}

impl Writer {
    fn new(config: &SqliteConfig, lock: ProcessLock, database: Database, commands: mpsc::Receiver<Command>) -> Self {
        Self {
            database,
            commands,
            project_every: config.project_every,
            project_at_records: config.project_at_records.max(1),
            next_run: Instant::now(),
            goal: None,
            retry: FIRST_RETRY,
            flushes: Vec::new(),
            lock,
        }
    }

    /// Carries out commands until the last one, or until nobody can send any.
    async fn run(mut self) {
        loop {
            match self.next_command().await {
                Received::Command(Command::Close(reply)) => return self.close(reply).await,
                Received::Command(command) => self.carry_out(command).await,
                Received::Nothing => {}
                // The store was dropped without being closed: the next open finds all in the log.
                Received::Gone => return open::close(self.database.connection).await,
            }
            self.begin_run_if_due();
            self.step().await;
            while self.is_overloaded() {
                self.step().await;
            }
        }
    }

    /// The next command. Does not wait while there is something else to do.
    async fn next_command(&mut self) -> Received {
        if self.has_step() {
            return match self.commands.try_recv() {
                Ok(command) => Received::Command(command),
                Err(mpsc::error::TryRecvError::Empty) => Received::Nothing,
                Err(mpsc::error::TryRecvError::Disconnected) => Received::Gone,
            };
        }
        let idle = self.database.overlay.lock().is_empty() && !self.database.garbage;
        let received = if idle {
            self.commands.recv().await
        } else {
            match tokio::time::timeout_at(self.next_run, self.commands.recv()).await {
                Ok(received) => received,
                Err(_) => return Received::Nothing,
            }
        };
        received.map_or(Received::Gone, Received::Command)
    }

    async fn carry_out(&mut self, command: Command) {
        match command {
            Command::Append(batch, reply) => {
                let was_empty = self.database.overlay.lock().is_empty();
                let result = self.database.append(batch).await;
                if was_empty && self.retry == FIRST_RETRY {
                    self.next_run = Instant::now() + self.project_every;
                }
                let _ = reply.send(result);
            }
            Command::Purge(instances, reply) => _ = reply.send(self.database.purge(instances).await),
            Command::Deploy(deployment, components, reply) => _ = reply.send(self.database.deploy(*deployment, components).await),
            Command::PutTimer(timer, reply) => _ = reply.send(self.database.put_schedule(*timer).await),
            Command::RemoveTimer { app, name, reply } => _ = reply.send(self.database.remove_schedule(app, name).await),
            Command::PutAccessKey(key, reply) => _ = reply.send(self.database.put_access_key(key).await),
            Command::RemoveAccessKey { scope, name, reply } => _ = reply.send(self.database.remove_access_key(scope, name).await),
            Command::ForgetKeys { before, limit, reply } => _ = reply.send(self.database.forget_idempotency_notes(before, limit).await),
            Command::Flush(reply) => {
                self.flushes.push((self.database.last, reply));
                self.goal = Some(self.database.last);
            }
            Command::Rebuild(reply) => _ = reply.send(self.database.rebuild().await),
            Command::Close(reply) => _ = reply.send(Err(Error::Unavailable("the store is closing".into()))),
        }
    }

    fn has_step(&self) -> bool {
        self.goal.is_some()
    }

    fn begin_run_if_due(&mut self) {
        let now = Instant::now();
        let backing_off = self.retry > FIRST_RETRY && now < self.next_run;
        let (pending, bytes) = {
            let overlay = self.database.overlay.lock();
            (overlay.len(), overlay.bytes())
        };
        let many = pending >= self.project_at_records || bytes >= PROJECT_AT_BYTES;
        let due = pending > 0 && now >= self.next_run;
        if due || self.database.garbage && now >= self.next_run || many && !backing_off {
            self.goal = self.goal.max(Some(self.database.last));
        }
    }

    /// Whether so much is pending that appends must wait. Not while the projection fails: appends fail by themselves then, or succeed.
    fn is_overloaded(&self) -> bool {
        let overlay = self.database.overlay.lock();
        let too_many = overlay.len() > self.project_at_records.saturating_mul(HARD_LIMIT_FACTOR);
        self.has_step() && (too_many || overlay.bytes() > PROJECT_AT_BYTES * HARD_LIMIT_FACTOR)
    }

    /// One step of the run that is under way, if there is one.
    async fn step(&mut self) {
        let Some(goal) = self.goal else { return };
        let oldest = self.database.overlay.lock().oldest();
        let projecting = oldest.is_some_and(|oldest| oldest <= goal);
        let result = match projecting {
            true => self.database.project_some().await,
            false if self.database.garbage => self.database.trim_some().await,
            false => Ok(()),
        };
        match result {
            Ok(()) => self.step_done(goal),
            Err(error) => self.step_failed(&error),
        }
    }

    fn step_done(&mut self, goal: i64) {
        self.retry = FIRST_RETRY;
        let oldest = self.database.overlay.lock().oldest();
        let projected = |position: i64| oldest.is_none_or(|oldest| oldest > position);
        let (done, waiting) = std::mem::take(&mut self.flushes).into_iter().partition(|(position, _)| projected(*position));
        self.flushes = waiting;
        let done: Vec<(i64, Reply<()>)> = done;
        for (_, reply) in done {
            let _ = reply.send(Ok(()));
        }
        if projected(goal) && !self.database.garbage {
            self.goal = None;
            self.next_run = Instant::now() + self.project_every;
        }
    }

    fn step_failed(&mut self, error: &Error) {
        tracing::error!(%error, retry_ms = self.retry.as_millis() as u64, "cannot bring the tables up to date; nothing is lost, trying again");
        for (_, reply) in std::mem::take(&mut self.flushes) {
            let _ = reply.send(Err(Error::Unavailable(error.to_string())));
        }
        self.goal = None;
        self.next_run = Instant::now() + self.retry;
        self.retry = (self.retry * 2).min(LONGEST_RETRY);
    }

    async fn close(mut self, reply: Reply<()>) {
        self.commands.close();
        while let Some(command) = self.commands.recv().await {
            refuse(command);
        }
        let result = self.database.flush().await;
        for (_, waiting) in self.flushes {
            let answer = if result.is_ok() { Ok(()) } else { Err(Error::Unavailable("the store is closed".into())) };
            let _ = waiting.send(answer);
        }
        open::close(self.database.connection).await;
        drop(self.lock);
        let _ = reply.send(result);
    }
}

enum Received {
    Command(Command),
    Nothing,
    Gone,
}

fn refuse(command: Command) {
    let closed = || Error::Unavailable("the store is closed".into());
    match command {
        Command::Append(_, reply) => _ = reply.send(Err(closed())),
        Command::Purge(_, reply) => _ = reply.send(Err(closed())),
        Command::ForgetKeys { reply, .. } => _ = reply.send(Err(closed())),
        Command::Deploy(_, _, reply) => _ = reply.send(Err(closed())),
        Command::PutTimer(_, reply) | Command::RemoveTimer { reply, .. } => _ = reply.send(Err(closed())),
        Command::PutAccessKey(_, reply) | Command::RemoveAccessKey { reply, .. } => _ = reply.send(Err(closed())),
        Command::Flush(reply) | Command::Rebuild(reply) | Command::Close(reply) => _ = reply.send(Err(closed())),
    }
}
