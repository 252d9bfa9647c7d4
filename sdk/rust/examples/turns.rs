//! Measures how many turns per second the SDK itself can take, natively: `cargo run --release
//! --example turns`.

use std::time::Instant;

use longhaul::turn::{Completion, Execution, Start, TaskResult, Turn};
use longhaul::{Context, Failure, Timestamp, join_all};

const TASKS: u32 = 100_000;

#[longhaul::orchestrator(export = false)]
async fn one_after_the_other(ctx: Context, n: u32) -> Result<u64, Failure> {
    let mut sum = 0;
    for number in 0..n {
        sum += ctx.call_activity::<u64>("Square", &number).await?;
    }
    Ok(sum)
}

#[longhaul::orchestrator(export = false)]
async fn all_at_once(ctx: Context, n: u32) -> Result<u64, Failure> {
    let squares = join_all((0..n).map(|number| ctx.call_activity::<u64>("Square", &number))).await;
    Ok(squares.into_iter().sum::<Result<_, _>>()?)
}

fn main() {
    measure("one after the other", Execution::start::<one_after_the_other>);
    measure("all at once", Execution::start::<all_at_once>);
}

/// Gives one completion per turn until the orchestration ends.
fn measure(what: &str, start: fn(Start) -> (Execution, Turn)) {
    let begin = Instant::now();
    let (mut execution, mut turn) = start(Start {
        instance_id: "measured".to_owned(),
        execution_id: "0".to_owned(),
        name: what.to_owned(),
        version: None,
        tags: std::collections::BTreeMap::new(),
        parent_instance_id: None,
        input: TASKS.to_string(),
        now: Timestamp::from_millis(0),
        replaying: false,
    });
    let mut task = 0;
    while turn.outcome.is_none() {
        let completion = Completion { task, outcome: TaskResult::Completed("1".to_owned()) };
        turn = execution.resume(Timestamp::from_millis(u64::from(task)), false, vec![completion]);
        task += 1;
    }
    let seconds = begin.elapsed().as_secs_f64();
    println!("{what}: {task} turns in {seconds:.3} s, {:.0} turns/s", f64::from(task) / seconds);
}
