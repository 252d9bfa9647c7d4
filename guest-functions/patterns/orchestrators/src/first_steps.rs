//! To begin with, and to try a client library against.

use longhaul::{Context, Failure};
use serde_json::value::RawValue;

/// Greets three cities, one after the other.
#[longhaul::orchestrator(export = false)]
pub async fn hello_cities(ctx: Context) -> Result<Vec<String>, Failure> {
    let mut greetings = Vec::new();
    for city in ["Tokyo", "Seattle", "London"] {
        greetings.push(ctx.call_activity("SayHello", city).await?);
    }
    Ok(greetings)
}

/// Waits for the event `go` and returns its payload, as it was sent to the letter.
#[longhaul::orchestrator(export = false)]
pub async fn wait_for_go(ctx: Context) -> Result<Box<RawValue>, Failure> {
    Ok(ctx.wait_for_event("go").await?)
}

/// Fails, because its activity does.
#[longhaul::orchestrator(export = false)]
pub async fn always_fails(ctx: Context) -> Result<(), Failure> {
    Ok(ctx.call_activity("Fail", &()).await?)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use longhaul::testing::Orchestration;
    use patterns_activities::{fail, say_hello};
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn three_cities_are_greeted_in_order() {
        let run = Orchestration::new::<hello_cities>().real_activity::<say_hello>().run();
        assert_eq!(run.output::<Vec<String>>().unwrap(), ["Hello Tokyo!", "Hello Seattle!", "Hello London!"]);
        run.check_replay().unwrap();
    }

    #[test]
    fn go_is_waited_for_and_its_payload_returned() {
        let run = Orchestration::new::<wait_for_go>().event_after(Duration::from_secs(5), "go", &json!({"who": "Ann"})).run();
        assert_eq!(run.output(), Ok(json!({"who": "Ann"})));
        let to_the_letter: Box<RawValue> = serde_json::from_str("[1.50, 12345678901234567890123]").unwrap();
        let run = Orchestration::new::<wait_for_go>().event_after(Duration::from_secs(5), "go", &to_the_letter).run();
        assert_eq!(run.output::<Box<RawValue>>().unwrap().get(), to_the_letter.get());
        assert_eq!(Orchestration::new::<wait_for_go>().run().waiting_for(), ["event go (task 0)"]);
    }

    #[test]
    fn what_always_fails_says_why() {
        let run = Orchestration::new::<always_fails>().real_activity::<fail>().run();
        assert_eq!(run.output::<Value>().unwrap_err().message, "Activity function 'Fail' failed: this activity always fails");
    }
}
