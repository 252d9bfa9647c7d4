//! The writer: one thread, one connection, one command after the other.
//!
//! Commands come over a channel and answers go back over another, so a caller that gives up never
//! stops a database call half-way. Between commands the writer brings the tables up to date, in
//! steps short enough that no commit waits long.

use longhaul_core::{DeploymentId, InstanceId, Timestamp};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::config::SqliteConfig;
use super::database::{AppendStatements, Database, SharedOverlay};
use super::file::{self, ProcessLock};
use crate::contract::{AccessKey, Appended, Batch, Deployment, Error, Purged, ScheduleState};
use crate::projection::cadence::{Cadence, Step};

/// Where an answer goes. Its receiver may be gone.
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

/// The writer's thread: opens the database, says how that went, and carries out commands. Jobs of
/// the store's owner may run beside it.
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
        match file::open(config, overlay).await {
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
    /// When the tables are brought up to date.
    cadence: Cadence,
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
            cadence: Cadence::new(config.project_every, config.project_at_records, Instant::now()),
            flushes: Vec::new(),
            lock,
        }
    }

    /// Carries out commands until the last one, or until no sender is left.
    async fn run(mut self) {
        loop {
            match self.next_command().await {
                Received::Command(Command::Close(reply)) => return self.close(reply).await,
                Received::Command(command) => self.carry_out(command).await,
                Received::Nothing => {}
                // The store was dropped without being closed: the next open finds all in the log.
                Received::Gone => return file::close(self.database.connection).await,
            }
            self.cadence.begin_run_if_due(self.database.backlog(), self.database.last, Instant::now());
            self.step().await;
            while self.cadence.is_overloaded(self.database.backlog()) {
                self.step().await;
            }
        }
    }

    /// The next command. Does not wait while there is something else to do.
    async fn next_command(&mut self) -> Received {
        if self.cadence.is_running() {
            return match self.commands.try_recv() {
                Ok(command) => Received::Command(command),
                Err(mpsc::error::TryRecvError::Empty) => Received::Nothing,
                Err(mpsc::error::TryRecvError::Disconnected) => Received::Gone,
            };
        }
        let received = if self.database.backlog().is_empty() {
            self.commands.recv().await
        } else {
            match tokio::time::timeout_at(self.cadence.next_run(), self.commands.recv()).await {
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
                if was_empty {
                    self.cadence.begin_waiting(Instant::now());
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
                self.cadence.run_to(self.database.last);
            }
            Command::Rebuild(reply) => _ = reply.send(self.database.rebuild().await),
            Command::Close(reply) => _ = reply.send(Err(Error::Unavailable("the store is closing".into()))),
        }
    }

    /// One step of the run that is under way, if there is one.
    async fn step(&mut self) {
        let Some(step) = self.cadence.next_step(self.database.backlog()) else { return };
        let result = match step {
            Step::Project => self.database.project_some().await,
            Step::Trim => self.database.trim_some().await,
            Step::End => Ok(()),
        };
        match result {
            Ok(()) => self.step_done(),
            Err(error) => self.step_failed(&error),
        }
    }

    fn step_done(&mut self) {
        let backlog = self.database.backlog();
        for (_, reply) in self.flushes.extract_if(.., |(position, _)| backlog.is_behind(*position)) {
            let _ = reply.send(Ok(()));
        }
        self.cadence.step_done(backlog, Instant::now());
    }

    fn step_failed(&mut self, error: &Error) {
        let retry_ms = self.cadence.step_failed(Instant::now()).as_millis() as u64;
        tracing::error!(%error, retry_ms, "cannot bring the tables up to date; nothing is lost, trying again");
        for (_, reply) in std::mem::take(&mut self.flushes) {
            let _ = reply.send(Err(Error::Unavailable(error.to_string())));
        }
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
        file::close(self.database.connection).await;
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
