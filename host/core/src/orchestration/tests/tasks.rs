//! Activities, entities' answers and custom status.

use super::script::*;
use super::words::*;
use crate::model::{GuestTurn, Payload, TaskResult};

#[test]
fn tasks_are_numbered_in_the_order_of_the_commands_that_create_them() {
    let script = Script::started([call("A"), raise("other", "E"), timer(9_000), unlock(0), call("B")]);
    let runs = script.state.running_activities();
    assert_eq!(runs.iter().map(|run| (&*run.name, run.caller.task.0)).collect::<Vec<_>>(), [("A", 0), ("B", 2)]);
}

#[test]
fn an_activity_runs_once_and_its_result_reaches_the_guest() {
    let mut script = Script::new();
    script.arrive(start("first"));
    assert_eq!(script.turn(asks([call("A"), call("B")])).runs(), [(0, 1), (1, 1)]);
    let taken = script.arrive(done(1, "\"b\"")).idle_turn();
    assert_eq!((taken.told(), taken.runs()), (vec![(1, "\"b\"".into())], vec![]));
    let failed = script.arrive(attempt_done(0, 1, failed("503"))).idle_turn();
    assert_eq!(failed.told(), [(0, "Http: Activity function 'A' failed: 503".into())]);
    assert!(script.state.running_activities().is_empty() && script.row.is_some_and(|row| !row.pending));
}

#[test]
fn a_result_that_nobody_waits_for_is_ignored() {
    let mut script = Script::started([call("A"), wait("E")]);
    assert!(!script.state.ignores(&done(0, "1")) && script.state.ignores(&attempt_done(0, 2, failed("503"))));
    script.arrive(done(0, "1")).arrive(done(0, "2"));
    assert_eq!(script.idle_turn().told(), [(0, "1".into())]);
    for late in [done(0, "3"), done(9, "1"), child_done(0, failed("x")), entity_reply(1, failed("x")), granted(1)] {
        assert!(script.state.ignores(&late), "{late:?}");
        assert!(script.arrive(late).idle_turn().activation.is_none());
    }
    assert!(!script.state.ignores(&event("E", "1")) && !script.state.ignores(&start("second")));
}

#[test]
fn results_for_an_earlier_execution_are_ignored() {
    let mut script = Script::started([call("A"), timer(2_000)]);
    assert_eq!(script.at(2_000).turn(continues(true)).stops(), [0]);
    script.turn(asks([call("A")]));
    assert!(script.state.ignores(&done(0, "1")));
    assert!(script.arrive(done(0, "1")).idle_turn().activation.is_none());
}

#[test]
fn a_cancelled_activity_is_stopped_and_its_result_dropped() {
    let mut script = Script::started([call("A"), call("B")]);
    let taken = script.arrive(done(1, "1")).turn(asks([cancel(0), cancel(1), cancel(77)]));
    assert_eq!(taken.stops(), [0]);
    assert!(script.state.ignores(&done(0, "1")));
}

#[test]
fn an_activity_that_is_called_and_cancelled_in_one_turn_never_starts() {
    let mut script = Script::new();
    let taken = script.arrive(start("first")).turn(asks([call("A"), call("B"), cancel(0)]));
    assert_eq!(taken.runs(), [(1, 1)]);
}

#[test]
fn a_wrong_retry_policy_fails_the_call_at_once() {
    let mut script = Script::new();
    let taken = script.arrive(start("first")).turn(asks([call_with_retry("A", policy(0))]));
    assert!(taken.runs().is_empty() && script.state.needs_turn(at(1_000)));
    assert!(script.idle_turn().told()[0].1.starts_with("InvalidRetryPolicy: the retry policy for activity 'A' is wrong"));
}

#[test]
fn an_entity_answers_with_a_value_or_a_failure_that_names_the_operation() {
    let mut script = Script::started([call_entity("a"), call_entity("b")]);
    script.arrive(entity_reply(0, TaskResult::Completed(json("5")))).arrive(entity_reply(1, failed("empty")));
    let told = script.idle_turn().told();
    assert_eq!(told, [(0, "5".into()), (1, "Http: Operation 'Take' of entity '@stock@b' failed: empty".into())]);
}

#[test]
fn the_custom_status_stays_until_it_is_replaced_or_cleared() {
    let mut script = Script::new();
    let says = |text: &str| GuestTurn { custom_status: Some(json(text)), ..asks([timer(0)]) };
    script.arrive(start("first")).turn(says("\"half\""));
    let status = |script: &Script| script.row.as_ref().and_then(|row| row.custom_status.clone());
    assert_eq!(status(&script), Some(json("\"half\"")));
    script.turn(asks([timer(0)]));
    assert_eq!(status(&script), Some(json("\"half\"")));
    script.turn(continues(true));
    assert_eq!(status(&script), Some(json("\"half\"")), "it goes over to the next execution");
    script.turn(says("null"));
    assert_eq!(status(&script), None);
    script.turn(GuestTurn { custom_status: Some(Payload::string("done")), ..returns("1") });
    assert_eq!(status(&script), Some(json("\"done\"")), "it stays after the end");
}
