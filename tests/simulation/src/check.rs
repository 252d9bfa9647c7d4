//! What must hold in the store when no instance has anything to do any more.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use longhaul_core::message::ActivityRun;
use longhaul_core::record::NewRecord;
use longhaul_core::{Command, InstanceId, InstanceRow, Record};
use longhaul_engine::replay;
use longhaul_store::{InstanceQuery, Instances, Log, MemoryStore, Store};

use crate::life::registry;
use crate::store::GatedStore;
use crate::universe::Attempt;

/// What a store in memory answers, which it always does at once.
pub fn at_once<T>(mut answer: Pin<Box<dyn Future<Output = T> + Send + '_>>) -> T {
    match answer.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("a store in memory waits for nothing"),
    }
}

/// All rows, of orchestrations and entities.
pub fn rows(store: &MemoryStore) -> Vec<InstanceRow> {
    let of = |prefix: &str| {
        let query = InstanceQuery { id_prefix: prefix.into(), limit: 100_000, ..InstanceQuery::default() };
        at_once(store.list(query)).expect("a store in memory answers").rows
    };
    of("").into_iter().chain(of("@")).collect()
}

/// What is wrong whatever ran: an instance parked, a lock left, a history with a gap or one that
/// the code does not repeat, a projection that the log does not give.
pub fn violations(store: &GatedStore) -> Vec<String> {
    let rows = rows(&store.inner);
    let mut found: Vec<_> = rows.iter().flat_map(wrong_row).collect();
    found.extend(owners_that_ended(&rows));
    found.extend(gaps(&store.log()));
    found.extend(rows.iter().filter(|row| !row.id.is_entity()).filter_map(|row| not_repeated(&store.inner, &row.id)));
    at_once(store.inner.rebuild()).expect("a store in memory answers");
    let again = self::rows(&store.inner);
    found.extend(rows.iter().filter(|row| !again.contains(row)).map(|row| format!("the rebuilt rows lack {row:?}")));
    found.extend(again.iter().filter(|row| !rows.contains(row)).map(|row| format!("only the rebuilt rows have {row:?}")));
    found
}

fn wrong_row(row: &InstanceRow) -> Option<String> {
    let id = &row.id;
    if let Some(reason) = &row.parked {
        return Some(format!("{id} is set aside: {reason}"));
    }
    if !id.is_entity() && !row.status.is_terminal() {
        return Some(format!("{id} has not ended, and nothing will move it: {row:?}"));
    }
    (row.inbox > 0 || row.pending).then(|| format!("{id} has something to do and does not do it: {row:?}"))
}

fn owners_that_ended(rows: &[InstanceRow]) -> impl Iterator<Item = String> {
    let held = |row: &&InstanceRow| row.locked_by.is_some() || row.queue_size > 0;
    rows.iter().filter(held).map(|row| format!("{} is left with the lock of {:?} and {} waiting", row.id, row.locked_by, row.queue_size))
}

/// Turns of one instance are numbered without a gap, over its whole life.
fn gaps(log: &[Arc<NewRecord>]) -> Vec<String> {
    let mut last: BTreeMap<&InstanceId, u32> = BTreeMap::new();
    let mut found = Vec::new();
    for record in log {
        let Record::Turn(turn) = &record.record else { continue };
        let before = last.insert(&record.instance, turn.number);
        if turn.number != 0 && before.is_none_or(|before| turn.number != before + 1) {
            found.push(format!("{}: turn {} follows turn {before:?}", record.instance, turn.number));
        }
    }
    found
}

/// Whether a turn in the log has called this activity.
pub fn has_call(log: &[Arc<NewRecord>], run: &ActivityRun) -> bool {
    let is_call = |command: &Command| matches!(command, Command::CallActivity(call) if call.name == run.name && call.input == run.input);
    let has = |record: &Record| matches!(record, Record::Turn(turn) if turn.commands.iter().any(is_call));
    log.iter().any(|record| record.instance == run.caller.instance && has(&record.record))
}

/// Replays the last execution up to its last turn in a new guest.
fn not_repeated(store: &MemoryStore, id: &InstanceId) -> Option<String> {
    let tail = at_once(store.tail(id)).expect("a store in memory answers")?;
    let chain = at_once(store.read_chain(tail)).expect("a store in memory answers");
    let divergence = replay(id, chain, &*registry()).err()?;
    Some(format!("the history of {id} is not repeated: {divergence}"))
}

/// Attempts that ran more often than once and once more for each of so many `losses`, or under
/// several keys.
pub fn wrong_attempts(attempts: &[Attempt], losses: u64) -> Vec<String> {
    let mut counts: BTreeMap<(&str, u32, u32), u64> = BTreeMap::new();
    let mut keys: BTreeMap<(&str, u32), BTreeSet<&str>> = BTreeMap::new();
    for Attempt { instance, token, number, key } in attempts {
        *counts.entry((instance, *token, *number)).or_default() += 1;
        keys.entry((instance, *token)).or_default().insert(key);
    }
    let often = counts.iter().filter(|(_, count)| **count > 1 + losses);
    let mut found: Vec<_> = often.map(|(attempt, count)| format!("attempt {attempt:?} ran {count} times, with {losses} losses")).collect();
    found.extend(keys.iter().filter(|(_, keys)| keys.len() > 1).map(|(call, keys)| format!("call {call:?} ran under {keys:?}")));
    found
}
