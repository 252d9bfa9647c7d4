use longhaul_core::{InstanceId, Payload};

use super::*;

const ALL: HistoryOptions = HistoryOptions { show_input: true, show_output: true };
const TIME: &str = "1970-01-01T00:00:01.000Z";

fn payload(text: &str) -> Payload {
    Payload::parse(text).unwrap()
}

fn at(event: HistoryEvent, millis: u64) -> HistoryEntry {
    HistoryEntry { at: Timestamp(millis), event }
}

fn shown(entries: Vec<HistoryEntry>, options: HistoryOptions) -> Value {
    serde_json::to_value(history_json(entries, options)).unwrap()
}

/// One event at 1 s, with all that it has.
fn event(event: HistoryEvent) -> Value {
    shown(vec![at(event, 1_000)], ALL)[0].clone()
}

fn call(kind: CallKind, name: &str) -> EndedCall {
    EndedCall { kind, name: name.into(), input: payload("1"), scheduled_at: Timestamp(1_000) }
}

fn hello_world() -> Vec<HistoryEntry> {
    let said = payload("{\"said\":\"hi\"}");
    vec![
        at(HistoryEvent::Started { name: "Order".into(), input: payload("{\"items\":2}"), not_before: None }, 1_000),
        at(HistoryEvent::CallCompleted { call: call(CallKind::Activity, "Hello"), result: said }, 1_500),
        at(HistoryEvent::Ended(End::Completed(payload("[1]"))), 1_500),
    ]
}

#[test]
fn hello_world_with_one_activity_is_three_events() {
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
    assert_eq!(shown(hello_world(), ALL), expected);
}

#[test]
fn members_stand_in_the_order_of_their_names_and_the_result_last() {
    let text = serde_json::to_string(&history_json(hello_world(), ALL)).unwrap();
    let second = r#"{"EventType":"TaskCompleted","FunctionName":"Hello","Input":"1","ScheduledTime":"1970-01-01T00:00:01.000Z","Timestamp":"1970-01-01T00:00:01.500Z","Result":{"said":"hi"}}"#;
    assert!(text.contains(second), "{text}");
}

#[test]
fn a_result_stands_to_the_letter_as_it_was_returned() {
    let text = r#"{"b":1.50,"a":12345678901234567890123}"#;
    let result = payload(text);
    let completed = HistoryEvent::CallCompleted { call: call(CallKind::Activity, "Hello"), result: result.clone() };
    let events = vec![at(completed, 1), at(HistoryEvent::Ended(End::Completed(result)), 2)];
    let shown = serde_json::to_string(&history_json(events, ALL)).unwrap();
    assert_eq!(shown.matches(&format!(r#""Result":{text}"#)).count(), 2, "{shown}");
}

#[test]
fn inputs_and_results_are_left_out_unless_they_are_asked_for() {
    let has = |options, name: &str| shown(hello_world(), options).as_array().unwrap().iter().any(|event| event.get(name).is_some());
    assert!(!has(HistoryOptions::default(), "Input") && !has(HistoryOptions::default(), "Result"));
    assert!(has(HistoryOptions { show_input: true, show_output: false }, "Input"));
    assert!(!has(HistoryOptions { show_input: true, show_output: false }, "Result"));
    assert!(has(HistoryOptions { show_input: false, show_output: true }, "Result"));
    assert!(!has(HistoryOptions { show_input: false, show_output: true }, "Input"));
}

#[test]
fn open_calls_stand_under_their_name() {
    let task =
        json!({"EventType": "TaskScheduled", "Timestamp": TIME, "Name": "A", "Input": "1", "ParentTraceContext": null, "Tags": null});
    assert_eq!(event(HistoryEvent::ActivityScheduled { name: "A".into(), input: payload("1") }), task);
    let created = json!({
        "EventType": "SubOrchestrationInstanceCreated", "Timestamp": TIME, "Name": "Ship", "InstanceId": "c1", "Input": "2",
        "ClientSpanId": null, "Tags": null
    });
    let child = |is_awaited| HistoryEvent::ChildStarted { name: "Ship".into(), instance: "c1".into(), input: payload("2"), is_awaited };
    assert_eq!(event(child(true)), created);
    assert_eq!(event(child(false))["Tags"], json!({"FireAndForget": ""}), "nobody waits for it");
}

#[test]
fn a_failure_shows_what_the_code_sees_and_its_details() {
    let failure = Failure { details: Some("at line 3".into()), inner: vec!["dns".into(), "udp".into()], ..Failure::new("Http", "503") };
    let failed =
        |kind, name| HistoryEvent::CallFailed { call: call(kind, name), told: format!("{name} failed: 503"), failure: failure.clone() };
    let inner = |message: &str, inner: Value| {
        json!({
            "ErrorType": "", "ErrorMessage": message, "StackTrace": null, "InnerFailure": inner, "IsNonRetriable": false, "Properties": null
        })
    };
    let expected = json!({
        "EventType": "TaskFailed", "Timestamp": TIME, "FunctionName": "A", "ScheduledTime": TIME, "Input": "1", "Reason": "A failed: 503",
        "Details": "at line 3", "FailureDetails": {
            "ErrorType": "Http", "ErrorMessage": "503", "StackTrace": "at line 3", "InnerFailure": inner("dns", inner("udp", Value::Null)),
            "IsNonRetriable": false, "Properties": null
        }
    });
    assert_eq!(event(failed(CallKind::Activity, "A")), expected);
    let child = event(failed(CallKind::Child, "Ship"));
    assert_eq!((&child["EventType"], &child["FunctionName"]), (&json!("SubOrchestrationInstanceFailed"), &json!("Ship")));
}

#[test]
fn timers_show_when_they_are_due() {
    let due = Timestamp(2_000);
    let timer = |event_type: &str| json!({"EventType": event_type, "Timestamp": TIME, "FireAt": "1970-01-01T00:00:02.000Z"});
    assert_eq!(event(HistoryEvent::TimerSet { due }), timer("TimerCreated"));
    assert_eq!(event(HistoryEvent::TimerFired { due }), timer("TimerFired"));
}

#[test]
fn events_show_their_data_as_text() {
    let received = HistoryEvent::EventReceived { name: "E".into(), data: payload("{\"a\":1}") };
    let raised = json!({"EventType": "EventRaised", "Timestamp": TIME, "Name": "E", "Input": "{\"a\":1}", "ParentTraceContext": null});
    assert_eq!(event(received), raised);
    let sent = HistoryEvent::EventSent { instance: InstanceId::trusted("other"), name: "E".into(), data: payload("true") };
    let expected = json!({"EventType": "EventSent", "Timestamp": TIME, "InstanceId": "other", "Name": "E", "Input": "true"});
    assert_eq!(event(sent), expected);
}

/// The JSON text that stands in the member `Input`.
fn input_of(event: &Value) -> Value {
    serde_json::from_str(event["Input"].as_str().unwrap()).unwrap()
}

#[test]
fn operations_of_entities_show_as_requests_and_answers() {
    let sent = |request: Option<&str>, due| {
        let (request, operation) = (request.map(str::to_owned), "Add".to_owned());
        event(HistoryEvent::OperationSent { entity: InstanceId::trusted("@stock@a"), request, operation, input: payload("5"), due })
    };
    let called = sent(Some("first:0"), None);
    assert_eq!((&called["InstanceId"], &called["Name"]), (&json!("@stock@a"), &json!("op")));
    assert_eq!(input_of(&called), json!({"op": "Add", "signal": false, "input": "5", "id": "first:0"}));
    let signalled = sent(None, Some(Timestamp(3_000)));
    assert_eq!(input_of(&signalled), json!({"op": "Add", "signal": true, "input": "5", "due": "1970-01-01T00:00:03.000Z"}));

    let answered = |result| event(HistoryEvent::OperationAnswered { request: "first:0".into(), result });
    let answer = answered(TaskResult::Completed(payload("7")));
    assert_eq!((&answer["Name"], &answer["Input"]), (&json!("first:0"), &json!("{\"result\":\"7\"}")));
    let failed = answered(TaskResult::Failed(Failure::new("Empty", "no stock")));
    assert_eq!(input_of(&failed), json!({"result": "no stock", "exceptionType": "Empty"}));
}

#[test]
fn a_critical_section_shows_as_request_answer_and_release() {
    let (stock, request) = (InstanceId::trusted("@stock@a"), "first:0".to_owned());
    let set = ["a", "b"].map(|key| EntityId::new("Stock", key).unwrap()).to_vec();
    let requested = event(HistoryEvent::LockRequested { entity: stock.clone(), request: request.clone(), set });
    assert_eq!(requested["Name"], "op");
    assert_eq!(requested["Input"], r#"{"id":"first:0","lockset":[{"key":"a","name":"stock"},{"key":"b","name":"stock"}],"pos":0}"#);
    let granted = event(HistoryEvent::LockGranted { request: request.clone() });
    assert_eq!((&granted["Name"], &granted["Input"]), (&json!("first:0"), &json!(r#"{"result":"Lock Acquisition Completed"}"#)));
    let released = event(HistoryEvent::LockReleased { entity: stock, request });
    assert_eq!((&released["Name"], &released["InstanceId"]), (&json!("release"), &json!("@stock@a")));
    assert_eq!(released["Input"], r#"{"id":"first:0"}"#);
}

#[test]
fn a_failed_execution_shows_its_output_and_details() {
    let failed = End::Failed { output: "Orchestrator function 'Order' failed: 503".into(), failure: Failure::new("Http", "503") };
    let end = event(HistoryEvent::Ended(failed));
    assert_eq!((&end["OrchestrationStatus"], &end["Result"]), (&json!("Failed"), &json!("Orchestrator function 'Order' failed: 503")));
    assert_eq!(end["FailureDetails"]["ErrorType"], "Http");
}

#[test]
fn a_termination_shows_its_reason_and_the_end() {
    let reason = Some("enough".to_owned());
    let terminated = json!({"EventType": "ExecutionTerminated", "Timestamp": TIME, "Input": "enough"});
    assert_eq!(event(HistoryEvent::Terminated { reason: reason.clone() }), terminated);
    let end = event(HistoryEvent::Ended(End::Terminated(reason)));
    assert_eq!((&end["OrchestrationStatus"], &end["Result"]), (&json!("Terminated"), &json!("enough")));
    let end = event(HistoryEvent::Ended(End::Terminated(None)));
    assert!(end["Result"].is_null() && end.get("Result").is_some());
}

#[test]
fn what_operators_did_shows_with_the_reason() {
    let suspended = event(HistoryEvent::Suspended { reason: Some("audit".into()) });
    assert_eq!((&suspended["EventType"], &suspended["Reason"]), (&json!("ExecutionSuspended"), &json!("audit")));
    let resumed = event(HistoryEvent::Resumed { reason: None });
    assert_eq!(resumed, json!({"EventType": "ExecutionResumed", "Timestamp": TIME, "Reason": null}));
    let rewound = HistoryEvent::Rewound { reason: Some("fixed".into()), instance: InstanceId::trusted("order-7"), parent_execution: None };
    let expected = json!({
        "EventType": "ExecutionRewound", "Timestamp": TIME, "Reason": "fixed", "ParentExecutionId": null, "InstanceId": "order-7",
        "ParentTraceContext": null
    });
    assert_eq!(event(rewound), expected);
}

#[test]
fn a_start_that_waited_shows_for_when() {
    let started = HistoryEvent::Started { name: "Order".into(), input: payload("1"), not_before: Some(Timestamp(5_000)) };
    assert_eq!(event(started)["ScheduledStartTime"], "1970-01-01T00:00:05.000Z");
}
