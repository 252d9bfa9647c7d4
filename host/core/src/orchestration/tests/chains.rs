//! Records, bases and replays.

use super::script::*;
use super::words::*;
use crate::model::{GuestTurn, InstanceId};
use crate::orchestration::{Activation, fold};

#[test]
fn a_replay_gives_the_guest_the_recorded_calls_and_tells_it_so() {
    let mut script = Script::started([call("A")]);
    script.arrive(done(0, "1")).turn(asks([timer(0)]));
    let replay = script.folded().replay;
    assert_eq!(replay.len(), 2);
    assert!(matches!(replay[0].clone().take_replaying_activation(), Activation::Start(context) if context.replaying));
    assert_eq!(replay[1].compare(&asks([timer(0)])), Ok(()));
}

#[test]
fn a_guest_that_returns_something_else_in_a_replay_is_found_out() {
    let script = Script::started([call("A"), timer(5)]);
    let step = &script.folded().replay[0];
    let other_status = GuestTurn { custom_status: Some(json("1")), ..asks([call("A"), timer(5)]) };
    let differences = [asks([call("B"), timer(5)]), asks([call("A")]), asks([call("A"), timer(5), timer(6)]), other_status];
    for returned in differences.into_iter().chain([GuestTurn { commands: vec![call("A"), timer(5)], ..returns("1") }]) {
        let mismatch = step.compare(&returned).unwrap_err();
        assert_eq!(mismatch.turn, 0);
        assert!(mismatch.to_string().starts_with("turn 0 records "), "{mismatch}");
    }
}

#[test]
fn an_ended_instance_has_nothing_to_replay() {
    let mut script = Script::started([timer(0)]);
    script.turn(returns("1"));
    assert!(script.folded().replay.is_empty());
}

#[test]
fn a_chain_of_messages_only_is_an_instance_that_was_never_started() {
    let mut script = Script::new();
    script.record(event("E", "1")).record(start("first"));
    let folded = fold(InstanceId::trusted("order-7"), script.chain.clone());
    assert_eq!((folded.state.status(), folded.inbox.len()), (None, 2));
}

#[test]
fn a_base_needs_only_the_messages_that_were_not_consumed_before_it() {
    let mut script = Script::started([wait("E"), timer(2_000)]);
    script.record(event("E", "1")).idle_turn();
    script.record(event("F", "2")).record(event("F", "3")).at(2_000);
    script.turn_of(1, |_| continues(true));
    let chain = script.stored_chain();
    assert_eq!(chain.len(), 3, "two messages and the base: {chain:?}");
    script.turn(asks([wait("F"), wait("F")]));
    assert_eq!(script.idle_turn().told(), [(0, "2".into()), (1, "3".into())]);
}

#[test]
fn an_eternal_orchestration_keeps_a_bounded_chain() {
    let mut script = Script::started([timer(0)]);
    for round in 0..20 {
        script.record(event("Tick", &round.to_string()));
        script.turn(continues(false));
        script.turn(asks([timer(0)]));
    }
    assert!(script.stored_chain().len() <= 3);
}
