//! Imports nothing that it could wait for, so the host may call it without a future. Does what its input, a JSON string, asks for.

wit_bindgen::generate!({ path: "../../../wit", world: "activity-function", generate_all });

use std::cell::Cell;

use exports::longhaul::durable::activity::{Context, Guest};
use longhaul::durable::types::Failure;

struct Plain;

export!(Plain);

thread_local! {
    /// Calls of this guest so far: more than one would mean that it is used again.
    static CALLS: Cell<u32> = const { Cell::new(0) };
}

impl Guest for Plain {
    fn run(context: Context, input: String) -> Result<String, Failure> {
        let calls = CALLS.with(|calls| calls.replace(calls.get() + 1)) + 1;
        match input.trim_matches('"') {
            "calls" => Ok(calls.to_string()),
            "context" => Ok(format!(
                r#"["{}", "{}", {}, {}, "{}"]"#,
                context.name, context.instance_id, context.task, context.attempt, context.idempotency_key
            )),
            "panic" => panic!("this activity panics"),
            "fail" => Err(Failure {
                error_type: "Deliberate".into(),
                message: "this activity fails".into(),
                details: None,
                non_retriable: false,
                inner: Vec::new(),
            }),
            "spin" => loop {
                std::hint::black_box(calls);
            },
            "not JSON" => Ok("{not JSON".into()),
            "eat memory" => eat_memory(),
            other => panic!("nobody taught this activity to {other}"),
        }
    }
}

fn eat_memory() -> ! {
    let mut eaten: Vec<Vec<u8>> = Vec::new();
    loop {
        eaten.push(std::hint::black_box(vec![1; 1 << 20]));
    }
}
