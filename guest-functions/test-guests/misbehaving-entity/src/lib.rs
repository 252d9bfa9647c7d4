//! A list of the operations it was sent, which misbehaves on request. Operation `add` appends its input to the state, a JSON list
//! as text; `delete` deletes the entity; `fail` fails.

wit_bindgen::generate!({ path: "../../../wit", world: "entity-function", generate_all });

use exports::longhaul::durable::entity::{BatchResult, Guest, Operation, OperationResult};
use longhaul::durable::types::{EntityId, Failure};

struct Misbehaving;

export!(Misbehaving);

impl Guest for Misbehaving {
    fn run(_id: EntityId, state: Option<String>, now: u64, operations: Vec<Operation>) -> BatchResult {
        let mut state = state;
        let mut results = Vec::new();
        for operation in operations {
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
                "bad result" => Ok("1 2".into()),
                "bad state" => {
                    state = Some("{".into());
                    Ok("null".into())
                }
                "panic" => panic!("this entity panics"),
                "spin" => loop {
                    std::hint::black_box(&operation);
                },
                other => Err(failure(&format!("nobody taught this entity to {other}"))),
            };
            results.push(OperationResult { outcome, signals: Vec::new(), starts: Vec::new() });
        }
        BatchResult { state, results }
    }
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
