//! Orchestrators that behave, misbehave, and are replayed.

mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use longhaul_core::{Command, Completion, GuestOutcome, GuestTurn, TaskId, TaskResult, Timestamp};
use longhaul_wasm::{Config, GuestError, Limits, OrchestratorGuest, Runtime};
use support::{Lines, config, hasty, json, orchestrator, runtime, start_context, who};

fn go() -> Vec<Completion> {
    vec![Completion { task: TaskId(0), outcome: TaskResult::Completed(json("null")) }]
}

fn started(runtime: &Runtime, what: &str) -> (OrchestratorGuest, Result<GuestTurn, GuestError>) {
    let mut guest = orchestrator(runtime, "misbehaving_orchestrator").instantiate(who()).unwrap();
    let turn = guest.start(start_context('a', what));
    (guest, turn)
}

fn failure(what: &str) -> GuestError {
    started(&runtime(), what).1.unwrap_err()
}

fn protocol_fault(what: &str) -> String {
    match failure(what) {
        GuestError::Protocol(text) => text,
        other => panic!("{other}"),
    }
}

#[test]
fn a_guest_waits_in_memory_between_its_turns() {
    let (mut guest, turn) = started(&runtime(), "wait behave");
    assert_eq!(turn.unwrap().commands, [Command::WaitForEvent("Go".into())]);
    let turn = guest.resume(Timestamp(2_000), false, go()).unwrap();
    assert_eq!(turn.outcome, Some(GuestOutcome::Completed(json("\"well\""))));
}

#[test]
fn an_endless_loop_is_stopped_at_the_deadline() {
    let (runtime, begin) = (hasty(), Instant::now());
    assert_eq!(started(&runtime, "spin").1, Err(GuestError::Deadline { limit_ms: 300 }));
    assert!(begin.elapsed() >= Duration::from_millis(300));
}

#[test]
fn a_runtime_that_ends_interrupts_guests_and_calls_none_any_more() {
    let limits = Limits { turn_deadline: Duration::from_secs(600), ..Limits::default() };
    let runtime = Runtime::new(Config { limits, ..config() }).unwrap();
    let (mut waits, _) = started(&runtime, "wait behave");
    std::thread::scope(|scope| {
        let spins = scope.spawn(|| started(&runtime, "spin").1);
        // Before or while the guest computes: both end.
        std::thread::sleep(Duration::from_millis(100));
        runtime.end_guests();
        assert_eq!(spins.join().unwrap(), Err(GuestError::Stopping));
    });
    assert_eq!(waits.resume(Timestamp(2_000), true, go()), Err(GuestError::Stopping), "however short");
    assert_eq!(started(&runtime, "behave").1, Err(GuestError::Stopping));
}

#[test]
fn a_guest_that_eats_memory_is_reported_as_such() {
    assert_eq!(failure("eat memory"), GuestError::Memory { limit_bytes: 48 << 20 });
}

#[test]
fn a_panic_and_an_endless_recursion_are_traps_with_a_backtrace() {
    for (what, message) in [("panic", "unreachable"), ("recurse", "")] {
        let GuestError::Trap { message: found, backtrace } = failure(what) else { panic!("{what}: {:?}", failure(what)) };
        assert!(found.contains(message), "{what}: {found}");
        assert_eq!(found.contains("this orchestrator panics"), what == "panic", "{found}");
        assert!(backtrace.starts_with("0: ") && backtrace.lines().count() <= 16, "{what}: {backtrace}");
    }
}

#[test]
fn a_guest_that_failed_is_never_called_again() {
    let (mut guest, turn) = started(&runtime(), "wait panic");
    turn.unwrap();
    assert!(matches!(guest.resume(Timestamp(2_000), false, go()), Err(GuestError::Trap { .. })));
    assert!(!guest.is_live());
    assert_eq!(guest.resume(Timestamp(2_000), false, go()), Err(GuestError::Gone));
}

#[test]
fn what_breaks_the_contract_is_named_by_its_field() {
    assert!(protocol_fault("not JSON").starts_with("`outcome.completed`: not one JSON value"));
    assert!(protocol_fault("bad activity input").starts_with("commands[1]: `input`: not one JSON value"));
}

#[test]
fn what_exceeds_a_limit_is_how_the_code_ends() {
    for (what, error_type, part) in [
        ("flood commands", "TooManyCommands", "100001 things in one turn; at most 100000"),
        ("long status", "CustomStatusTooLong", "bytes as UTF-16; at most 16384"),
    ] {
        let turn = started(&runtime(), what).1.unwrap();
        let Some(GuestOutcome::Failed(failure)) = turn.outcome else { panic!("{what}: {:?}", turn.outcome) };
        assert_eq!(
            (failure.error_type.as_str(), turn.commands.len(), failure.message.contains(part)),
            (error_type, 0, true),
            "{failure:?}"
        );
    }
}

#[test]
fn a_full_pool_refuses_another_guest_until_one_is_dropped() {
    let runtime = Runtime::new(Config { max_hot_guests: Some(2), ..config() }).unwrap();
    assert_eq!(runtime.max_hot_guests(), 2);
    let component = orchestrator(&runtime, "misbehaving_orchestrator");
    let (first, second) = (component.instantiate(who()).unwrap(), component.instantiate(who()).unwrap());
    assert!(matches!(component.instantiate(who()), Err(GuestError::Busy(_))));
    drop(first);
    assert!(component.instantiate(who()).is_ok());
    drop(second);
}

#[test]
fn a_flood_of_log_lines_is_thinned_out_and_a_replay_logs_nothing() {
    let lines = Arc::new(Lines::default());
    let runtime = Runtime::new(Config { log: lines.clone(), ..config() }).unwrap();
    let mut context = start_context('a', "flood log");
    context.replaying = true;
    orchestrator(&runtime, "misbehaving_orchestrator").instantiate(who()).unwrap().start(context).unwrap();
    assert!(lines.all().is_empty());
    started(&runtime, "flood log").1.unwrap();
    assert_eq!(lines.all().len(), 201);
    assert!(lines.all()[200].contains("more than 200 lines"));
}

#[test]
fn two_versions_of_an_orchestrator_ask_for_different_things() {
    let runtime = runtime();
    let first_command = |name| {
        let turn = orchestrator(&runtime, name).instantiate(who()).unwrap().start(start_context('a', "x")).unwrap();
        turn.commands.into_iter().next()
    };
    assert_ne!(first_command("shape_shifter_v1"), first_command("shape_shifter_v2"));
}

/// The custom status of both turns of `clock_and_random` in an execution.
fn seen(runtime: &Runtime, execution: char) -> [String; 2] {
    let mut guest = orchestrator(runtime, "clock_and_random").instantiate(who()).unwrap();
    let first = guest.start(start_context(execution, "look")).unwrap();
    let second = guest.resume(Timestamp(5_000), false, go()).unwrap();
    [first, second].map(|turn| turn.custom_status.unwrap().as_str().to_owned())
}

#[test]
fn clock_and_random_numbers_of_wasi_are_the_same_on_replay() {
    let runtime = runtime();
    let [first, second] = seen(&runtime, 'a');
    assert_eq!(seen(&runtime, 'a'), [first.clone(), second.clone()]);
    assert!(first.contains("\"wallMs\": 1000, \"monotonicNs\": 1000000000") && second.contains("\"wallMs\": 5000"), "{first} {second}");
    assert!(first.contains("\"settings\": 0, \"folders\": 0"), "{first}");
    let random = |text: &str| text.split_once("\"bytes\"").unwrap().1.to_owned();
    assert_ne!(random(&first), random(&second), "each turn draws its own numbers");
    assert_ne!(random(&first), random(&seen(&runtime, 'b')[0]), "each execution draws its own numbers");
}

#[test]
fn what_an_orchestrator_prints_is_logged_and_it_can_neither_sleep_nor_exit() {
    let lines = Arc::new(Lines::default());
    let runtime = Runtime::new(Config { log: lines.clone(), ..config() }).unwrap();
    seen(&runtime, 'a');
    assert_eq!(lines.all(), ["printed", "printed"]);
    for (what, message) in [("sleep", "cannot sleep"), ("exit", "exit")] {
        let mut guest = orchestrator(&runtime, "clock_and_random").instantiate(who()).unwrap();
        let Err(GuestError::Trap { message: found, .. }) = guest.start(start_context('a', what)) else { panic!("{what} went well") };
        assert!(found.to_lowercase().contains(message), "{what}: {found}");
    }
}
