//! Operations, their state and their answers.

use super::ledger::*;
use crate::entity::{GuestBatch, GuestOperationResult};
use crate::message::Message;
use crate::model::{EntitySignal, OrchestrationCall, Payload, Tags};

#[test]
fn operations_run_in_order_of_arrival_in_one_batch_with_one_state() {
    let mut ledger = Ledger::new();
    ledger.arrive(signal("Add", 1)).record(call("o", 2, "Add", 10)).arrive(signal("Add", 100));
    let ran = ledger.batch();
    assert_eq!((ran.operations.len(), ran.record.state.as_ref().map(Payload::as_str)), (3, Some("111")));
    assert_eq!(ran.replies(), [("o".into(), 2, "11".into())]);
    assert_eq!(ledger.row.unwrap().state, Some(Payload::parse("111").unwrap()));
}

#[test]
fn a_failed_operation_tells_its_caller_and_is_recorded_and_the_others_stand() {
    let mut ledger = Ledger::new();
    ledger.arrive(signal("Add", 1)).arrive(call("o", 2, "Fail", 0)).arrive(signal("Fail", 0)).arrive(signal("Add", 1));
    let ran = ledger.batch();
    assert_eq!(ran.replies(), [("o".into(), 2, "no".into())]);
    let failures: Vec<_> = ran.record.failures.iter().map(|(name, failure)| (name.as_str(), failure.message.as_str())).collect();
    assert_eq!((failures, ran.record.state.unwrap().as_str()), (vec![("Fail", "no"), ("Fail", "no")], "2"));
    assert_eq!(ran.untold, [1], "of the signal's failure nobody is told");
}

#[test]
fn an_entity_exists_from_its_first_state_until_it_is_deleted() {
    let mut ledger = Ledger::new();
    assert!(ledger.entity.state().is_none());
    ledger.arrive(signal("Add", 1)).batch();
    assert!(ledger.entity.state().is_some());
    ledger.arrive(signal("Forget", 0)).batch();
    assert!(ledger.entity.state().is_none() && ledger.row.unwrap().state.is_none());
}

#[test]
fn signals_and_starts_of_an_operation_are_sent_with_the_batch() {
    let mut ledger = Ledger::new();
    ledger.arrive(signal("Add", 1)).arrive(signal("Add", 2));
    let ran = ledger.batch_with(2, |state, operations| {
        let results = operations.iter().map(|operation| GuestOperationResult {
            outcome: Ok(Payload::null()),
            signals: vec![EntitySignal { entity: id("b"), operation: "Note".into(), input: operation.input.clone(), at: None }],
            starts: vec![OrchestrationCall {
                name: "Ship".into(),
                input: operation.input.clone(),
                instance_id: (operation.input.as_str() == "2").then(|| "named".into()),
                version: None,
                retry: None,
                tags: Tags::new(),
                at: None,
            }],
        });
        GuestBatch { state, results: results.collect() }
    });
    let to: Vec<_> = ran.outgoing.iter().map(|one| one.to.as_str()).collect();
    let Message::Start(start) = &ran.outgoing[1].message else { panic!("no start in {to:?}") };
    assert_eq!((to[1].replace('-', "").as_str(), to[1].len()), (start.execution.as_str(), 36), "a GUID with dashes");
    assert_eq!([to[0], to[2], to[3]], ["@stock@b", "@stock@b", "named"]);
    assert!(start.parent.is_none() && start.deployment.0 == 3);
}

#[test]
fn an_operation_cannot_start_an_orchestration_under_a_forbidden_id() {
    ["@a@b", ".", ".."].into_iter().for_each(an_operation_cannot_start_an_orchestration_under);
}

fn an_operation_cannot_start_an_orchestration_under(id: &str) {
    let mut ledger = Ledger::new();
    let ran = ledger.arrive(signal("Add", 1)).batch_with(1, |state, operations| {
        let call = OrchestrationCall {
            name: "Ship".into(),
            input: operations[0].input.clone(),
            instance_id: Some(id.into()),
            version: None,
            retry: None,
            tags: Tags::new(),
            at: None,
        };
        GuestBatch { state, results: vec![GuestOperationResult { outcome: Ok(Payload::null()), signals: Vec::new(), starts: vec![call] }] }
    });
    assert!(ran.outgoing.is_empty());
    assert_eq!(ran.record.failures[0].1.error_type, "InvalidInstanceId");
}

#[test]
fn a_guest_that_returns_too_few_results_leaves_no_caller_waiting() {
    let mut ledger = Ledger::new();
    ledger.arrive(call("o", 1, "Add", 1)).arrive(call("o", 2, "Add", 1));
    let ran = ledger.batch_with(2, |state, _| GuestBatch { state, results: Vec::new() });
    assert_eq!(ran.replies().len(), 2);
    assert_eq!(ran.record.failures.len(), 2);
}

#[test]
fn messages_that_are_not_for_entities_change_nothing() {
    let mut ledger = Ledger::new();
    let ran = ledger.record(Message::Event { name: "E".into(), data: Payload::null() }).batch();
    assert!(ran.operations.is_empty() && ran.outgoing.is_empty() && ran.record.state.is_none());
}

#[test]
fn a_batch_to_which_nothing_happened_is_empty() {
    let mut ledger = Ledger::new();
    assert!(ledger.entity.begin_batch(crate::model::Timestamp(1)).is_empty());
    let mut batch = ledger.entity.begin_batch(crate::model::Timestamp(1));
    ledger.entity.receive(&mut batch, signal("Add", 1), false);
    assert!(!batch.is_empty());
}

#[test]
fn recorded_messages_that_a_batch_did_not_take_are_still_there_after_a_fold() {
    let mut ledger = Ledger::new();
    for number in 1..=4 {
        ledger.record(signal("Add", number));
    }
    assert_eq!(ledger.batch_of(1).operations.len(), 1);
    assert_eq!(ledger.batch_of(2).operations.len(), 2);
    ledger.record(signal("Add", 5));
    assert_eq!(ledger.batch().record.state.unwrap().as_str(), "15");
}

#[test]
fn the_time_of_batches_never_goes_backwards() {
    let mut ledger = Ledger::new();
    ledger.at(5_000).arrive(signal("Add", 1)).batch();
    assert_eq!(ledger.at(2_000).arrive(signal("Add", 1)).batch().record.now.0, 5_000);
}

#[test]
fn a_state_of_null_is_a_state() {
    let mut ledger = Ledger::new();
    ledger.arrive(signal("Add", 1));
    let results = || vec![GuestOperationResult { outcome: Ok(Payload::null()), signals: Vec::new(), starts: Vec::new() }];
    ledger.batch_with(1, |_, _| GuestBatch { state: Some(Payload::null()), results: results() });
    assert_eq!(ledger.folded().state(), Some(&Payload::null()));
}
