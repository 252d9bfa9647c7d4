use longhaul::testing::Orchestration;
use serde_json::{Value, json};

use super::*;

fn square(n: u64) -> Result<u64, Failure> {
    Ok(n * n)
}

#[test]
fn three_cities_are_greeted_in_order() {
    let run = Orchestration::new::<hello_sequence>().activity("SayHello", |city: String| Ok(format!("Hello {city}!"))).run();
    assert_eq!(run.output::<Vec<String>>().unwrap(), ["Hello Tokyo!", "Hello Seattle!", "Hello London!"]);
    run.check_replay().unwrap();
}

#[test]
fn squares_add_up_in_parallel_and_in_sequence() {
    let run = Orchestration::new::<fan_out>().input(&100).activity("Square", square).run();
    assert_eq!(run.output(), Ok(338_350_u64));
    run.check_replay().unwrap();
    let run = Orchestration::new::<long_sequence>().input(&100).activity("Square", square).run();
    assert_eq!(run.output(), Ok(338_350_u64));
}

#[test]
fn go_is_waited_for_with_or_without_a_timeout() {
    let run = Orchestration::new::<wait_for_go>().event_after(Duration::from_secs(5), "GO", &json!({"who": "Ann"})).run();
    assert_eq!(run.output(), Ok(json!({"who": "Ann"})));
    let run = Orchestration::new::<wait_for_go>().input(&json!({"timeoutSeconds": 3661})).run();
    assert_eq!(run.output::<Value>().unwrap_err().message, "Event go not received in 01:01:01");
    let run = Orchestration::new::<wait_for_go>().run();
    assert_eq!(run.waiting_for(), ["event go (task 0)"]);
}
