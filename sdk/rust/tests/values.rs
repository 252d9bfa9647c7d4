//! Values that JSON does not have, wherever code hands one over: what produces it fails by name.

use std::collections::BTreeMap;
use std::time::Duration;

use longhaul::client::{self, StartOptions};
use longhaul::testing::{self, EntityUnderTest, FakeHost};
use longhaul::turn::{Command, Outcome};
use longhaul::{Context, EntityContext, EntityId, Failure, RetryPolicy, Timestamp, http};
use serde::{Deserialize, Serialize};

/// What a test hands over.
fn no_json(which: &str) -> BTreeMap<String, f64> {
    BTreeMap::from([(which.to_owned(), f64::NAN)])
}

#[derive(Default, Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Meter {
    sum: f64,
    tree: Tree,
}

#[derive(Default, Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Tree(Vec<Tree>);

#[longhaul::entity]
impl Meter {
    fn add(&mut self, value: f64) -> f64 {
        self.sum += value;
        value
    }

    fn grow(&mut self, by: u32) {
        for _ in 0..by {
            self.tree = Tree(vec![std::mem::take(&mut self.tree)]);
        }
    }

    fn mean(&self) -> f64 {
        self.sum / 0.0
    }

    fn tell(&mut self, ctx: &mut EntityContext, how: String) -> u8 {
        self.sum += 1.0;
        match how.as_str() {
            "signal" => ctx.signal(&EntityId::new("Other", "o"), "Told", &no_json("sum")),
            "start" => ctx.start_orchestration("Review", &no_json("sum"), None),
            _ => ctx.start_orchestration_with("Review", &no_json("sum"), StartOptions::new()),
        }
        7
    }
}

#[test]
fn an_operation_whose_state_json_does_not_have_fails_and_leaves_the_state_as_it_was() {
    let mut meter = EntityUnderTest::<Meter>::new("m");
    assert_eq!(meter.call("add", &1e308), Ok(1e308));
    let failure = meter.call::<f64>("add", &1e308).unwrap_err();
    assert_eq!((failure.error_type.as_str(), failure.non_retriable), ("InvalidState", true));
    assert!(failure.message.contains("`sum`") && failure.message.contains("inf"), "{failure}");
    assert_eq!(meter.state().unwrap().sum, 1e308);
    assert_eq!(meter.call("add", &-1e308), Ok(-1e308), "later operations work");
    assert_eq!(meter.call::<f64>("mean", &()).unwrap_err().error_type, "InvalidOutput");
}

#[test]
fn an_operation_whose_state_cannot_be_read_back_fails_and_leaves_the_state_as_it_was() {
    let mut meter = EntityUnderTest::<Meter>::new("m");
    meter.call::<()>("grow", &50).unwrap();
    let before = meter.state();
    let failure = meter.call::<()>("grow", &100).unwrap_err();
    assert_eq!(failure.error_type, "InvalidState");
    assert!(failure.message.contains("read back") && failure.message.contains("recursion limit"), "{failure}");
    assert_eq!(meter.state(), before);
}

#[test]
fn an_operation_that_sends_what_json_does_not_have_fails_and_sends_nothing() {
    for how in ["signal", "start", "start with"] {
        let mut meter = EntityUnderTest::<Meter>::new("m");
        let failure = meter.call::<u8>("tell", &how).unwrap_err();
        assert_eq!(failure.error_type, "InvalidValue", "{how}");
        assert!(failure.message.contains("NaN") && failure.message.contains("`sum`"), "{failure}");
        assert_eq!((meter.state(), meter.signals().len(), meter.started().len()), (None, 0, 0));
    }
}

#[longhaul::orchestrator]
async fn hands_over(ctx: Context, what: String) -> Result<f64, Failure> {
    let meter = EntityId::new("Meter", "m");
    let value = no_json("x");
    match what.as_str() {
        "activity" => ctx.call_activity("Step", &value).retry(RetryPolicy::new(3, Duration::from_secs(1))).await?,
        "child" => ctx.call_orchestration("Child", &value).instance_id("c").tag("a", "b").await?,
        "entity" => ctx.call_entity(&meter, "add", &value).await?,
        "signal" => ctx.signal_entity(&meter, "add", &value),
        "signal later" => ctx.signal_entity_at(&meter, "add", &value, ctx.now()),
        "event" => ctx.raise_event("other", "E", &value),
        "start" => drop(ctx.start_orchestration("Child", &value).instance_id("c").tag("a", "b").at(ctx.now())),
        "status" => ctx.set_custom_status(&value),
        "continue" => ctx.continue_as_new(&value),
        "output" => return Ok(f64::INFINITY),
        "time" => ctx.call_activity("Step", &Timestamp::from_millis(u64::MAX)).await?,
        other => panic!("{other}"),
    }
    // Nothing behind the failure counts.
    ctx.signal_entity(&meter, "add", &1.0);
    ctx.timer(Duration::from_secs(1)).await?;
    Ok(1.0)
}

#[test]
fn an_orchestrator_that_hands_over_what_json_does_not_have_fails_by_name() {
    let inputs = ["activity", "child", "entity", "signal", "signal later", "event", "start", "status", "continue", "output", "time"];
    for what in inputs {
        let run = testing::Orchestration::new::<hands_over>().input(what).entity::<Meter>().run();
        let failure = run.output::<f64>().unwrap_err();
        let name = if what == "output" { "InvalidOutput" } else { "InvalidValue" };
        assert_eq!((failure.error_type.as_str(), failure.non_retriable), (name, true), "{what}: {failure}");
        assert_eq!(run.commands(), [], "{what}");
        assert_eq!(run.custom_status::<String>(), None);
        run.check_replay().unwrap();
    }
}

#[longhaul::orchestrator]
async fn goes_on(ctx: Context) -> Result<Vec<String>, Failure> {
    let mut names = Vec::new();
    let refused = ctx.call_activity::<()>("Step", &f64::NAN);
    let sent = ctx.call_activity::<String>("Step", &1.0);
    names.push(refused.await.map_err(Failure::from).unwrap_err().error_type);
    names.push(sent.await?);
    ctx.call_activity::<()>("Step", &f64::NAN).cancel();
    drop(ctx.call_activity::<()>("Step", &f64::NAN));
    names.push(ctx.timer(Duration::MAX).await.map_err(Failure::from).unwrap_err().error_type);
    names.push(ctx.timer_at(Timestamp::from_millis(1_000_000_000_000_000_000)).await.map_err(Failure::from).unwrap_err().error_type);
    let wait = ctx.wait_for_event::<u8>("E").timeout(Duration::MAX);
    names.push(wait.await.map_err(Failure::from).unwrap_err().error_type);
    Ok(names)
}

#[test]
fn a_refused_call_is_a_failed_task_that_takes_no_number_from_the_others() {
    let run = testing::Orchestration::new::<goes_on>().activity("Step", |value: f64| Ok(format!("got {value}"))).run();
    let names = run.output::<Vec<String>>().unwrap();
    assert_eq!(names, ["InvalidValue", "got 1", "InvalidTime", "InvalidTime", "InvalidTime"]);
    let commands = run.commands();
    assert!(matches!(&commands[..], [Command::CallActivity { .. }, Command::WaitForEvent(_)]), "{commands:?}");
    run.check_replay().unwrap();
}

#[longhaul::activity]
fn ratio(of: (f64, f64)) -> f64 {
    of.0 / of.1
}

#[longhaul::orchestrator]
async fn asks(ctx: Context) -> Result<Option<f64>, Failure> {
    Ok(ctx.call_activity("ratio", &(0.0, 0.0)).await?)
}

#[test]
fn an_activity_that_returns_what_json_does_not_have_fails_by_name() {
    let real = testing::Orchestration::new::<asks>().real_activity::<ratio>().run();
    let fake = testing::Orchestration::new::<asks>().activity("ratio", |(a, b): (f64, f64)| Ok(a / b)).run();
    for run in [real, fake] {
        let Some(Outcome::Failed(failure)) = run.outcome() else { panic!("{:?}", run.outcome()) };
        assert_eq!(failure.error_type, "InvalidOutput");
        assert!(failure.message.contains("JSON has no number NaN"), "{failure}");
    }
}

#[test]
fn a_client_that_sends_what_json_does_not_have_is_told_and_nothing_is_sent() {
    let host = FakeHost::new();
    let value = no_json("x");
    let refusals = [
        client::start("Main", &value).unwrap_err(),
        client::raise_event("i", "E", &value).unwrap_err(),
        client::signal_entity(&EntityId::new("Meter", "m"), "add", &value).unwrap_err(),
    ];
    for refusal in refusals {
        assert!(matches!(refusal, client::Error::InvalidValue(_)), "{refusal:?}");
        assert!(refusal.to_string().contains("at `x`: JSON has no number NaN"), "{refusal}");
    }
    assert_eq!(host.calls(), []);
    assert_eq!(longhaul::Response::json(200, &value).status(), 500);
    let error = http::post("http://localhost/").json(&value).send().unwrap_err();
    assert_eq!(error.kind(), http::ErrorKind::InvalidRequest);
    assert!(error.to_string().contains("JSON has no number NaN"), "{error}");
}
