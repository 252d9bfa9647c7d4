//! What guests hand over, at each limit and beyond it.

mod support;

use std::sync::Arc;

use longhaul_core::entity::{GuestBatch, GuestOperation};
use longhaul_core::{EntityId, Failure, GuestOutcome, GuestTurn, InstanceId, Payload, StartContext, TaskId, Timestamp};
use longhaul_wasm::{ActivityContext, GuestError, Limits, Runtime};
use support::{activity, config, entity, json, orchestrator, start_context, who};

fn limited(change: impl FnOnce(&mut Limits)) -> Arc<Runtime> {
    let mut config = config();
    change(&mut config.limits);
    Runtime::new(config).unwrap()
}

fn turn(what: &str, replaying: bool, change: impl FnOnce(&mut Limits)) -> GuestTurn {
    let mut guest = orchestrator(&limited(change), "misbehaving_orchestrator").instantiate(who()).unwrap();
    guest.start(StartContext { replaying, ..start_context('a', what) }).unwrap()
}

/// How the code ended because of a limit; `None` if it did not.
fn ended_by(turn: &GuestTurn) -> Option<&str> {
    match &turn.outcome {
        Some(GuestOutcome::Failed(failure)) => Some(&failure.error_type),
        _ => None,
    }
}

/// At the limit it is taken, beyond it is how the code ends, and a replay takes it under any limit.
fn check(what: &str, error_type: &str, at: usize, set: impl Fn(&mut Limits, usize) + Copy) {
    assert_eq!(ended_by(&turn(what, false, |limits| set(limits, at))), None, "{what} at the limit");
    let beyond = turn(what, false, |limits| set(limits, at - 1));
    assert_eq!((ended_by(&beyond), beyond.commands.len()), (Some(error_type), 0), "{what} beyond the limit");
    let replayed = turn(what, true, |limits| set(limits, at - 1));
    assert_eq!(replayed, turn(what, false, |limits| set(limits, at)), "a replay of {what} knows no limits");
}

#[test]
fn what_an_orchestrator_hands_over_is_taken_up_to_each_limit() {
    check("behave", "PayloadTooLarge", 6, |limits, most| limits.values.max_payload_bytes = most);
    check("deep output", "PayloadTooDeep", 101, |limits, most| limits.values.max_json_depth = most);
    for what in ["output beyond floats", "half a character", "input beyond floats"] {
        assert_eq!(ended_by(&turn(what, false, |_| {})), Some("PayloadNotPortable"), "{what}");
        assert_eq!(ended_by(&turn(what, true, |_| {})), None, "what is replayed was taken when nothing was refused: {what}");
    }
    check("long name", "NameTooLong", 300, |limits, most| limits.values.max_name_characters = most);
    check("long status", "CustomStatusTooLong", 2 * (17 * 1024 + 2), |limits, most| limits.max_custom_status_bytes = most);
    check("flood commands", "TooManyCommands", 100_001, |limits, most| limits.max_commands = most);
}

#[test]
fn a_long_failure_is_cut_and_comes_through() {
    let turn = turn("huge error", false, |limits| limits.max_failure_bytes = 1_000);
    let Some(GuestOutcome::Failed(Failure { error_type, message, details, inner, .. })) = turn.outcome else { panic!("it fails") };
    let end = " [cut: 2097152 bytes in all]";
    assert!(message.ends_with(end) && message.len() == 1_000 + end.len(), "{message}");
    assert!(error_type.len() < 300 && details.unwrap().len() < 1_100);
    assert!(inner.iter().map(String::len).sum::<usize>() < 1_100, "{inner:?}");
}

fn batch(operation: &str, change: impl FnOnce(&mut Limits)) -> Result<GuestBatch, GuestError> {
    let operations = vec![GuestOperation { name: operation.into(), input: json("{\"a\": 1}") }];
    entity(&limited(change)).run(who(), &EntityId::new("Misbehaving", "1").unwrap(), None, Timestamp(7_000), operations)
}

fn error_type<T: std::fmt::Debug>(result: Result<T, GuestError>) -> &'static str {
    match result {
        Err(GuestError::BeyondLimit(beyond)) => beyond.error_type,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_entitys_state_and_results_have_the_same_limits() {
    assert!(batch("add", |limits| limits.values.max_payload_bytes = 10).is_ok(), "the state has ten bytes");
    assert_eq!(error_type(batch("add", |limits| limits.values.max_payload_bytes = 9)), "PayloadTooLarge");
    assert_eq!(error_type(batch("add", |limits| limits.values.max_payload_bytes = 3)), "PayloadTooLarge");
    assert!(batch("deep state", |limits| limits.values.max_json_depth = 101).is_ok());
    assert_eq!(error_type(batch("deep state", |limits| limits.values.max_json_depth = 100)), "PayloadTooDeep");
}

#[tokio::test]
async fn an_activitys_output_has_the_same_limits_and_one_of_its_own() {
    async fn output(what: &str, change: impl FnOnce(&mut Limits)) -> Result<Result<Payload, Failure>, GuestError> {
        let instance_id = InstanceId::trusted("test-1");
        let context =
            ActivityContext { name: "Test".into(), instance_id, task: TaskId(3), attempt: 1, idempotency_key: "key".into(), timeout: None };
        activity(&limited(change)).run(context, Payload::string(what), Arc::default()).await
    }
    assert!(output("behave", |limits| limits.max_activity_output_bytes = 6).await.is_ok());
    assert!(output("behave", |limits| limits.values.max_payload_bytes = 6).await.is_ok());
    assert_eq!(error_type(output("behave", |limits| limits.values.max_payload_bytes = 5).await), "PayloadTooLarge");
    assert!(output("deep output", |limits| limits.values.max_json_depth = 101).await.is_ok());
    assert_eq!(error_type(output("deep output", |limits| limits.values.max_json_depth = 100).await), "PayloadTooDeep");
}
