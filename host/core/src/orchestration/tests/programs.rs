//! Random programs, driven live and folded after every turn.
//!
//! The [`Script`] does the comparing; this file makes up what happens.

use seeded::Random;

use super::script::*;
use super::words::*;
use crate::message::{Caller, Message, Start, TaskRef};
use crate::model::{
    Command, EntitySignal, ExecutionId, GuestTurn, OnReturn, OrchestrationCall, RetryPolicy, RuntimeStatus, TaskId, TaskResult,
};
use crate::record::{Outcome, Record};

/// Decides what a random program does.
pub(crate) struct Dice(Random);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Random::new(seed))
    }

    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.0.below(sides)
    }

    fn task(&mut self) -> u32 {
        self.roll(14) as u32
    }

    pub(crate) fn pick<'list>(&mut self, list: &[&'list str]) -> &'list str {
        list[self.roll(list.len() as u64) as usize]
    }

    fn policy(&mut self) -> Option<RetryPolicy> {
        match self.roll(6) {
            0 => None,
            1 => Some(policy(0)),
            attempts => Some(RetryPolicy { jitter: 0.3, ..policy(attempts as u32) }),
        }
    }

    fn command(&mut self, now: u64) -> Command {
        let id = ["", "child-1", "order-7", "bad/id"][self.roll(4) as usize];
        let child = OrchestrationCall { retry: self.policy(), ..child_call(Some(id).filter(|id| !id.is_empty())) };
        match self.roll(13) {
            0 | 1 => self.policy().map_or_else(|| call("A"), |policy| call_with_retry("B", policy)),
            2 => Command::CallOrchestration(child),
            3 => timer(now.saturating_sub(50) + self.roll(400)),
            4 | 5 => wait(self.pick(&["E", "e", "F"])),
            6 => call_entity(self.pick(&["a", "b"])),
            7 => lock(&[self.pick(&["a", "b"]), "b"][..1 + self.roll(2) as usize]),
            8 | 9 => cancel(self.task()),
            10 => unlock(self.task()),
            11 => Command::StartOrchestration(child),
            _ => Command::SignalEntity(EntitySignal { entity: entity("a"), operation: "Add".into(), input: json("1"), at: None }),
        }
    }

    fn guest(&mut self, now: u64) -> GuestTurn {
        let commands = (0..self.roll(5)).map(|_| self.command(now)).collect();
        let custom_status = (self.roll(6) == 0).then(|| json(self.pick(&["1", "null"])));
        let end = match self.roll(16) {
            0 => returns("1"),
            1 | 4 => fails("no"),
            2 | 3 => continues(self.roll(2) == 0),
            _ => GuestTurn::default(),
        };
        GuestTurn { commands, custom_status, ..end }
    }

    fn on_return(&mut self) -> OnReturn {
        if self.roll(2) == 0 { OnReturn::WaitForOpenTasks } else { OnReturn::CancelOpenTasks }
    }

    fn rewind(&mut self) -> Message {
        let waits = TaskRef { execution: ExecutionId::trusted("p2"), ..parent() };
        match self.roll(4) {
            0 => Message::Rewind { reason: None, caller: Some(Box::new(Caller { known: parent(), waits })), deployment: None },
            _ => rewind(),
        }
    }

    fn message(&mut self, execution: &ExecutionId, number: u64) -> Message {
        let (execution, task) = (execution.clone(), TaskId(self.task()));
        let result = if self.roll(3) == 0 { failed("503") } else { TaskResult::Completed(json("1")) };
        match self.roll(16) {
            15 => self.rewind(),
            0 => Message::Suspend { reason: None },
            1 | 2 => Message::Resume { reason: None },
            3 => Message::Terminate { reason: None, recursive: self.roll(2) == 0, parent: None },
            4 => {
                let at = (self.roll(4) == 0).then(|| at(number * 40));
                let parent = (self.roll(2) == 0).then(parent);
                Message::Start(Box::new(Start { at, parent, on_return: self.on_return(), ..new_start(&format!("start {number}")) }))
            }
            5 => Message::ChildDone { execution, task, result },
            6 => Message::EntityReply { execution, task, result },
            7 => Message::LockGranted { execution, task },
            8 => Message::TimerFired { task },
            9 => Message::RetryDue { task },
            10..=12 => event(self.pick(&["E", "F", "f"]), &number.to_string()),
            _ => Message::ActivityDone { execution, task, attempt: 1 + self.roll(3) as u32, result },
        }
    }
}

pub(crate) fn drive(seed: u64, steps: u64) -> Script {
    let mut dice = Dice::new(seed);
    let mut script = Script::new();
    for step in 0..steps {
        let clock = 1_000 + step * 40;
        script.at(clock);
        // Left to chance, most programs would soon be over: an ended one is started again.
        if script.state.status().is_none_or(RuntimeStatus::is_terminal) && dice.roll(3) > 0 {
            let again = Start { on_return: dice.on_return(), ..new_start(&format!("again {step}")) };
            script.record(Message::Start(Box::new(again)));
        }
        if script.state.status() == Some(RuntimeStatus::Failed) && dice.roll(2) == 0 {
            let rewind = dice.rewind();
            if dice.roll(2) == 0 {
                script.record(rewind)
            } else {
                script.arrive(rewind)
            };
        }
        let execution = ExecutionId::trusted(script.state.execution_id().unwrap_or("none"));
        for number in 0..dice.roll(4) {
            let message = dice.message(&execution, step * 10 + number);
            if dice.roll(2) == 0 {
                script.record(message)
            } else {
                script.arrive(message)
            };
        }
        let limit = if dice.roll(4) == 0 { 1 } else { 100 };
        script.turn_of(limit, |_| dice.guest(clock));
        if dice.roll(25) == 0 && script.state.status().is_some_and(|status| !status.is_terminal()) {
            script.park("for a test");
        }
    }
    script
}

#[test]
fn folding_the_records_of_any_program_gives_the_state_that_made_them() {
    for seed in 1..=150 {
        // A failed comparison inside names what differs; the seed says where.
        let result = std::panic::catch_unwind(|| drive(seed, 40));
        assert!(result.is_ok(), "seed {seed}");
    }
}

#[test]
fn random_programs_reach_every_way_to_end() {
    let scripts: Vec<_> = (1..=40).map(|seed| drive(seed, 30)).collect();
    let turns = || {
        scripts.iter().flat_map(|script| &script.chain).filter_map(|(record, _)| match record {
            Record::Turn(turn) => Some(turn),
            _ => None,
        })
    };
    let outcomes: Vec<_> = turns().filter_map(|turn| turn.outcome.as_ref()).collect();
    assert!(turns().any(|turn| turn.returned.is_some()), "none waits for what it left open");
    assert!(outcomes.iter().any(|outcome| matches!(outcome, Outcome::Completed(_))));
    assert!(outcomes.iter().any(|outcome| matches!(outcome, Outcome::Failed(_))));
    assert!(outcomes.iter().any(|outcome| matches!(outcome, Outcome::Terminated(_))));
    let rewinds = |script: &Script| {
        let turns = script.chain.iter().filter(|(record, _)| matches!(record, crate::record::Record::Turn(turn) if turn.rewound.is_some()));
        turns.count()
    };
    assert!(scripts.iter().map(rewinds).sum::<usize>() > 3);
    assert!(outcomes.iter().any(|outcome| matches!(outcome, Outcome::ContinuedAsNew(next) if !next.events.is_empty())));
}
