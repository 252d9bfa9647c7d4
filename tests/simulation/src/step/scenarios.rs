//! The scenarios. Each is short, so that every call of the store can be made to fail, and ends by
//! itself whatever fails.

use interpreter_programs::Step;
use longhaul_core::RuntimeStatus::{Completed, Failed, Running, Suspended, Terminated};
use serde_json::{Value, json};

use super::scenario::{Act, Scenario, Sign, Wish};

/// By name.
type Entry = (&'static str, fn() -> Scenario);

const ALL: [Entry; 23] = [
    ("hello", hello),
    ("fan-out", fan_out),
    ("race", race),
    ("far-timer", far_timer),
    ("entities", entities),
    ("signal-later", signal_later),
    ("transfers", transfers),
    ("failing-section", failing_section),
    ("section-terminated", section_terminated),
    ("section-continued", section_continued),
    ("child", child),
    ("conversation", conversation),
    ("letters", letters),
    ("retries", retries),
    ("continue-as-new", continue_as_new),
    ("renewal", renewal),
    ("suspend", suspend),
    ("terminate", terminate),
    ("rewind", rewind),
    ("purge", purge),
    ("restart", restart),
    ("keys", keys),
    ("crowd", crowd),
];

/// The names of all.
pub fn names() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|(name, _)| *name)
}

/// The scenario of that name.
///
/// # Panics
/// When there is none.
pub fn named(name: &str) -> Scenario {
    let (_, make) = ALL.iter().find(|(known, _)| *known == name).expect("points name scenarios that there are");
    make()
}

fn activity(token: u32) -> Step {
    Step::Activity { token }
}

fn collect(event: &str, count: usize) -> Step {
    Step::Collect { event: event.into(), count }
}

fn transfer(from: &str, to: &str, amount: u64) -> Step {
    Step::Transfer { from: from.into(), to: to.into(), amount }
}

/// Three activities, one after the other.
fn hello() -> Scenario {
    Scenario::default().program("p", vec![activity(1), activity(2), activity(3)])
}

/// Several activities at once.
fn fan_out() -> Scenario {
    Scenario::default().program("p", vec![Step::FanOut { tokens: vec![1, 2, 3, 4, 5] }, Step::Big { token: 6, bytes: 400 }])
}

/// An event against a timer: one that comes, and one that does not.
fn race() -> Scenario {
    let waiting = json!({"timerMs": 600_000, "ticks": 2});
    let lonely = json!({"timerMs": 80, "ticks": 1});
    Scenario::default()
        .start("Patient", "lonely", lonely)
        .start("Patient", "waiting", waiting)
        .raise("waiting", "tick", Value::Null)
        .raise("waiting", "tick", Value::Null)
        .ends("lonely", Completed, json!("fired after 0"))
        .ends("waiting", Completed, json!("2 and the timer did not fire"))
}

/// Timers that are not kept in memory from the beginning.
fn far_timer() -> Scenario {
    Scenario::default().program("p", vec![Step::Timer { ms: 95_000 }, Step::Timer { ms: 20 }, activity(1)])
}

/// Signals and calls from inside, signals from outside.
fn entities() -> Scenario {
    let signal = |amount| Step::Signal { account: "north".into(), amount };
    let call = |amount| Step::Deposit { account: "east".into(), amount };
    Scenario::default()
        .program("p", vec![signal(10_001), call(20_002), signal(10_003), call(20_004), call(20_005)])
        .deposit("north", 30_006)
        .deposit("east", 30_007)
}

/// Signals whose time has not come.
fn signal_later() -> Scenario {
    let later = json!({"to": "west", "afterMs": [40, 90, 90, 70_000]});
    // The program's step comes first, so that the account is there whatever fails.
    Scenario::default()
        .program("p", vec![Step::Deposit { account: "west".into(), amount: 20_001 }])
        .start("SignalLater", "s", later)
        .ends("s", Completed, Value::Null)
        .earns("west", 4)
        .program("late", vec![Step::Timer { ms: 75_000 }])
}

/// Two instances that move money over the same accounts in critical sections.
fn transfers() -> Scenario {
    Scenario::default()
        .program("p", vec![transfer("north", "east", 10_001), transfer("east", "south", 10_002)])
        .program("q", vec![transfer("east", "north", 10_003), transfer("south", "north", 10_004)])
}

fn section(then: &str) -> Value {
    json!({"accounts": ["b", "a"], "then": then})
}

fn inside(id: &str) -> Act {
    Act::Until(id.into(), Sign::Custom(json!("inside")))
}

/// An instance that holds locks and fails gives them to the next.
fn failing_section() -> Scenario {
    Scenario::default()
        .start("Section", "holder", section("fail"))
        .act(inside("holder"))
        .start("Section", "next", section("return"))
        .raise("holder", "go", Value::Null)
        .act(inside("next"))
        .raise("next", "go", Value::Null)
        .ends("holder", Failed, json!("this section fails"))
        .ends("next", Completed, Value::Null)
}

/// An instance that holds locks and is terminated gives them to the next.
fn section_terminated() -> Scenario {
    Scenario::default()
        .start("Section", "holder", section("return"))
        .act(inside("holder"))
        .start("Section", "next", section("return"))
        .ask("holder", Wish::Terminate)
        .act(inside("next"))
        .raise("next", "go", Value::Null)
        .ends("holder", Terminated, json!("act 3"))
        .ends("next", Completed, Value::Null)
}

/// An instance that holds locks and continues as new gives them to the next.
fn section_continued() -> Scenario {
    Scenario::default()
        .start("Section", "holder", section("continue"))
        .act(inside("holder"))
        .start("Section", "next", section("return"))
        .raise("holder", "go", Value::Null)
        .act(inside("next"))
        .raise("holder", "go", Value::Null)
        .raise("next", "go", Value::Null)
        .ends("holder", Completed, Value::Null)
        .ends("next", Completed, Value::Null)
}

/// A child that has a child.
fn child() -> Scenario {
    let grandchild = Step::Child { steps: vec![activity(1)] };
    Scenario::default().program("p", vec![Step::Child { steps: vec![activity(2), grandchild] }, activity(3)])
}

/// An instance that starts another and talks to it by events.
fn conversation() -> Scenario {
    Scenario::default().program("p", vec![Step::Converse { number: 4 }, Step::Converse { number: 8 }])
}

/// Events from one instance to another, in order.
fn letters() -> Scenario {
    let tell = |number| Step::Tell { instance: "receiver".into(), event: "letter".into(), number };
    let numbers = [70_001, 70_002, 70_003, 70_004];
    let send = numbers.into_iter().flat_map(|number| [tell(number), Step::Timer { ms: 5 }]).collect();
    Scenario::default().program("receiver", vec![collect("letter", 4)]).program("sender", send).ends(
        "receiver",
        Completed,
        json!([numbers]),
    )
}

/// Activities that fail and are tried again, in vain at last, or for ever.
fn retries() -> Scenario {
    let flaky = |token, failures, attempts| Step::Flaky { token, failures, attempts };
    Scenario::default().program("p", vec![flaky(1, 2, 5), flaky(2, 9, 3), Step::Abandon { token: 3 }, activity(4)])
}

/// Events that are buffered go over when the instance continues as new.
fn continue_as_new() -> Scenario {
    let numbers = [80_001, 80_002, 80_003, 80_004, 80_005];
    let collection = json!({"want": 5, "perExecution": 2});
    let mut scenario = Scenario::default().start("Collect", "c", collection).ends("c", Completed, json!(numbers));
    for number in numbers {
        scenario = scenario.raise("c", "number", json!(number));
    }
    // All of them at once: what was held arrives in one turn.
    let held = json!({"want": 5, "perExecution": 2, "seen": []});
    scenario = scenario.client().start("Collect", "h", held).ask("h", Wish::Suspend).ends("h", Completed, json!(numbers));
    for number in numbers {
        scenario = scenario.raise("h", "number", json!(number));
    }
    scenario.ask("h", Wish::Resume)
}

/// Programs that continue as new between activities, signals and waits.
fn renewal() -> Scenario {
    let signal = Step::Signal { account: "north".into(), amount: 10_001 };
    let steps = vec![activity(1), Step::Renew, signal, Step::Renew, collect("go", 2), Step::Renew, activity(2)];
    Scenario::default().program("p", steps).raise_all()
}

/// What comes for an instance that is held waits, in order.
fn suspend() -> Scenario {
    Scenario::default()
        .program("p", vec![activity(1), collect("go", 3), activity(2)])
        .ask("p", Wish::Suspend)
        .until("p", Suspended)
        .raise_all()
        .ask("p", Wish::Resume)
}

/// A tree of instances that is terminated from its root.
fn terminate() -> Scenario {
    Scenario::default()
        .start("Grow", "t", json!({"depth": 2, "width": 2}))
        .until("t.0.0", Running)
        .until("t.1.1", Running)
        .ask("t", Wish::Terminate)
        .ends_all(&["t", "t.0", "t.1", "t.0.0", "t.0.1", "t.1.0", "t.1.1"], Terminated, &json!("act 3"))
}

/// An instance that failed and goes on once what it needs works again.
fn rewind() -> Scenario {
    Scenario::default()
        .start("Child", "r", json!({"name": "Broken", "input": "whole"}))
        .until("r", Failed)
        .act(Act::Heal)
        .ask("r", Wish::Rewind)
        .ends("r", Completed, json!("whole"))
}

/// An instance that is removed when it has ended, and another of the same id.
fn purge() -> Scenario {
    Scenario::default()
        .program("p", vec![activity(1)])
        .until("p", Completed)
        .ask("p", Wish::Purge)
        .program("p", vec![activity(2), Step::Status { text: "again".into() }])
        .program("q", vec![activity(3)])
        .until("q", Completed)
        .ask("q", Wish::Purge)
        .gone("q")
}

/// An instance that takes the place of one that has ended.
fn restart() -> Scenario {
    Scenario::default()
        .program("p", vec![activity(1), collect("go", 1)])
        .raise_all()
        .until("p", Completed)
        .program("p", vec![activity(2), collect("on", 1), Step::Timer { ms: 10 }])
        .raise("p", "on", json!("p on 0"))
}

/// Requests that are sent again though they were accepted.
fn keys() -> Scenario {
    let again = |number| Act::Again(number);
    Scenario::default()
        .program("p", vec![Step::Deposit { account: "north".into(), amount: 10_001 }, collect("go", 2), activity(1)])
        .act(again(0))
        .act(again(1))
        .deposit("north", 30_002)
        .act(again(4))
        .act(again(4))
        .raise_all()
        .act(again(7))
        .act(again(8))
        .until("p", Completed)
        .act(again(1))
        .act(again(8))
}

/// Many at a time.
fn crowd() -> Scenario {
    let spread = |number: u32| {
        let nested = Step::Child { steps: vec![activity(1), Step::Timer { ms: 15 }] };
        let pay = Step::Signal { account: "north".into(), amount: u64::from(10_000 + number) };
        vec![Step::FanOut { tokens: vec![2, 3] }, pay, nested, transfer("north", "east", 7), collect("go", 1)]
    };
    let all = (1..=4).fold(Scenario::default(), |scenario, number| {
        let id = format!("p{number}");
        scenario.program(&id, spread(number))
    });
    all.raise_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_again_was_sent_before() {
        for name in names() {
            for acts in named(name).clients {
                for (number, act) in acts.iter().enumerate() {
                    let Act::Again(earlier) = act else { continue };
                    assert!(*earlier < number && matches!(acts[*earlier], Act::Send(_)), "{name}: act {number} repeats act {earlier}");
                }
            }
        }
    }
}
