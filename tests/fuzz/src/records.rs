//! What stands in the log.

use std::collections::VecDeque;

use longhaul_core::history::history_events;
use longhaul_core::orchestration::fold;
use longhaul_core::record::FORMAT;
use longhaul_core::{
    DeploymentId, Entity, EntityId, ExecutionId, GuestTurn, InstanceId, InstanceRow, Message, Orchestration, Record, Timestamp,
};
use longhaul_http::azure::history_json::{HistoryOptions, history_json};

use crate::input::{first_line, text};

/// Most records of a chain that are folded: more say nothing new, and take their time.
const MAX_RECORDS: usize = 64;
/// When instances go on.
const NOW: Timestamp = Timestamp(1_800_000_000_000);

/// Two lines: the kind of a record and its data.
///
/// What is read is written to a text that is read as the same.
pub fn record(data: &[u8]) {
    let text = text(data);
    let (kind, data) = first_line(&text);
    let record = match Record::decode(kind, data) {
        Ok(record) => record,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    is_read_again(&record);
    assert!(format_of(&record.encode()) <= FORMAT);
    chain_of(&InstanceId::trusted("order-7"), vec![(record.clone(), false)]);
    chain_of(&InstanceId::trusted("@counter@a"), vec![(record, true)]);
}

fn format_of(written: &str) -> u32 {
    let value: serde_json::Value = serde_json::from_str(written).unwrap_or_default();
    value["format"].as_u64().and_then(|format| u32::try_from(format).ok()).unwrap_or(0)
}

/// A line with an instance, and a line for each record of its chain: its kind, `!` if it is a base, a blank, its data.
///
/// Any chain of records that can be read can be folded, whatever it says: a database may have been written by anybody.
pub fn chain(data: &[u8]) {
    let text = text(data);
    let (id, lines) = first_line(&text);
    let records = lines.lines().take(MAX_RECORDS).filter_map(|line| {
        let (kind, data) = line.split_once(' ')?;
        let base = kind.ends_with('!');
        Some((Record::decode(kind.trim_end_matches('!'), data).ok()?, base))
    });
    chain_of(&InstanceId::trusted(id), records.collect());
}

fn chain_of(id: &InstanceId, chain: Vec<(Record, bool)>) {
    let messages = chain.iter().filter(|(record, _)| matches!(record, Record::Message(_))).count();
    let folded = fold(id.clone(), chain.clone());
    assert!(folded.inbox.len() <= messages);
    for now in [Timestamp(0), NOW, Timestamp(u64::MAX)] {
        let _ = (folded.state.due(now), folded.state.needs_turn(now), folded.state.turn_time(now));
    }
    let _ = (folded.state.wake_at(), folded.state.running_activities(), folded.state.function());
    let again = fold(id.clone(), chain.clone());
    assert_eq!(again.replay, folded.replay, "a chain always means the same");
    take_turn(folded.state, folded.inbox);

    let entity = id.entity().unwrap_or_else(|| EntityId { name: "counter".into(), key: "a".into() });
    let (entity, inbox) = Entity::fold(entity, chain.iter().map(|(record, _)| record.clone()));
    assert!(inbox.len() <= messages);
    let _ = (entity.wake_at(), entity.state(), entity.lock());
    take_batch(entity, inbox);

    let row = chain.iter().fold(None, |row, (record, _)| InstanceRow::after(row, id, record));
    if let Some(row) = row {
        let kept = serde_json::to_string(&row).expect("a row is JSON");
        assert_eq!(serde_json::from_str::<InstanceRow>(&kept).expect("a kept row is read"), row);
        let _ = (row.has_work(), row.created_at.to_iso_seconds(), row.updated_at.to_iso_millis());
    }
    for show in [false, true] {
        let _ = history_json(history_events(id, chain.clone()), HistoryOptions { show_input: show, show_output: show });
    }
}

/// Whatever the chain has made of an instance, it goes on with what waits for it, and its record is read again.
fn take_turn(mut state: Orchestration, inbox: VecDeque<Message>) {
    let mut turn = state.begin_turn(state.turn_time(NOW), DeploymentId(1));
    for message in inbox {
        state.receive(&mut turn, message, true);
    }
    state.activate(&mut turn);
    let guest = turn.activation().map(|_| GuestTurn::default());
    let id = state.id().clone();
    let (sealed, _, _) = state.end_turn(turn, guest).seal(id, 0);
    is_read_again(&sealed.record);
}

/// The same for an entity.
fn take_batch(mut entity: Entity, inbox: VecDeque<Message>) {
    let mut batch = entity.begin_batch(NOW);
    for message in inbox {
        entity.receive(&mut batch, message, true);
    }
    let step = entity.end_batch(batch, None, &ExecutionId::trusted("0".repeat(32)), DeploymentId(1));
    let (sealed, _) = step.seal(entity.id().instance_id(), 0);
    is_read_again(&sealed.record);
}

fn is_read_again(record: &Record) {
    let written = record.encode();
    assert_eq!(Record::decode(record.kind(), &written).expect("what was written is read"), *record);
}
