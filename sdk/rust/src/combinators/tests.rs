use std::time::Duration;

use super::*;
use crate::execution::tests::{resume, start};
use crate::orchestrator::Run;
use crate::turn::{Command, Completion, Outcome, TaskId, TaskResult, Turn};
use crate::{Context, Failure, TaskError};

fn done(task: TaskId, json: &str) -> Completion {
    Completion { task, outcome: TaskResult::Completed(json.to_owned()) }
}

fn failed(task: TaskId) -> Completion {
    Completion { task, outcome: TaskResult::Failed(Failure::new("E", "m")) }
}

fn inputs(turn: &Turn) -> Vec<&str> {
    let calls = turn.commands.iter().filter_map(|command| match command {
        Command::CallActivity { input, .. } => Some(input.as_str()),
        _ => None,
    });
    calls.collect()
}

fn squares(ctx: Context, limit: usize) -> Run {
    Box::pin(async move {
        let results = map_bounded(limit, 0..5, |number| ctx.call_activity::<u32>("Square", &number)).await;
        let shown: Vec<_> = results.into_iter().map(|result| result.map_or("failed".to_owned(), |value| value.to_string())).collect();
        Ok(shown.join(" "))
    })
}

#[test]
fn a_bounded_map_runs_a_few_at_a_time_and_keeps_the_order_of_its_items() {
    let (mut execution, turn) = start(|ctx, _| squares(ctx, 2));
    assert_eq!(inputs(&turn), ["0", "1"]);
    assert_eq!(inputs(&resume(&mut execution, vec![done(1, "1")])), ["2"], "the next one begins when any ends");
    assert_eq!(inputs(&resume(&mut execution, vec![failed(0), done(2, "4")])), ["3", "4"]);
    let turn = resume(&mut execution, vec![done(4, "16"), done(3, "9")]);
    assert_eq!(turn.outcome, Some(Outcome::Completed("failed 1 4 9 16".to_owned())));
}

#[test]
fn a_bounded_map_with_no_room_runs_one_at_a_time_and_one_without_items_is_ready() {
    let (_, turn) = start(|ctx, _| squares(ctx, 0));
    assert_eq!(inputs(&turn), ["0"]);
    let (_, turn) = start(|ctx, _| {
        Box::pin(async move { Ok(map_bounded(3, Vec::<u8>::new(), |_| ctx.timer(Duration::ZERO)).await.len().to_string()) })
    });
    assert_eq!(turn.outcome, Some(Outcome::Completed("0".to_owned())));
}

#[test]
fn the_first_failure_of_a_try_join_is_its_result_and_the_others_are_cancelled() {
    let (mut execution, _) = start(|ctx, _| {
        Box::pin(async move {
            let all = try_join_all((0..3).map(|number| ctx.call_activity::<u32>("A", &number))).await;
            ctx.timer(Duration::from_secs(1)).await?;
            Ok(format!("{all:?}"))
        })
    });
    assert!(resume(&mut execution, vec![done(2, "1")]).commands.is_empty());
    let turn = resume(&mut execution, vec![failed(1)]);
    assert_eq!(turn.commands[0], Command::Cancel(0), "the one that has its result needs no cancelling: {:?}", turn.commands);
    assert_eq!(turn.commands.len(), 2);
    let Some(Outcome::Completed(text)) = resume(&mut execution, vec![done(3, "null")]).outcome else { panic!("it did not end") };
    assert_eq!(text, format!("{:?}", Err::<Vec<u32>, _>(TaskError::Failed(Failure::new("E", "m")))));
}

#[test]
fn a_try_join_of_successes_keeps_their_order() {
    let (mut execution, _) = start(|ctx, _| {
        Box::pin(async move {
            let all = try_join_all((0..2).map(|number| ctx.call_activity::<u32>("A", &number))).await?;
            Ok(format!("{all:?}"))
        })
    });
    let turn = resume(&mut execution, vec![done(1, "11"), done(0, "10")]);
    assert_eq!(turn.outcome, Some(Outcome::Completed("[10, 11]".to_owned())));
}

#[test]
fn the_loser_of_a_race_is_cancelled() {
    let (mut execution, _) = start(|ctx, _| {
        Box::pin(async move {
            let first = select(ctx.wait_for_event::<u8>("E"), ctx.timer(Duration::from_secs(9))).await;
            let text = if matches!(first, Either::Left(_)) { "event" } else { "timer" };
            ctx.wait_for_event::<u8>("more").await?;
            Ok(text.to_owned())
        })
    });
    let turn = resume(&mut execution, vec![done(0, "1")]);
    assert_eq!(turn.commands, [Command::Cancel(1), Command::WaitForEvent("more".to_owned())]);
}
