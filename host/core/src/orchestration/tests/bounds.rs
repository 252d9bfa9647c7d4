//! Limits: at the limit, beyond it, and that a history means the same under every setting.

use super::script::*;
use super::words::*;
use crate::limits::{HistoryUse, InstanceLimits};
use crate::message::{Message, Start};
use crate::model::{Command, EntityId, GuestOutcome, GuestTurn, RuntimeStatus};
use crate::record::Outcome;

fn failed_with(script: &Script) -> String {
    match script.chain.last().expect("a turn").0.clone() {
        crate::Record::Turn(turn) => match turn.outcome {
            Some(Outcome::Failed(failure)) => format!("{}: {}", failure.error_type, failure.message),
            other => format!("{other:?}"),
        },
        other => format!("{other:?}"),
    }
}

fn turns(most: u32) -> InstanceLimits {
    InstanceLimits { max_history_turns: most, ..InstanceLimits::default() }
}

#[test]
fn an_execution_may_end_with_its_last_turn_and_fails_if_it_goes_on() {
    for (last, status) in [(returns("7"), RuntimeStatus::Completed), (asks([wait("Go")]), RuntimeStatus::Failed)] {
        let mut script = Script::new();
        script.limit(turns(3)).arrive(start("first")).turn(asks([wait("Go")]));
        script.arrive(event("Go", "1")).turn(asks([wait("Go")]));
        assert_eq!(script.state.history().turns, 2);
        script.arrive(event("Go", "2")).turn(last);
        assert_eq!(script.state.status(), Some(status));
        if status == RuntimeStatus::Failed {
            let why = failed_with(&script);
            assert!(why.starts_with("HistoryTooLong: the history has 3 turns and the code goes on; at most 3 are kept"), "{why}");
        }
    }
}

#[test]
fn a_new_execution_has_a_new_history() {
    let mut script = Script::new();
    script.limit(turns(2)).arrive(start("first")).turn(asks([wait("Go")]));
    script.arrive(event("Go", "1")).turn(continues(false));
    script.turn(asks([wait("Go")]));
    assert_eq!((script.state.status(), script.state.history().turns), (Some(RuntimeStatus::Running), 1));
}

#[test]
fn a_history_has_the_bytes_of_what_arrived_and_was_asked_for() {
    let long = format!("\"{}\"", "x".repeat(9_998));
    let limits = InstanceLimits { max_history_bytes: 20_000, ..InstanceLimits::default() };
    let mut script = Script::new();
    script.limit(limits).arrive(start("first")).turn(asks([wait("Go")]));
    let before = script.state.history().bytes;
    // No wait gets these events, so the code is not called: the history grows all the same.
    script.arrive(event("Other", &long)).idle_turn();
    let grown = script.state.history().bytes - before;
    assert!((10_000..11_000).contains(&grown), "{grown}");
    script.arrive(event("Other", &long)).idle_turn();
    assert_eq!(script.state.status(), Some(RuntimeStatus::Failed));
    let why = failed_with(&script);
    assert!(why.starts_with("HistoryTooLong: the history has 2"), "{why}");
    assert!(why.contains("bytes and the code goes on; at most 20000 are kept; continue as new"), "{why}");
}

#[test]
fn events_that_go_over_to_the_next_execution_count_in_its_history() {
    let mut script = Script::started([wait("Go")]);
    script.arrive(event("Other", &format!("\"{}\"", "x".repeat(5_000)))).idle_turn();
    script.arrive(event("Go", "1")).turn(continues(true));
    assert!((5_000..6_000).contains(&script.state.history().bytes), "{:?}", script.state.history());
}

#[test]
fn an_instance_that_is_held_or_set_aside_does_not_fail_by_its_history() {
    let mut script = Script::started([wait("Go")]);
    script.limit(turns(2)).arrive(suspend()).idle_turn();
    script.arrive(event("Go", "1")).idle_turn();
    assert_eq!(script.state.status(), Some(RuntimeStatus::Suspended));
    script.arrive(resume()).turn(asks([wait("Go")]));
    assert_eq!(script.state.status(), Some(RuntimeStatus::Failed));
}

#[test]
fn code_that_has_ended_does_not_fail_while_it_waits_for_what_it_left_open() {
    let mut script = Script::new();
    let waits = crate::message::Start { on_return: crate::model::OnReturn::WaitForOpenTasks, ..new_start("first") };
    script.arrive(crate::Message::Start(Box::new(waits))).turn(asks([call("A"), wait("Go")]));
    script.limit(turns(2)).arrive(event("Go", "1")).turn(returns("7"));
    script.arrive(event("Go", "2")).idle_turn();
    script.arrive(done(0, "1")).idle_turn();
    assert_eq!(script.state.status(), Some(RuntimeStatus::Completed));
}

#[test]
fn an_execution_that_failed_by_its_history_can_be_rewound_under_a_higher_limit() {
    let mut script = Script::started([wait("Go")]);
    script.limit(turns(2)).arrive(event("Go", "1")).turn(asks([wait("More")]));
    assert_eq!(script.state.status(), Some(RuntimeStatus::Failed));
    script.limit(turns(100)).arrive(rewind()).idle_turn();
    script.turn(asks([wait("More")]));
    script.arrive(event("More", "1")).turn(returns("7"));
    assert_eq!(script.state.status(), Some(RuntimeStatus::Completed));
}

#[test]
fn a_warning_comes_once_when_a_history_gets_near_its_limits() {
    let limits = InstanceLimits { max_history_turns: 10, max_history_bytes: 1_000, ..InstanceLimits::default() };
    let used = |turns, bytes| HistoryUse { turns, bytes };
    assert_eq!(limits.history_warning(used(6, 0), used(7, 799)), None);
    let warning = limits.history_warning(used(7, 0), used(8, 0)).expect("a warning");
    assert!(warning.contains("8 of at most 10 turns") && warning.contains("HistoryTooLong"), "{warning}");
    assert_eq!(limits.history_warning(used(8, 0), used(9, 0)), None);
    assert!(limits.history_warning(used(1, 799), used(2, 800)).is_some());
}

#[test]
fn tasks_up_to_the_limit_are_open_at_a_time_and_one_more_fails_the_execution() {
    let limits = InstanceLimits { max_pending_tasks: 3, ..InstanceLimits::default() };
    let mut script = Script::new();
    script.limit(limits).arrive(start("first")).turn(asks([call("A"), timer(9_000), wait("Go")]));
    assert_eq!(script.state.status(), Some(RuntimeStatus::Running));
    // One ended, one takes its place.
    script.arrive(event("Go", "1")).turn(asks([wait("Go")]));
    assert_eq!(script.state.status(), Some(RuntimeStatus::Running));
    let taken = script.arrive(done(0, "1")).turn(asks([child(Some("c1")), call("B"), cancel(1)]));
    assert_eq!(taken.record.commands, [child(Some("c1"))], "what is beyond the limit is not recorded, nor what follows it");
    let why = failed_with(&script);
    assert!(why.starts_with("TooManyPendingTasks: the code asks for one more task while 3 are open; at most 3 may be"), "{why}");
}

#[test]
fn children_of_children_have_a_limit_and_know_their_place() {
    let limits = InstanceLimits { max_nesting: 1, ..InstanceLimits::default() };
    let mut parent = Script::new();
    let (id, first) = parent.limit(limits.clone()).arrive(start("first")).turn(asks([child(None)])).starts().remove(0);
    assert_eq!(first.nesting, 1);
    let mut below = Script::of(&id);
    below.limit(limits).arrive(crate::Message::Start(Box::new(first))).turn(continues(false));
    assert!(below.turn(asks([child(None)])).starts().is_empty(), "the next execution stands where the one before stood");
    let why = failed_with(&below);
    assert!(why.starts_with("NestedTooDeep: the code calls orchestration 'Ship' with 1 callers above itself; at most 1"), "{why}");
    let nested = crate::message::Start { nesting: 1, ..new_start("first") };
    let (_, detached) = Script::new()
        .arrive(crate::Message::Start(Box::new(nested)))
        .turn(asks([Command::StartOrchestration(child_call(None))]))
        .starts()
        .remove(0);
    assert_eq!(detached.nesting, 0, "nobody waits for it");
}

#[test]
fn a_critical_section_has_a_limit_of_its_own() {
    let limits = InstanceLimits { max_section_entities: 2, ..InstanceLimits::default() };
    let set = |count: u32| (0..count).map(|key| EntityId::new("Account", &key.to_string()).unwrap()).collect();
    let mut script = Script::new();
    script.limit(limits.clone()).arrive(start("first")).turn(asks([Command::LockEntities(set(2))]));
    assert_eq!(script.state.status(), Some(RuntimeStatus::Running));
    let mut script = Script::new();
    let taken = script.limit(limits).arrive(start("first")).turn(asks([Command::LockEntities(set(3))]));
    assert!(taken.outgoing.is_empty());
    assert!(failed_with(&script).starts_with("TooManyEntities: the code asks for a critical section of 3 entities"));
}

#[test]
fn outside_events_have_room_up_to_the_limits_and_those_that_are_awaited_need_none() {
    let limits = InstanceLimits { max_buffered_events: 2, max_buffered_event_bytes: 100, ..InstanceLimits::default() };
    let mut script = Script::started([wait("Go")]);
    let room = |script: &Script, message| script.state.check_room(&message, &limits).map_err(|beyond| beyond.error_type);
    assert_eq!(room(&script, event("Other", &format!("\"{}\"", "x".repeat(93)))), Ok(()), "100 bytes with the name");
    assert_eq!(room(&script, event("Other", &format!("\"{}\"", "x".repeat(94)))), Err("TooManyEvents"));
    script.arrive(event("Other", "1")).idle_turn();
    assert_eq!(room(&script, event("Other", "2")), Ok(()));
    script.arrive(event("Other", "2")).idle_turn();
    assert_eq!(room(&script, event("Other", "3")), Err("TooManyEvents"));
    assert_eq!(room(&script, event("GO", "3")), Ok(()), "somebody waits for it");
    assert_eq!(room(&script, terminate(false)), Ok(()), "it is no event");
    // Another instance's event is taken in any case, and nothing of what waits is lost.
    script.record(event("Other", "3")).idle_turn();
    script.arrive(event("Go", "1")).turn(asks([wait("Other"), wait("Other"), wait("Other")]));
    assert_eq!(script.idle_turn().told().into_iter().map(|(_, data)| data).collect::<Vec<_>>(), ["1", "2", "3"]);
    assert_eq!(room(&script, event("Other", "4")), Ok(()), "there is room again");
}

#[test]
fn events_that_wait_for_a_held_instance_take_up_room_too() {
    let limits = InstanceLimits { max_buffered_events: 1, ..InstanceLimits::default() };
    let mut script = Script::started([wait("Go")]);
    script.arrive(suspend()).idle_turn();
    assert!(script.state.check_room(&event("Go", "1"), &limits).is_ok());
    script.arrive(event("Go", "1")).idle_turn();
    assert!(script.state.check_room(&event("Go", "2"), &limits).is_err());
    script.arrive(resume()).turn(GuestTurn { outcome: None, ..asks([wait("Go")]) });
    assert!(script.state.check_room(&event("Go", "2"), &limits).is_ok());
}

#[test]
fn a_lower_limit_changes_nothing_of_what_was_recorded_under_a_higher_one() {
    let mut script = Script::started((0..10).map(|task| call(&format!("A{task}"))));
    script.arrive(done(0, "1")).turn(asks([wait("Go")]));
    script.limit(InstanceLimits { max_pending_tasks: 2, ..InstanceLimits::default() });
    // Every turn of the script is compared with one that follows a fold of all records.
    script.arrive(done(1, "1")).turn(GuestTurn { outcome: Some(GuestOutcome::Completed(json("1"))), ..GuestTurn::default() });
    assert_eq!(script.state.status(), Some(RuntimeStatus::Completed));
}

/// What it holds is not what its history has: results that the code has seen are gone.
#[test]
fn an_instance_weighs_what_it_holds_though_nobody_looks_through_it_each_turn() {
    let long = format!("\"{}\"", "x".repeat(99_998));
    let mut script = Script::new();
    let start = Start { input: json(&long), ..new_start("first") };
    script.arrive(Message::Start(Box::new(start))).turn(asks([wait("Go")]));
    let held = script.state.held_bytes();
    assert!((100_000..101_000).contains(&held), "{held}");
    for round in 0..20_u64 {
        script.arrive(event("Go", &long)).turn(asks([wait("Go")]));
        let (held, history) = (script.state.held_bytes(), script.state.history().bytes);
        assert!(history > (round + 1) * 100_000 && (100_000..500_000).contains(&held), "{held} of {history}");
    }
    script.arrive(event("Other", &long)).idle_turn();
    script.arrive(event("Other", &long)).idle_turn();
    assert!(script.state.held_bytes() > 300_000, "what waits to be asked for is held");
}
