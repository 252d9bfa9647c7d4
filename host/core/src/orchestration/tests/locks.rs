//! Critical sections, as the orchestration sees them.

use super::script::*;
use super::taken::Taken;
use super::words::*;
use crate::message::Message;

/// The set that a turn asked for: receiver, then keys.
fn asked(taken: &Taken) -> Option<(String, Vec<String>)> {
    taken.outgoing.iter().find_map(|one| match &one.message {
        Message::Lock(section) => Some((one.to.to_string(), section.set.iter().map(|entity| entity.key.to_string()).collect())),
        _ => None,
    })
}

#[test]
fn a_section_is_asked_for_sorted_and_without_doubles_at_its_first_entity() {
    let mut script = Script::new();
    let taken = script.arrive(start("first")).turn(asks([lock(&["c", "a", "c", "b"])]));
    assert_eq!(asked(&taken), Some(("@stock@a".into(), vec!["a".into(), "b".into(), "c".into()])));
    assert_eq!(script.arrive(granted(0)).idle_turn().told(), [(0, "null".into())]);
}

#[test]
fn an_empty_section_is_granted_at_once() {
    let mut script = Script::started([lock(&[])]);
    assert_eq!(script.idle_turn().told(), [(0, "null".into())]);
}

#[test]
fn unlocking_gives_the_section_back_once() {
    let mut script = Script::started([lock(&["a"])]);
    assert_eq!(script.arrive(granted(0)).turn(asks([unlock(0), unlock(0), timer(0)])).releases(), ["@stock@a"]);
    assert!(script.turn(returns("1")).releases().is_empty());
}

#[test]
fn a_section_inside_a_section_fails_and_leaves_the_first_alone() {
    let mut script = Script::started([lock(&["a"])]);
    let taken = script.arrive(granted(0)).turn(asks([lock(&["b"]), unlock(1)]));
    assert!(asked(&taken).is_none() && taken.releases().is_empty());
    assert!(script.idle_turn().told()[0].1.starts_with("CriticalSection: "));
    assert_eq!(script.arrive(terminate(false)).idle_turn().releases(), ["@stock@a"]);
}

#[test]
fn only_locked_entities_are_called_in_a_section() {
    let mut script = Script::started([lock(&["a"])]);
    let taken = script.arrive(granted(0)).turn(asks([call_entity("a"), call_entity("z")]));
    assert_eq!(taken.outgoing.iter().map(|one| one.to.as_str()).collect::<Vec<_>>(), ["@stock@a"]);
    let told = script.idle_turn().told();
    assert!(told[0].0 == 2 && told[0].1.starts_with("CriticalSection: "));
}

#[test]
fn cancelling_a_request_that_waits_withdraws_it_and_a_late_grant_changes_nothing() {
    let mut script = Script::started([lock(&["a", "b"]), timer(0)]);
    assert_eq!(script.turn(asks([cancel(0)])).releases(), ["@stock@a"]);
    assert!(script.state.ignores(&granted(0)));
    let taken = script.arrive(granted(0)).turn(asks([]));
    assert!(taken.activation.is_none() && taken.outgoing.is_empty());
}

#[test]
fn cancelling_a_lock_that_was_granted_and_not_noticed_gives_it_back() {
    let mut script = Script::started([lock(&["a"]), wait("E")]);
    let taken = script.arrive(event("E", "1")).arrive(granted(0)).turn(asks([cancel(0)]));
    assert_eq!(taken.releases(), ["@stock@a"]);
    assert!(script.arrive(terminate(false)).idle_turn().releases().is_empty());
}

#[test]
fn a_section_can_be_asked_for_again_after_it_was_given_back() {
    let mut script = Script::started([lock(&["a"])]);
    let taken = script.arrive(granted(0)).turn(asks([unlock(0), lock(&["a"])]));
    let order: Vec<_> = taken.outgoing.iter().map(|one| matches!(one.message, Message::Release(_))).collect();
    assert_eq!(order, [true, false], "the release goes out before the new request");
}
