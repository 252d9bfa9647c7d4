//! Calls an activity, waits for the event `Go`, and returns the activity's name. The versions differ in the activity they
//! call, so that neither can replay a history of the other.

wit_bindgen::generate!({ path: "../../../wit", world: "orchestrator-function", generate_all });

use exports::longhaul::durable::orchestrator::{Command, Completion, Context, Guest, Outcome, Turn};
use longhaul::durable::types::ActivityCall;

const ACTIVITY: &str = "Paint";
/// The second command of the first turn.
const GO: u32 = 1;

struct ShapeShifter;

export!(ShapeShifter);

impl Guest for ShapeShifter {
    fn start(context: Context) -> Turn {
        let call = ActivityCall { name: ACTIVITY.into(), input: context.input, retry: None, timeout: None };
        let commands = vec![Command::CallActivity(call), Command::WaitForEvent("Go".into())];
        Turn { commands, custom_status: None, outcome: None }
    }

    fn resume(_now: u64, _replaying: bool, received: Vec<Completion>) -> Turn {
        let gone = received.iter().any(|completion| completion.task == GO);
        let outcome = gone.then(|| Outcome::Completed(format!("\"{ACTIVITY}\"")));
        Turn { commands: Vec::new(), custom_status: None, outcome }
    }
}
