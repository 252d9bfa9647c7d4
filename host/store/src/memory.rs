//! The reference store: simple and obviously right. Nothing survives the process.
//!
//! - `log`: the log and its rows, with nothing but ordered maps.
//! - The rest of this file answers the contract from them, under one lock.

mod log;

use std::collections::{BTreeMap, HashMap};

use longhaul_core::{DeploymentId, InstanceId, InstanceRow, Timestamp};
use parking_lot::{Mutex, MutexGuard};

use crate::contract::{
    AccessKey, AccessKeys, Appended, Batch, ChainRecord, Deployment, Deployments, EntityQuery, Error, IdempotencyNote, IdempotencyNotes,
    InstanceQuery, Instances, Log, MAX_PURGED_BYTES, MAX_PURGED_RECORDS, Page, Position, Purged, ScheduleFired, ScheduleState, Schedules,
    Store, StoreFuture, check_digests, may_be_purged, missing_component,
};
use crate::projection::page::Filling;
use log::MemoryLog;

/// A store in memory, for tests and as the measure of the other stores.
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    log: MemoryLog,
    keys: HashMap<String, IdempotencyNote>,
    timers: BTreeMap<(String, String), ScheduleState>,
    access_keys: BTreeMap<(String, String), AccessKey>,
    deployments: Vec<Deployment>,
    components: HashMap<String, Vec<u8>>,
    closed: bool,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> Result<MutexGuard<'_, State>, Error> {
        let state = self.state.lock();
        if state.closed { Err(Error::Unavailable("the store is closed".into())) } else { Ok(state) }
    }

    /// Runs `work` at once and hands its result over as a future, which is the contract's shape.
    fn answer<T: Send + 'static>(&self, work: impl FnOnce(&mut State) -> Result<T, Error>) -> StoreFuture<'_, T> {
        let result = self.state().and_then(|mut state| work(&mut state));
        Box::pin(async move { result })
    }
}

impl Log for MemoryStore {
    fn append(&self, batch: Batch) -> StoreFuture<'_, Appended> {
        self.answer(|state| {
            for encoded in batch.records {
                if !(encoded.if_wanted && state.log.is_late(&encoded.record)) {
                    state.log.append(&encoded.record);
                }
            }
            state.keys.extend(batch.keys.into_iter().map(|note| (note.key.clone(), note)));
            for ScheduleFired { app, name, due, instance } in batch.fired {
                if let Some(timer) = state.timers.get_mut(&(app, name)) {
                    timer.handled = timer.handled.max(due.unwrap_or(timer.handled));
                    timer.last_due = due.or(timer.last_due);
                    timer.last_instance = Some(instance);
                }
            }
            Ok(Appended { tails: batch.tails.iter().map(|id| state.log.tail(id)).collect() })
        })
    }

    fn read_chain(&self, tail: Position) -> StoreFuture<'_, Vec<ChainRecord>> {
        self.answer(|state| Ok(state.log.chain(tail)))
    }

    fn with_work(&self) -> StoreFuture<'_, Vec<InstanceId>> {
        self.answer(|state| {
            let mut found: Vec<_> =
                state.log.rows().filter(|row| row.has_work()).map(|row| (state.log.tail(&row.id), row.id.clone())).collect();
            found.sort();
            Ok(found.into_iter().map(|(_, id)| id).collect())
        })
    }

    fn due(&self, before: Timestamp, limit: u32) -> StoreFuture<'_, Vec<(InstanceId, Timestamp)>> {
        self.answer(|state| {
            let live = state.log.rows().filter(|row| row.parked.is_none() && !row.status.is_terminal());
            let waking = live.filter_map(|row| row.wake_at.map(|at| (at, row.id.clone())));
            let mut found: Vec<_> = waking.filter(|(at, _)| *at < before).collect();
            found.sort();
            Ok(found.into_iter().take(limit as usize).map(|(at, id)| (id, at)).collect())
        })
    }

    fn ahead_of(&self, now: Timestamp, after: (Timestamp, InstanceId), limit: u32) -> StoreFuture<'_, Vec<(InstanceId, Timestamp)>> {
        self.answer(|state| {
            let ahead = state.log.rows().filter(|row| row.updated_at > now && row.parked.is_none() && !row.status.is_terminal());
            let mut found: Vec<_> = ahead.filter_map(|row| Some((row.wake_at?, row.id.clone()))).filter(|one| *one > after).collect();
            found.sort();
            Ok(found.into_iter().take(limit as usize).map(|(at, id)| (id, at)).collect())
        })
    }

    fn purge(&self, instances: Vec<InstanceId>) -> StoreFuture<'_, Purged> {
        self.answer(|state| {
            let mut purged = Purged::default();
            let (mut records, mut bytes) = (0, 0);
            for id in instances {
                if records >= MAX_PURGED_RECORDS || bytes >= MAX_PURGED_BYTES {
                    purged.rest.push(id);
                } else if state.log.row(&id).is_some_and(|row| !may_be_purged(row)) {
                    purged.kept.push(id);
                } else {
                    let size = state.log.size(&id);
                    (records, bytes) = (records + size.0, bytes + size.1);
                    purged.removed += u32::from(state.log.purge(&id));
                }
            }
            Ok(purged)
        })
    }
}

impl Instances for MemoryStore {
    fn instance(&self, id: &InstanceId) -> StoreFuture<'_, Option<InstanceRow>> {
        self.answer(|state| Ok(state.log.row(id).cloned()))
    }

    fn tail(&self, id: &InstanceId) -> StoreFuture<'_, Option<Position>> {
        self.answer(|state| Ok(state.log.tail(id)))
    }

    fn list(&self, query: InstanceQuery) -> StoreFuture<'_, Page> {
        self.answer(|state| {
            let shown = state.log.rows().filter(|row| query.shows(row));
            Ok(page(shown, query.after.as_ref(), Filling::new(query.limit, query.payloads, query.max_bytes)))
        })
    }

    fn list_entities(&self, query: EntityQuery) -> StoreFuture<'_, Page> {
        self.answer(|state| {
            let shown = state.log.rows().filter(|row| query.shows(row));
            Ok(page(shown, query.after.as_ref(), Filling::new(query.limit, query.payloads, query.max_bytes)))
        })
    }

    fn deployment_in_use(&self, deployment: DeploymentId) -> StoreFuture<'_, bool> {
        self.answer(|state| Ok(state.log.rows().any(|row| row.deployment == Some(deployment) && !row.status.is_terminal())))
    }
}

impl Deployments for MemoryStore {
    fn deploy(&self, deployment: Deployment, components: Vec<(String, Vec<u8>)>) -> StoreFuture<'_, DeploymentId> {
        self.answer(|state| {
            check_digests(&components)?;
            for (name, sha256) in &deployment.components {
                if !state.components.contains_key(sha256) && !components.iter().any(|(given, _)| given == sha256) {
                    return Err(missing_component(name, sha256));
                }
            }
            let id = DeploymentId(state.deployments.len() as u64 + 1);
            state.components.extend(components);
            state.deployments.push(Deployment { id, ..deployment });
            Ok(id)
        })
    }

    fn current(&self) -> StoreFuture<'_, Option<Deployment>> {
        self.answer(|state| Ok(state.deployments.last().cloned()))
    }

    fn deployment(&self, id: DeploymentId) -> StoreFuture<'_, Option<Deployment>> {
        self.answer(|state| Ok(state.deployments.iter().find(|deployment| deployment.id == id).cloned()))
    }

    fn deployments(&self) -> StoreFuture<'_, Vec<Deployment>> {
        self.answer(|state| Ok(state.deployments.iter().rev().cloned().collect()))
    }

    fn component(&self, sha256: &str) -> StoreFuture<'_, Option<Vec<u8>>> {
        self.answer(|state| Ok(state.components.get(sha256).cloned()))
    }
}

impl IdempotencyNotes for MemoryStore {
    fn idempotency_note(&self, key: &str) -> StoreFuture<'_, Option<IdempotencyNote>> {
        self.answer(|state| Ok(state.keys.get(key).cloned()))
    }

    fn forget_idempotency_notes(&self, before: Timestamp, limit: u32) -> StoreFuture<'_, u32> {
        self.answer(|state| {
            let mut old: Vec<_> = state.keys.values().filter(|note| note.at < before).map(|note| (note.at, note.key.clone())).collect();
            old.sort();
            old.truncate(limit as usize);
            old.iter().for_each(|(_, key)| drop(state.keys.remove(key)));
            Ok(old.len() as u32)
        })
    }
}

impl Schedules for MemoryStore {
    fn schedules(&self) -> StoreFuture<'_, Vec<ScheduleState>> {
        self.answer(|state| Ok(state.timers.values().cloned().collect()))
    }

    fn put_schedule(&self, timer: ScheduleState) -> StoreFuture<'_, ()> {
        self.answer(|state| {
            state.timers.insert((timer.app.clone(), timer.name.clone()), timer);
            Ok(())
        })
    }

    fn remove_schedule(&self, app: &str, name: &str) -> StoreFuture<'_, ()> {
        self.answer(|state| {
            state.timers.remove(&(app.to_owned(), name.to_owned()));
            Ok(())
        })
    }
}

impl AccessKeys for MemoryStore {
    fn access_keys(&self) -> StoreFuture<'_, Vec<AccessKey>> {
        self.answer(|state| Ok(state.access_keys.values().cloned().collect()))
    }

    fn put_access_key(&self, key: AccessKey) -> StoreFuture<'_, ()> {
        self.answer(|state| {
            state.access_keys.insert((key.scope.clone(), key.name.clone()), key);
            Ok(())
        })
    }

    fn remove_access_key(&self, scope: &str, name: &str) -> StoreFuture<'_, ()> {
        self.answer(|state| {
            state.access_keys.remove(&(scope.to_owned(), name.to_owned()));
            Ok(())
        })
    }
}

impl Store for MemoryStore {
    fn close(&self) -> StoreFuture<'_, ()> {
        self.answer(|state| {
            state.closed = true;
            Ok(())
        })
    }

    fn rebuild(&self) -> StoreFuture<'_, ()> {
        self.answer(|state| {
            state.log.rebuild();
            Ok(())
        })
    }
}

/// What fits of the rows, which come ordered by id, after the token.
fn page<'a>(rows: impl Iterator<Item = &'a InstanceRow>, after: Option<&InstanceId>, mut filling: Filling) -> Page {
    for row in rows.filter(|row| after.is_none_or(|after| row.id > *after)) {
        filling.add(row.clone());
        if filling.is_full() {
            break;
        }
    }
    filling.end()
}
