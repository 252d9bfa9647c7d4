//! A store that fails now and then, before or after it has written: nothing acknowledged is lost, and work goes on by itself.

#[path = "support/engine.rs"]
mod engine;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use engine::engine_on;
use longhaul_core::{DeploymentId, EntityId, InstanceId, InstanceRow, Payload, RuntimeStatus, Timestamp};
use longhaul_engine::{Binding, Engine, EngineError, Keyed, KeyedRequest, StartRequest};
use longhaul_store::{
    AccessKey, AccessKeys, Appended, Batch, ChainRecord, Deployment, Deployments, EntityQuery, Error, IdempotencyNote, IdempotencyNotes,
    InstanceQuery, Instances, Log, MemoryStore, Page, Position, Purged, ScheduleState, Schedules, Store, StoreFuture,
};

/// How an append fails.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// Nothing is written.
    Before,
    /// Everything is written, and the caller does not learn of it.
    After,
}

/// A store whose every `period`-th append fails.
struct FaultyStore {
    inner: MemoryStore,
    fault: Fault,
    period: u64,
    appends: AtomicU64,
}

impl Log for FaultyStore {
    fn append(&self, batch: Batch) -> StoreFuture<'_, Appended> {
        // A look-up of tails alone cannot fail halfway.
        let counts = !batch.records.is_empty();
        let fails = counts && self.appends.fetch_add(1, Ordering::Relaxed) % self.period == self.period - 1;
        Box::pin(async move {
            match (fails, self.fault) {
                (false, _) => self.inner.append(batch).await,
                (true, Fault::Before) => Err(Error::Full("no room for a test".into())),
                (true, Fault::After) => {
                    self.inner.append(batch).await?;
                    Err(Error::Unknown("a test lost the answer".into()))
                }
            }
        })
    }

    fn read_chain(&self, tail: Position) -> StoreFuture<'_, Vec<ChainRecord>> {
        self.inner.read_chain(tail)
    }

    fn with_work(&self) -> StoreFuture<'_, Vec<InstanceId>> {
        self.inner.with_work()
    }

    fn due(&self, before: Timestamp, limit: u32) -> StoreFuture<'_, Vec<(InstanceId, Timestamp)>> {
        self.inner.due(before, limit)
    }

    fn ahead_of(&self, now: Timestamp, after: (Timestamp, InstanceId), limit: u32) -> StoreFuture<'_, Vec<(InstanceId, Timestamp)>> {
        self.inner.ahead_of(now, after, limit)
    }

    fn purge(&self, instances: Vec<InstanceId>) -> StoreFuture<'_, Purged> {
        self.inner.purge(instances)
    }
}

impl Instances for FaultyStore {
    fn instance(&self, id: &InstanceId) -> StoreFuture<'_, Option<InstanceRow>> {
        self.inner.instance(id)
    }

    fn tail(&self, id: &InstanceId) -> StoreFuture<'_, Option<Position>> {
        self.inner.tail(id)
    }

    fn list(&self, query: InstanceQuery) -> StoreFuture<'_, Page> {
        self.inner.list(query)
    }

    fn list_entities(&self, query: EntityQuery) -> StoreFuture<'_, Page> {
        self.inner.list_entities(query)
    }

    fn deployment_in_use(&self, deployment: DeploymentId) -> StoreFuture<'_, bool> {
        self.inner.deployment_in_use(deployment)
    }
}

impl Deployments for FaultyStore {
    fn deploy(&self, deployment: Deployment, components: Vec<(String, Vec<u8>)>) -> StoreFuture<'_, DeploymentId> {
        self.inner.deploy(deployment, components)
    }

    fn current(&self) -> StoreFuture<'_, Option<Deployment>> {
        self.inner.current()
    }

    fn deployment(&self, id: DeploymentId) -> StoreFuture<'_, Option<Deployment>> {
        self.inner.deployment(id)
    }

    fn deployments(&self) -> StoreFuture<'_, Vec<Deployment>> {
        self.inner.deployments()
    }

    fn component(&self, sha256: &str) -> StoreFuture<'_, Option<Vec<u8>>> {
        self.inner.component(sha256)
    }
}

impl IdempotencyNotes for FaultyStore {
    fn idempotency_note(&self, key: &str) -> StoreFuture<'_, Option<IdempotencyNote>> {
        self.inner.idempotency_note(key)
    }

    fn forget_idempotency_notes(&self, before: Timestamp, limit: u32) -> StoreFuture<'_, u32> {
        self.inner.forget_idempotency_notes(before, limit)
    }
}

impl Schedules for FaultyStore {
    fn schedules(&self) -> StoreFuture<'_, Vec<ScheduleState>> {
        self.inner.schedules()
    }

    fn put_schedule(&self, timer: ScheduleState) -> StoreFuture<'_, ()> {
        self.inner.put_schedule(timer)
    }

    fn remove_schedule(&self, app: &str, name: &str) -> StoreFuture<'_, ()> {
        self.inner.remove_schedule(app, name)
    }
}

impl AccessKeys for FaultyStore {
    fn access_keys(&self) -> StoreFuture<'_, Vec<AccessKey>> {
        self.inner.access_keys()
    }

    fn put_access_key(&self, key: AccessKey) -> StoreFuture<'_, ()> {
        self.inner.put_access_key(key)
    }

    fn remove_access_key(&self, scope: &str, name: &str) -> StoreFuture<'_, ()> {
        self.inner.remove_access_key(scope, name)
    }
}

impl Store for FaultyStore {
    fn close(&self) -> StoreFuture<'_, ()> {
        self.inner.close()
    }

    fn rebuild(&self) -> StoreFuture<'_, ()> {
        self.inner.rebuild()
    }
}

async fn engine(fault: Fault, period: u64) -> (Engine, Arc<FaultyStore>) {
    let store = Arc::new(FaultyStore { inner: MemoryStore::new(), fault, period, appends: AtomicU64::new(0) });
    let (engine, _registry) = engine_on(store.clone()).await;
    (engine, store)
}

fn request(name: &str, id: &str, input: &str) -> StartRequest {
    StartRequest { name: name.into(), input: Payload::parse(input).unwrap(), instance_id: Some(id.into()), ..StartRequest::default() }
}

/// Starts an instance, trying again for as long as the store fails and no earlier try was written after all: a start on the id of
/// an instance that has ended would run it a second time.
async fn start(engine: &Engine, name: &str, id: &str, input: &str) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while engine.status(&InstanceId::trusted(id)).await.unwrap().is_none() {
        match engine.start(request(name, id, input), &Binding::none()).await {
            Ok(_) | Err(EngineError::Conflict(..)) => return,
            Err(EngineError::Full(_) | EngineError::Unavailable(_)) => assert!(Instant::now() < deadline, "{id} cannot be started"),
            Err(other) => panic!("{id}: {other}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn output(engine: &Engine, id: &str) -> String {
    let id = InstanceId::trusted(id);
    let deadline = tokio::time::Instant::now() + Duration::from_secs(120);
    let row = engine.wait_until_ended(&id, deadline).await.unwrap().unwrap_or_else(|| panic!("{id} is gone"));
    assert_eq!(row.status, RuntimeStatus::Completed, "{row:?}");
    row.output.expect("a completed instance has an output").as_str().to_owned()
}

/// The entity once nobody holds its lock: the release is recorded with its owner's end and takes effect soon after.
async fn unlocked(engine: &Engine, id: &str) -> InstanceRow {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let row = engine.status(&InstanceId::trusted(id)).await.unwrap().expect("the entity exists");
        if row.locked_by.is_none() {
            return row;
        }
        assert!(Instant::now() < deadline, "{:?} is left with the lock", row.locked_by);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn nothing_acknowledged_is_lost(fault: Fault) {
    let (engine, store) = engine(fault, 5).await;
    for number in 0..10 {
        start(&engine, "LongSequence", &format!("sequence-{number}"), "8").await;
        start(&engine, "CountTogether", &format!("count-{number}"), r#"{"counter": "c", "times": 1}"#).await;
    }
    for number in 0..10 {
        assert_eq!(output(&engine, &format!("sequence-{number}")).await, "204", "{fault:?}");
        output(&engine, &format!("count-{number}")).await;
    }
    let counter = unlocked(&engine, "@counter@c").await;
    assert_eq!(counter.state.unwrap().as_str(), r#"{"value":10}"#, "each instance counted exactly once, {fault:?}");
    assert!(store.appends.load(Ordering::Relaxed) > 25, "the store failed several times");
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_writes_nothing_now_and_then_costs_time_only() {
    nothing_acknowledged_is_lost(Fault::Before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_whose_answers_get_lost_now_and_then_costs_time_only() {
    nothing_acknowledged_is_lost(Fault::After).await;
}

/// Sends a keyed request again and again until it is answered, as a client would that knows nothing but its key.
async fn insist<Sent>(engine: &Engine, key: &str, send: impl Fn(Engine, Binding) -> Sent) -> InstanceId
where
    Sent: Future<Output = Result<InstanceId, EngineError>>,
{
    let deadline = Instant::now() + Duration::from_secs(60);
    let keyed = KeyedRequest::new(key, [key.as_bytes()]).unwrap();
    loop {
        let answered = match engine.keyed(&keyed).await {
            Ok(Keyed::Accepted(id)) => Ok(id),
            Ok(Keyed::First(binding)) => send(engine.clone(), binding).await,
            Err(error) => Err(error),
        };
        match answered {
            Ok(id) => return id,
            Err(EngineError::Full(_) | EngineError::Unavailable(_)) => assert!(Instant::now() < deadline, "{key} is never accepted"),
            Err(other) => panic!("{key}: {other}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn retries_with_one_key_have_one_effect(fault: Fault) {
    let (engine, store) = engine(fault, 3).await;
    let counter = EntityId::new("Counter", "c").unwrap();
    let mut clients = Vec::new();
    // Two clients for each key, which get in each other's way on top of the store's failures.
    for client in 0..2 {
        let (engine, counter) = (engine.clone(), counter.clone());
        clients.push(tokio::spawn(async move {
            let mut started = Vec::new();
            for number in 0..12 {
                let id = counter.instance_id();
                insist(&engine, &format!("add {number}"), async |engine: Engine, binding: Binding| {
                    engine.signal_entity(counter.clone(), "Add", Payload::parse("1").unwrap(), &binding).await.map(|()| id.clone())
                })
                .await;
                let id = insist(&engine, &format!("start {number}"), async |engine: Engine, binding: Binding| {
                    engine.start(StartRequest { instance_id: None, ..request("LongSequence", "", "2") }, &binding).await
                })
                .await;
                started.push(id);
            }
            (client, started)
        }));
    }
    let mut started = Vec::new();
    for client in clients {
        started.push(client.await.unwrap().1);
    }
    assert_eq!(started[0], started[1], "both clients of a key are told of the same instance, {fault:?}");
    for id in &started[0] {
        output(&engine, id.as_str()).await;
    }
    let rows = engine.list(InstanceQuery { limit: 100, ..InstanceQuery::default() }).await.unwrap().value.rows;
    assert_eq!(rows.len(), 12, "one instance for each key, {fault:?}");
    assert_eq!(unlocked(&engine, "@counter@c").await.state.unwrap().as_str(), r#"{"value":12}"#, "{fault:?}");
    assert!(store.appends.load(Ordering::Relaxed) > 12, "the store failed several times");
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn retries_with_one_key_have_one_effect_though_the_store_writes_nothing_now_and_then() {
    retries_with_one_key_have_one_effect(Fault::Before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn retries_with_one_key_have_one_effect_though_answers_of_the_store_get_lost() {
    retries_with_one_key_have_one_effect(Fault::After).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_hangs_up_leaves_its_key_to_the_message_on_its_way() {
    let (engine, _store) = engine(Fault::Before, u64::MAX).await;
    let keyed = KeyedRequest::new("k", [&b"start"[..]]).unwrap();
    let Ok(Keyed::First(binding)) = engine.keyed(&keyed).await else { panic!("the key is free") };
    {
        // Polled once, so that the message is in its mailbox; then the caller is gone.
        let start = std::pin::pin!(engine.start(StartRequest { instance_id: None, ..request("LongSequence", "", "2") }, &binding));
        assert!(looked_at_once(start).await.is_none(), "nothing is on stable storage after one look");
    }
    drop(binding);
    let Ok(Keyed::Accepted(id)) = engine.keyed(&keyed).await else { panic!("the first request was accepted") };
    output(&engine, id.as_str()).await;
    let reused = engine.keyed(&KeyedRequest::new("k", [&b"other"[..]]).unwrap()).await;
    assert!(matches!(reused, Err(EngineError::KeyReused(_))));
    engine.stop().await;
}

/// Looks at a future once.
async fn looked_at_once<F: Future>(mut future: std::pin::Pin<&mut F>) -> Option<F::Output> {
    std::future::poll_fn(|context| {
        std::task::Poll::Ready(match future.as_mut().poll(context) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        })
    })
    .await
}
