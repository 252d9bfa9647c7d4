//! Does what its input, a JSON string, asks for. `"wait <what>"` behaves in the first turn, waits for the event `Go`, and does
//! it when that has come. `"ask entity <operation>"` and `"ask activity <input>"` return what came of the call.

mod floods;

wit_bindgen::generate!({ path: "../../../wit", world: "orchestrator-function", generate_all });

use std::cell::{Cell, RefCell};

use exports::longhaul::durable::orchestrator::{Command, Completion, Context, Continuation, Guest, Outcome, Turn};
use longhaul::durable::log::{Level, log};
use longhaul::durable::types::{ActivityCall, EntityCall, EntityId, EntitySignal, Failure, TaskResult};

struct Misbehaving;

/// Some 20 ms.
const COMPUTED_STEPS: u64 = 20_000_000;

export!(Misbehaving);

thread_local! {
    static LATER: RefCell<String> = const { RefCell::new(String::new()) };
    static INSTANCE: RefCell<String> = const { RefCell::new(String::new()) };
    /// Tasks that have come to an end.
    static ENDED: Cell<usize> = const { Cell::new(0) };
}

impl Guest for Misbehaving {
    fn start(context: Context) -> Turn {
        let what = context.input.trim_matches('"');
        INSTANCE.set(context.instance_id.clone());
        LATER.set(what.to_owned());
        match what.strip_prefix("wait ") {
            Some(_) if what == "wait replayed differently" && context.replaying => commands(vec![Command::CreateTimer(1)]),
            Some(later) => {
                LATER.set(later.to_owned());
                commands(vec![Command::WaitForEvent("Go".into())])
            }
            None => misbehave(what),
        }
    }

    fn resume(_now: u64, _replaying: bool, received: Vec<Completion>) -> Turn {
        let what = LATER.with_borrow(String::clone);
        ENDED.set(ENDED.get() + received.len());
        match what.strip_prefix("ask ") {
            Some(_) => completed(&told(&received)),
            None => floods::again(&what).unwrap_or_else(|| misbehave(&what)),
        }
    }
}

fn misbehave(what: &str) -> Turn {
    match what {
        "behave" => completed("\"well\""),
        "compute" => {
            let result = (0..COMPUTED_STEPS).fold(1_u64, |sum, step| std::hint::black_box(sum.rotate_left(7) ^ step));
            completed(if result == 0 { "0" } else { "\"well\"" })
        }
        "large output" => completed(&large()),
        "large input" => commands(vec![call_activity("MisbehavingActivity", &large())]),
        "spin" => loop {
            std::hint::black_box(what);
        },
        "eat memory" => eat_memory(),
        "eat 32 MiB" => {
            std::hint::black_box(vec![1_u8; 32 << 20]);
            completed("\"well\"")
        }
        "recurse" => completed(&format!("{}", recurse(1))),
        "panic" => {
            // As the SDK's panic hook does.
            log(Level::Error, "panicked at src/lib.rs:1:2: this orchestrator panics");
            panic!("this orchestrator panics")
        }
        "abort" => std::process::abort(),
        "not JSON" => completed("{not JSON"),
        "bad activity input" => commands(vec![Command::CreateTimer(1), call_activity("Any", "1 2")]),
        "bad entity" => commands(vec![Command::SignalEntity(EntitySignal {
            entity: EntityId { name: "a@b".into(), key: String::new() },
            operation: "op".into(),
            input: "null".into(),
            at: None,
        })]),
        "flood commands" => commands((0..100_001).map(Command::Cancel).collect()),
        "long status" => Turn { custom_status: Some(format!("\"{}\"", "x".repeat(17 << 10))), ..commands(Vec::new()) },
        "flood log" => {
            (0..1_000).for_each(|line| log(Level::Info, &format!("line {line}")));
            completed("null")
        }
        "huge output" => completed(&format!("\"{}\"", "x".repeat(2 << 20))),
        "deep output" => completed(&nested(101)),
        "output beyond floats" => completed("{\"a\": 1e400}"),
        "input beyond floats" => commands(vec![call_activity("MisbehavingActivity", "1e400")]),
        "half a character" => Turn { custom_status: Some("\"\\ud800\"".into()), ..commands(Vec::new()) },
        "huge input" => commands(vec![call_activity("MisbehavingActivity", &format!("\"{}\"", "x".repeat(2 << 20)))]),
        "long name" => commands(vec![Command::WaitForEvent("x".repeat(300))]),
        "huge error" => Turn { outcome: Some(Outcome::Failed(huge_failure())), ..commands(Vec::new()) },
        "unknown tasks" => Turn {
            commands: vec![Command::Cancel(7), Command::UnlockEntities(u32::MAX), Command::Cancel(u32::MAX)],
            ..completed("\"well\"")
        },
        other => match other.split_once(' ') {
            Some(("ask", question)) => commands(vec![ask(question)]),
            _ => floods::first(other).unwrap_or_else(|| panic!("nobody taught this orchestrator to {other}")),
        },
    }
}

fn ask(question: &str) -> Command {
    match question.split_once(' ') {
        Some(("activity", input)) => call_activity("MisbehavingActivity", &format!("\"{input}\"")),
        Some(("hasty", input)) => call_activity("HastyActivity", &format!("\"{input}\"")),
        Some(("entity", operation)) => Command::CallEntity(EntityCall {
            entity: EntityId { name: "MisbehavingEntity".into(), key: operation.replace(' ', "-") },
            operation: operation.into(),
            input: "1".into(),
        }),
        _ => panic!("nobody taught this orchestrator to ask {question}"),
    }
}

fn large() -> String {
    format!("\"{}\"", "x".repeat(100 << 10))
}

/// What the tasks came to, as one JSON string: failures by their types.
fn told(received: &[Completion]) -> String {
    let one = |completion: &Completion| match &completion.outcome {
        TaskResult::Completed(value) => value.replace(['"', '\\'], ""),
        TaskResult::Failed(failure) => format!("{} of {} bytes", failure.error_type, failure.message.len()),
    };
    format!("\"{}\"", received.iter().map(one).collect::<Vec<_>>().join(", "))
}

fn nested(depth: usize) -> String {
    format!("{}{}", "[".repeat(depth), "]".repeat(depth))
}

fn huge_failure() -> Failure {
    let text = "x".repeat(2 << 20);
    Failure { error_type: text.clone(), message: text.clone(), details: Some(text.clone()), non_retriable: false, inner: vec![text; 3] }
}

fn eat_memory() -> Turn {
    let mut eaten: Vec<Vec<u8>> = Vec::new();
    loop {
        eaten.push(std::hint::black_box(vec![1; 1 << 20]));
    }
}

/// Not a tail call, and with a frame that the optimiser cannot drop.
fn recurse(depth: u64) -> u64 {
    let frame = std::hint::black_box([depth; 16]);
    if frame[0] == 0 { 0 } else { recurse(depth + 1) + std::hint::black_box(frame[15]) }
}

fn call_activity(name: &str, input: &str) -> Command {
    Command::CallActivity(ActivityCall { name: name.into(), input: input.into(), retry: None, timeout: None })
}

fn commands(commands: Vec<Command>) -> Turn {
    Turn { commands, custom_status: None, outcome: None }
}

fn completed(output: &str) -> Turn {
    Turn { outcome: Some(Outcome::Completed(output.into())), ..commands(Vec::new()) }
}
