use longhaul::Timestamp;
use longhaul::testing::EntityUnderTest;
use serde_json::{Value, json};

use super::*;

const LATER_MS: u64 = 60_000;

fn with_attempt(id: &str) -> EntityUnderTest<AttemptsEntity> {
    let mut entity = EntityUnderTest::new("instance");
    entity.call::<()>("AddAttempt", id).unwrap();
    entity.set_now(Timestamp::from_millis(LATER_MS));
    entity
}

fn get(entity: &mut EntityUnderTest<AttemptsEntity>) -> Value {
    entity.call("Get", &()).unwrap()
}

#[test]
fn a_new_attempt_has_all_members_and_is_no_success_yet() {
    let expected = json!({"attempts": {"a": {
        "id": "a", "started": "1970-01-01T00:00:00.000Z", "stateSet": "1970-01-01T00:00:00.000Z", "timeoutDue": null,
        "state": "New", "message": "", "isSuccess": false,
    }}, "overallState": ""});
    assert_eq!(get(&mut with_attempt("a")), expected);
}

#[test]
fn an_update_changes_what_it_names_and_notes_the_time() {
    let mut entity = with_attempt("a");
    entity.call::<()>("UpdateAttemptState", &json!({"id": "a", "state": "WaitingForCallback"})).unwrap();
    entity.call::<()>("UpdateAttemptMessage", &json!({"id": "a", "message": "m"})).unwrap();
    entity.call::<()>("UpdateAttemptTimeoutDue", &json!({"id": "a", "timeoutDue": "1970-01-01T00:02:00.000Z"})).unwrap();
    let expected = json!({
        "id": "a", "started": "1970-01-01T00:00:00.000Z", "stateSet": "1970-01-01T00:01:00.000Z",
        "timeoutDue": "1970-01-01T00:02:00.000Z", "state": "WaitingForCallback", "message": "m", "isSuccess": true,
    });
    assert_eq!(get(&mut entity)["attempts"]["a"], expected);
}

#[test]
fn failed_states_are_no_success() {
    for (state, success) in [("ExecutedFailed", false), ("TimedOut", false), ("CallbackFailure", false), ("CallbackSuccess", true)] {
        let mut entity = with_attempt("a");
        entity.call::<()>("UpdateAttempt", &json!({"id": "a", "state": state, "message": "m"})).unwrap();
        assert_eq!(get(&mut entity)["attempts"]["a"]["isSuccess"], success, "{state}");
    }
}

#[test]
fn attempts_stay_in_the_order_in_which_they_began() {
    let mut entity = with_attempt("z");
    entity.call::<()>("AddAttempt", "a").unwrap();
    let ids = |state: AttemptsState| state.attempts.0.into_iter().map(|attempt| attempt.id).collect::<Vec<_>>();
    assert_eq!(ids(entity.call("Get", &()).unwrap()), ["z", "a"]);
    let text = serde_json::to_string(&entity.state().unwrap()).unwrap();
    assert!(text.starts_with(r#"{"attempts":{"z":{"#), "{text}");
}

#[test]
fn an_update_of_an_unknown_attempt_fails_and_changes_nothing() {
    let mut entity = with_attempt("a");
    let failure = entity.call::<()>("UpdateAttemptState", &json!({"id": "b", "state": "Executing"})).unwrap_err();
    assert_eq!(failure.message, "there is no attempt 'b'");
    assert_eq!(entity.state(), with_attempt("a").state());
}

#[test]
fn reading_does_not_bring_the_entity_into_being() {
    let mut entity = EntityUnderTest::<AttemptsEntity>::new("instance");
    assert_eq!(get(&mut entity), json!({"attempts": {}, "overallState": ""}));
    assert_eq!(entity.state(), None);
    entity.call::<()>("UpdateOverallState", "s").unwrap();
    assert_eq!(get(&mut entity)["overallState"], "s");
}
