use attempts_entity::AttemptsEntity;
use longhaul::testing::{Orchestration, Run};
use longhaul::turn::Command;
use serde_json::json;

use super::*;

const URI: &str = "http://localhost:7071/runtime/webhooks/durabletask/instances/INSTANCEID/raiseEvent/{eventName}?code=k";

/// The orchestrator with an API that always answers well, and nobody who calls back.
fn sample<'a>() -> Orchestration<'a> {
    bare().activity("CallApiActivity", |input: CallApiInput| {
        assert_eq!(input.callback_uri, "http://localhost:7071/runtime/webhooks/durabletask/instances/i-1/raiseEvent/Callback?code=k");
        Ok(CallApiOutput { status_code: 200, status_text: "OK".to_owned() })
    })
}

fn bare<'a>() -> Orchestration<'a> {
    Orchestration::new::<main_orchestrator>().instance_id("i-1").input(&json!({"sendEventPostUri": URI})).entity::<AttemptsEntity>()
}

fn state(run: &Run) -> AttemptsState {
    run.entity_state(&EntityId::new("AttemptsEntity", "i-1")).expect("the attempts were recorded")
}

/// The states and messages of the attempts.
fn attempts(run: &Run) -> Vec<(AttemptState, String)> {
    state(run).attempts.0.into_iter().map(|attempt| (attempt.state, attempt.message)).collect()
}

#[test]
fn nobody_calls_back_and_five_attempts_time_out() {
    let run = sample().run();
    let summary = "Completed API request after 5 attempts. Final state TimedOut, status text: Event Callback not received in 00:01:00";
    assert_eq!(run.output::<String>().unwrap(), summary);
    assert_eq!(state(&run).overall_state, summary);
    assert_eq!(attempts(&run), vec![(AttemptState::TimedOut, "Event Callback not received in 00:01:00".to_owned()); 5]);
    run.check_replay().unwrap();
}

#[test]
fn an_attempt_goes_through_its_states_in_order() {
    let run = sample().input(&json!({"sendEventPostUri": URI, "settings": {"maxAttempts": 1}})).run();
    let states = run.signals().into_iter().filter_map(|(_, input)| serde_json::from_str::<AttemptChange>(&input).ok()?.state);
    let expected = [AttemptState::Executing, AttemptState::ExecutedSuccess, AttemptState::WaitingForCallback, AttemptState::TimedOut];
    assert_eq!(states.collect::<Vec<_>>(), expected);
}

#[test]
fn the_timer_is_due_at_the_time_that_was_recorded() {
    let run = sample().input(&json!({"sendEventPostUri": URI, "settings": {"maxAttempts": 1, "timeoutSeconds": 90}})).run();
    let due =
        run.commands().into_iter().find_map(|command| if let Command::CreateTimer(due) = command { Some(due.to_string()) } else { None });
    assert_eq!(state(&run).attempts.0[0].timeout_due, due);
    assert_eq!(state(&run).attempts.0[0].message, "Event Callback not received in 00:01:30");
}

#[test]
fn a_call_back_with_true_ends_it_at_the_first_attempt() {
    let run = sample().event_after(Duration::from_secs(20), "Callback", &true).run();
    let summary = "Completed API request after 1 attempts. Final state CallbackSuccess, \
                   status text: External system called back with CallbackSuccess";
    assert_eq!(run.output::<String>().unwrap(), summary);
    assert!(state(&run).attempts.0[0].is_success);
    run.check_replay().unwrap();
}

#[test]
fn a_call_back_with_false_makes_a_new_attempt() {
    let run = sample().event_when_awaited("Callback", &false).event_when_awaited("Callback", &true).run();
    let expected = [AttemptState::CallbackFailure, AttemptState::CallbackSuccess];
    assert_eq!(attempts(&run), expected.map(|state| (state, format!("External system called back with {state}"))));
    assert!(run.output::<String>().unwrap().starts_with("Completed API request after 2 attempts. Final state CallbackSuccess"));
    run.check_replay().unwrap();
}

#[test]
fn a_second_call_back_stays_unused() {
    let run = sample().event_after(Duration::from_secs(1), "Callback", &true).event_after(Duration::from_secs(1), "Callback", &false).run();
    assert!(run.output::<String>().unwrap().contains("Final state CallbackSuccess"));
    assert_eq!(attempts(&run).len(), 1);
}

#[test]
fn an_activity_that_always_fails_makes_five_failed_attempts_that_tell_why() {
    let answer = "the job API answered 500 Internal Server Error";
    let run = bare().activity("CallApiActivity", move |_: CallApiInput| Err::<CallApiOutput, _>(Failure::new("JobApiError", answer))).run();
    let message = format!("Activity function 'CallApiActivity' failed: {answer}");
    assert_eq!(attempts(&run), vec![(AttemptState::ExecutedFailed, message.clone()); 5]);
    let summary = format!("Completed API request after 5 attempts. Final state ExecutedFailed, status text: {message}");
    assert_eq!(run.output::<String>().unwrap(), summary);
    run.check_replay().unwrap();
}

#[test]
fn the_entity_is_locked_while_the_call_back_is_waited_for_and_free_afterwards() {
    let run = sample().input(&json!({"sendEventPostUri": URI, "settings": {"maxAttempts": 2}})).run();
    let count = |wanted: fn(&Command) -> bool| run.commands().iter().filter(|command| wanted(command)).count();
    assert_eq!(count(|command| matches!(command, Command::LockEntities(_))), 2);
    assert_eq!(count(|command| matches!(command, Command::UnlockEntities(_))), 2);
}

#[test]
fn a_plain_string_is_the_uri_and_other_input_is_refused() {
    assert!(sample().input(URI).run().output::<String>().is_ok());
    assert_eq!(bare().input(&json!(null)).run().output::<String>().unwrap_err().error_type, "InvalidInput");
}
