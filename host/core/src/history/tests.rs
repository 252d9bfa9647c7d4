//! The history of each kind of event.

use super::{CallKind, End, EndedCall, HistoryEntry, HistoryEvent, history_events};
use crate::message::{Message, Start};
use crate::model::{Command, EntitySignal, Failure, GuestOutcome, GuestTurn, InstanceId, OnReturn, OrchestrationCall, TaskResult};
use crate::orchestration::tests::script::Script;
use crate::orchestration::tests::words::*;

fn history(script: &Script) -> Vec<HistoryEntry> {
    let whole = history_events(script.state.id(), script.chain.clone());
    assert_eq!(whole, history_events(script.state.id(), script.stored_chain()), "the chain from its base tells something else");
    whole
}

/// What kind each event of the history is.
fn kinds(script: &Script) -> Vec<&'static str> {
    history(script).iter().map(|entry| kind(&entry.event)).collect()
}

fn kind(event: &HistoryEvent) -> &'static str {
    match event {
        HistoryEvent::Started { .. } => "Started",
        HistoryEvent::Suspended { .. } => "Suspended",
        HistoryEvent::Resumed { .. } => "Resumed",
        HistoryEvent::Rewound { .. } => "Rewound",
        HistoryEvent::Terminated { .. } => "Terminated",
        HistoryEvent::Ended(_) => "Ended",
        HistoryEvent::ActivityScheduled { .. } => "ActivityScheduled",
        HistoryEvent::ChildStarted { .. } => "ChildStarted",
        HistoryEvent::CallCompleted { call, .. } if call.kind == CallKind::Activity => "ActivityCompleted",
        HistoryEvent::CallCompleted { .. } => "ChildCompleted",
        HistoryEvent::CallFailed { call, .. } if call.kind == CallKind::Activity => "ActivityFailed",
        HistoryEvent::CallFailed { .. } => "ChildFailed",
        HistoryEvent::TimerSet { .. } => "TimerSet",
        HistoryEvent::TimerFired { .. } => "TimerFired",
        HistoryEvent::EventReceived { .. } => "EventReceived",
        HistoryEvent::EventSent { .. } => "EventSent",
        HistoryEvent::OperationSent { .. } => "OperationSent",
        HistoryEvent::OperationAnswered { .. } => "OperationAnswered",
        HistoryEvent::LockRequested { .. } => "LockRequested",
        HistoryEvent::LockGranted { .. } => "LockGranted",
        HistoryEvent::LockReleased { .. } => "LockReleased",
    }
}

/// The only event of a kind.
fn the(wanted: &str, entries: &[HistoryEntry]) -> HistoryEntry {
    let mut found = entries.iter().filter(|entry| kind(&entry.event) == wanted);
    let entry = found.next().unwrap_or_else(|| panic!("no {wanted} in {entries:?}"));
    assert!(found.next().is_none(), "more than one {wanted}");
    entry.clone()
}

fn entry(millis: u64, event: HistoryEvent) -> HistoryEntry {
    HistoryEntry { at: at(millis), event }
}

#[test]
fn hello_world_with_one_activity_is_three_events() {
    let mut script = Script::started([call("Hello")]);
    script.at(1_500).arrive(done(0, "{\"said\":\"hi\"}")).turn(returns("[1]"));
    let call = EndedCall { kind: CallKind::Activity, name: "Hello".into(), input: json("1"), scheduled_at: at(1_000) };
    let expected = [
        entry(1_000, HistoryEvent::Started { name: "Order".into(), input: json("{\"items\":2}"), not_before: None }),
        entry(1_500, HistoryEvent::CallCompleted { call, result: json("{\"said\":\"hi\"}") }),
        entry(1_500, HistoryEvent::Ended(End::Completed(json("[1]")))),
    ];
    assert_eq!(history(&script), expected);
}

#[test]
fn a_result_stands_to_the_letter_as_it_was_returned() {
    let mut script = Script::started([call("Hello")]);
    let text = r#"{"b":1.50,"a":12345678901234567890123}"#;
    script.arrive(done(0, text)).turn(returns(text));
    let results: Vec<_> = history(&script)
        .into_iter()
        .filter_map(|entry| match entry.event {
            HistoryEvent::CallCompleted { result, .. } | HistoryEvent::Ended(End::Completed(result)) => Some(result.as_str().to_owned()),
            _ => None,
        })
        .collect();
    assert_eq!(results, [text, text]);
}

#[test]
fn open_calls_stand_under_their_name() {
    let script = Script::started([call("A"), child(Some("c1"))]);
    let events = history(&script);
    let activity = HistoryEvent::ActivityScheduled { name: "A".into(), input: json("1") };
    assert_eq!(the("ActivityScheduled", &events), entry(1_000, activity));
    let child = HistoryEvent::ChildStarted { name: "Ship".into(), instance: "c1".into(), input: json("2"), is_awaited: true };
    assert_eq!(the("ChildStarted", &events), entry(1_000, child));
}

#[test]
fn a_failure_shows_what_the_code_is_told_and_why() {
    let why = Failure { details: Some("at line 3".into()), inner: vec!["dns".into(), "udp".into()], ..Failure::new("Http", "503") };
    let mut script = Script::started([call("A"), child(None)]);
    script.arrive(attempt_done(0, 1, TaskResult::Failed(why.clone()))).arrive(child_done(1, TaskResult::Failed(why.clone())));
    script.idle_turn();
    let events = history(&script);
    let HistoryEvent::CallFailed { told, failure, .. } = the("ActivityFailed", &events).event else { panic!() };
    assert_eq!(told, "Activity function 'A' failed: 503");
    assert_eq!(failure, why);
    let HistoryEvent::CallFailed { told, call, .. } = the("ChildFailed", &events).event else { panic!() };
    assert_eq!(call.name, "Ship");
    assert_eq!(told, "Orchestrator function 'Ship' failed: 503");
}

#[test]
fn each_attempt_of_a_call_shows_with_the_timer_of_its_back_off() {
    let mut script = Script::started([call_with_retry("A", policy(3))]);
    script.arrive(attempt_done(0, 1, failed("503"))).idle_turn();
    assert_eq!(kinds(&script), ["Started", "ActivityFailed", "TimerSet"]);
    script.at(1_100).idle_turn();
    assert_eq!(kinds(&script), ["Started", "ActivityFailed", "TimerSet", "TimerFired", "ActivityScheduled"]);
    script.at(1_200).arrive(attempt_done(0, 1, failed("stale"))).arrive(attempt_done(0, 2, TaskResult::Completed(json("1")))).idle_turn();
    assert_eq!(kinds(&script), ["Started", "ActivityFailed", "TimerSet", "TimerFired", "ActivityCompleted"]);
    let events = history(&script);
    assert_eq!(the("TimerFired", &events).event, HistoryEvent::TimerFired { due: at(1_100) });
    let HistoryEvent::CallCompleted { call, .. } = the("ActivityCompleted", &events).event else { panic!() };
    assert_eq!(call.scheduled_at, at(1_100));
}

#[test]
fn a_child_that_is_tried_again_shows_each_attempt() {
    let call = OrchestrationCall { retry: Some(policy(2)), ..child_call(Some("c1")) };
    let mut script = Script::started([Command::CallOrchestration(call)]);
    script.arrive(child_done(0, failed("sunk"))).idle_turn();
    script.at(1_100).idle_turn();
    let expected = ["Started", "ChildFailed", "TimerSet", "TimerFired", "ChildStarted"];
    assert_eq!(kinds(&script), expected);
    let HistoryEvent::ChildStarted { instance, .. } = the("ChildStarted", &history(&script)).event else { panic!() };
    assert_eq!(instance, "c1");
}

#[test]
fn a_call_that_is_refused_shows_as_failed() {
    let script = Script::started([call_with_retry("A", policy(0)), child(Some("a/b"))]);
    assert_eq!(kinds(&script), ["Started", "ActivityFailed", "ChildFailed"]);
}

#[test]
fn timers_and_events_show_in_the_order_in_which_they_came() {
    let mut script = Script::started([timer(2_000), wait("E"), timer(9_000)]);
    script.at(2_000).arrive(event("E", "{\"a\":1}")).turn(asks([cancel(2)]));
    assert_eq!(kinds(&script), ["Started", "TimerSet", "TimerSet", "EventReceived", "TimerFired"]);
    let events = history(&script);
    let received = HistoryEvent::EventReceived { name: "E".into(), data: json("{\"a\":1}") };
    assert_eq!(the("EventReceived", &events), entry(2_000, received));
    assert_eq!(the("TimerFired", &events).event, HistoryEvent::TimerFired { due: at(2_000) });
}

#[test]
fn a_recorded_event_bears_the_time_at_which_it_was_raised() {
    let mut script = Script::started([wait("E")]);
    script.at(1_700).record(event("E", "1")).at(2_000).idle_turn();
    assert_eq!(the("EventReceived", &history(&script)).at, at(1_700));
}

#[test]
fn what_is_sent_to_entities_and_instances_shows_as_sent() {
    let signal = EntitySignal { entity: entity("a"), operation: "Add".into(), input: json("5"), at: Some(at(3_000)) };
    let mut script = Script::started([call_entity("a"), Command::SignalEntity(signal), raise("other", "E")]);
    script.arrive(entity_reply(0, TaskResult::Completed(json("7")))).idle_turn();
    let events = history(&script);
    let sent: Vec<_> = events.iter().map(|entry| &entry.event).filter(|event| kind(event).ends_with("Sent")).cloned().collect();
    let stock = InstanceId::trusted("@stock@a");
    let (request, operation) = (Some("first:0".to_owned()), "Take".to_owned());
    let called = HistoryEvent::OperationSent { entity: stock.clone(), request, operation, input: json("3"), due: None };
    let (operation, due) = ("Add".to_owned(), Some(at(3_000)));
    let signalled = HistoryEvent::OperationSent { entity: stock, request: None, operation, input: json("5"), due };
    let raised = HistoryEvent::EventSent { instance: InstanceId::trusted("other"), name: "E".into(), data: json("true") };
    assert_eq!(sent, [called, signalled, raised]);
    let answer = HistoryEvent::OperationAnswered { request: "first:0".into(), result: TaskResult::Completed(json("7")) };
    assert_eq!(the("OperationAnswered", &events).event, answer);
}

#[test]
fn a_critical_section_shows_as_request_answer_and_release() {
    let mut script = Script::started([lock(&["b", "a"]), lock(&["c"]), lock(&[])]);
    script.arrive(granted(0)).turn(asks([unlock(0), unlock(1), call_entity("a")]));
    assert_eq!(kinds(&script), ["Started", "LockRequested", "LockGranted", "LockReleased", "OperationSent"]);
    let events = history(&script);
    let (stock, request) = (InstanceId::trusted("@stock@a"), "first:0".to_owned());
    let set = vec![entity("a"), entity("b")];
    assert_eq!(events[1].event, HistoryEvent::LockRequested { entity: stock.clone(), request: request.clone(), set });
    assert_eq!(events[2].event, HistoryEvent::LockGranted { request: request.clone() });
    assert_eq!(events[3].event, HistoryEvent::LockReleased { entity: stock, request });
}

#[test]
fn an_instance_that_nobody_waits_for_stays_created() {
    let script = Script::started([Command::StartOrchestration(child_call(Some("free")))]);
    let events = history(&script);
    let HistoryEvent::ChildStarted { instance, is_awaited, .. } = the("ChildStarted", &events).event else { panic!() };
    assert_eq!(instance, "free");
    assert!(!is_awaited);
}

#[test]
fn a_failed_execution_shows_its_output_and_details() {
    let mut script = Script::started([timer(0)]);
    script.turn(fails("503"));
    let events = history(&script);
    let HistoryEvent::Ended(End::Failed { output, failure }) = the("Ended", &events).event else { panic!() };
    assert_eq!(output, "Orchestrator function 'Order' failed: 503");
    assert_eq!(failure.error_type, "Http");
}

#[test]
fn a_termination_that_was_meant_for_another_does_not_show() {
    let mut script = Script::started([wait("E")]);
    script.record(Message::Terminate { reason: None, recursive: true, parent: Some(parent()) }).idle_turn();
    assert_eq!(kinds(&script), ["Started"]);
}

#[test]
fn the_history_of_code_that_broke_a_rule_ends_with_the_command_that_did() {
    let detached = Command::StartOrchestration(child_call(Some("a/b")));
    let mut script = Script::started([timer(0)]);
    script.turn(asks([child(Some("c1")), detached, child(Some("c2"))]));
    assert_eq!(kinds(&script), ["Started", "TimerSet", "TimerFired", "ChildStarted", "Ended"]);
}

#[test]
fn an_execution_that_waits_for_open_tasks_shows_its_end_when_it_comes() {
    let mut script = Script::new();
    let waits = Start { on_return: OnReturn::WaitForOpenTasks, ..new_start("first") };
    script.arrive(Message::Start(Box::new(waits))).turn(GuestTurn { commands: vec![call("A")], ..returns("1") });
    assert_eq!(kinds(&script), ["Started", "ActivityScheduled"]);
    script.arrive(done(0, "1")).idle_turn();
    assert_eq!(kinds(&script), ["Started", "ActivityCompleted", "Ended"]);
}

#[test]
fn a_termination_is_followed_by_the_end() {
    let mut script = Script::started([call("A")]);
    script.arrive(terminate(false)).idle_turn();
    assert_eq!(kinds(&script), ["Started", "ActivityScheduled", "Terminated", "Ended"]);
    let events = history(&script);
    let reason = Some("enough".to_owned());
    assert_eq!(the("Terminated", &events).event, HistoryEvent::Terminated { reason: reason.clone() });
    assert_eq!(the("Ended", &events).event, HistoryEvent::Ended(End::Terminated(reason)));
    script.arrive(event("Late", "1")).arrive(terminate(false)).idle_turn();
    assert_eq!(kinds(&script).len(), 4, "what comes later is no part of the history");
}

#[test]
fn a_rewind_shows_after_the_events_that_it_kept() {
    let mut script = Script::started([call("A"), call("B"), wait("E"), timer(9_000)]);
    script.arrive(done(1, "2")).idle_turn();
    script.at(2_000).arrive(event("E", "1")).arrive(attempt_done(0, 1, failed("503"))).turn(asks([call("C"), raise("other", "F")]));
    script.arrive(done(4, "3")).turn(fails("gave up"));
    let before = ["Started", "TimerSet", "ActivityCompleted", "EventReceived", "ActivityFailed", "EventSent", "ActivityCompleted"];
    assert_eq!(kinds(&script), before.into_iter().chain(["Ended"]).collect::<Vec<_>>());
    script.at(3_000).arrive(rewind()).idle_turn();
    let kept = ["Started", "ActivityScheduled", "TimerSet", "ActivityCompleted", "EventReceived", "Rewound"];
    assert_eq!(kinds(&script), kept);
    let (reason, instance) = (Some("fixed".to_owned()), InstanceId::trusted("order-7"));
    let rewound = HistoryEvent::Rewound { reason, instance, parent_execution: None };
    assert_eq!(the("Rewound", &history(&script)), entry(3_000, rewound));
    assert_eq!(the("EventReceived", &history(&script)).at, at(2_000));
    let done = TaskResult::Completed(json("1"));
    let execution = crate::model::ExecutionId::trusted(script.state.execution_id().unwrap());
    script.idle_turn();
    script.arrive(Message::ActivityDone { execution, task: crate::model::TaskId(0), attempt: 1, result: done });
    script.turn(asks([call("C"), raise("other", "F")]));
    let later = ["ActivityCompleted", "ActivityCompleted", "EventSent"];
    let kept = kept.into_iter().filter(|event| *event != "ActivityScheduled");
    assert_eq!(kinds(&script), kept.chain(later).collect::<Vec<_>>(), "what had been done before shows as done at once");
}

#[test]
fn messages_that_a_suspension_held_back_show_after_the_resume() {
    let mut script = Script::started([call("A"), wait("E")]);
    script.arrive(Message::Suspend { reason: Some("audit".into()) }).arrive(suspend()).idle_turn();
    script.at(1_300).arrive(event("E", "1")).arrive(done(0, "1")).idle_turn();
    assert_eq!(kinds(&script), ["Started", "ActivityScheduled", "Suspended"]);
    script.at(2_000).arrive(resume()).idle_turn();
    let expected = ["Started", "Suspended", "Resumed", "EventReceived", "ActivityCompleted"];
    assert_eq!(kinds(&script), expected);
    let events = history(&script);
    assert_eq!(the("Suspended", &events).event, HistoryEvent::Suspended { reason: Some("audit".into()) });
    assert_eq!(the("Resumed", &events).event, HistoryEvent::Resumed { reason: None });
    assert_eq!(the("EventReceived", &events).at, at(1_300));
}

#[test]
fn continue_as_new_begins_the_history_afresh_with_the_events_that_go_over() {
    let mut script = Script::started([call("A"), timer(0)]);
    script.arrive(event("E", "1")).turn(continues(true));
    assert_eq!(kinds(&script), ["Started", "EventReceived"]);
    let HistoryEvent::Started { input, .. } = &history(&script)[0].event else { panic!() };
    assert_eq!(input.as_str(), "\"next\"");
    script.turn(asks([call("B")]));
    let HistoryEvent::ActivityScheduled { name, .. } = the("ActivityScheduled", &history(&script)).event else { panic!() };
    assert_eq!(name, "B");
}

#[test]
fn a_new_start_begins_the_history_afresh() {
    let mut script = Script::started([timer(0)]);
    script.turn(returns("1"));
    script.record(Message::Start(Box::new(Start { at: Some(at(5_000)), ..new_start("second") }))).idle_turn();
    assert_eq!(kinds(&script), ["Started"]);
    let HistoryEvent::Started { not_before, .. } = history(&script)[0].event else { panic!() };
    assert_eq!(not_before, Some(at(5_000)));
}

#[test]
fn what_the_last_turn_asked_for_and_never_began_does_not_show() {
    let mut script = Script::started([timer(0)]);
    let outcome = Some(GuestOutcome::Completed(json("1")));
    script.turn(GuestTurn { outcome, ..asks([call("A"), timer(9_000), raise("other", "E")]) });
    assert_eq!(kinds(&script), ["Started", "TimerSet", "TimerFired", "EventSent", "Ended"]);
}

#[test]
fn an_instance_that_was_never_started_has_no_history() {
    let mut script = Script::new();
    script.record(event("E", "1")).idle_turn();
    assert!(history(&script).is_empty());
}

#[test]
fn the_history_of_any_random_program_can_be_told() {
    for seed in 1..=60 {
        let script = crate::orchestration::tests::programs::drive(seed, 25);
        let events = history(&script);
        assert!(events.first().is_none_or(|entry| kind(&entry.event) == "Started"), "seed {seed}");
        let ends = events.iter().filter(|entry| kind(&entry.event) == "Ended").count();
        assert_eq!(ends == 1, script.state.status().is_some_and(|status| status.is_terminal()), "seed {seed}");
    }
}
