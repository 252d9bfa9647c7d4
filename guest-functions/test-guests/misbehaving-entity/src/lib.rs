//! A list of the operations it was sent, which misbehaves on request. Operation `add` appends its input to the state, a JSON list
//! as text; `delete` deletes the entity; `fail` fails.

wit_bindgen::generate!({ path: "../../../wit", world: "entity-function", generate_all });

use exports::longhaul::durable::entity::{BatchResult, Guest, Operation, OperationResult};
use longhaul::durable::log::{Level, log};
use longhaul::durable::types::{EntityId, EntitySignal, Failure};

struct Misbehaving;

export!(Misbehaving);

impl Guest for Misbehaving {
    fn run(id: EntityId, state: Option<String>, now: u64, operations: Vec<Operation>) -> BatchResult {
        let mut state = state;
        let mut results = Vec::new();
        for operation in operations {
            let mut signals = Vec::new();
            let outcome = match operation.name.as_str() {
                "add" => {
                    state = Some(append(state.as_deref(), &operation.input));
                    Ok(now.to_string())
                }
                "get" => Ok(state.clone().unwrap_or_else(|| "null".into())),
                "delete" => {
                    state = None;
                    Ok("null".into())
                }
                "fail" => Err(failure("this operation fails")),
                "too few results" => continue,
                "too many results" => {
                    results.push(OperationResult { outcome: Ok("1".into()), signals: Vec::new(), starts: Vec::new() });
                    Ok("2".into())
                }
                "eat memory" => eat_memory(),
                "recurse" => Ok(recurse(1).to_string()),
                "huge state" => {
                    state = Some(format!("\"{}\"", "x".repeat(2 << 20)));
                    Ok("null".into())
                }
                "deep state" => {
                    state = Some(format!("{}{}", "[".repeat(101), "]".repeat(101)));
                    Ok("null".into())
                }
                "half a character" => {
                    state = Some("\"\\ud800\"".into());
                    Ok("null".into())
                }
                "result beyond floats" => Ok("-1e400".into()),
                "huge result" => Ok(format!("\"{}\"", "x".repeat(2 << 20))),
                "huge error" => Err(failure(&"x".repeat(2 << 20))),
                "bad signal" => {
                    signals.push(signal(EntityId { name: "a@b".into(), key: String::new() }, "op"));
                    Ok("null".into())
                }
                // Until somebody writes the state `"quiet"`.
                "chatter" if state.as_deref() == Some("\"quiet\"") => Ok("null".into()),
                "chatter" => {
                    signals.push(signal(id.clone(), "chatter"));
                    Ok("null".into())
                }
                "be quiet" => {
                    state = Some("\"quiet\"".into());
                    Ok("null".into())
                }
                "flood log" => {
                    (0..10_000).for_each(|line| log(Level::Info, &format!("flood {line}")));
                    Ok("\"flooded\"".into())
                }
                "bad result" => Ok("1 2".into()),
                "bad state" => {
                    state = Some("{".into());
                    Ok("null".into())
                }
                "panic" => {
                    // As the SDK's panic hook does.
                    log(Level::Error, "panicked at src/lib.rs:1:2: this entity panics");
                    panic!("this entity panics")
                }
                "spin" => loop {
                    std::hint::black_box(&operation);
                },
                other => Err(failure(&format!("nobody taught this entity to {other}"))),
            };
            results.push(OperationResult { outcome, signals, starts: Vec::new() });
        }
        BatchResult { state, results }
    }
}

fn signal(entity: EntityId, operation: &str) -> EntitySignal {
    EntitySignal { entity, operation: operation.into(), input: "1".into(), at: None }
}

fn eat_memory() -> ! {
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

fn append(list: Option<&str>, item: &str) -> String {
    match list.and_then(|list| list.strip_suffix(']')) {
        Some(rest) => format!("{rest}, {item}]"),
        None => format!("[{item}]"),
    }
}

fn failure(message: &str) -> Failure {
    Failure { error_type: "Deliberate".into(), message: message.into(), details: None, non_retriable: false, inner: Vec::new() }
}
