//! Replay of a stored chain by guests that say what they are told to.

use longhaul_core::{Command, Completion, Pin, Timestamp};
use longhaul_store::Position;

use super::*;
use crate::ports::{ActivityFunction, Deployment, EntityFunction, OrchestratorFunction, PortFuture};

/// An app with one orchestrator, whose guest returns these commands, one list for each call.
struct Scripted {
    name: Arc<str>,
    turns: Vec<Vec<Command>>,
}

struct ScriptedGuest(std::vec::IntoIter<Vec<Command>>);

impl Guests for Scripted {
    fn current(&self) -> Option<Arc<dyn Deployment>> {
        None
    }

    fn loaded(&self, id: DeploymentId) -> Option<Arc<dyn Deployment>> {
        let app = Self { name: self.name.clone(), turns: self.turns.clone() };
        (id == DeploymentId(1)).then(|| Arc::new(app) as Arc<dyn Deployment>)
    }

    fn load(self: Arc<Self>, id: DeploymentId) -> PortFuture<'static, Result<Arc<dyn Deployment>, String>> {
        Box::pin(async move { self.loaded(id).ok_or_else(|| "there is no such deployment".to_owned()) })
    }

    fn when_held_up(&self, _then: Box<dyn Fn() -> bool>) {}

    fn end_waits_for_processors(&self) {}

    fn end_guests(&self) {}
}

impl Deployment for Scripted {
    fn pin(&self) -> Pin {
        Pin::default()
    }

    fn orchestrator(&self, name: &str) -> Option<&dyn OrchestratorFunction> {
        (*self.name == *name).then_some(self)
    }

    fn entity(&self, _name: &str) -> Option<&dyn EntityFunction> {
        None
    }

    fn activity(&self, _name: &str) -> Option<Arc<dyn ActivityFunction>> {
        None
    }

    fn unknown_orchestrator(&self, name: &str) -> String {
        format!("there is no orchestrator '{name}'")
    }
}

impl OrchestratorFunction for Scripted {
    fn name(&self) -> &Arc<str> {
        &self.name
    }

    fn open(&self, _instance: InstanceId) -> Result<Box<dyn OrchestratorGuest>, GuestError> {
        Ok(Box::new(ScriptedGuest(self.turns.clone().into_iter())))
    }
}

impl ScriptedGuest {
    fn next(&mut self) -> Result<GuestTurn, GuestError> {
        let commands = self.0.next().ok_or_else(|| GuestError::NoCapacity("the script has ended".into()))?;
        Ok(GuestTurn { commands, ..GuestTurn::default() })
    }
}

impl OrchestratorGuest for ScriptedGuest {
    fn start(&mut self, context: StartContext) -> Result<GuestTurn, GuestError> {
        assert!(context.replaying);
        self.next()
    }

    fn resume(&mut self, _now: Timestamp, replaying: bool, received: Vec<Completion>) -> Result<GuestTurn, GuestError> {
        assert!(replaying && received.len() == 1);
        self.next()
    }

    fn touched_bytes(&self) -> u64 {
        0
    }
}

/// The records of an instance that waited for an event, got it, waits for a timer and, if that is
/// asked for, has completed in a turn of which the scripts know nothing.
fn chain(is_completed: bool) -> Vec<ChainRecord> {
    let start = serde_json::json!({ "name": "Order", "input": null, "execution": "e", "deployment": 1, "createdAt": 1 });
    let turns = [
        serde_json::json!({
            "format": 1, "number": 0, "now": 1, "status": "Running", "received": [{ "inline": { "start": start } }],
            "commands": [{ "waitForEvent": "Paid" }],
        }),
        serde_json::json!({
            "format": 1, "number": 1, "now": 2, "status": "Running",
            "received": [{ "inline": { "event": { "name": "Paid", "data": true } } }], "commands": [{ "createTimer": 50 }],
        }),
        serde_json::json!({
            "format": 1, "number": 2, "now": 50, "status": "Completed", "commands": [], "outcome": { "completed": 1 },
            "received": [{ "inline": { "timerFired": { "execution": "e", "task": 1 } } }],
        }),
    ];
    let record = |turn: &serde_json::Value| Record::decode("turn", &turn.to_string()).unwrap();
    let links = turns.iter().take(if is_completed { 3 } else { 2 }).enumerate();
    links.map(|(index, turn)| ChainRecord { position: Position(index as i64 + 1), base: index == 0, record: record(turn) }).collect()
}

fn replayed(chain: Vec<ChainRecord>, name: &str, turns: &[Command]) -> Result<(), Divergence> {
    let guests = Scripted { name: name.into(), turns: turns.iter().map(|command| vec![command.clone()]).collect() };
    replay(&InstanceId::trusted("order-7"), chain, &guests)
}

fn waits_for(event: &str) -> Command {
    Command::WaitForEvent(event.into())
}

const TIMER: Command = Command::CreateTimer(Timestamp(50));

#[test]
fn code_that_does_again_what_it_did_is_replayed_to_the_end() {
    replayed(chain(false), "Order", &[waits_for("Paid"), TIMER]).unwrap();
}

#[test]
fn the_turn_in_which_the_code_ended_is_not_replayed() {
    replayed(chain(true), "Order", &[waits_for("Paid"), TIMER]).unwrap();
}

#[test]
fn code_that_asks_for_something_else_diverges_in_that_turn() {
    let error = replayed(chain(false), "Order", &[waits_for("Paid"), waits_for("Shipped")]).unwrap_err();
    assert!(matches!(error, Divergence::Mismatch(_)), "{error:?}");
    let text = error.to_string();
    assert!(text.starts_with("replay does not match the history: ") && text.contains("Shipped"), "{text}");
}

#[test]
fn a_replay_needs_the_function_that_the_execution_began_with() {
    let error = replayed(chain(false), "Other", &[]).unwrap_err();
    assert_eq!(error.to_string(), "deployment 1 has no orchestrator 'Order'");
}

#[test]
fn a_guest_that_fails_is_no_mismatch() {
    let error = replayed(chain(false), "Order", &[waits_for("Paid")]).unwrap_err();
    assert!(matches!(error, Divergence::Guest(GuestError::NoCapacity(_))), "{error:?}");
}

#[test]
fn an_instance_that_never_called_its_code_has_nothing_to_replay() {
    replayed(Vec::new(), "Order", &[]).unwrap();
}
