//! Asks for too much, or for ever.

use super::*;
use crate::longhaul::durable::types::{EventTo, OrchestrationCall};

const MANY_ACTIVITIES: usize = 50;

/// The first turn of what goes on, or asks for much at once; `None` for anything else.
pub(super) fn first(what: &str) -> Option<Turn> {
    Some(match what {
        "continue for ever" => Turn {
            outcome: Some(Outcome::ContinuedAsNew(Continuation {
                input: "\"continue for ever\"".into(),
                keep_events: true,
                version: None,
            })),
            ..commands(Vec::new())
        },
        "breed" => commands(vec![child(None, "breed")]),
        "twins" => commands(vec![child(Some("twin"), "wait behave"), child(Some("twin"), "wait behave")]),
        "bad child" => commands(vec![child(Some("@a@b"), "behave")]),
        "lock many" => {
            let entity = |key: u32| EntityId { name: "MisbehavingEntity".into(), key: key.to_string() };
            commands(vec![Command::LockEntities((0..1_000).map(entity).collect())])
        }
        "many activities" => commands((0..MANY_ACTIVITIES).map(|_| call_activity("MisbehavingActivity", "\"behave\"")).collect()),
        "some timers" => commands((0..1_000).map(|_| Command::CreateTimer(1)).collect()),
        "many timers" => commands((0..20_000).map(|_| Command::CreateTimer(1)).collect()),
        _ => again(what)?,
    })
}

/// Every turn of what never ends by itself; `None` for anything else.
pub(super) fn again(what: &str) -> Option<Turn> {
    Some(match what {
        "talk to itself" => {
            let instance_id = INSTANCE.with_borrow(String::clone);
            let event = EventTo { instance_id, name: "Again".into(), data: "1".into() };
            commands(vec![Command::WaitForEvent("Again".into()), Command::RaiseEvent(event)])
        }
        "tick for ever" => commands(vec![Command::CreateTimer(1)]),
        // Each turn has a reason to come, and leaves more open than it found.
        "hoard tasks" => {
            let waits = (0..500).map(|_| Command::WaitForEvent("Never".into()));
            commands(waits.chain([Command::CreateTimer(1)]).collect())
        }
        "breed" | "twins" | "some timers" | "many timers" | "large input" => completed("\"well\""),
        "many activities" if ENDED.get() < MANY_ACTIVITIES => commands(Vec::new()),
        "many activities" => completed("\"well\""),
        _ => return None,
    })
}

fn child(instance_id: Option<&str>, what: &str) -> Command {
    Command::CallOrchestration(OrchestrationCall {
        name: "Misbehaving".into(),
        input: format!("\"{what}\""),
        instance_id: instance_id.map(str::to_owned),
        version: None,
        retry: None,
        tags: Vec::new(),
        at: None,
    })
}
