//! What the attributes make of functions, as an author sees it.

use longhaul::testing::{EntityUnderTest, FakeHost, Orchestration};
use longhaul::{Activity, ActivityContext, Client, Context, EntityContext, Failure, Orchestrator, Request, Response, client};
use serde::{Deserialize, Serialize};

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Options {
    size: u32,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Order {
    id: u32,
}

#[longhaul::activity]
fn with_default(options: Options) -> u32 {
    options.size
}

#[longhaul::activity]
fn without_default(order: Order) -> u32 {
    order.id
}

#[longhaul::activity]
fn optional(order: Option<Order>) -> bool {
    order.is_some()
}

#[longhaul::activity(name = "Renamed")]
fn with_context(ctx: ActivityContext, _input: ()) -> u32 {
    ctx.attempt
}

#[longhaul::activity]
fn nothing_at_all() {}

#[longhaul::activity]
fn fails_with_text(_input: ()) -> Result<u8, String> {
    Err("plain text".to_owned())
}

#[longhaul::activity]
fn fails_with_error(text: String) -> Result<u8, std::num::ParseIntError> {
    text.parse()
}

#[longhaul::activity]
fn fails_with_failure(_input: ()) -> longhaul::Result<u8> {
    Err(Failure::new("Custom", "m").non_retriable())
}

fn call<A: Activity>(input: &str) -> Result<String, Failure> {
    A::run(ActivityContext { attempt: 3, ..ActivityContext::default() }, input)
}

#[test]
fn an_input_that_was_not_given_is_the_default_of_its_type() {
    assert_eq!(call::<with_default>("null"), Ok("0".to_owned()));
    assert_eq!(call::<with_default>("\"\""), Ok("0".to_owned()));
    assert_eq!(call::<with_default>(r#"{"size": 4}"#), Ok("4".to_owned()));
    assert_eq!(call::<optional>("null"), Ok("false".to_owned()));
    assert_eq!(call::<nothing_at_all>("7"), Ok("null".to_owned()));
}

#[test]
fn an_input_that_cannot_be_read_is_a_failure_that_is_not_tried_again() {
    for failure in [call::<without_default>("null"), call::<without_default>("{}"), call::<with_default>("7")] {
        let failure = failure.unwrap_err();
        assert_eq!((failure.error_type.as_str(), failure.non_retriable), ("InvalidInput", true), "{failure}");
    }
    let failure = call::<without_default>("{}").unwrap_err();
    assert!(failure.message.starts_with("WithoutDefault cannot read its input: missing field `id`"), "{failure}");
}

#[test]
fn errors_of_all_kinds_become_failures() {
    let parts = |failure: Failure| (failure.error_type, failure.message, failure.non_retriable);
    assert_eq!(parts(call::<fails_with_text>("null").unwrap_err()), ("Error".into(), "plain text".into(), false));
    let expected = ("ParseIntError".into(), "invalid digit found in string".into(), false);
    assert_eq!(parts(call::<fails_with_error>("\"x\"").unwrap_err()), expected);
    assert_eq!(parts(call::<fails_with_failure>("null").unwrap_err()), ("Custom".into(), "m".into(), true));
    assert_eq!(call::<fails_with_error>("\"7\""), Ok("7".to_owned()));
}

#[test]
fn names_come_from_the_function_or_the_attribute() {
    assert_eq!((with_default::NAME, with_context::NAME, plain_value::NAME), ("WithDefault", "Renamed", "PlainValue"));
    assert_eq!(call::<with_context>("null"), Ok("3".to_owned()));
}

#[longhaul::orchestrator]
async fn plain_value(ctx: Context, order: Order) -> String {
    format!("{} {}", ctx.instance_id(), order.id)
}

#[test]
fn an_orchestrator_may_return_a_plain_value_and_refuses_a_wrong_input() {
    let run = Orchestration::new::<plain_value>().input(&Order { id: 7 }).run();
    assert_eq!(run.output(), Ok("test 7".to_owned()));
    let failure = Orchestration::new::<plain_value>().run().output::<String>().unwrap_err();
    assert_eq!((failure.error_type.as_str(), failure.non_retriable), ("InvalidInput", true));
}

#[derive(Default, Serialize, Deserialize)]
struct Account {
    balance: i64,
}

#[longhaul::entity(name = "BankAccount")]
impl Account {
    fn add_money(&mut self, ctx: &mut EntityContext, amount: i64) -> Result<i64, &'static str> {
        self.balance += amount;
        ctx.signal(&longhaul::EntityId::new("Audit", ctx.key().to_owned()), "Note", &amount);
        if self.balance < 0 { Err("the account may not be overdrawn") } else { Ok(self.balance) }
    }

    fn balance(&self) -> i64 {
        self.balance
    }

    fn close(&mut self, ctx: &mut EntityContext) {
        ctx.delete_self();
    }
}

#[test]
fn operations_are_found_ignoring_case_and_underscores() {
    let mut account = EntityUnderTest::<Account>::new("a");
    for name in ["AddMoney", "addmoney", "add_money"] {
        account.call::<i64>(name, &5).unwrap();
    }
    assert_eq!(account.call("Balance", &()), Ok(15));
    assert_eq!(account.call::<()>("Missing", &()).unwrap_err().error_type, "UnknownOperation");
}

#[test]
fn a_failed_operation_is_rolled_back_with_its_signals() {
    let mut account = EntityUnderTest::<Account>::new("a");
    account.call::<i64>("AddMoney", &5).unwrap();
    assert_eq!(account.call::<i64>("AddMoney", &-9).unwrap_err().message, "the account may not be overdrawn");
    assert_eq!((account.call("Balance", &()), account.signals().len()), (Ok(5), 1));
    account.call::<()>("Close", &()).unwrap();
    assert!(account.state().is_none());
}

#[longhaul::client]
fn start_it(request: Request) -> Result<Response, Failure> {
    if request.method() == "DELETE" {
        return Err(Failure::new("Bug", "secret"));
    }
    client::raise_event(&request.query("id").unwrap_or_default(), "go", &())?;
    let order: Order = request.json()?;
    Ok(Response::json(200, &order))
}

#[test]
fn a_refusal_of_the_host_is_passed_on_and_other_errors_are_not_shown() {
    let _host = FakeHost::new();
    let answer = |request| {
        let response = <start_it as Client>::respond(request);
        (response.status(), String::from_utf8(response.body().to_vec()).unwrap())
    };
    assert_eq!(answer(Request::new("POST", "/?id=x")), (404, r#"{"Message":"there is no instance 'x'"}"#.to_owned()));
    let (status, body) = answer(Request::new("DELETE", "/"));
    assert_eq!(status, 500);
    assert!(!body.contains("secret"), "{body}");
}

#[longhaul::orchestrator]
async fn not_deterministic(ctx: Context) -> Result<(), Failure> {
    thread_local!(static RUNS: std::cell::Cell<u32> = const { std::cell::Cell::new(0) });
    RUNS.set(RUNS.get() + 1);
    ctx.call_activity::<u32>("Renamed", &RUNS.get()).await?;
    Ok(())
}

#[test]
fn a_replay_that_asks_for_something_else_is_reported_with_its_place() {
    let run = Orchestration::new::<not_deterministic>().activity("Renamed", |_: u32| Ok(1)).run();
    let difference = run.check_replay().unwrap_err();
    assert!(difference.starts_with("execution 0, turn 0: command 0 was CallActivity"), "{difference}");
}

#[longhaul::orchestrator]
async fn counts_down(ctx: Context, n: u32) -> Result<u32, Failure> {
    ctx.set_custom_status(&n);
    let got: u32 = ctx.wait_for_event("tick").await?;
    if n > 1 {
        ctx.continue_as_new(&(n - 1));
    }
    Ok(got)
}

#[test]
fn events_that_came_early_are_kept_across_continue_as_new() {
    let mut orchestration = Orchestration::new::<counts_down>().input(&3);
    for tick in 1..=3 {
        orchestration = orchestration.event_after(std::time::Duration::ZERO, "Tick", &tick);
    }
    let run = orchestration.run();
    assert_eq!((run.output(), run.custom_status()), (Ok(3), Some(1)));
    run.check_replay().unwrap();
}
