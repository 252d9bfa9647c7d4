//! Rules of the host that `testing` keeps as well, so that an author meets them in a unit test
//! first.

use longhaul::{Context, EntityId, Failure, testing};
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize)]
struct Account(i64);

#[longhaul::entity]
impl Account {
    fn deposit(&mut self, amount: i64) -> i64 {
        self.0 += amount;
        self.0
    }
}

fn account(key: &str) -> EntityId {
    EntityId::new("Account", key)
}

#[longhaul::orchestrator]
async fn in_section(ctx: Context, what: String) -> Result<i64, Failure> {
    let locking = ctx.lock(&[account("a")]);
    if what == "too early" {
        return Ok(ctx.call_entity(&account("a"), "Deposit", &1).await?);
    }
    let section = locking.await?;
    match what.as_str() {
        "other entity" => Ok(ctx.call_entity(&account("z"), "Deposit", &1).await?),
        "two at a time" => {
            let (first, second) = (ctx.call_entity::<i64>(&account("a"), "Deposit", &1), ctx.call_entity(&account("a"), "Deposit", &1));
            first.await?;
            Ok(second.await?)
        }
        "one after the other" => {
            ctx.call_entity::<i64>(&account("a"), "Deposit", &1).await?;
            Ok(ctx.call_entity(&account("a"), "Deposit", &1).await?)
        }
        "nested" => Ok(ctx.lock(&[account("z")]).await.map(|_| 0)?),
        "child" => Ok(ctx.call_orchestration("Child", &()).await?),
        "signal" => {
            ctx.signal_entity(&account("A"), "Deposit", &1);
            Ok(1)
        }
        _ => {
            section.release();
            ctx.signal_entity(&account("a"), "Deposit", &1);
            Ok(ctx.call_entity(&account("a"), "Deposit", &1).await?)
        }
    }
}

fn run(what: &str) -> Result<i64, Failure> {
    testing::Orchestration::new::<in_section>().input(what).entity::<Account>().run().output()
}

#[test]
fn what_a_critical_section_forbids_fails_with_its_name() {
    for what in ["too early", "other entity", "two at a time", "nested", "child"] {
        assert_eq!(run(what).unwrap_err().error_type, "CriticalSection", "{what}");
    }
}

#[test]
fn a_locked_entity_is_called_one_call_at_a_time_and_signalled_after_the_release() {
    assert_eq!(run("one after the other"), Ok(2));
    assert_eq!(run("release first"), Ok(2));
}

#[longhaul::orchestrator]
async fn signals_inside(ctx: Context) -> Result<(), Failure> {
    let _section = ctx.lock(&[account("a")]).await?;
    // Names of entities match ignoring case.
    ctx.signal_entity(&EntityId::new("ACCOUNT", "a"), "Deposit", &1);
    Ok(())
}

#[longhaul::orchestrator]
async fn starts(ctx: Context, id: String) -> Result<(), Failure> {
    ctx.start_orchestration("Other", &()).instance_id(id);
    Ok(())
}

#[test]
fn a_command_without_a_result_that_breaks_a_rule_fails_the_orchestrator() {
    let run = testing::Orchestration::new::<signals_inside>().entity::<Account>().run();
    assert_eq!(run.output::<()>().unwrap_err().error_type, "CriticalSection");
    for (id, is_good) in [("order-7", true), ("@account@a", false), ("a/b", false), ("", false), (".", false), ("..", false)] {
        let run = testing::Orchestration::new::<starts>().input(id).run();
        let error_type = run.output::<()>().err().map(|failure| failure.error_type);
        assert_eq!(error_type.as_deref(), (!is_good).then_some("InvalidInstanceId"), "{id}");
    }
}
