//! A store that asks before every call whether, when and how it is to succeed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use longhaul_core::record::NewRecord;
use longhaul_core::{DeploymentId, InstanceId, InstanceRow, Timestamp};
use longhaul_engine::Simulated;
use longhaul_store::{
    AccessKey, AccessKeys, Appended, Batch, ChainRecord, Deployment, Deployments, EntityQuery, Error, IdempotencyNote, IdempotencyNotes,
    InstanceQuery, Instances, Log, MemoryStore, Page, Position, Purged, ScheduleState, Schedules, Store, StoreFuture,
};

/// What a call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Appends records.
    Append,
    /// Changes something else.
    Write,
    /// Changes nothing.
    Read,
}

/// How a call ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Well.
    Proceed,
    /// With an error, and nothing is done.
    FailBefore,
    /// With an error after all has been done.
    FailAfter,
    /// Never, and nothing is done.
    HangBefore,
    /// Never, after all has been done.
    HangAfter,
}

/// Decides on calls.
pub trait Gate: Send + Sync {
    /// Answers when the call may begin.
    fn pass(&self, kind: Kind) -> Simulated<Verdict>;

    /// Answers when its caller may learn of its end.
    fn leave(&self) -> Simulated<()>;
}

/// A store in memory behind a gate.
pub struct GatedStore {
    /// What is really stored.
    pub inner: MemoryStore,
    gate: Arc<dyn Gate>,
    log: Mutex<Vec<Arc<NewRecord>>>,
    failures: AtomicU64,
}

impl GatedStore {
    /// An empty store.
    pub fn new(gate: Arc<dyn Gate>) -> Self {
        Self { inner: MemoryStore::new(), gate, log: Mutex::default(), failures: AtomicU64::new(0) }
    }

    /// All records that were ever appended, in order.
    pub fn log(&self) -> Vec<Arc<NewRecord>> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many calls have ended with an error so far.
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    fn call<'a, T: Send + 'a>(
        &'a self,
        kind: Kind,
        work: impl FnOnce(&'a MemoryStore) -> StoreFuture<'a, T> + Send + 'a,
    ) -> StoreFuture<'a, T> {
        Box::pin(async move {
            let verdict = self.gate.pass(kind).await;
            let error = |text: &str| {
                self.failures.fetch_add(1, Ordering::Relaxed);
                text.to_owned()
            };
            match verdict {
                Verdict::Proceed => {
                    let done = work(&self.inner).await;
                    self.gate.leave().await;
                    done
                }
                Verdict::FailBefore => Err(Error::Unavailable(error("the call failed as it was to"))),
                Verdict::FailAfter => {
                    work(&self.inner).await?;
                    let text = error("the answer was lost as it was to be");
                    Err(if kind == Kind::Read { Error::Unavailable(text) } else { Error::Unknown(text) })
                }
                Verdict::HangBefore => std::future::pending().await,
                Verdict::HangAfter => {
                    work(&self.inner).await?;
                    std::future::pending().await
                }
            }
        })
    }

    fn note(&self, batch: &Batch) {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.extend(batch.records.iter().map(|encoded| encoded.record.clone()));
    }
}

impl Log for GatedStore {
    fn append(&self, batch: Batch) -> StoreFuture<'_, Appended> {
        let kind = if batch.records.is_empty() && batch.keys.is_empty() { Kind::Read } else { Kind::Append };
        self.call(kind, move |inner| {
            self.note(&batch);
            inner.append(batch)
        })
    }

    fn read_chain(&self, tail: Position) -> StoreFuture<'_, Vec<ChainRecord>> {
        self.call(Kind::Read, move |inner| inner.read_chain(tail))
    }

    fn with_work(&self) -> StoreFuture<'_, Vec<InstanceId>> {
        self.call(Kind::Read, |inner| inner.with_work())
    }

    fn due(&self, before: Timestamp, limit: u32) -> StoreFuture<'_, Vec<(InstanceId, Timestamp)>> {
        self.call(Kind::Read, move |inner| inner.due(before, limit))
    }

    fn ahead_of(&self, now: Timestamp, after: (Timestamp, InstanceId), limit: u32) -> StoreFuture<'_, Vec<(InstanceId, Timestamp)>> {
        self.call(Kind::Read, move |inner| inner.ahead_of(now, after, limit))
    }

    fn purge(&self, instances: Vec<InstanceId>) -> StoreFuture<'_, Purged> {
        self.call(Kind::Write, move |inner| inner.purge(instances))
    }
}

impl Instances for GatedStore {
    fn instance(&self, id: &InstanceId) -> StoreFuture<'_, Option<InstanceRow>> {
        let id = id.clone();
        self.call(Kind::Read, move |inner| inner.instance(&id))
    }

    fn tail(&self, id: &InstanceId) -> StoreFuture<'_, Option<Position>> {
        let id = id.clone();
        self.call(Kind::Read, move |inner| inner.tail(&id))
    }

    fn list(&self, query: InstanceQuery) -> StoreFuture<'_, Page> {
        self.call(Kind::Read, move |inner| inner.list(query))
    }

    fn list_entities(&self, query: EntityQuery) -> StoreFuture<'_, Page> {
        self.call(Kind::Read, move |inner| inner.list_entities(query))
    }

    fn deployment_in_use(&self, deployment: DeploymentId) -> StoreFuture<'_, bool> {
        self.call(Kind::Read, move |inner| inner.deployment_in_use(deployment))
    }
}

impl Deployments for GatedStore {
    fn deploy(&self, deployment: Deployment, components: Vec<(String, Vec<u8>)>) -> StoreFuture<'_, DeploymentId> {
        self.call(Kind::Write, move |inner| inner.deploy(deployment, components))
    }

    fn current(&self) -> StoreFuture<'_, Option<Deployment>> {
        self.call(Kind::Read, |inner| inner.current())
    }

    fn deployment(&self, id: DeploymentId) -> StoreFuture<'_, Option<Deployment>> {
        self.call(Kind::Read, move |inner| inner.deployment(id))
    }

    fn deployments(&self) -> StoreFuture<'_, Vec<Deployment>> {
        self.call(Kind::Read, |inner| inner.deployments())
    }

    fn component(&self, sha256: &str) -> StoreFuture<'_, Option<Vec<u8>>> {
        let sha256 = sha256.to_owned();
        self.call(Kind::Read, move |inner| inner.component(&sha256))
    }
}

impl IdempotencyNotes for GatedStore {
    fn idempotency_note(&self, key: &str) -> StoreFuture<'_, Option<IdempotencyNote>> {
        let key = key.to_owned();
        self.call(Kind::Read, move |inner| inner.idempotency_note(&key))
    }

    fn forget_idempotency_notes(&self, before: Timestamp, limit: u32) -> StoreFuture<'_, u32> {
        self.call(Kind::Write, move |inner| inner.forget_idempotency_notes(before, limit))
    }
}

impl Schedules for GatedStore {
    fn schedules(&self) -> StoreFuture<'_, Vec<ScheduleState>> {
        self.call(Kind::Read, |inner| inner.schedules())
    }

    fn put_schedule(&self, timer: ScheduleState) -> StoreFuture<'_, ()> {
        self.call(Kind::Write, move |inner| inner.put_schedule(timer))
    }

    fn remove_schedule(&self, app: &str, name: &str) -> StoreFuture<'_, ()> {
        let (app, name) = (app.to_owned(), name.to_owned());
        self.call(Kind::Write, move |inner| inner.remove_schedule(&app, &name))
    }
}

impl AccessKeys for GatedStore {
    fn access_keys(&self) -> StoreFuture<'_, Vec<AccessKey>> {
        self.call(Kind::Read, |inner| inner.access_keys())
    }

    fn put_access_key(&self, key: AccessKey) -> StoreFuture<'_, ()> {
        self.call(Kind::Write, move |inner| inner.put_access_key(key))
    }

    fn remove_access_key(&self, scope: &str, name: &str) -> StoreFuture<'_, ()> {
        let (scope, name) = (scope.to_owned(), name.to_owned());
        self.call(Kind::Write, move |inner| inner.remove_access_key(&scope, &name))
    }
}

impl Store for GatedStore {
    fn close(&self) -> StoreFuture<'_, ()> {
        self.call(Kind::Write, |inner| inner.close())
    }

    fn rebuild(&self) -> StoreFuture<'_, ()> {
        self.call(Kind::Write, |inner| inner.rebuild())
    }
}
