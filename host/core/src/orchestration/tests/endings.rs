//! What an execution leaves behind: nothing.

use super::script::*;
use super::taken::Taken;
use super::words::*;
use crate::message::Message;
use crate::model::{Command, Continuation, GuestOutcome, GuestTurn, RuntimeStatus};

/// Everything that can be open, and a timer that is due at once.
fn busy() -> Script {
    let mut script = Script::started([
        call("A"),
        call_with_retry("B", policy(3)),
        child(None),
        timer(9_000),
        wait("E"),
        call_entity("a"),
        lock(&["b", "a"]),
    ]);
    script.arrive(attempt_done(1, 1, failed("503"))).arrive(event("Unseen", "1")).idle_turn();
    script
}

#[test]
fn a_returned_value_or_failure_becomes_the_output() {
    let mut script = Script::started([timer(0)]);
    script.turn(returns("{\"ok\":true}"));
    assert_eq!(script.row.as_ref().unwrap().output, Some(json("{\"ok\":true}")));

    let mut script = Script::started([timer(0)]);
    script.turn(fails("503"));
    assert_eq!(script.state.status(), Some(RuntimeStatus::Failed));
    assert_eq!(script.row.unwrap().output, Some(json("\"Orchestrator function 'Order' failed: 503\"")));
}

type End = Box<dyn FnOnce(&mut Script) -> Taken>;

#[test]
fn every_end_stops_what_runs_and_gives_the_locks_back() {
    let last = |guest: GuestTurn| move |script: &mut Script| script.arrive(done(0, "1")).turn(guest);
    let mut ends: Vec<(&str, End)> = vec![
        ("return", Box::new(last(returns("1")))),
        ("failure", Box::new(last(fails("no")))),
        ("continue-as-new", Box::new(last(continues(true)))),
    ];
    ends.push(("terminate", Box::new(|script| script.arrive(done(0, "1")).arrive(terminate(false)).idle_turn())));
    for (what, end) in ends {
        let mut script = busy();
        script.arrive(event("E", "1")).turn(asks([call("Late")]));
        let taken = end(&mut script);
        assert_eq!(taken.stops(), [7], "{what}: the one that runs is stopped, the one that backs off needs no stop");
        assert_eq!(taken.releases(), ["@stock@a"], "{what}: the request went to the first entity of the sorted set");
        assert!(script.state.running_activities().is_empty() && script.state.due(at(u64::MAX)).is_empty(), "{what}");
    }
}

#[test]
fn what_the_last_turn_asked_for_does_not_start_but_its_cancellations_count() {
    let mut script = Script::started([call("A"), call("B"), timer(0)]);
    let taken = script.turn(GuestTurn { commands: vec![call("C"), cancel(0)], ..returns("1") });
    assert!(taken.runs().is_empty());
    let mut stops = taken.stops();
    stops.sort_unstable();
    assert_eq!(stops, [0, 1]);
}

#[test]
fn termination_calls_no_guest_and_discards_what_comes_later() {
    let mut script = busy();
    let taken = script.arrive(event("E", "1")).arrive(terminate(false)).idle_turn();
    assert!(taken.activation.is_none());
    assert_eq!((script.state.status(), script.state.wake_at()), (Some(RuntimeStatus::Terminated), None));
    assert_eq!(script.row.as_ref().unwrap().output, Some(json("\"enough\"")));
    for late in [done(0, "1"), event("E", "1"), child_done(2, failed("x")), terminate(true), suspend(), resume()] {
        assert!(script.state.ignores(&late), "{late:?}");
        assert!(script.record(late).idle_turn().activation.is_none());
    }
    assert_eq!(script.state.status(), Some(RuntimeStatus::Terminated));
}

#[test]
fn a_turn_takes_nothing_more_once_it_is_terminated() {
    let mut script = Script::started([wait("E")]);
    script.record(terminate(false)).record(start("second")).record(event("E", "1"));
    script.idle_turn();
    assert_eq!(script.state.status(), Some(RuntimeStatus::Terminated));
    script.turn(asks([wait("E")]));
    assert_eq!(script.idle_turn().told(), [(0, "1".into())]);
}

#[test]
fn termination_reaches_open_children_only_if_it_is_recursive() {
    for recursive in [true, false] {
        let mut script = Script::started([child(Some("c1")), child(Some("c2")), Command::StartOrchestration(child_call(Some("free")))]);
        script.arrive(child_done(1, failed("x"))).idle_turn();
        let taken = script.arrive(terminate(recursive)).idle_turn();
        let told: Vec<_> = taken.outgoing.iter().filter(|one| matches!(one.message, Message::Terminate { recursive: true, .. })).collect();
        let told: Vec<_> = told.into_iter().map(|one| one.to.as_str()).collect();
        assert_eq!(told, if recursive { vec!["c1"] } else { vec![] });
    }
}

#[test]
fn a_parents_end_does_not_take_along_an_unrelated_instance_that_has_the_childs_id() {
    let mut parents = Script::of("upper");
    parents.arrive(start("e0")).turn(asks([child(Some("order-7"))]));
    let taken = parents.arrive(terminate(true)).idle_turn();
    let sent = taken.outgoing.into_iter().map(|one| one.message);
    let sent: Vec<_> = sent.filter(|message| matches!(message, Message::Terminate { .. })).collect();
    assert!(matches!(&sent[..], [Message::Terminate { parent: Some(of), .. }] if of.task.0 == 0), "{sent:?}");
    for start in [start("first"), started_by_parent("first")] {
        let mut script = Script::new();
        script.arrive(start).turn(asks([wait("E")]));
        script.record(sent[0].clone()).idle_turn();
        assert_eq!(script.state.status(), Some(RuntimeStatus::Running));
    }
}

#[test]
fn a_tree_of_three_levels_ends_when_its_root_is_terminated() {
    let mut levels: Vec<Script> = ["root", "middle", "leaf"].map(Script::of).into();
    let mut starting = start("e0");
    for (level, below) in [(0, Some("middle")), (1, Some("leaf")), (2, None)] {
        let commands = below.map(|id| child(Some(id))).into_iter().chain([call("A")]);
        let taken = levels[level].record(starting.clone()).turn(asks(commands));
        if let Some((_, start)) = taken.starts().pop() {
            starting = Message::Start(Box::new(start));
        }
    }
    let mut ending = terminate(true);
    for script in &mut levels {
        let taken = script.record(ending.clone()).idle_turn();
        assert_eq!((script.state.status(), taken.stops().len()), (Some(RuntimeStatus::Terminated), 1));
        if let Some(one) = taken.outgoing.into_iter().find(|one| matches!(one.message, Message::Terminate { .. })) {
            ending = one.message;
        }
    }
}

#[test]
fn termination_beats_a_continue_as_new_that_could_happen_in_the_same_turn() {
    let mut script = Script::started([timer(0)]);
    let taken = script.arrive(terminate(false)).turn(continues(true));
    assert!(taken.activation.is_none());
    assert_eq!(script.state.status(), Some(RuntimeStatus::Terminated));
}

#[test]
fn a_scheduled_instance_can_be_terminated_before_its_time() {
    let mut script = Script::new();
    script.arrive(Message::Start(Box::new(crate::message::Start { at: Some(at(9_000)), ..new_start("first") }))).idle_turn();
    script.arrive(terminate(false)).idle_turn();
    assert_eq!((script.state.status(), script.state.wake_at()), (Some(RuntimeStatus::Terminated), None));
    assert!(!script.state.needs_turn(at(9_000)));
}

#[test]
fn continue_as_new_begins_an_execution_with_a_new_id_on_the_current_deployment() {
    let mut script = Script::started([timer(0)]);
    let taken = script.at(2_000).turn(continues(true));
    let next = &taken.next_execution().start;
    assert_eq!((next.input.as_str(), next.deployment, next.created_at, &*next.name), ("\"next\"", CURRENT, at(2_000), "Order"));
    assert_ne!(next.execution.as_str(), "first");
    assert!(taken.base && script.state.needs_turn(at(2_000)) && script.row.as_ref().is_some_and(|row| row.pending));

    let again = script.turn(asks([call("A")]));
    assert_eq!((again.record.number, again.runs()), (0, vec![(0, 1)]));
}

#[test]
fn an_instance_is_as_old_as_its_first_execution() {
    let mut script = Script::started([timer(0)]);
    script.at(2_000).turn(continues(true));
    let times = |script: &Script| script.row.as_ref().map(|row| (row.born_at, row.created_at));
    assert_eq!(times(&script), Some((at(900), at(2_000))));
    script.turn(returns("1"));
    let again = crate::message::Start { created_at: at(3_000), ..new_start("another") };
    script.record(Message::Start(Box::new(again)));
    assert_eq!(times(&script), Some((at(3_000), at(3_000))), "another start of the id is another instance");
}

#[test]
fn a_restart_in_place_goes_on_with_the_age_of_the_instance_and_every_execution_keeps_it() {
    let born = |born_at| crate::message::Start { born_at: Some(born_at), ..new_start("first") };
    let mut script = Script::new();
    script.arrive(Message::Start(Box::new(born(at(900))))).turn(continues(true));
    let ages = |script: &Script| (script.state.born_at(), script.row.as_ref().map(|row| row.born_at));
    assert_eq!(ages(&script), (Some(at(900)), Some(at(900))));
    script.at(2_000).turn(returns("1"));
    let again = crate::message::Start { created_at: at(3_000), ..born(at(900)) };
    script.record(Message::Start(Box::new(again))).at(3_000).turn(asks([timer(0)]));
    assert_eq!(ages(&script), (Some(at(900)), Some(at(900))));
    assert!(script.state.may_be_born_at(at(900)) && !script.state.may_be_born_at(at(901)));
}

#[test]
fn continue_as_new_keeps_the_version_unless_it_names_another() {
    for (asked, expected) in [(None, "1"), (Some("2"), "2")] {
        let mut script = Script::new();
        script.arrive(Message::Start(Box::new(crate::message::Start { version: Some("1".into()), ..new_start("first") })));
        let continuation = Continuation { input: json("0"), keep_events: true, version: asked.map(str::to_owned) };
        let taken = script.turn(GuestTurn { outcome: Some(GuestOutcome::ContinuedAsNew(continuation)), ..GuestTurn::default() });
        assert_eq!(taken.next_execution().start.version.as_deref(), Some(expected));
    }
}

#[test]
fn messages_that_come_after_continue_as_new_are_for_the_next_execution() {
    let mut script = Script::started([timer(0)]);
    script.turn(continues(false));
    script.record(event("E", "1")).turn(asks([wait("E")]));
    assert_eq!(script.idle_turn().told(), [(0, "1".into())]);
}

#[test]
fn start_event_and_termination_in_one_batch_count_in_the_order_of_their_arrival() {
    let message = |which: char| match which {
        'S' => start("first"),
        'E' => event("E", "1"),
        _ => terminate(false),
    };
    let got_the_event = || Some(vec![(0, "1".to_owned())]);
    for (order, told) in
        [("SET", None), ("STE", None), ("EST", None), ("ETS", Some(Vec::new())), ("TSE", got_the_event()), ("TES", Some(Vec::new()))]
    {
        let mut script = Script::new();
        for which in order.chars() {
            script.record(message(which));
        }
        let taken = script.turn(asks([wait("E")]));
        let next = script.idle_turn();
        let Some(told) = told else {
            assert_eq!(script.state.status(), Some(RuntimeStatus::Terminated), "{order}");
            assert!(taken.activation.is_none() && next.activation.is_none(), "{order}: the guest was called");
            continue;
        };
        assert_eq!(script.state.status(), Some(RuntimeStatus::Running), "{order}");
        let heard = if next.activation.is_some() { next.told() } else { Vec::new() };
        assert_eq!(heard, told, "{order}");
    }
}
