//! Sends an HTTP request from an orchestrator: must be refused before it ever runs.

wit_bindgen::generate!({ path: "../../../wit", world: "orchestrator-function", generate_all });

use exports::longhaul::durable::orchestrator::{Completion, Context, Guest, Turn};
use wasip2::http::outgoing_handler::{OutgoingRequest, handle};
use wasip2::http::types::Fields;

struct Outgoing;

export!(Outgoing);

impl Guest for Outgoing {
    fn start(_context: Context) -> Turn {
        let sent = handle(OutgoingRequest::new(Fields::new()), None).is_ok();
        Turn { commands: Vec::new(), custom_status: Some(sent.to_string()), outcome: None }
    }

    fn resume(_now: u64, _replaying: bool, _received: Vec<Completion>) -> Turn {
        Turn { commands: Vec::new(), custom_status: None, outcome: None }
    }
}
