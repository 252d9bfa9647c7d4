//! The history of each kind of event.

use serde_json::{Value, json};

use super::{HistoryOptions, history_events};
use crate::message::{Message, Start};
use crate::model::{Command, EntitySignal, Failure, GuestOutcome, GuestTurn, OnReturn, OrchestrationCall, TaskResult};
use crate::orchestration::tests::script::Script;
use crate::orchestration::tests::words::*;

const ALL: HistoryOptions = HistoryOptions { show_input: true, show_output: true };

fn history(script: &Script, options: HistoryOptions) -> Vec<Value> {
    let whole = history_events(script.state.id(), script.chain.clone(), options);
    assert_eq!(whole, history_events(script.state.id(), script.stored_chain(), options), "the chain from its base tells something else");
    whole.iter().map(|event| serde_json::to_value(event).unwrap()).collect()
}

fn types(script: &Script) -> Vec<String> {
    history(script, ALL).iter().map(|event| event["EventType"].as_str().unwrap().to_owned()).collect()
}

/// The only event of a type.
fn the<'list>(event_type: &str, events: &'list [Value]) -> &'list Value {
    let mut found = events.iter().filter(|event| event["EventType"] == event_type);
    let event = found.next().unwrap_or_else(|| panic!("no {event_type} in {events:?}"));
    assert!(found.next().is_none(), "more than one {event_type}");
    event
}

#[test]
fn hello_world_with_one_activity_is_three_events() {
    let mut script = Script::started([call("Hello")]);
    script.at(1_500).arrive(done(0, "{\"said\":\"hi\"}")).turn(returns("[1]"));
    let expected = json!([
        {
            "EventType": "ExecutionStarted", "Timestamp": "1970-01-01T00:00:01.000Z", "FunctionName": "Order", "Input": "{\"items\":2}",
            "Correlation": null, "ParentTraceContext": null, "ScheduledStartTime": null, "Generation": 0
        },
        {
            "EventType": "TaskCompleted", "Timestamp": "1970-01-01T00:00:01.500Z", "FunctionName": "Hello",
            "ScheduledTime": "1970-01-01T00:00:01.000Z", "Input": "1", "Result": {"said": "hi"}
        },
        {
            "EventType": "ExecutionCompleted", "Timestamp": "1970-01-01T00:00:01.500Z", "OrchestrationStatus": "Completed",
            "FailureDetails": null, "Result": [1]
        },
    ]);
    assert_eq!(Value::Array(history(&script, ALL)), expected);
}

#[test]
fn a_result_stands_to_the_letter_as_it_was_returned() {
    let mut script = Script::started([call("Hello")]);
    let text = r#"{"b":1.50,"a":12345678901234567890123}"#;
    script.arrive(done(0, text)).turn(returns(text));
    let events = history_events(script.state.id(), script.chain.clone(), ALL);
    let shown = serde_json::to_string(&events).unwrap();
    assert_eq!(shown.matches(&format!(r#""Result":{text}"#)).count(), 2, "{shown}");
}

#[test]
fn inputs_and_results_are_left_out_unless_they_are_asked_for() {
    let mut script = Script::started([call("A"), raise("other", "E"), child(None), wait("W"), call_entity("a")]);
    script.arrive(event("W", "1")).arrive(done(0, "1")).arrive(child_done(1, TaskResult::Completed(json("2")))).turn(returns("1"));
    let has = |options, name: &str| history(&script, options).iter().any(|event| event.get(name).is_some());
    assert!(!has(HistoryOptions::default(), "Input") && !has(HistoryOptions::default(), "Result"));
    assert!(has(HistoryOptions { show_input: true, show_output: false }, "Input"));
    assert!(has(HistoryOptions { show_input: false, show_output: true }, "Result"));
}

#[test]
fn open_calls_stand_under_their_name() {
    let script = Script::started([call("A"), child(Some("c1"))]);
    let events = history(&script, ALL);
    let time = "1970-01-01T00:00:01.000Z";
    let task =
        json!({"EventType": "TaskScheduled", "Timestamp": time, "Name": "A", "Input": "1", "ParentTraceContext": null, "Tags": null});
    assert_eq!(*the("TaskScheduled", &events), task);
    let created = json!({
        "EventType": "SubOrchestrationInstanceCreated", "Timestamp": time, "Name": "Ship", "InstanceId": "c1", "Input": "2",
        "ClientSpanId": null, "Tags": null
    });
    assert_eq!(*the("SubOrchestrationInstanceCreated", &events), created);
}

#[test]
fn a_failure_shows_what_the_code_sees_and_its_details() {
    let failure = Failure { details: Some("at line 3".into()), inner: vec!["dns".into(), "udp".into()], ..Failure::new("Http", "503") };
    let mut script = Script::started([call("A"), child(None)]);
    script.arrive(attempt_done(0, 1, TaskResult::Failed(failure.clone()))).arrive(child_done(1, TaskResult::Failed(failure)));
    script.idle_turn();
    let events = history(&script, ALL);
    let task = the("TaskFailed", &events);
    assert_eq!((&task["Reason"], &task["Details"]), (&json!("Activity function 'A' failed: 503"), &json!("at line 3")));
    let details = &task["FailureDetails"];
    assert_eq!(
        (&details["ErrorType"], &details["ErrorMessage"], &details["IsNonRetriable"]),
        (&json!("Http"), &json!("503"), &json!(false))
    );
    assert_eq!(details["InnerFailure"]["ErrorMessage"], "dns");
    assert_eq!(details["InnerFailure"]["InnerFailure"]["ErrorMessage"], "udp");
    assert!(details["InnerFailure"]["InnerFailure"]["InnerFailure"].is_null());
    let child = the("SubOrchestrationInstanceFailed", &events);
    assert_eq!((&child["FunctionName"], &child["Reason"]), (&json!("Ship"), &json!("Orchestrator function 'Ship' failed: 503")));
}

#[test]
fn each_attempt_of_a_call_shows_with_the_timer_of_its_back_off() {
    let mut script = Script::started([call_with_retry("A", policy(3))]);
    script.arrive(attempt_done(0, 1, failed("503"))).idle_turn();
    assert_eq!(types(&script), ["ExecutionStarted", "TaskFailed", "TimerCreated"]);
    script.at(1_100).idle_turn();
    assert_eq!(types(&script), ["ExecutionStarted", "TaskFailed", "TimerCreated", "TimerFired", "TaskScheduled"]);
    script.at(1_200).arrive(attempt_done(0, 1, failed("stale"))).arrive(attempt_done(0, 2, TaskResult::Completed(json("1")))).idle_turn();
    assert_eq!(types(&script), ["ExecutionStarted", "TaskFailed", "TimerCreated", "TimerFired", "TaskCompleted"]);
    let events = history(&script, ALL);
    assert_eq!(the("TimerFired", &events)["FireAt"], "1970-01-01T00:00:01.100Z");
    assert_eq!(the("TaskCompleted", &events)["ScheduledTime"], "1970-01-01T00:00:01.100Z");
}

#[test]
fn a_child_that_is_tried_again_shows_each_attempt() {
    let call = OrchestrationCall { retry: Some(policy(2)), ..child_call(Some("c1")) };
    let mut script = Script::started([Command::CallOrchestration(call)]);
    script.arrive(child_done(0, failed("sunk"))).idle_turn();
    script.at(1_100).idle_turn();
    let expected = ["ExecutionStarted", "SubOrchestrationInstanceFailed", "TimerCreated", "TimerFired", "SubOrchestrationInstanceCreated"];
    assert_eq!(types(&script), expected);
    assert_eq!(the("SubOrchestrationInstanceCreated", &history(&script, ALL))["InstanceId"], "c1");
}

#[test]
fn a_call_that_is_refused_shows_as_failed() {
    let script = Script::started([call_with_retry("A", policy(0)), child(Some("a/b"))]);
    assert_eq!(types(&script), ["ExecutionStarted", "TaskFailed", "SubOrchestrationInstanceFailed"]);
}

#[test]
fn timers_and_events_show_in_the_order_in_which_they_came() {
    let mut script = Script::started([timer(2_000), wait("E"), timer(9_000)]);
    script.at(2_000).arrive(event("E", "{\"a\":1}")).turn(asks([cancel(2)]));
    assert_eq!(types(&script), ["ExecutionStarted", "TimerCreated", "TimerCreated", "EventRaised", "TimerFired"]);
    let events = history(&script, ALL);
    let raised = json!({
        "EventType": "EventRaised", "Timestamp": "1970-01-01T00:00:02.000Z", "Name": "E", "Input": "{\"a\":1}", "ParentTraceContext": null
    });
    assert_eq!(*the("EventRaised", &events), raised);
    assert_eq!(the("TimerFired", &events)["FireAt"], "1970-01-01T00:00:02.000Z");
}

#[test]
fn a_recorded_event_bears_the_time_at_which_it_was_raised() {
    let mut script = Script::started([wait("E")]);
    script.at(1_700).record(event("E", "1")).at(2_000).idle_turn();
    assert_eq!(the("EventRaised", &history(&script, ALL))["Timestamp"], "1970-01-01T00:00:01.700Z");
}

#[test]
fn what_is_sent_to_entities_and_instances_shows_as_sent() {
    let signal = EntitySignal { entity: entity("a"), operation: "Add".into(), input: json("5"), at: Some(at(3_000)) };
    let mut script = Script::started([call_entity("a"), Command::SignalEntity(signal), raise("other", "E")]);
    script.arrive(entity_reply(0, TaskResult::Completed(json("7")))).idle_turn();
    let events = history(&script, ALL);
    let sent: Vec<&Value> = events.iter().filter(|event| event["EventType"] == "EventSent").collect();
    assert_eq!((&sent[0]["InstanceId"], &sent[0]["Name"]), (&json!("@stock@a"), &json!("op")));
    let request: Value = serde_json::from_str(sent[0]["Input"].as_str().unwrap()).unwrap();
    assert_eq!(request, json!({"op": "Take", "signal": false, "input": "3", "id": "first:0"}));
    let request: Value = serde_json::from_str(sent[1]["Input"].as_str().unwrap()).unwrap();
    assert_eq!(request, json!({"op": "Add", "signal": true, "input": "5", "due": "1970-01-01T00:00:03.000Z"}));
    assert_eq!((&sent[2]["InstanceId"], &sent[2]["Name"], &sent[2]["Input"]), (&json!("other"), &json!("E"), &json!("true")));

    let answer = the("EventRaised", &events);
    assert_eq!((&answer["Name"], &answer["Input"]), (&json!("first:0"), &json!("{\"result\":\"7\"}")));
}

#[test]
fn a_critical_section_shows_as_request_answer_and_release() {
    let mut script = Script::started([lock(&["b", "a"]), lock(&["c"]), lock(&[])]);
    script.arrive(granted(0)).turn(asks([unlock(0), unlock(1), call_entity("a")]));
    assert_eq!(types(&script), ["ExecutionStarted", "EventSent", "EventRaised", "EventSent", "EventSent"]);
    let events = history(&script, ALL);
    assert!(events[1]["Input"].as_str().unwrap().contains("\"lockset\":[{\"key\":\"a\",\"name\":\"stock\"}"));
    assert_eq!((&events[3]["Name"], &events[3]["InstanceId"]), (&json!("release"), &json!("@stock@a")));
}

#[test]
fn an_instance_that_nobody_waits_for_stays_created() {
    let script = Script::started([Command::StartOrchestration(child_call(Some("free")))]);
    let events = history(&script, ALL);
    let created = the("SubOrchestrationInstanceCreated", &events);
    assert_eq!((&created["InstanceId"], &created["Tags"]), (&json!("free"), &json!({"FireAndForget": ""})));
}

#[test]
fn a_failed_execution_shows_its_output_and_details() {
    let mut script = Script::started([timer(0)]);
    script.turn(fails("503"));
    let events = history(&script, ALL);
    let end = the("ExecutionCompleted", &events);
    assert_eq!((&end["OrchestrationStatus"], &end["Result"]), (&json!("Failed"), &json!("Orchestrator function 'Order' failed: 503")));
    assert_eq!(end["FailureDetails"]["ErrorType"], "Http");
}

#[test]
fn a_termination_that_was_meant_for_another_does_not_show() {
    let mut script = Script::started([wait("E")]);
    script.record(Message::Terminate { reason: None, recursive: true, parent: Some(parent()) }).idle_turn();
    assert_eq!(types(&script), ["ExecutionStarted"]);
}

#[test]
fn the_history_of_code_that_broke_a_rule_ends_with_the_command_that_did() {
    let detached = Command::StartOrchestration(child_call(Some("a/b")));
    let mut script = Script::started([timer(0)]);
    script.turn(asks([child(Some("c1")), detached, child(Some("c2"))]));
    assert_eq!(types(&script), ["ExecutionStarted", "TimerCreated", "TimerFired", "SubOrchestrationInstanceCreated", "ExecutionCompleted"]);
}

#[test]
fn an_execution_that_waits_for_open_tasks_shows_its_end_when_it_comes() {
    let mut script = Script::new();
    let waits = Start { on_return: OnReturn::WaitForOpenTasks, ..new_start("first") };
    script.arrive(Message::Start(Box::new(waits))).turn(GuestTurn { commands: vec![call("A")], ..returns("1") });
    assert_eq!(types(&script), ["ExecutionStarted", "TaskScheduled"]);
    script.arrive(done(0, "1")).idle_turn();
    assert_eq!(types(&script), ["ExecutionStarted", "TaskCompleted", "ExecutionCompleted"]);
}

#[test]
fn a_termination_is_followed_by_the_end() {
    let mut script = Script::started([call("A")]);
    script.arrive(terminate(false)).idle_turn();
    assert_eq!(types(&script), ["ExecutionStarted", "TaskScheduled", "ExecutionTerminated", "ExecutionCompleted"]);
    let events = history(&script, ALL);
    assert_eq!(the("ExecutionTerminated", &events)["Input"], "enough");
    assert_eq!(the("ExecutionCompleted", &events)["OrchestrationStatus"], "Terminated");
    script.arrive(event("Late", "1")).arrive(terminate(false)).idle_turn();
    assert_eq!(types(&script).len(), 4, "what comes later is no part of the history");
}

#[test]
fn a_rewind_shows_after_the_events_that_it_kept() {
    let mut script = Script::started([call("A"), call("B"), wait("E"), timer(9_000)]);
    script.arrive(done(1, "2")).idle_turn();
    script.at(2_000).arrive(event("E", "1")).arrive(attempt_done(0, 1, failed("503"))).turn(asks([call("C"), raise("other", "F")]));
    script.arrive(done(4, "3")).turn(fails("gave up"));
    let before = ["ExecutionStarted", "TimerCreated", "TaskCompleted", "EventRaised", "TaskFailed", "EventSent", "TaskCompleted"];
    assert_eq!(types(&script), before.into_iter().chain(["ExecutionCompleted"]).collect::<Vec<_>>());
    script.at(3_000).arrive(rewind()).idle_turn();
    let kept = ["ExecutionStarted", "TaskScheduled", "TimerCreated", "TaskCompleted", "EventRaised", "ExecutionRewound"];
    assert_eq!(types(&script), kept);
    let expected = json!({
        "EventType": "ExecutionRewound", "Timestamp": "1970-01-01T00:00:03.000Z", "Reason": "fixed", "ParentExecutionId": null,
        "InstanceId": "order-7", "ParentTraceContext": null
    });
    assert_eq!(*the("ExecutionRewound", &history(&script, ALL)), expected);
    assert_eq!(the("EventRaised", &history(&script, ALL))["Timestamp"], "1970-01-01T00:00:02.000Z");
    let done = TaskResult::Completed(json("1"));
    let execution = crate::model::ExecutionId::trusted(script.state.execution_id().unwrap());
    script.idle_turn();
    script.arrive(Message::ActivityDone { execution, task: crate::model::TaskId(0), attempt: 1, result: done });
    script.turn(asks([call("C"), raise("other", "F")]));
    let later = ["TaskCompleted", "TaskCompleted", "EventSent"];
    let kept = kept.into_iter().filter(|event| *event != "TaskScheduled");
    assert_eq!(types(&script), kept.chain(later).collect::<Vec<_>>(), "what had been done before shows as done at once");
}

#[test]
fn messages_that_a_suspension_held_back_show_after_the_resume() {
    let mut script = Script::started([call("A"), wait("E")]);
    script.arrive(Message::Suspend { reason: Some("audit".into()) }).arrive(suspend()).idle_turn();
    script.at(1_300).arrive(event("E", "1")).arrive(done(0, "1")).idle_turn();
    assert_eq!(types(&script), ["ExecutionStarted", "TaskScheduled", "ExecutionSuspended"]);
    script.at(2_000).arrive(resume()).idle_turn();
    let expected = ["ExecutionStarted", "ExecutionSuspended", "ExecutionResumed", "EventRaised", "TaskCompleted"];
    assert_eq!(types(&script), expected);
    let events = history(&script, ALL);
    assert_eq!(the("ExecutionSuspended", &events)["Reason"], "audit");
    assert!(the("ExecutionResumed", &events)["Reason"].is_null());
    assert_eq!(the("EventRaised", &events)["Timestamp"], "1970-01-01T00:00:01.300Z");
}

#[test]
fn continue_as_new_begins_the_history_afresh_with_the_events_that_go_over() {
    let mut script = Script::started([call("A"), timer(0)]);
    script.arrive(event("E", "1")).turn(continues(true));
    assert_eq!(types(&script), ["ExecutionStarted", "EventRaised"]);
    assert_eq!(history(&script, ALL)[0]["Input"], "\"next\"");
    script.turn(asks([call("B")]));
    assert_eq!(the("TaskScheduled", &history(&script, ALL))["Name"], "B");
}

#[test]
fn a_new_start_begins_the_history_afresh() {
    let mut script = Script::started([timer(0)]);
    script.turn(returns("1"));
    script.record(Message::Start(Box::new(Start { at: Some(at(5_000)), ..new_start("second") }))).idle_turn();
    assert_eq!(types(&script), ["ExecutionStarted"]);
    assert_eq!(history(&script, ALL)[0]["ScheduledStartTime"], "1970-01-01T00:00:05.000Z");
}

#[test]
fn what_the_last_turn_asked_for_and_never_began_does_not_show() {
    let mut script = Script::started([timer(0)]);
    let outcome = Some(GuestOutcome::Completed(json("1")));
    script.turn(GuestTurn { outcome, ..asks([call("A"), timer(9_000), raise("other", "E")]) });
    assert_eq!(types(&script), ["ExecutionStarted", "TimerCreated", "TimerFired", "EventSent", "ExecutionCompleted"]);
}

#[test]
fn an_instance_that_was_never_started_has_no_history() {
    let mut script = Script::new();
    script.record(event("E", "1")).idle_turn();
    assert!(history(&script, ALL).is_empty());
}

#[test]
fn the_history_of_any_random_program_can_be_told() {
    for seed in 1..=60 {
        let script = crate::orchestration::tests::programs::drive(seed, 25);
        let events = history(&script, ALL);
        assert!(events.iter().all(|event| event["EventType"].is_string() && event["Timestamp"].is_string()));
        assert!(events.first().is_none_or(|event| event["EventType"] == "ExecutionStarted"), "seed {seed}");
        let ends = events.iter().filter(|event| event["EventType"] == "ExecutionCompleted").count();
        assert_eq!(ends == 1, script.state.status().is_some_and(|status| status.is_terminal()), "seed {seed}");
    }
}
