//! Does what its input, a JSON string, asks for. `"wait <what>"` behaves in the first turn, waits for the event `Go`, and does
//! it when that has come.

wit_bindgen::generate!({ path: "../../../wit", world: "orchestrator-function", generate_all });

use std::cell::RefCell;

use exports::longhaul::durable::orchestrator::{Command, Completion, Context, Guest, Outcome, Turn};
use longhaul::durable::log::{Level, log};
use longhaul::durable::types::{ActivityCall, EntityId, EntitySignal};

struct Misbehaving;

export!(Misbehaving);

thread_local! {
    static LATER: RefCell<String> = const { RefCell::new(String::new()) };
}

impl Guest for Misbehaving {
    fn start(context: Context) -> Turn {
        let what = context.input.trim_matches('"');
        match what.strip_prefix("wait ") {
            Some(later) => {
                LATER.set(later.to_owned());
                commands(vec![Command::WaitForEvent("Go".into())])
            }
            None => misbehave(what),
        }
    }

    fn resume(_now: u64, _replaying: bool, _received: Vec<Completion>) -> Turn {
        let later = LATER.take();
        misbehave(&later)
    }
}

fn misbehave(what: &str) -> Turn {
    match what {
        "behave" => completed("\"well\""),
        "spin" => loop {
            std::hint::black_box(what);
        },
        "eat memory" => eat_memory(),
        "recurse" => completed(&format!("{}", recurse(1))),
        "panic" => panic!("this orchestrator panics"),
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
        other => panic!("nobody taught this orchestrator to {other}"),
    }
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
