//! What happens to a turn whose start gets a record of its own while the turn is taken.

use super::*;
use crate::model::{DeploymentId, ExecutionId, OnReturn, Payload, Tags};
use crate::orchestration::{Orchestration, fold};

fn start() -> Message {
    Message::Start(Box::new(Start {
        name: "Order".into(),
        input: Payload::null(),
        execution: ExecutionId::trusted("e"),
        deployment: DeploymentId(1),
        created_at: Timestamp(1),
        born_at: None,
        version: None,
        parent: None,
        at: None,
        tags: Tags::new(),
        on_return: OnReturn::default(),
        nesting: 0,
    }))
}

/// The first turn of an instance that was just started, as it is recorded.
fn first_turn() -> NewRecord {
    let id = InstanceId::trusted("order-7");
    let mut state = Orchestration::blank(id.clone());
    let mut turn = state.begin_turn(Timestamp(2), DeploymentId(1));
    state.receive(&mut turn, start(), false);
    state.activate(&mut turn);
    let (record, _, _) = state.end_turn(turn, Some(crate::model::GuestTurn::default())).seal(id, 0);
    record
}

#[test]
fn a_turn_can_refer_to_its_start_once_that_is_a_record_of_its_own() {
    let mut record = first_turn();
    assert!(record.took_start());
    record.refer_to_recorded_start();
    record.set_inbox_before(1);
    assert!(!record.took_start());
    assert_eq!(record.record.consumed(), 1);

    let message = Record::Message(MessageRecord { format: FORMAT, at: Timestamp(1), message: start() });
    let referring = fold(record.instance.clone(), [(message, false), (record.record, record.base)]);
    let inline = first_turn();
    let whole = fold(inline.instance.clone(), [(inline.record, inline.base)]);
    assert_eq!(referring.replay, whole.replay);
    assert_eq!(referring.state.status(), whole.state.status());
    assert!(referring.inbox.is_empty(), "the turn consumed the record");
}

#[test]
fn a_turn_without_a_start_stays_as_it_is() {
    let mut record = first_turn();
    record.refer_to_recorded_start();
    let before = record.clone();
    record.refer_to_recorded_start();
    assert_eq!(record, before);
}
