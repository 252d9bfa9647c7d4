//! What came of a run.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;

use crate::export::StartOrchestrator;
use crate::turn::{Command, Completion, Outcome, Start, Turn};
use crate::{EntityId, Failure, Timestamp, json};

/// One turn as a host records it.
#[derive(Clone, Debug)]
pub(super) struct RecordedTurn {
    pub now: Timestamp,
    /// Empty for the first turn.
    pub received: Vec<Completion>,
    pub turn: Turn,
}

/// The history of one execution.
#[derive(Clone, Debug)]
pub(super) struct History {
    pub start: Start,
    pub turns: Vec<RecordedTurn>,
}

/// What came of a run.
pub struct Run {
    pub(super) start: StartOrchestrator,
    pub(super) histories: Vec<History>,
    pub(super) entities: BTreeMap<String, String>,
    pub(super) waiting_for: Vec<String>,
    /// Set if the host ended it, because the code broke a rule.
    pub(super) fault: Option<Outcome>,
    pub(super) end: Timestamp,
}

impl Run {
    /// The output of the orchestration, or the failure that it ended with.
    ///
    /// # Panics
    /// If it did not end, naming what it waits for, or if the output is not the JSON of a `T`.
    pub fn output<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        match self.outcome() {
            Some(Outcome::Completed(output)) => Ok(json::read(output).expect("the output is of the type that the test expects")),
            Some(Outcome::Failed(failure)) => Err(failure.clone()),
            Some(Outcome::ContinuedAsNew(next)) => panic!("the orchestration continued as new with {}", next.input),
            None => panic!("the orchestration did not end; it waits for {}", self.waiting_for.join(", ")),
        }
    }

    /// How the last execution ended; `None` if it waits for something that does not come.
    pub fn outcome(&self) -> Option<&Outcome> {
        self.fault.as_ref().or_else(|| self.turns().last().and_then(|recorded| recorded.turn.outcome.as_ref()))
    }

    /// What the code asked for, in order, in all executions.
    pub fn commands(&self) -> Vec<Command> {
        self.turns().flat_map(|recorded| recorded.turn.commands.iter().cloned()).collect()
    }

    /// The operations that the code signalled to entities, in order, with their JSON input.
    pub fn signals(&self) -> Vec<(String, String)> {
        let commands = self.commands().into_iter();
        let signals = commands.filter_map(|command| match command {
            Command::SignalEntity(signal) => Some((signal.operation, signal.input)),
            _ => None,
        });
        signals.collect()
    }

    /// The custom status that was set last.
    ///
    /// # Panics
    /// If it is not the JSON of a `T`.
    pub fn custom_status<T: DeserializeOwned>(&self) -> Option<T> {
        let last = self.turns().filter_map(|recorded| recorded.turn.custom_status.as_deref()).last();
        last.map(|text| json::read(text).expect("the custom status is of the type that the test expects"))
    }

    /// The state of an entity at the end; `None` if it does not exist.
    ///
    /// # Panics
    /// If it is not the JSON of a `T`.
    pub fn entity_state<T: DeserializeOwned>(&self, entity: &EntityId) -> Option<T> {
        let text = self.entities.get(&entity.to_string());
        text.map(|text| json::read(text).expect("the state is of the type that the test expects"))
    }

    /// What the code waits for, if it did not end.
    pub fn waiting_for(&self) -> &[String] {
        &self.waiting_for
    }

    /// The time of the last turn.
    pub fn end(&self) -> Timestamp {
        self.end
    }

    /// How many turns were taken.
    pub fn turn_count(&self) -> usize {
        self.turns().count()
    }

    /// Runs the recorded turns again, as a host does that lost its memory, and compares what the
    /// code asks for.
    ///
    /// # Errors
    /// The first difference, in words: the code depends on something that it did not get from its
    /// context.
    pub fn check_replay(&self) -> Result<(), String> {
        self.histories
            .iter()
            .enumerate()
            .try_for_each(|(index, history)| history.replay(self.start).map_err(|difference| format!("execution {index}, {difference}")))
    }

    fn turns(&self) -> impl Iterator<Item = &RecordedTurn> {
        self.histories.iter().flat_map(|history| &history.turns)
    }
}

impl History {
    fn replay(&self, start: StartOrchestrator) -> Result<(), String> {
        let (mut execution, first) = start(Start { replaying: true, ..self.start.clone() });
        let mut replayed = Some(first);
        for (number, recorded) in self.turns.iter().enumerate() {
            let turn = replayed.take().unwrap_or_else(|| execution.resume(recorded.now, true, recorded.received.clone()));
            compare(&recorded.turn, &turn).map_err(|difference| format!("turn {number}: {difference}"))?;
        }
        Ok(())
    }
}

fn compare(recorded: &Turn, replayed: &Turn) -> Result<(), String> {
    let longest = recorded.commands.len().max(replayed.commands.len());
    for index in 0..longest {
        let (before, now) = (recorded.commands.get(index), replayed.commands.get(index));
        if before != now {
            return Err(format!("command {index} was {}, the replay asks for {}", shown(before), shown(now)));
        }
    }
    if recorded.custom_status != replayed.custom_status {
        return Err(format!("the custom status was {:?}, the replay sets {:?}", recorded.custom_status, replayed.custom_status));
    }
    if recorded.outcome != replayed.outcome {
        return Err(format!("the outcome was {:?}, the replay gives {:?}", recorded.outcome, replayed.outcome));
    }
    Ok(())
}

fn shown(command: Option<&Command>) -> String {
    command.map_or_else(|| "nothing".to_owned(), |command| format!("{command:?}"))
}
