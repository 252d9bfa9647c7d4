//! Tags, and children that are started later.

use super::script::*;
use super::words::*;
use crate::message::{Message, Start};
use crate::model::{Command, OrchestrationCall, RuntimeStatus, Tags};
use crate::orchestration::Activation;

fn tags() -> Tags {
    Tags::from([("region".into(), "eu".into())])
}

fn tagged_start() -> Message {
    Message::Start(Box::new(Start { tags: tags(), ..new_start("first") }))
}

#[test]
fn the_code_and_the_row_see_the_tags_given_at_start() {
    let mut script = Script::new();
    let taken = script.arrive(tagged_start()).idle_turn();
    let Some(Activation::Start(context)) = taken.activation else { panic!("the guest was not started") };
    assert_eq!(context.tags, tags());
    assert_eq!(script.row.unwrap().tags, tags());
}

#[test]
fn tags_survive_continue_as_new() {
    let mut script = Script::new();
    script.arrive(tagged_start()).turn(continues(true));
    let taken = script.idle_turn();
    let Some(Activation::Start(context)) = taken.activation else { panic!("the guest was not started") };
    assert_eq!(context.tags, tags());
    assert_eq!(script.row.unwrap().tags, tags());
}

#[test]
fn children_have_the_tags_they_are_given_and_inherit_none() {
    let tagged = OrchestrationCall { tags: tags(), ..child_call(None) };
    for call in [Command::CallOrchestration, Command::StartOrchestration] {
        let mut script = Script::new();
        let taken = script.arrive(tagged_start()).turn(asks([call(child_call(None)), call(tagged.clone())]));
        let given: Vec<_> = taken.starts().into_iter().map(|(_, start)| start.tags).collect();
        assert_eq!(given, [Tags::new(), tags()]);
    }
}

#[test]
fn a_child_with_wrong_tags_fails_at_once_and_nothing_is_started() {
    let call = OrchestrationCall { tags: Tags::from([(String::new(), "x".into())]), ..child_call(None) };
    let mut script = Script::new();
    assert!(script.arrive(start("first")).turn(asks([Command::CallOrchestration(call)])).starts().is_empty());
    assert!(script.idle_turn().told()[0].1.starts_with("InvalidTags: cannot start orchestration 'Ship': a tag has an empty key"));
}

#[test]
fn a_child_that_is_to_start_later_is_pending_until_then() {
    let later = OrchestrationCall { at: Some(at(9_000)), ..child_call(None) };
    for call in [Command::CallOrchestration(later.clone()), Command::StartOrchestration(later)] {
        let mut caller = Script::new();
        let (id, start) = caller.arrive(start("first")).turn(asks([call])).starts().remove(0);
        let mut child = Script::of(&id);
        assert!(child.record(Message::Start(Box::new(start))).idle_turn().activation.is_none());
        assert_eq!((child.state.status(), child.state.wake_at()), (Some(RuntimeStatus::Pending), Some(at(9_000))));
        assert!(matches!(child.at(9_000).idle_turn().activation, Some(Activation::Start(_))));
    }
}
