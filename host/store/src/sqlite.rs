//! The store on SQLite.
//!
//! The log is a table that only grows at its end; the table of instances is a projection of it that
//! lags by up to a second. What the tables do not know yet, memory does (`projection`), so
//! that every answer is as of the last append.
//!
//! - `writer`: the thread that owns the only writing connection (`database`); `append` with `late`,
//!   `projector` with `trim`, `recovery`, `purge`, `idempotency`, `schedules`, `access_keys` and
//!   `deployments` are what it does.
//! - `readers`: the read-only connections; `chain` with `long_chain`, `query`, `lists`,
//!   `idempotency`, `schedules`, `access_keys` and `deployments` are what they run.
//! - `file` and `config`: how a file is opened. `rows`, `bulk`, `error`: how values, long inserts
//!   and errors look in SQLite.

mod access_keys;
mod append;
mod bulk;
mod chain;
mod config;
mod database;
mod deployments;
mod error;
mod file;
mod idempotency;
mod late;
mod lists;
mod long_chain;
mod projector;
mod purge;
mod query;
mod readers;
mod recovery;
mod rows;
mod schedules;
mod trim;
mod writer;

use std::thread::JoinHandle;

use longhaul_core::{DeploymentId, InstanceId, InstanceRow, Timestamp};
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

pub use config::SqliteConfig;

use crate::contract::{
    AccessKey, AccessKeys, Appended, Batch, ChainRecord, Deployment, Deployments, EntityQuery, Error, IdempotencyNote, IdempotencyNotes,
    InstanceQuery, Instances, Job, JobHandle, Log, Page, Payloads, Position, Purged, ScheduleState, Schedules, Store, StoreFuture, TooLong,
    WriterThread, check_digests,
};
use crate::projection::fold::current_row;
use crate::projection::list::{ListQuery, Pending, page};
use crate::projection::overlay::InTables;
use database::{AppendStatements, SharedOverlay};
use readers::Readers;
use writer::{Command, MAX_WAITING, Reply};

/// A store in one SQLite file. One per process and file.
///
/// Dropping it without [`Store::close`] loses nothing: it waits for the command that runs, and the
/// next open finds the rest in the log.
#[derive(Debug)]
pub struct SqliteStore {
    commands: mpsc::Sender<Command>,
    overlay: SharedOverlay,
    append_statements: AppendStatements,
    writers_runtime: Handle,
    readers: Readers,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl SqliteStore {
    /// Opens the database, creating its directory and the file if missing, and brings its tables up
    /// to date with the log.
    ///
    /// # Errors
    /// [`Error::Refused`] when the file is in use, foreign, written by a newer version, or when
    /// SQLite is too old or does not take a setting: the text names the file and the reason, and
    /// the file is left as it was.
    pub async fn open(config: SqliteConfig) -> Result<Self, Error> {
        let overlay = SharedOverlay::default();
        let (commands, received) = mpsc::channel(MAX_WAITING);
        let (opened, answer) = oneshot::channel();
        let (writer_config, writer_overlay) = (config.clone(), overlay.clone());
        let work = move || writer::run_thread(&writer_config, writer_overlay, received, opened);
        let thread = std::thread::Builder::new().name("longhaul-store".into()).spawn(work);
        let thread = thread.map_err(|error| Error::Unavailable(format!("cannot start the writer's thread: {error}")))?;
        let opened = answer.await;
        let (append_statements, writers_runtime) =
            opened.map_err(|_| Error::Unavailable("the writer's thread ended while it opened the database".into()))??;
        let readers = Readers::open(&config).await?;
        Ok(Self { commands, overlay, append_statements, writers_runtime, readers, thread: Mutex::new(Some(thread)) })
    }

    /// Sends a command to the writer and waits for its answer.
    async fn ask<T>(&self, command: impl FnOnce(Reply<T>) -> Command) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(command(reply)).await.map_err(|_| Error::Unavailable("the store is closed".into()))?;
        answer.await.map_err(|_| Error::Unknown("the writer ended while it was at work".into()))?
    }

    /// A page of a list as of now.
    async fn page(&self, query: ListQuery, conditions: lists::Conditions) -> Result<Page, Error> {
        let pending = Pending::of(&self.overlay.lock(), &query);
        let (page, is_whole) = self.page_with(&query, &conditions, pending).await?;
        if is_whole {
            return Ok(page);
        }
        self.flush().await?;
        let (page, _) = self.page_with(&query, &conditions, Pending::nothing(&query)).await?;
        Ok(page)
    }

    async fn page_with(&self, query: &ListQuery, conditions: &lists::Conditions, pending: Pending) -> Result<(Page, bool), Error> {
        self.readers.with(async |connection| page(&mut lists::InstancesTable { connection, conditions }, query, pending).await).await
    }

    /// Makes the tables show every record that was appended before.
    async fn flush(&self) -> Result<(), Error> {
        if self.overlay.lock().is_empty() {
            return Ok(());
        }
        self.ask(Command::Flush).await
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        // The writer ends once no sender of commands is left. Its lock is free when this returns,
        // so the file can be opened again at once.
        self.commands = mpsc::channel(1).0;
        let thread = self.thread.lock().take();
        // A job beside the writer may be the last to drop the store, and no thread can wait for
        // itself.
        let thread = thread.filter(|thread| thread.thread().id() != std::thread::current().id());
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the writer's thread panicked");
        }
    }
}

impl Log for SqliteStore {
    fn append(&self, batch: Batch) -> StoreFuture<'_, Appended> {
        Box::pin(self.ask(|reply| Command::Append(batch, reply)))
    }

    fn read_chain(&self, tail: Position) -> StoreFuture<'_, Vec<ChainRecord>> {
        Box::pin(self.readers.with(async move |connection| chain::read_chain(connection, tail).await))
    }

    fn read_chain_within(&self, tail: Position, max_bytes: u64) -> StoreFuture<'_, Result<Vec<ChainRecord>, TooLong>> {
        Box::pin(self.readers.with(async move |connection| long_chain::read_within(connection, tail, max_bytes).await))
    }

    fn read_chains(&self, tails: Vec<Position>) -> StoreFuture<'_, Vec<Vec<ChainRecord>>> {
        Box::pin(self.readers.with(async move |connection| chain::read_chains(connection, &tails).await))
    }

    fn read_chains_within(&self, tails: Vec<Position>, max_bytes_each: u64) -> StoreFuture<'_, Vec<Result<Vec<ChainRecord>, TooLong>>> {
        Box::pin(self.readers.with(async move |connection| chain::read_chains_within(connection, &tails, max_bytes_each).await))
    }

    fn with_work(&self) -> StoreFuture<'_, Vec<InstanceId>> {
        Box::pin(async move {
            self.flush().await?;
            self.readers.with(query::with_work).await
        })
    }

    fn due(&self, before: Timestamp, limit: u32) -> StoreFuture<'_, Vec<(InstanceId, Timestamp)>> {
        Box::pin(async move {
            self.flush().await?;
            self.readers.with(async |connection| query::due(connection, before, limit).await).await
        })
    }

    fn ahead_of(&self, now: Timestamp, after: (Timestamp, InstanceId), limit: u32) -> StoreFuture<'_, Vec<(InstanceId, Timestamp)>> {
        Box::pin(async move {
            self.flush().await?;
            self.readers.with(async |connection| query::ahead_of(connection, now, &after, limit).await).await
        })
    }

    fn purge(&self, instances: Vec<InstanceId>) -> StoreFuture<'_, Purged> {
        Box::pin(self.ask(|reply| Command::Purge(instances, reply)))
    }
}

impl Instances for SqliteStore {
    fn instance(&self, id: &InstanceId) -> StoreFuture<'_, Option<InstanceRow>> {
        let id = id.clone();
        Box::pin(async move {
            // Memory first, the table second: see the overlay for why this order misses nothing.
            let pending = self.overlay.lock().get(&id).cloned();
            let stored = match &pending {
                Some(entry) if entry.in_tables != InTables::Row => None,
                Some(_) | None => self.readers.with(async |connection| query::read_row(connection, &id).await).await?,
            };
            Ok(match pending {
                Some(entry) => current_row(&entry, stored),
                None => stored.map(|stored| stored.row),
            })
        })
    }

    fn instance_within(
        &self,
        id: &InstanceId,
        payloads: Payloads,
        max_bytes: u64,
    ) -> StoreFuture<'_, Result<Option<InstanceRow>, TooLong>> {
        let id = id.clone();
        Box::pin(async move {
            let pending = self.overlay.lock().get(&id).cloned();
            let stored = match &pending {
                Some(entry) if entry.in_tables != InTables::Row => None,
                Some(_) | None => {
                    let read = async |connection: &mut _| query::read_row_within(connection, &id, payloads, max_bytes).await;
                    match self.readers.with(read).await? {
                        Ok(stored) => stored,
                        Err(too_long) => return Ok(Err(too_long)),
                    }
                }
            };
            let row = match pending {
                Some(entry) => current_row(&entry, stored),
                None => stored.map(|stored| stored.row),
            };
            Ok(row.map(|row| payloads.within(row, max_bytes)).transpose())
        })
    }

    fn tail(&self, id: &InstanceId) -> StoreFuture<'_, Option<Position>> {
        let id = id.clone();
        Box::pin(async move {
            let pending = self.overlay.lock().tail(&id);
            match pending {
                Some(position) => Ok(Some(Position(position))),
                None => self.readers.with(async |connection| chain::read_tail(connection, &id).await).await,
            }
        })
    }

    fn list(&self, query: InstanceQuery) -> StoreFuture<'_, Page> {
        Box::pin(async move {
            let conditions = lists::Conditions::of_instances(&query)?;
            self.page(ListQuery::of_instances(query), conditions).await
        })
    }

    fn list_entities(&self, query: EntityQuery) -> StoreFuture<'_, Page> {
        let conditions = lists::Conditions::of_entities(&query);
        Box::pin(self.page(ListQuery::of_entities(query), conditions))
    }

    fn deployment_in_use(&self, deployment: DeploymentId) -> StoreFuture<'_, bool> {
        Box::pin(async move {
            self.flush().await?;
            self.readers.with(async |connection| query::deployment_in_use(connection, deployment).await).await
        })
    }
}

impl Deployments for SqliteStore {
    fn deploy(&self, deployment: Deployment, components: Vec<(String, Vec<u8>)>) -> StoreFuture<'_, DeploymentId> {
        Box::pin(async move {
            check_digests(&components)?;
            self.ask(|reply| Command::Deploy(Box::new(deployment), components, reply)).await
        })
    }

    fn current(&self) -> StoreFuture<'_, Option<Deployment>> {
        Box::pin(self.readers.with(async |connection| deployments::read_one(connection, None).await))
    }

    fn deployment(&self, id: DeploymentId) -> StoreFuture<'_, Option<Deployment>> {
        Box::pin(self.readers.with(async move |connection| deployments::read_one(connection, Some(id)).await))
    }

    fn deployments(&self) -> StoreFuture<'_, Vec<Deployment>> {
        Box::pin(self.readers.with(deployments::read_all))
    }

    fn component(&self, sha256: &str) -> StoreFuture<'_, Option<Vec<u8>>> {
        let sha256 = sha256.to_owned();
        Box::pin(self.readers.with(async move |connection| deployments::read_component(connection, &sha256).await))
    }
}

impl IdempotencyNotes for SqliteStore {
    fn idempotency_note(&self, key: &str) -> StoreFuture<'_, Option<IdempotencyNote>> {
        let key = key.to_owned();
        Box::pin(self.readers.with(async move |connection| idempotency::read(connection, &key).await))
    }

    fn forget_idempotency_notes(&self, before: Timestamp, limit: u32) -> StoreFuture<'_, u32> {
        Box::pin(self.ask(move |reply| Command::ForgetKeys { before, limit, reply }))
    }
}

impl Schedules for SqliteStore {
    fn schedules(&self) -> StoreFuture<'_, Vec<ScheduleState>> {
        Box::pin(self.readers.with(schedules::read_all))
    }

    fn put_schedule(&self, timer: ScheduleState) -> StoreFuture<'_, ()> {
        Box::pin(self.ask(|reply| Command::PutTimer(Box::new(timer), reply)))
    }

    fn remove_schedule(&self, app: &str, name: &str) -> StoreFuture<'_, ()> {
        let (app, name) = (app.to_owned(), name.to_owned());
        Box::pin(self.ask(|reply| Command::RemoveTimer { app, name, reply }))
    }
}

impl AccessKeys for SqliteStore {
    fn access_keys(&self) -> StoreFuture<'_, Vec<AccessKey>> {
        Box::pin(self.readers.with(access_keys::read_all))
    }

    fn put_access_key(&self, key: AccessKey) -> StoreFuture<'_, ()> {
        Box::pin(self.ask(|reply| Command::PutAccessKey(key, reply)))
    }

    fn remove_access_key(&self, scope: &str, name: &str) -> StoreFuture<'_, ()> {
        let (scope, name) = (scope.to_owned(), name.to_owned());
        Box::pin(self.ask(|reply| Command::RemoveAccessKey { scope, name, reply }))
    }
}

impl Store for SqliteStore {
    fn close(&self) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            // Readers first: the last connection to close moves the write-ahead log into the
            // database file.
            self.readers.close().await;
            self.ask(Command::Close).await
        })
    }

    fn rebuild(&self) -> StoreFuture<'_, ()> {
        Box::pin(self.ask(Command::Rebuild))
    }
}

impl WriterThread for SqliteStore {
    fn run(&self, job: Job) -> JobHandle {
        self.writers_runtime.spawn(job)
    }

    fn append_statements(&self) -> u64 {
        self.append_statements.count()
    }
}
