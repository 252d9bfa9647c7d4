//! Names that no address can have, and histories from before they were refused.

use super::script::*;
use super::words::*;
use crate::message::Message;
use crate::model::{Command, EntityId, InstanceId, TaskResult};
use crate::orchestration::fold;
use crate::record::{Outcome, Record};

#[test]
fn an_event_whose_name_is_a_dot_segment_is_neither_waited_for_nor_raised() {
    for name in [".", ".."] {
        let mut script = Script::started([wait(name), wait("...")]);
        let told = script.idle_turn().told();
        assert!(matches!(&told[..], [(0, text)] if text.starts_with("InvalidEventName: ")), "{told:?}");

        let mut script = Script::new();
        let taken = script.arrive(start("first")).turn(asks([raise("other", name)]));
        assert!(taken.outgoing.is_empty());
        assert!(matches!(&taken.record.outcome, Some(Outcome::Failed(failure)) if failure.error_type == "InvalidEventName"));
    }
}

#[test]
fn what_a_turn_of_the_first_format_asked_for_stands_under_any_id() {
    let stock = EntityId { name: "stock".into(), key: ".".into() };
    let commands = [child(Some(".")), wait(".."), Command::LockEntities(vec![stock])];
    // As it is read now, each of the three fails; as it was written then, none does.
    let mut script = Script::started(commands);
    assert_eq!(script.idle_turn().told().len(), 3);

    let chain = script.chain.into_iter().take(1).map(|(record, is_base)| match record {
        Record::Turn(mut turn) => {
            turn.format = 1;
            (Record::Turn(turn), is_base)
        }
        other => (other, is_base),
    });
    let state = fold(InstanceId::trusted("order-7"), chain).state;
    let done = child_done(0, TaskResult::Completed(json("1")));
    let event = Message::Event { name: "..".into(), data: json("2") };
    for message in [done, granted(2)] {
        assert!(!state.ignores(&message), "{message:?} is waited for");
    }
    assert!(!state.needs_turn(at(2_000)), "nothing has failed");
    assert!(!state.ignores(&event));
}
