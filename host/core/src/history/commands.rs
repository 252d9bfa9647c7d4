//! Tells what the commands of a turn led to.
//!
//! A command that was refused led to nothing but its failure, so what the turn sent is looked at,
//! not only what it asked for.

use std::collections::{HashMap, HashSet, VecDeque};

use super::event::HistoryEvent;
use super::list::{Kind, List, Open};
use crate::message::{Effect, Message, Outgoing, Start};
use crate::model::{
    ActivityCall, Command, EntityCall, EntitySignal, EventTo, InstanceId, OrchestrationCall, Payload, TaskId, TaskResult, Timestamp,
};
use crate::orchestration::{Orchestration, Step};

pub(super) struct Commands<'turn> {
    state: &'turn Orchestration,
    now: Timestamp,
    /// What an execution that ends asked for last does not begin.
    ended: bool,
    /// Activities that the turn has run.
    runs: HashSet<TaskId>,
    /// Messages that the turn sent for a task.
    messages: HashMap<TaskId, &'turn Outgoing>,
    /// Critical sections that the turn gave back.
    released: HashMap<TaskId, &'turn InstanceId>,
    /// Instances that the turn started and does not wait for, in order.
    detached: VecDeque<(&'turn InstanceId, &'turn Start)>,
    execution: &'turn str,
}

impl<'turn> Commands<'turn> {
    /// `state` as it is after the turn that `step` came of.
    pub(super) fn new(state: &'turn Orchestration, step: &'turn Step) -> Self {
        let runs = step.effects.iter().filter_map(|effect| match effect {
            Effect::RunActivity(run) => Some(run.caller.task),
            Effect::CancelActivity(_) => None,
        });
        let (mut messages, mut released, mut detached) = (HashMap::new(), HashMap::new(), VecDeque::new());
        for one in &step.outgoing {
            match &one.message {
                Message::Start(start) => match &start.parent {
                    Some(parent) => _ = messages.insert(parent.task, one),
                    None => detached.push_back((&one.to, &**start)),
                },
                Message::Operation(operation) => messages.extend(operation.caller.as_ref().map(|caller| (caller.task, one))),
                Message::Rewind { caller: Some(caller), .. } => _ = messages.insert(caller.waits.task, one),
                Message::Lock(section) => _ = messages.insert(section.owner.task, one),
                Message::Release(section) => _ = released.insert(section.owner.task, &one.to),
                _ => {}
            }
        }
        Self {
            state,
            now: step.record.now,
            ended: step.record.outcome.is_some(),
            runs: runs.collect(),
            messages,
            released,
            detached,
            execution: state.execution_id().unwrap_or_default(),
        }
    }

    /// `task` is the one that the command creates, if it creates one.
    pub(super) fn tell(&mut self, list: &mut List, task: TaskId, command: Command) {
        match command {
            Command::CallActivity(call) => self.activity(list, task, call),
            Command::CallOrchestration(call) => self.child(list, task, call),
            Command::CreateTimer(at) => self.timer(list, task, at),
            Command::WaitForEvent(_) | Command::Cancel(_) => {}
            Command::CallEntity(call) => self.entity_call(list, task, call),
            Command::LockEntities(_) => self.lock(list, task),
            Command::UnlockEntities(of) => self.unlock(list, of),
            Command::SignalEntity(signal) => self.signal(list, signal),
            Command::StartOrchestration(call) => self.detached_start(list, &call),
            Command::RaiseEvent(EventTo { instance_id, name, data }) => {
                list.push(self.now, HistoryEvent::EventSent { instance: instance_id, name, data });
            }
        }
    }

    fn activity(&self, list: &mut List, task: TaskId, call: ActivityCall) {
        if self.runs.contains(&task) {
            let event = HistoryEvent::ActivityScheduled { name: call.name.to_string(), input: call.input.clone() };
            list.open(task, Open::begun(Kind::Activity, &call.name, call.input, self.now), self.now, event);
        } else {
            self.ended_at_once(list, task, &Open::begun(Kind::Activity, &call.name, call.input, self.now));
        }
    }

    fn child(&self, list: &mut List, task: TaskId, call: OrchestrationCall) {
        let sent = self.messages.get(&task);
        let id = sent.map_or(String::new(), |sent| sent.to.to_string());
        let (name, input) = (call.name.to_string(), call.input.clone());
        let event = HistoryEvent::ChildStarted { name, instance: id.clone(), input, is_awaited: true };
        let open = Open::begun(Kind::Child(id), &call.name, call.input, self.now);
        match sent {
            Some(_) => list.open(task, open, self.now, event),
            None => self.ended_at_once(list, task, &open),
        }
    }

    /// A call that ended before anything was asked of anyone: it was refused, or had been carried
    /// out before a rewind.
    fn ended_at_once(&self, list: &mut List, task: TaskId, open: &Open) {
        match self.state.unseen(task) {
            Some(TaskResult::Failed(failure)) => {
                let (told, failure) = (failure.message.clone(), failure.clone());
                list.push(self.now, HistoryEvent::CallFailed { call: open.ended(), told, failure });
            }
            Some(TaskResult::Completed(value)) => {
                list.push(self.now, HistoryEvent::CallCompleted { call: open.ended(), result: value.clone() });
            }
            None => {}
        }
    }

    fn timer(&self, list: &mut List, task: TaskId, due: Timestamp) {
        if !self.ended {
            let open = Open::begun(Kind::Timer(due), "", Payload::null(), self.now);
            list.open(task, open, self.now, HistoryEvent::TimerSet { due });
        }
    }

    fn entity_call(&self, list: &mut List, task: TaskId, call: EntityCall) {
        let id = self.request_id(task);
        let EntityCall { entity, operation, input } = call;
        let sent = |entity| HistoryEvent::OperationSent { entity, request: Some(id.clone()), operation, input, due: None };
        if let Some(to) = self.messages.get(&task).map(|message| message.to.clone()) {
            self.request(list, task, id.clone(), sent(to));
        } else if let Some(result @ TaskResult::Completed(_)) = self.state.unseen(task) {
            // The entity has done it before a rewind.
            list.push(self.now, sent(entity.instance_id()));
            list.push(self.now, HistoryEvent::OperationAnswered { request: id.clone(), result: result.clone() });
        }
    }

    fn lock(&self, list: &mut List, task: TaskId) {
        let Some(Outgoing { to, message: Message::Lock(section) }) = self.messages.get(&task) else { return };
        let request = self.request_id(task);
        let event = HistoryEvent::LockRequested { entity: to.clone(), request: request.clone(), set: section.set.clone() };
        self.request(list, task, request, event);
    }

    /// A request to an entity, which was sent.
    fn request(&self, list: &mut List, task: TaskId, id: String, event: HistoryEvent) {
        list.open(task, Open::begun(Kind::Request(id), "", Payload::null(), self.now), self.now, event);
    }

    /// The id that the request of a task bears, and the name of the event that its answer arrives
    /// as.
    fn request_id(&self, task: TaskId) -> String {
        format!("{}:{task}", self.execution)
    }

    fn unlock(&mut self, list: &mut List, of: TaskId) {
        if let Some(to) = self.released.remove(&of) {
            list.push(self.now, HistoryEvent::LockReleased { entity: to.clone(), request: self.request_id(of) });
        }
    }

    fn signal(&self, list: &mut List, signal: EntitySignal) {
        let EntitySignal { entity, operation, input, at } = signal;
        list.push(self.now, HistoryEvent::OperationSent { entity: entity.instance_id(), request: None, operation, input, due: at });
    }

    fn detached_start(&mut self, list: &mut List, call: &OrchestrationCall) {
        // One that was started before a rewind is not started again; then only an id that the code
        // chose is known.
        let begun = self.detached.pop_front_if(|(_, start)| start.name == call.name && start.input == call.input);
        if begun.is_none() && call.instance_id.as_deref().is_some_and(|id| InstanceId::orchestration(id).is_err()) {
            return;
        }
        let id = begun.map(|(id, _)| id.as_str()).or(call.instance_id.as_deref()).unwrap_or_default();
        let (name, instance, input) = (call.name.to_string(), id.to_owned(), call.input.clone());
        list.push(self.now, HistoryEvent::ChildStarted { name, instance, input, is_awaited: false });
    }
}
