//! Values at their limits and beyond, and how well bytes are estimated.

use super::*;
use crate::model::{Command, GuestOutcome, GuestTurn};
use crate::orchestration::tests::words::*;
use crate::record::{FORMAT, MessageRecord, Record};

fn limits() -> ValueLimits {
    ValueLimits { max_payload_bytes: 20, max_json_depth: 3, max_name_characters: 4 }
}

fn kind(checked: Result<(), BeyondLimit>) -> &'static str {
    checked.map_or_else(|beyond| beyond.error_type, |()| "taken")
}

#[test]
fn a_payload_may_be_as_long_and_as_deep_as_the_limits() {
    let check = |text: &str| kind(limits().check_payload("the output", &json(text)));
    assert_eq!(check(&format!("\"{}\"", "x".repeat(18))), "taken");
    assert_eq!(check(&format!("\"{}\"", "x".repeat(19))), "PayloadTooLarge");
    assert_eq!((check("[[[]]]"), check("[[[[]]]]"), check("{\"a\":[[{}]]}")), ("taken", "PayloadTooDeep", "PayloadTooDeep"));
    assert_eq!((check("1e400"), check("\"\\udead\"")), ("PayloadNotPortable", "PayloadNotPortable"));
    let text = limits().check_payload("the output", &json("[[[[]]]]")).unwrap_err().to_string();
    assert_eq!(text, "the output has 4 arrays and objects within one another; at most 3 are taken");
}

#[test]
fn a_name_may_have_as_many_characters_as_the_limit() {
    assert_eq!((kind(limits().check_name("it", "äöüß")), kind(limits().check_name("it", "abcde"))), ("taken", "NameTooLong"));
}

#[test]
fn a_time_after_the_year_9999_is_refused_wherever_one_is_asked_for() {
    let end = crate::model::Timestamp::MAX;
    let behind = crate::model::Timestamp(end.0 + 1);
    let limits = ValueLimits::default();
    let commands = |at| {
        let Command::CallOrchestration(call) = child(None) else { unreachable!() };
        let call = crate::model::OrchestrationCall { at: Some(at), ..call };
        let signal = crate::model::EntitySignal {
            entity: crate::model::EntityId::new("counter", "a").unwrap(),
            operation: "Add".into(),
            input: json("1"),
            at: Some(at),
        };
        [
            Command::CreateTimer(at),
            Command::CallOrchestration(call.clone()),
            Command::StartOrchestration(call),
            Command::SignalEntity(signal),
        ]
    };
    for (last, after) in commands(end).into_iter().zip(commands(behind)) {
        assert_eq!(kind(limits.check_turn(&asks([last]))), "taken");
        assert_eq!(kind(limits.check_turn(&asks([after.clone()]))), "InvalidTime", "{after:?}");
    }
    let text = check_time("the timer", behind).unwrap_err().to_string();
    assert_eq!(text, "the timer is due 253402300800000 ms after 1970; the latest time is 9999-12-31T23:59:59.999Z");
}

#[test]
fn every_value_of_a_turn_is_looked_at() {
    let turn = |turn: GuestTurn| kind(limits().check_turn(&turn));
    let long = format!("\"{}\"", "x".repeat(30));
    let with_input = |command: Command| match command {
        Command::CallActivity(call) => Command::CallActivity(crate::model::ActivityCall { input: json(&long), ..call }),
        Command::CallOrchestration(call) => Command::StartOrchestration(crate::model::OrchestrationCall { input: json(&long), ..call }),
        other => other,
    };
    assert_eq!(turn(asks([call("Four"), wait("Four"), child(None)])), "taken");
    assert_eq!(turn(asks([call("Fives")])), "NameTooLong");
    assert_eq!(turn(asks([wait("Fives")])), "NameTooLong");
    assert_eq!(turn(asks([with_input(call("Four"))])), "PayloadTooLarge");
    assert_eq!(turn(asks([with_input(child(None))])), "PayloadTooLarge");
    assert_eq!(turn(returns("[[[[]]]]")), "PayloadTooDeep");
    assert_eq!(turn(returns("-1e400")), "PayloadNotPortable");
    assert_eq!(turn(GuestTurn { custom_status: Some(json("[[[[]]]]")), ..GuestTurn::default() }), "PayloadTooDeep");
    let Some(GuestOutcome::ContinuedAsNew(next)) = continues(false).outcome else { panic!("it continues") };
    let next = crate::model::Continuation { input: json(&long), ..next };
    assert_eq!(turn(GuestTurn { outcome: Some(GuestOutcome::ContinuedAsNew(next)), ..GuestTurn::default() }), "PayloadTooLarge");
    let text = limits().check_turn(&asks([wait("A"), wait("Fives")])).unwrap_err().to_string();
    assert_eq!(text, "commands[1]: the event's name has 5 characters; at most 4 are taken");
}

#[test]
fn a_messages_share_of_the_history_is_about_what_its_record_takes() {
    let long = format!("\"{}\"", "x".repeat(5_000));
    let all = [
        start("0123456789abcdef0123456789abcdef"),
        event("Paid", "true"),
        event("Paid", &long),
        done(7, &long),
        attempt_done(7, 2, failed(&"y".repeat(3_000))),
        terminate(true),
        granted(1),
    ];
    for message in all {
        let counted = message_bytes(&message);
        let stored = Record::Message(MessageRecord { format: FORMAT, at: at(1_700_000_000_000), message }).encode().len() as u64;
        assert!(counted < 2 * stored && stored < 3 * counted, "{counted} bytes are counted for {stored}");
    }
}
