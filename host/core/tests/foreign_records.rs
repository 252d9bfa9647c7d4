//! Records that no version of ours would write: a database may have been written by anybody, and
//! none of them may take the host down.

use longhaul_core::orchestration::fold;
use longhaul_core::{DeploymentId, Entity, ExecutionId, InstanceId, InstanceRow, Message, Record, RuntimeStatus, Timestamp};

const START: &str =
    r#"{"format":1,"at":1,"message":{"start":{"name":"Order","input":1,"execution":"first","deployment":3,"createdAt":8}}}"#;
const FIRST_TURN: &str = r#"{"format":1,"number":0,"now":2,"received":["inbox"],"status":"Failed","outcome":{"failed":{"errorType":"E","message":"m","details":null,"nonRetriable":false,"inner":[]}}}"#;
const REWOUND: &str =
    r#"{"format":1,"number":4294967295,"now":3,"received":[],"rewound":{"execution":"second","deployment":4},"status":"Running"}"#;
const LATER: &str = r#"{"format":1,"number":4294967295,"now":4,"received":[],"status":"Running"}"#;
const MANY: &str = r#"{"format":1,"number":0,"now":2,"received":[],"status":"Running","inboxBefore":4294967295}"#;
const LOCK: &str = r#"{"format":1,"at":1,"message":{"lock":{"owner":{"instance":"o","execution":"e","task":2},"set":[{"name":"stock","key":"a"}],"next":18446744073709551615}}}"#;

fn record(kind: &str, data: &str) -> Record {
    Record::decode(kind, data).unwrap_or_else(|error| panic!("{error}: {data}"))
}

#[test]
fn a_record_that_counts_as_many_messages_as_a_number_can_is_shown() {
    let id = InstanceId::trusted("order-7");
    let chain = [("message", START), ("turn", MANY), ("message", START)].map(|(kind, data)| record(kind, data));
    let row = chain.iter().fold(None, |row, record| InstanceRow::after(row, &id, record)).expect("it was started");
    assert_eq!(row.inbox, u32::MAX);
}

#[test]
fn a_rewind_in_the_last_turn_that_a_number_can_name_is_folded_and_goes_on() {
    let chain =
        [("message", START), ("turn", FIRST_TURN), ("turn", REWOUND), ("turn", LATER)].map(|(kind, data)| (record(kind, data), false));
    let folded = fold(InstanceId::trusted("order-7"), chain);
    assert_eq!(folded.state.status(), Some(RuntimeStatus::Running));
}

#[test]
fn a_lock_beyond_its_set_is_granted_and_goes_on_to_nobody() {
    let stock = InstanceId::trusted("@stock@a").entity().expect("an entity");
    let (mut entity, mut inbox) = Entity::fold(stock, [record("message", LOCK)]);
    let mut batch = entity.begin_batch(Timestamp(2));
    entity.receive(&mut batch, inbox.pop_front().expect("the lock"), true);
    let step = entity.end_batch(batch, None, &ExecutionId::trusted("f"), DeploymentId(1));
    assert!(entity.lock().is_some());
    assert!(matches!(&step.outgoing[..], [granted] if matches!(granted.message, Message::LockGranted { .. })), "{:?}", step.outgoing);
}
