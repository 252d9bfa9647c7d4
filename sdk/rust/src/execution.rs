//! Runs an orchestrator's future, turn by turn.
//!
//! There is one future, polled after each completion until nothing moves any more. What arrived in
//! a turn is handed to the code one completion at a time, so that the code cannot see how the host
//! gathered them. Nothing here depends on a clock, on chance or on the iteration order of a hash
//! map: the same turns give the same commands.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context as PollContext, Poll, Wake, Waker};

use serde::Serialize;

use crate::orchestrator::{Orchestrator, Run};
use crate::turn::{Command, Completion, Continuation, Outcome, Start, TaskId, TaskResult, Turn};
use crate::{Context, Failure, Timestamp, json};

/// A task that the code still holds and that has not yielded its result yet.
#[derive(Default)]
pub(crate) struct OpenTask {
    pub outcome: Option<TaskResult>,
    pub waker: Option<Waker>,
}

/// What the code and the executor share.
pub(crate) struct State {
    pub start: Start,
    pub now: Timestamp,
    pub replaying: bool,
    /// Counts turns, so that a call can tell whether its command is still in `commands`.
    pub turn_number: u64,
    pub guids_made: u64,
    pub custom_status: Option<String>,
    pub continuation: Option<Continuation>,
    pub open_tasks: BTreeMap<TaskId, OpenTask>,
    /// Why the execution fails, though the code has not said so: it handed over a value that has no
    /// JSON form where no task could fail.
    fault: Option<Failure>,
    /// Counts tasks that failed before the host heard of them. Their ids come from the other end,
    /// where the host's never get.
    refused_tasks: TaskId,
    commands: Vec<Command>,
    /// Commands that come of dropping a value. They wait here until the code goes on: what a
    /// returning orchestrator leaves behind is the host's to end, so a drop that nothing follows is
    /// no command.
    after_drops: Vec<Command>,
    next_task: TaskId,
    closed: bool,
}

impl State {
    /// Adds a command and returns its place among this turn's commands. Once the execution has
    /// failed there are no more.
    pub fn push(&mut self, command: Command) -> usize {
        if self.fault.is_some() {
            return self.commands.len();
        }
        self.commands.append(&mut self.after_drops);
        self.commands.push(command);
        self.commands.len() - 1
    }

    /// Adds the command that carries a value. A value that has no JSON form fails the execution;
    /// `what` names what it is for.
    pub fn push_with(&mut self, what: impl Display, value: &(impl Serialize + ?Sized), command: impl FnOnce(String) -> Command) -> usize {
        match self.write(what, value) {
            Some(text) => self.push(command(text)),
            None => self.commands.len(),
        }
    }

    /// A value as JSON text. One that has no JSON form fails the execution.
    pub fn write(&mut self, what: impl Display, value: &(impl Serialize + ?Sized)) -> Option<String> {
        let text = json::write(value).map_err(|error| self.fault.get_or_insert_with(|| Failure::invalid_value(what, &error)));
        text.ok()
    }

    /// Adds a task that has failed already, of which the host does not hear.
    pub fn push_refused(&mut self, failure: Failure) -> TaskId {
        let task = TaskId::MAX - self.refused_tasks;
        self.refused_tasks += 1;
        self.open_tasks.insert(task, OpenTask { outcome: Some(TaskResult::Failed(failure)), waker: None });
        task
    }

    /// Adds a command that creates a task.
    pub fn push_task(&mut self, command: Command) -> (TaskId, usize) {
        let task = self.next_task;
        self.next_task += 1;
        self.open_tasks.insert(task, OpenTask::default());
        (task, self.push(command))
    }

    pub fn push_after_drop(&mut self, command: Command) {
        if !self.closed {
            self.after_drops.push(command);
        }
    }

    /// Changes a command before the host has seen it.
    #[track_caller]
    pub fn refine(&mut self, turn_number: u64, index: usize, change: impl FnOnce(&mut Command)) {
        match self.commands.get_mut(index).filter(|_| turn_number == self.turn_number) {
            Some(command) => change(command),
            // The command was left out.
            None if self.fault.is_some() => {}
            None => panic!("options must be given before anything else is awaited"),
        }
    }
}

#[derive(Default)]
struct RootWaker(AtomicBool);

impl Wake for RootWaker {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// One execution of an orchestrator, from its start to its outcome.
pub struct Execution {
    state: Rc<RefCell<State>>,
    /// Absent once the orchestrator has returned.
    code: Option<Run>,
    woken: Arc<RootWaker>,
}

impl Execution {
    /// Begins an execution and runs its first turn.
    pub fn start<O: Orchestrator>(start: Start) -> (Self, Turn) {
        Self::start_with(O::run, start)
    }

    pub(crate) fn start_with(run: fn(Context, String) -> Run, start: Start) -> (Self, Turn) {
        let input = start.input.clone();
        let state = Rc::new(RefCell::new(State {
            now: start.now,
            replaying: start.replaying,
            start,
            turn_number: 0,
            guids_made: 0,
            custom_status: None,
            continuation: None,
            fault: None,
            refused_tasks: 0,
            open_tasks: BTreeMap::new(),
            commands: Vec::new(),
            after_drops: Vec::new(),
            next_task: 0,
            closed: false,
        }));
        let code = run(Context(Rc::clone(&state)), input);
        let mut execution = Self { state, code: Some(code), woken: Arc::default() };
        let outcome = execution.poll();
        let turn = execution.finish_turn(outcome);
        (execution, turn)
    }

    /// Runs a later turn. An execution that has its outcome answers with an empty turn.
    pub fn resume(&mut self, now: Timestamp, replaying: bool, received: Vec<Completion>) -> Turn {
        {
            let mut state = self.state.borrow_mut();
            state.now = now;
            state.replaying = replaying;
            state.turn_number += 1;
        }
        let mut outcome = None;
        for completion in received {
            self.deliver(completion);
            outcome = self.poll();
            if outcome.is_some() {
                break;
            }
        }
        self.finish_turn(outcome)
    }

    fn deliver(&mut self, completion: Completion) {
        // A task that the code dropped is not there any more: its result is no longer wanted.
        let waker = match self.state.borrow_mut().open_tasks.get_mut(&completion.task) {
            Some(task) => {
                task.outcome = Some(completion.outcome);
                task.waker.take()
            }
            None => None,
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn poll(&mut self) -> Option<Outcome> {
        let waker = Waker::from(Arc::clone(&self.woken));
        let code = self.code.as_mut()?;
        loop {
            self.woken.0.store(false, Ordering::Relaxed);
            let polled = code.as_mut().poll(&mut PollContext::from_waker(&waker));
            let fault = self.state.borrow_mut().fault.take();
            if let Some(fault) = fault {
                return Some(self.close(Err(fault)));
            }
            match polled {
                Poll::Ready(result) => return Some(self.close(result)),
                Poll::Pending if self.woken.0.load(Ordering::Relaxed) => {}
                Poll::Pending => return None,
            }
        }
    }

    fn close(&mut self, result: Result<String, Failure>) -> Outcome {
        let mut state = self.state.borrow_mut();
        state.closed = true;
        state.after_drops.clear();
        let continuation = state.continuation.take();
        drop(state);
        // Only now, with the state closed, may what the code left behind be dropped.
        self.code = None;
        self.state.borrow_mut().open_tasks.clear();
        match (result, continuation) {
            (Ok(_), Some(continuation)) => Outcome::ContinuedAsNew(continuation),
            (Ok(output), None) => Outcome::Completed(output),
            (Err(failure), _) => Outcome::Failed(failure),
        }
    }

    fn finish_turn(&mut self, outcome: Option<Outcome>) -> Turn {
        let mut state = self.state.borrow_mut();
        let mut commands = std::mem::take(&mut state.commands);
        commands.append(&mut state.after_drops);
        Turn { commands, custom_status: state.custom_status.take(), outcome }
    }
}

#[cfg(test)]
pub(crate) mod tests;
