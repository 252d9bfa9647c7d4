use std::time::Duration;

use crate::orchestrator::Run;
use crate::turn::TaskResult::{Completed, Failed};
use crate::{EntityId, Failure, TaskError, join_all, select, select_all};

use super::*;

mod replay;

/// The time of all turns, unless a test says otherwise.
const NOW: Timestamp = Timestamp::from_millis(1_000);

/// The first turn of an orchestrator.
pub(crate) fn start(run: fn(Context, String) -> Run) -> (Execution, Turn) {
    let start = Start {
        instance_id: "i".to_owned(),
        execution_id: "e".to_owned(),
        name: "O".to_owned(),
        version: None,
        tags: BTreeMap::from([("region".to_owned(), "eu".to_owned())]),
        parent_instance_id: None,
        input: "null".to_owned(),
        now: NOW,
        replaying: false,
    };
    Execution::start_with(run, start)
}

fn done(task: TaskId) -> Completion {
    done_with(task, "null")
}

fn done_with(task: TaskId, json: &str) -> Completion {
    Completion { task, outcome: Completed(json.to_owned()) }
}

/// Its next turn.
pub(crate) fn resume(execution: &mut Execution, received: Vec<Completion>) -> Turn {
    execution.resume(NOW, false, received)
}

fn timer() -> Command {
    Command::CreateTimer(NOW + Duration::from_secs(1))
}

fn wait(name: &str) -> Command {
    Command::WaitForEvent(name.to_owned())
}

fn a_second(ctx: &Context) -> crate::Task<()> {
    ctx.timer(Duration::from_secs(1))
}

fn text(value: impl ToString) -> Result<String, Failure> {
    Ok(value.to_string())
}

#[test]
fn tasks_are_numbered_from_zero_in_the_order_of_the_commands_that_create_them() {
    let (mut execution, turn) = start(|ctx, _| {
        Box::pin(async move {
            let (first, second) = (a_second(&ctx), ctx.wait_for_event::<u8>("x"));
            ctx.signal_entity(&EntityId::new("E", "k"), "Op", &());
            let third = ctx.wait_for_event::<u8>("y");
            let (third, second) = (third.await?, second.await?);
            first.await?;
            text(u32::from(third) * 10 + u32::from(second))
        })
    });
    assert_eq!((turn.commands.len(), &turn.commands[3]), (4, &wait("y")));
    let turn = resume(&mut execution, vec![done_with(2, "4"), done(0), done_with(1, "2")]);
    assert_eq!(turn.outcome, Some(Outcome::Completed("42".to_owned())));
}

/// Waits for `a` or a timer and tells which; then the same with `b`.
fn two_races(ctx: Context, _: String) -> Run {
    Box::pin(async move {
        let mut seen = Vec::new();
        for name in ["a", "b"] {
            let result = ctx.wait_for_event::<u8>(name).timeout(Duration::from_secs(1)).await;
            seen.push(result.map_or_else(|error| error.to_string(), |value| value.to_string()));
        }
        text(seen.join(", "))
    })
}

#[test]
fn what_arrives_in_one_turn_is_seen_one_at_a_time_in_order() {
    let (mut apart, _) = start(two_races);
    let mut commands = resume(&mut apart, vec![done(1)]).commands;
    let last = resume(&mut apart, vec![done_with(0, "1"), done_with(2, "2")]);
    commands.extend(last.commands);

    let (mut together, _) = start(two_races);
    let turn = resume(&mut together, vec![done(1), done_with(0, "1"), done_with(2, "2")]);
    assert_eq!(turn.outcome, Some(Outcome::Completed("Event a not received in 00:00:01, 2".to_owned())));
    assert_eq!((turn.outcome, turn.commands), (last.outcome, commands));
}

#[test]
fn the_losers_of_a_race_are_cancelled_when_the_code_goes_on() {
    let (mut execution, _) = start(two_races);
    let turn = resume(&mut execution, vec![done_with(0, "1")]);
    assert_eq!(turn.commands, [Command::Cancel(1), wait("b"), timer()]);
}

#[test]
fn what_a_returning_orchestrator_leaves_behind_is_no_command() {
    let (mut execution, _) = start(|ctx, _| {
        Box::pin(async move {
            let _left_behind = a_second(&ctx);
            let guard = ctx.lock(&[EntityId::new("E", "k")]).await?;
            ctx.raise_event("other", "bye", &1);
            drop(guard);
            text(1)
        })
    });
    let turn = resume(&mut execution, vec![done(1)]);
    let bye = Command::RaiseEvent { instance_id: "other".to_owned(), name: "bye".to_owned(), data: "1".to_owned() };
    assert_eq!(turn.commands, [bye]);
}

#[test]
fn an_explicit_cancel_counts_even_right_before_the_return() {
    let (_, turn) = start(|ctx, _| {
        Box::pin(async move {
            a_second(&ctx).cancel();
            text(1)
        })
    });
    assert_eq!(turn.commands, [timer(), Command::Cancel(0)]);
}

#[test]
fn a_dropped_lock_guard_releases_before_what_follows() {
    let (mut execution, turn) = start(|ctx, _| {
        Box::pin(async move {
            let entity = EntityId::new("E", "k");
            let guard = ctx.lock(std::slice::from_ref(&entity)).await?;
            guard.release();
            ctx.signal_entity(&entity, "Op", &());
            ctx.wait_for_event::<()>("never").await?;
            text(1)
        })
    });
    assert_eq!(turn.commands, [Command::LockEntities(vec![EntityId::new("E", "k")])]);
    let turn = resume(&mut execution, vec![done(0)]);
    assert!(matches!(turn.commands.as_slice(), [Command::UnlockEntities(0), Command::SignalEntity(_), Command::WaitForEvent(_)]));
}

#[test]
fn a_result_that_nobody_wants_any_more_is_ignored() {
    let (mut execution, _) = start(|ctx, _| {
        Box::pin(async move {
            drop(a_second(&ctx));
            ctx.wait_for_event::<()>("go").await?;
            text(1)
        })
    });
    assert_eq!(resume(&mut execution, vec![done(0)]), Turn::default());
    assert!(resume(&mut execution, vec![done(1)]).outcome.is_some());
}

#[test]
fn a_task_that_has_its_result_already_is_not_cancelled_by_a_drop() {
    let (mut execution, _) = start(|ctx, _| {
        Box::pin(async move {
            let unread = a_second(&ctx);
            ctx.wait_for_event::<()>("go").await?;
            drop(unread);
            ctx.wait_for_event::<()>("end").await?;
            text(1)
        })
    });
    assert_eq!(resume(&mut execution, vec![done(0), done(1)]).commands, [wait("end")]);
}

#[test]
fn joined_futures_give_their_results_in_the_order_of_the_futures() {
    let (mut execution, _) = start(|ctx, _| {
        Box::pin(async move {
            assert!(join_all(Vec::<crate::Task<()>>::new()).await.is_empty());
            let results = join_all((0..3).map(|_| ctx.wait_for_event::<u8>("x"))).await;
            text(
                results
                    .into_iter()
                    .map(|result| result.map_or_else(|error| error.to_string(), |n| n.to_string()))
                    .collect::<Vec<_>>()
                    .join(","),
            )
        })
    });
    let turn = resume(
        &mut execution,
        vec![done_with(2, "2"), Completion { task: 1, outcome: Failed(crate::Failure::new("Lost", "nobody has it")) }, done_with(0, "0")],
    );
    assert_eq!(turn.outcome, Some(Outcome::Completed("0,nobody has it,2".to_owned())));
}

#[test]
fn a_fan_out_of_ten_thousand_polls_each_child_twice() {
    thread_local!(static POLLS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) });
    const CHILDREN: u32 = 10_000;
    let (mut execution, turn) = start(|ctx, _| {
        Box::pin(async move {
            let children = (0..CHILDREN).map(|_| {
                let mut task = a_second(&ctx);
                std::future::poll_fn(move |poll| {
                    POLLS.set(POLLS.get() + 1);
                    std::pin::Pin::new(&mut task).poll(poll)
                })
            });
            text(join_all(children).await.len())
        })
    });
    assert_eq!(turn.commands.len(), CHILDREN as usize);
    let last = (0..CHILDREN).map(|task| resume(&mut execution, vec![done(task)])).last();
    assert_eq!(last.and_then(|turn| turn.outcome), Some(Outcome::Completed("10000".to_owned())));
    assert_eq!(POLLS.get(), 2 * CHILDREN as usize);
}

#[test]
fn the_first_of_several_wins_and_the_others_can_be_kept() {
    let (mut execution, _) = start(|ctx, _| {
        Box::pin(async move {
            let mut waits = ["a", "b", "c"].map(|name| ctx.wait_for_event::<u8>(name));
            let (first, value) = select_all(waits.iter_mut()).await;
            let [a, ..] = waits;
            let rest = select(a, a_second(&ctx)).await;
            text(format!("{first} {value:?} {}", matches!(rest, crate::Either::Left(Ok(7)))))
        })
    });
    let turn = resume(&mut execution, vec![done_with(1, "5")]);
    // Of the array only `a` was moved out, so `c` lives to the end.
    assert_eq!(turn.commands, [timer()]);
    let turn = resume(&mut execution, vec![done_with(0, "7")]);
    assert_eq!(turn.outcome, Some(Outcome::Completed("1 Ok(5) true".to_owned())));
}

#[test]
fn guids_differ_within_an_execution_and_are_the_same_when_it_runs_again() {
    let ids = |ctx: Context, _: String| -> Run { Box::pin(async move { text(format!("{} {}", ctx.new_guid(), ctx.new_guid())) }) };
    let (first, second) = (start(ids).1.outcome, start(ids).1.outcome);
    assert_eq!(first, second);
    let Some(Outcome::Completed(text)) = first else { panic!("it completed") };
    let (a, b) = text.split_once(' ').expect("two ids");
    assert_ne!(a, b);
    assert!(a.parse::<uuid::Uuid>().is_ok_and(|id| id.get_version_num() == 5));
}

#[test]
fn continuing_as_new_replaces_the_result_but_not_a_failure() {
    let (_, turn) = start(|ctx, _| {
        Box::pin(async move {
            ctx.continue_as_new(&1);
            ctx.continue_as_new(&2);
            text("ignored")
        })
    });
    assert_eq!(turn.outcome, Some(Outcome::ContinuedAsNew(Continuation { input: "2".to_owned(), keep_events: true, version: None })));
    let (_, turn) = start(|ctx, _| {
        Box::pin(async move {
            ctx.continue_as_new(&1);
            Err(Failure::new("E", "m"))
        })
    });
    assert_eq!(turn.outcome, Some(Outcome::Failed(Failure::new("E", "m"))));
}

#[test]
fn the_custom_status_of_a_turn_is_the_last_one_set_in_it() {
    let (mut execution, turn) = start(|ctx, _| {
        Box::pin(async move {
            ctx.set_custom_status(&1);
            ctx.set_custom_status("two");
            ctx.wait_for_event::<()>("go").await?;
            text(1)
        })
    });
    assert_eq!(turn.custom_status.as_deref(), Some("\"two\""));
    assert_eq!(resume(&mut execution, vec![done(0)]).custom_status, None);
}

#[test]
fn options_refine_the_command_of_the_call() {
    let (_, turn) = start(|ctx, _| {
        Box::pin(async move {
            let policy = crate::RetryPolicy::new(3, Duration::from_secs(1)).backoff(2.0);
            let call = ctx.call_activity::<()>("A", &1);
            let _child = ctx.call_orchestration::<()>("C", &2).instance_id("child");
            ctx.start_orchestration("S", &3).version("2");
            let _call = call.retry(policy).timeout(Duration::from_millis(5));
            ctx.wait_for_event::<()>("never").await?;
            text(1)
        })
    });
    let shown = format!("{:?}", turn.commands);
    assert!(
        matches!(&turn.commands[0], Command::CallActivity { retry: Some(policy), timeout_ms: Some(5), .. } if policy.max_attempts == 3),
        "{shown}"
    );
    assert!(matches!(&turn.commands[1], Command::CallOrchestration(request) if request.instance_id.as_deref() == Some("child")), "{shown}");
    assert!(matches!(&turn.commands[2], Command::StartOrchestration(request) if request.version.as_deref() == Some("2")), "{shown}");
}

#[test]
fn a_result_of_another_type_is_an_error_and_not_a_panic() {
    let (mut execution, _) = start(|ctx, _| {
        Box::pin(async move {
            match ctx.wait_for_event::<u8>("x").await {
                Err(TaskError::Unreadable(reason)) => text(reason),
                other => text(format!("{other:?}")),
            }
        })
    });
    let turn = resume(&mut execution, vec![done_with(0, "\"seven\"")]);
    let Some(Outcome::Completed(reason)) = turn.outcome else { panic!("it completed") };
    assert!(reason.contains("expected u8"), "{reason}");
}

#[test]
fn an_execution_that_has_ended_answers_with_an_empty_turn() {
    let (mut execution, turn) = start(|_, _| Box::pin(async { text(1) }));
    assert!(turn.outcome.is_some());
    assert_eq!(resume(&mut execution, vec![done(0)]), Turn::default());
}

#[test]
fn continuing_as_new_can_drop_events_and_change_the_version() {
    let (_, turn) = start(|ctx, _| {
        Box::pin(async move {
            ctx.continue_as_new_with(&1, crate::ContinueAsNew { keep_events: false, version: Some("2".to_owned()) });
            text("ignored")
        })
    });
    let next = Continuation { input: "1".to_owned(), keep_events: false, version: Some("2".to_owned()) };
    assert_eq!(turn.outcome, Some(Outcome::ContinuedAsNew(next)));
}

#[test]
fn a_signal_and_a_start_can_be_given_a_time_and_a_start_tags() {
    let (_, turn) = start(|ctx, _| {
        Box::pin(async move {
            ctx.signal_entity_at(&EntityId::new("E", "k"), "Op", &1, NOW + Duration::from_secs(5));
            let _child = ctx.call_orchestration::<()>("C", &1).at(NOW + Duration::from_secs(6)).tag("region", "eu");
            ctx.start_orchestration("S", &1).tag("a", "1").tag("b", "2").at(NOW);
            let region = ctx.tags().get("region").cloned();
            ctx.wait_for_event::<()>("never").await?;
            text(region.unwrap_or_default())
        })
    });
    let shown = format!("{:?}", turn.commands);
    assert!(matches!(&turn.commands[0], Command::SignalEntity(signal) if signal.at == Some(NOW + Duration::from_secs(5))), "{shown}");
    let Command::CallOrchestration(child) = &turn.commands[1] else { panic!("{shown}") };
    assert_eq!((child.at, child.tags["region"].as_str()), (Some(NOW + Duration::from_secs(6)), "eu"));
    let Command::StartOrchestration(other) = &turn.commands[2] else { panic!("{shown}") };
    assert_eq!((other.at, other.tags.len()), (Some(NOW), 2));
}

#[test]
fn cancelling_a_task_counts_even_if_the_orchestrator_returns_next() {
    let (_, turn) = start(|ctx, _| {
        Box::pin(async move {
            let (dropped, cancelled) = (a_second(&ctx), a_second(&ctx));
            cancelled.cancel();
            drop(dropped);
            text(1)
        })
    });
    assert_eq!(turn.commands, [timer(), timer(), Command::Cancel(1)]);
}
