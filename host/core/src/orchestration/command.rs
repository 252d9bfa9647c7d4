//! What each command of a guest does to the state.

use super::Orchestration;
use super::execution::{Execution, Progress, Task};
use super::turn::{Step, Turn};
use crate::message::{Effect, Message, Outgoing, Start};
use crate::model::{
    ActivityCall, Command, EntityCall, Failure, GuestOutcome, GuestTurn, InstanceId, InvalidId, NO_DOT_SEGMENTS, OrchestrationCall,
    RetryPolicy, TaskId, TaskResult, check_event_name, check_tags,
};
use crate::record::{FORMAT, Outcome, TurnRecord};

impl Orchestration {
    /// Applies what the guest asked for and closes the turn. `guest` is absent if
    /// [`Turn::take_activation`] gave none.
    pub fn end_turn(&mut self, mut turn: Turn, guest: Option<GuestTurn>) -> Step {
        let number = self.next_turn;
        // Turns that only drop messages for an instance that was never started are no part of any
        // execution.
        self.next_turn = self.next_turn.saturating_add(u32::from(self.execution.is_some()));
        let without_guest = !turn.calls_guest && turn.outcome.is_none() && self.has_activation(turn.now);
        let mut guest = guest.unwrap_or_default();
        let fault = self.carry_out_all(&mut turn, &mut guest.commands).err();
        self.count_asked(&guest);
        let fault = fault.or_else(|| self.history_fault(&turn, &guest)).map(GuestOutcome::Failed);
        let returned = fault.or(guest.outcome).and_then(|outcome| self.code_ended(&mut turn, outcome));
        self.end_if_nothing_is_open(&mut turn);
        turn.drop_cancelled_runs();
        let base = turn.is_base || matches!(turn.outcome, Some(Outcome::ContinuedAsNew(_)));
        let record = TurnRecord {
            format: FORMAT,
            number,
            now: turn.now,
            received: turn.received,
            commands: guest.commands,
            without_guest,
            custom_status: guest.custom_status,
            returned,
            outcome: turn.outcome,
            began: turn.began,
            started: turn.started,
            resumed: turn.resumed,
            status: self.status,
            wake_at: self.wake_at(),
            // What a rewound instance has to do is only known once its chain is read again.
            pending: turn.rewound.is_some() || self.is_pending(),
            rewound: turn.rewound,
            inbox_before: 0,
        };
        let outgoing = turn.outgoing.into_iter().map(|one| one.by_clock(self.time)).collect();
        Step { record, base, outgoing, effects: turn.effects }
    }
}

impl Orchestration {
    /// Carries commands out in order. A command that creates a task and breaks a rule fails its
    /// task; one that creates none has no task to fail, so it fails the execution, as if the code
    /// had thrown there: what follows it is dropped. One that is beyond a limit fails the execution
    /// too, and is dropped itself: a fold, which knows no limits, must not carry it out.
    fn carry_out_all(&mut self, turn: &mut Turn, commands: &mut Vec<Command>) -> Result<(), Failure> {
        let Some(execution) = self.execution.as_mut().filter(|_| turn.outcome.is_none()) else { return Ok(()) };
        let limits = turn.limits.clone();
        for (index, command) in commands.iter().enumerate() {
            if let Some(Err(beyond)) = limits.as_ref().map(|limits| execution.check_command(command, limits)) {
                commands.truncate(index);
                return Err(beyond.into());
            }
            if let Err(fault) = execution.carry_out(turn, &self.id, command) {
                commands.truncate(index + 1);
                return Err(fault);
            }
        }
        Ok(())
    }
}

impl Execution {
    fn carry_out(&mut self, turn: &mut Turn, instance: &InstanceId, command: &Command) -> Result<(), Failure> {
        if let Some(prior) = self.reusable.take(command) {
            self.reuse(turn, instance, command, prior);
            return Ok(());
        }
        match command {
            Command::CallActivity(call) => self.call_activity(turn, instance, call),
            Command::CallOrchestration(call) => self.call_orchestration(turn, instance, call),
            Command::CreateTimer(at) => {
                let task = self.open(Task::Timer { at: *at });
                self.alarms.insert((*at, task));
            }
            Command::WaitForEvent(name) => self.wait_for_event(turn, name),
            Command::CallEntity(call) => self.call_entity(turn, instance, call),
            Command::LockEntities(set) => self.lock(turn, instance, set),
            Command::Cancel(task) => self.cancel(turn, instance, *task),
            Command::SignalEntity(signal) => {
                let what = || format!("cannot signal operation '{}'", signal.operation);
                signal.entity.check_in(turn.format).map_err(|problem| fault("InvalidEntityId", &what(), problem))?;
                if let Some(section) = &self.section {
                    section.check_signal(&signal.entity)?;
                }
                turn.outgoing.push(Outgoing::signal(signal.clone()));
            }
            Command::UnlockEntities(task) => self.unlock(turn, instance, *task),
            Command::StartOrchestration(call) => self.start_detached(turn, call)?,
            Command::RaiseEvent(event) => {
                let what = || format!("cannot raise event '{}'", event.name);
                InstanceId::orchestration_in(event.instance_id.as_str(), turn.format)
                    .map_err(|problem| fault("InvalidInstanceId", &what(), problem))?;
                check_event_name_in(turn, &event.name).map_err(|problem| fault("InvalidEventName", &what(), problem))?;
                turn.send(event.instance_id.clone(), Message::Event { name: event.name.clone(), data: event.data.clone() });
            }
        }
        Ok(())
    }

    pub(super) fn open(&mut self, task: Task) -> TaskId {
        let id = TaskId(self.next_task);
        self.next_task += 1;
        self.holding += usize::from(task.holds_up_the_end());
        self.tasks.insert(id, task);
        id
    }

    /// A task that fails before anything is sent.
    pub(super) fn refuse(&mut self, task: TaskId, error_type: &str, text: String) {
        let failure = Failure { non_retriable: true, ..Failure::new(error_type, text) };
        self.complete(task, TaskResult::Failed(failure));
    }

    fn wait_for_event(&mut self, turn: &Turn, name: &str) {
        let task = self.open(Task::Event { name: name.to_owned() });
        if let Err(problem) = check_event_name_in(turn, name) {
            return self.refuse(task, "InvalidEventName", format!("cannot wait for an event: {problem}"));
        }
        if let Some(event) = self.events.wait(name, task) {
            self.complete_wait(task, event);
        }
    }

    fn call_activity(&mut self, turn: &mut Turn, instance: &InstanceId, call: &ActivityCall) {
        let task = self.open(Task::Activity { call: call.clone(), progress: Progress::begun(turn.now), asked_in: self.id().clone() });
        self.running += 1;
        match policy_problem(call.retry.as_ref()) {
            Some(problem) => {
                self.refuse(task, "InvalidRetryPolicy", format!("the retry policy for activity '{}' is wrong: {problem}", call.name))
            }
            None => turn.effects.push(Effect::RunActivity(self.activity_run(instance, task, call, 1, self.id()))),
        }
    }

    fn call_orchestration(&mut self, turn: &mut Turn, instance: &InstanceId, call: &OrchestrationCall) {
        let derived = InstanceId::trusted(format!("{}:{}", self.id(), self.next_task));
        let chosen = call.instance_id.as_deref().map_or(Ok(derived.clone()), |id| InstanceId::orchestration_in(id, turn.format));
        let id = chosen.clone().unwrap_or(derived);
        let known = self.task_ref(instance, TaskId(self.next_task));
        let task = self.open(Task::Child { call: call.clone(), id: id.clone(), progress: Progress::begun(turn.now), known });
        if let Err(problem) = chosen {
            return self.refuse(task, "InvalidInstanceId", format!("cannot start orchestration '{}': {problem}", call.name));
        }
        if let Err(problem) = check_tags(&call.tags) {
            return self.refuse(task, "InvalidTags", format!("cannot start orchestration '{}': {problem}", call.name));
        }
        if let Some(problem) = policy_problem(call.retry.as_ref()) {
            return self.refuse(
                task,
                "InvalidRetryPolicy",
                format!("the retry policy for orchestration '{}' is wrong: {problem}", call.name),
            );
        }
        if self.is_relative(instance, &id) {
            return self.refuse(
                task,
                "InvalidInstanceId",
                format!("'{id}' is the id of the caller or of its parent; a child needs an id of its own"),
            );
        }
        if self.section.is_some() {
            return self.refuse(task, "CriticalSection", "a critical section must not wait for another orchestration".into());
        }
        self.start_child(turn, instance, task, Progress::begun(turn.now), call.clone(), id);
    }

    fn is_relative(&self, instance: &InstanceId, id: &InstanceId) -> bool {
        let same = |other: &InstanceId| other.as_str().eq_ignore_ascii_case(id.as_str());
        same(instance) || self.start.parent.as_ref().is_some_and(|parent| same(&parent.instance))
    }

    pub(super) fn start_child(
        &mut self,
        turn: &mut Turn,
        instance: &InstanceId,
        task: TaskId,
        progress: Progress,
        call: OrchestrationCall,
        id: InstanceId,
    ) {
        let execution = self.id().derive(turn.now, &format!("child {task} {}", progress.attempt));
        let parent = self.task_ref(instance, task);
        if let Some(Task::Child { known, .. }) = self.tasks.get_mut(&task) {
            *known = parent.clone();
        }
        let nesting = self.start.nesting + 1;
        let start = Start { nesting, ..Start::called(call, execution, self.start.pin(), turn.now, Some(parent)) };
        turn.send(id, Message::Start(Box::new(start)));
    }

    fn start_detached(&mut self, turn: &mut Turn, call: &OrchestrationCall) -> Result<(), Failure> {
        let what = || format!("cannot start orchestration '{}'", call.name);
        check_tags(&call.tags).map_err(|problem| fault("InvalidTags", &what(), problem))?;
        self.derived += 1;
        let execution = self.id().derive(turn.now, &format!("start {}", self.derived));
        let id = match call.instance_id.as_deref() {
            Some(id) => InstanceId::orchestration_in(id, turn.format).map_err(|problem| fault("InvalidInstanceId", &what(), problem))?,
            None => InstanceId::detached(&execution),
        };
        let start = Start::called(call.clone(), execution, self.start.pin(), turn.now, None);
        turn.send(id, Message::Start(Box::new(start)));
        Ok(())
    }

    fn call_entity(&mut self, turn: &mut Turn, instance: &InstanceId, call: &EntityCall) {
        let task = self.open(Task::Entity { entity: call.entity.clone(), operation: call.operation.clone() });
        if let Err(problem) = call.entity.check_in(turn.format) {
            return self.refuse(task, "InvalidEntityId", format!("cannot call operation '{}': {problem}", call.operation));
        }
        let entered = self.section.as_mut().map_or(Ok(()), |section| section.enter_call(&call.entity, task));
        if let Err(problem) = entered {
            return self.refuse(task, "CriticalSection", problem);
        }
        let caller = Some(self.task_ref(instance, task));
        let operation = crate::message::Operation { name: call.operation.clone(), input: call.input.clone(), caller, at: None };
        turn.send(call.entity.instance_id(), Message::Operation(operation));
    }

    fn cancel(&mut self, turn: &mut Turn, instance: &InstanceId, task: TaskId) {
        // A lock that was granted and not noticed is given back like one that is still asked for.
        self.unlock(turn, instance, task);
        match self.close(task) {
            Some(Task::Activity { .. }) => turn.effects.push(Effect::CancelActivity(self.task_ref(instance, task))),
            Some(Task::Event { name }) => self.events.withdraw(&name, task),
            // A child goes on by itself, an entity's answer is dropped when it comes.
            Some(Task::Child { .. } | Task::Timer { .. } | Task::Entity { .. } | Task::Lock) => {}
            None => self.take_back(turn, task),
        }
    }

    /// A completion that waits to be handed out is withdrawn. An event that waits to be, or was
    /// handed out with this very activation, goes to the next wait for it.
    fn take_back(&mut self, turn: &mut Turn, task: TaskId) {
        let unseen = self.ready.withdraw(task);
        let Some(event) = unseen.or_else(|| turn.delivered_events.remove(&task)) else { return };
        if let Some((waiting, event)) = self.events.hand_out(event) {
            self.complete_wait(waiting, event);
        }
    }
}

/// A command that has no task to fail breaks a rule.
fn fault(error_type: &str, what: &str, problem: impl std::fmt::Display) -> Failure {
    Failure { non_retriable: true, ..Failure::new(error_type, format!("{what}: {problem}")) }
}

/// Turns of earlier formats knew no forbidden names.
fn check_event_name_in(turn: &Turn, name: &str) -> Result<(), InvalidId> {
    if turn.format < NO_DOT_SEGMENTS { Ok(()) } else { check_event_name(name) }
}

fn policy_problem(policy: Option<&RetryPolicy>) -> Option<String> {
    policy.and_then(RetryPolicy::problem)
}
