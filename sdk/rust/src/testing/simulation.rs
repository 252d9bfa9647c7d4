//! A host in miniature: it carries out commands at once and moves the clock to whatever is next.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::ids;
use super::orchestration::{Fake, Orchestration};
use super::run::{History, RecordedTurn, Run};
use super::section::Sections;
use crate::entity::Operation;
use crate::turn::{Command, Completion, Outcome, Signal, Start, TaskId, TaskResult};
use crate::{EntityId, Failure, RetryPolicy, Timestamp};

const MAX_TURNS: usize = 100_000;

/// Something on its way.
enum Arrival {
    Completion(Completion),
    /// An event that an open wait has been given.
    EventFor {
        task: TaskId,
        name: String,
        data: String,
    },
    Event {
        name: String,
        data: String,
    },
    Signal(Signal),
}

pub(super) struct Simulation<'a> {
    setup: Orchestration<'a>,
    now: Timestamp,
    /// By time, then in the order in which they were sent.
    on_their_way: BTreeMap<(Timestamp, u64), Arrival>,
    sent: u64,
    next_task: TaskId,
    /// Open tasks of which nothing is on its way.
    waits: Vec<(TaskId, String)>,
    unclaimed_events: VecDeque<(String, String)>,
    entities: BTreeMap<String, String>,
    sections: Sections,
    fault: Option<Outcome>,
    histories: Vec<History>,
    turns: usize,
}

impl<'a> Simulation<'a> {
    pub fn new(mut setup: Orchestration<'a>) -> Self {
        let entities = setup.entity_states.iter().map(|(entity, state)| (entity.to_string(), state.clone())).collect();
        let events = std::mem::take(&mut setup.events);
        let mut simulation = Self {
            now: setup.begin,
            setup,
            on_their_way: BTreeMap::new(),
            sent: 0,
            next_task: 0,
            waits: Vec::new(),
            unclaimed_events: VecDeque::new(),
            entities,
            sections: Sections::default(),
            fault: None,
            histories: Vec::new(),
            turns: 0,
        };
        for (delay, name, data) in events {
            simulation.send(simulation.now + delay, Arrival::Event { name, data });
        }
        simulation
    }

    pub fn run(mut self) -> Run {
        let mut input = self.setup.input.clone();
        while let Some(Outcome::ContinuedAsNew(next)) = self.run_execution(input) {
            if self.histories.len() >= self.setup.max_executions {
                break;
            }
            self.forget_tasks();
            if !next.keep_events {
                self.unclaimed_events.clear();
            }
            input = next.input;
        }
        let waiting_for = self.waits.into_iter().map(|(task, name)| format!("event {name} (task {task})")).collect();
        let Self { setup, histories, entities, fault, now, .. } = self;
        Run { start: setup.start, histories, entities, waiting_for, fault, end: now }
    }

    /// Runs one execution; `None` if it waits for something that does not come.
    fn run_execution(&mut self, input: String) -> Option<Outcome> {
        let start = Start {
            instance_id: self.setup.instance_id.clone(),
            execution_id: format!("{:032x}", self.histories.len()),
            name: self.setup.name.clone(),
            version: None,
            tags: self.setup.tags.clone(),
            parent_instance_id: None,
            input,
            now: self.now,
            replaying: false,
        };
        let (mut execution, mut turn) = (self.setup.start)(start.clone());
        self.histories.push(History { start, turns: Vec::new() });
        let mut received = Vec::new();
        loop {
            self.turns += 1;
            assert!(self.turns <= MAX_TURNS, "the orchestration took {MAX_TURNS} turns and did not end");
            let outcome = turn.outcome.clone();
            let commands = turn.commands.clone();
            let history = self.histories.last_mut().expect("this execution's history was pushed above");
            history.turns.push(RecordedTurn { now: self.now, received: std::mem::take(&mut received), turn });
            if let Err(failure) = commands.into_iter().try_for_each(|command| self.carry_out(command)) {
                self.fault = Some(Outcome::Failed(failure));
                return self.fault.clone();
            }
            if outcome.is_some() {
                return outcome;
            }
            received.push(self.next_completion()?);
            received.iter().for_each(|completion| self.sections.ended(completion.task));
            turn = execution.resume(self.now, false, received.clone());
        }
    }

    fn forget_tasks(&mut self) {
        self.next_task = 0;
        self.sections.clear();
        self.waits.clear();
        self.on_their_way.retain(|_, arrival| matches!(arrival, Arrival::Event { .. } | Arrival::Signal(_)));
    }

    fn next_completion(&mut self) -> Option<Completion> {
        loop {
            let ((time, _), arrival) = self.on_their_way.pop_first()?;
            self.now = self.now.max(time);
            match arrival {
                Arrival::Completion(completion) => return Some(completion),
                Arrival::EventFor { task, data, .. } => return Some(Completion { task, outcome: TaskResult::Completed(data) }),
                Arrival::Signal(signal) => self.signal(signal),
                Arrival::Event { name, data } => {
                    // Of several waits for one name the latest gets the event.
                    match self.waits.iter().rposition(|(_, wanted)| wanted.eq_ignore_ascii_case(&name)) {
                        Some(index) => {
                            let (task, _) = self.waits.remove(index);
                            return Some(Completion { task, outcome: TaskResult::Completed(data) });
                        }
                        None => self.unclaimed_events.push_back((name, data)),
                    }
                }
            }
        }
    }

    /// An error is the failure that the execution ends with: the command has no task that could
    /// fail.
    fn carry_out(&mut self, command: Command) -> Result<(), Failure> {
        match command {
            Command::CallActivity { name, input, retry, timeout_ms: _ } => {
                let (delay, outcome) = call(&mut self.setup.activities, "activity", &name, &input, retry.as_ref());
                self.complete_new_task(delay, outcome.map_err(|failure| worded("Activity", &name, failure)));
            }
            Command::CallOrchestration(request) => {
                let allowed = self.sections.forbid("a critical section must not wait for another orchestration");
                if let Err(failure) = allowed.and_then(|()| ids::check_request(&request)) {
                    self.complete_new_task(Duration::ZERO, Err(failure));
                    return Ok(());
                }
                let (name, retry) = (&request.name, request.retry.as_ref());
                let (delay, outcome) = call(&mut self.setup.orchestrations, "orchestration", name, &request.input, retry);
                self.complete_new_task(delay, outcome.map_err(|failure| worded("Orchestrator", &request.name, failure)));
            }
            Command::CreateTimer(due) => self.complete_new_task(due.since(self.now), Ok("null".to_owned())),
            Command::WaitForEvent(name) => self.wait_for_event(name),
            Command::CallEntity { entity, operation, input } => {
                let allowed = ids::check_entity(&entity).and_then(|()| self.sections.call(&entity, self.next_task));
                let outcome = allowed.and_then(|()| self.run_operation(&entity, operation, input));
                self.complete_new_task(Duration::ZERO, outcome);
            }
            // No other instance exists that could hold a lock.
            Command::LockEntities(entities) => {
                let known = entities.iter().try_for_each(ids::check_entity);
                let locked = known.and_then(|()| self.sections.lock(self.next_task, &entities));
                self.complete_new_task(Duration::ZERO, locked.map(|()| "null".to_owned()));
            }
            Command::Cancel(task) => self.cancel(task),
            Command::SignalEntity(signal) => {
                ids::check_entity(&signal.entity)?;
                self.sections.signal(&signal.entity)?;
                match signal.at {
                    Some(time) if time > self.now => self.send(time, Arrival::Signal(signal)),
                    _ => self.signal(signal),
                }
            }
            Command::UnlockEntities(task) => self.sections.unlock(task),
            // What leaves this instance is seen in the list of commands.
            Command::StartOrchestration(request) => ids::check_request(&request)?,
            Command::RaiseEvent { instance_id, name, .. } => {
                ids::check_instance(&instance_id)?;
                ids::check_event_name(&name)?;
            }
        }
        Ok(())
    }

    fn wait_for_event(&mut self, name: String) {
        if let Err(failure) = ids::check_event_name(&name) {
            return self.complete_new_task(Duration::ZERO, Err(failure));
        }
        let task = self.new_task();
        let same = |known: &str| known.eq_ignore_ascii_case(&name);
        let kept = self.unclaimed_events.iter().position(|(known, _)| same(known)).and_then(|index| self.unclaimed_events.remove(index));
        let answer = || self.setup.answers.iter_mut().find(|(known, _)| same(known)).and_then(|(_, answers)| answers.pop_front());
        match kept.map(|(_, data)| data).or_else(answer) {
            Some(data) => self.send(self.now, Arrival::EventFor { task, name, data }),
            None => self.waits.push((task, name)),
        }
    }

    fn cancel(&mut self, cancelled: TaskId) {
        self.waits.retain(|(task, _)| *task != cancelled);
        self.sections.unlock(cancelled);
        self.sections.ended(cancelled);
        let of_task = |arrival: &Arrival| match arrival {
            Arrival::Completion(Completion { task, .. }) | Arrival::EventFor { task, .. } => *task == cancelled,
            Arrival::Event { .. } | Arrival::Signal(_) => false,
        };
        let key = self.on_their_way.iter().find(|(_, arrival)| of_task(arrival)).map(|(key, _)| *key);
        // A wait that is given up must not swallow its event: it is kept for the next.
        if let Some(Arrival::EventFor { name, data, .. }) = key.and_then(|key| self.on_their_way.remove(&key)) {
            self.unclaimed_events.push_front((name, data));
        }
    }

    fn signal(&mut self, signal: Signal) {
        // A signal's failure is only logged.
        if let Err(failure) = self.run_operation(&signal.entity, signal.operation.clone(), signal.input) {
            crate::log::warn!("signal {} to {} failed: {}", signal.operation, signal.entity, failure.message);
        }
    }

    fn run_operation(&mut self, entity: &EntityId, operation: String, input: String) -> Result<String, Failure> {
        let kind = self.setup.entities.iter().find(|(name, _)| name.eq_ignore_ascii_case(&entity.name));
        let Some((_, run)) = kind else { panic!("the test set up no entity '{}'", entity.name) };
        let state = self.entities.remove(&entity.to_string());
        let batch = run(entity, state, self.now, vec![Operation { name: operation, input }]);
        if let Some(state) = batch.state {
            self.entities.insert(entity.to_string(), state);
        }
        let result = batch.results.into_iter().next().expect("a batch has a result for each operation");
        for signal in result.signals {
            let due = signal.at.unwrap_or(self.now);
            self.send(due, Arrival::Signal(signal));
        }
        result.outcome
    }

    fn new_task(&mut self) -> TaskId {
        self.next_task += 1;
        self.next_task - 1
    }

    fn complete_new_task(&mut self, delay: Duration, outcome: Result<String, Failure>) {
        let task = self.new_task();
        let outcome = outcome.map_or_else(TaskResult::Failed, TaskResult::Completed);
        self.send(self.now + delay, Arrival::Completion(Completion { task, outcome }));
    }

    fn send(&mut self, due: Timestamp, arrival: Arrival) {
        self.on_their_way.insert((due, self.sent), arrival);
        self.sent += 1;
    }
}

/// Calls a fake until it succeeds or the policy gives up. Returns the delays in sum and the last
/// attempt's outcome.
fn call(
    fakes: &mut [(String, Fake<'_>)],
    kind: &str,
    name: &str,
    input: &str,
    retry: Option<&RetryPolicy>,
) -> (Duration, Result<String, Failure>) {
    let Some((_, fake)) = fakes.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(name)) else {
        panic!("the test set up no {kind} '{name}'")
    };
    let mut waited = Duration::ZERO;
    for attempt in 1.. {
        let outcome = fake(input);
        let delay = match (&outcome, retry) {
            (Err(failure), Some(policy)) => delay_after(policy, attempt, waited, failure),
            _ => None,
        };
        match delay {
            Some(delay) => waited += delay,
            None => return (waited, outcome),
        }
    }
    unreachable!("the policy gives up after at most u32::MAX attempts")
}

fn delay_after(policy: &RetryPolicy, attempt: u32, waited: Duration, failure: &Failure) -> Option<Duration> {
    let timed_out = policy.retry_timeout_ms.is_some_and(|limit| waited >= Duration::from_millis(limit));
    if attempt >= policy.max_attempts || failure.non_retriable || timed_out || policy.give_up_on.contains(&failure.error_type) {
        return None;
    }
    let exponent = i32::try_from(attempt - 1).unwrap_or(i32::MAX);
    let seconds = Duration::from_millis(policy.first_interval_ms).as_secs_f64() * policy.backoff_coefficient.powi(exponent);
    let longest = policy.max_interval_ms.map_or(Duration::MAX, Duration::from_millis);
    Some(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX).min(longest))
}

/// The host's words for a failed call.
fn worded(kind: &str, name: &str, failure: Failure) -> Failure {
    Failure { message: format!("{kind} function '{name}' failed: {}", failure.message), ..failure }
}
