//! Batches of entities.

mod support;

use longhaul_core::entity::{GuestBatch, GuestOperation};
use longhaul_core::{EntityId, Payload, Timestamp};
use longhaul_wasm::{GuestError, Runtime};
use support::{entity, hasty, json, runtime, who};

fn run(state: Option<Payload>, names: &[&str]) -> Result<GuestBatch, GuestError> {
    run_in(&runtime(), state, names)
}

fn run_in(runtime: &Runtime, state: Option<Payload>, names: &[&str]) -> Result<GuestBatch, GuestError> {
    let operations = names.iter().map(|name| GuestOperation { name: (*name).into(), input: json("{\"a\": 1}") }).collect();
    entity(runtime).run(who(), &EntityId::new("Misbehaving", "1").unwrap(), state, Timestamp(7_000), operations)
}

#[test]
fn a_batch_runs_in_order_against_the_state() {
    let batch = run(None, &["add", "add", "get", "fail"]).unwrap();
    assert_eq!(batch.state, Some(json("[{\"a\": 1}, {\"a\": 1}]")));
    let outcomes: Vec<_> = batch.results.iter().map(|result| result.outcome.clone()).collect();
    assert_eq!(outcomes[0], Ok(json("7000")));
    assert_eq!(outcomes[2], Ok(json("[{\"a\": 1}, {\"a\": 1}]")));
    assert_eq!(outcomes[3].as_ref().unwrap_err().message, "this operation fails");
}

#[test]
fn an_entity_can_delete_itself() {
    assert_eq!(run(Some(json("[1]")), &["delete"]).unwrap().state, None);
}

#[test]
fn what_breaks_the_contract_is_named_by_its_field() {
    let fault = |names: &[&str]| run(None, names).unwrap_err().to_string();
    assert!(fault(&["add", "too few results"]).contains("`results`: 1 for 2 operations"));
    assert!(fault(&["add", "bad result"]).contains("results[1]: `outcome`: not one JSON value"));
    assert!(fault(&["bad state"]).contains("`state`: not one JSON value"));
}

#[test]
fn a_runtime_that_ends_runs_no_entity() {
    let runtime = runtime();
    runtime.end_guests();
    assert_eq!(run_in(&runtime, None, &["add"]), Err(GuestError::Stopping));
}

#[test]
fn an_entity_that_loops_or_panics_is_stopped() {
    assert_eq!(run_in(&hasty(), None, &["spin"]), Err(GuestError::Deadline { limit_ms: 300 }));
    let Err(GuestError::Trap { message, .. }) = run(None, &["panic"]) else { panic!("it does not trap") };
    assert!(message.contains("this entity panics") && message.contains("src/lib.rs"), "{message}");
}
