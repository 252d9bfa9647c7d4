use longhaul::testing::Orchestration;
use serde_json::{Value, json};

use crate::children::call_many;
use crate::sequences::{Walked, fan_out, hello_reused, hello_sequence, long_sequence};
use crate::waiting::{Slept, sleep_for, sleep_together, sleep_until, wait_for_go};

fn square(n: u64) -> Result<u64, longhaul::Failure> {
    Ok(n * n)
}

#[test]
fn cities_are_greeted_in_order_by_either_activity() {
    let greet = |city: String| Ok(format!("Hello {city}!"));
    let expected = ["Hello Tokyo!", "Hello Seattle!", "Hello London!"];
    let run = Orchestration::new::<hello_sequence>().activity("SayHello", greet).run();
    assert_eq!(run.output::<Vec<String>>().unwrap(), expected);
    let run = Orchestration::new::<hello_reused>().activity("SayHelloReused", greet).run();
    assert_eq!(run.output::<Vec<String>>().unwrap(), expected);
}

#[test]
fn squares_add_up_and_every_tenth_of_a_long_sequence_is_timed() {
    let run = Orchestration::new::<fan_out>().input(&100).activity("Square", square).run();
    assert_eq!(run.output(), Ok(338_350_u64));
    for steps in [2_u64, 7, 100] {
        let run = Orchestration::new::<long_sequence>().input(&steps).activity("Square", square).run();
        let walked: Walked = run.output().unwrap();
        assert_eq!(walked.sum, (1..=steps).map(|n| n * n).sum::<u64>());
        assert_eq!(walked.tenths_ms.len() as u64, steps.min(10));
        run.check_replay().unwrap();
    }
}

#[test]
fn every_lane_makes_its_share_of_the_calls() {
    let mut calls = 0;
    let child = |_: Value| {
        calls += 1;
        Ok("done")
    };
    let input = json!({"orchestration": "Child", "expected": "done", "count": 25, "lanes": 10});
    let run = Orchestration::new::<call_many>().input(&input).orchestration("Child", child).run();
    assert_eq!(run.output(), Ok(25_u64));
    drop(run);
    assert_eq!(calls, 25);
}

#[test]
fn a_child_that_returns_something_else_fails_the_caller() {
    let input = json!({"orchestration": "Child", "expected": "done", "count": 3, "lanes": 2});
    let run = Orchestration::new::<call_many>().input(&input).orchestration("Child", |_: Value| Ok("other")).run();
    assert_eq!(run.output::<u64>().unwrap_err().error_type, "WrongOutput");
}

#[test]
fn sleepers_say_how_far_ahead_they_began_and_how_late_they_woke() {
    assert_eq!(Orchestration::new::<sleep_for>().input(&1_000).run().output(), Ok(0_u64));
    let slept: Slept = Orchestration::new::<sleep_until>().input(&5).run().output().unwrap();
    assert!(slept.ahead_ms < 0 && slept.late_ms > 0, "{slept:?}");
    let mut due = Vec::new();
    let child = |time: u64| {
        due.push(time);
        Ok(Slept { ahead_ms: 1, late_ms: 0 })
    };
    let input = json!({"count": 4, "firstAfterMs": 100, "withinMs": 1_000});
    let run = Orchestration::new::<sleep_together>().input(&input).orchestration("SleepUntil", child).run();
    assert_eq!(run.output::<Vec<Slept>>().unwrap().len(), 4);
    drop(run);
    let after: Vec<u64> = due.iter().map(|time| time - due[0]).collect();
    assert_eq!(after, [0, 250, 500, 750]);
}

#[test]
fn go_must_come_in_time() {
    let input = json!({"timeoutSeconds": 3_661});
    let run = Orchestration::new::<wait_for_go>().input(&input).event_after(std::time::Duration::from_secs(5), "go", &json!(7)).run();
    assert_eq!(run.output(), Ok(json!(7)));
    let run = Orchestration::new::<wait_for_go>().input(&input).run();
    assert_eq!(run.output::<Value>().unwrap_err().message, "Event go not received in 01:01:01");
}
