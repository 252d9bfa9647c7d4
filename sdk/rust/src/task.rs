//! The future of one task.

use std::cell::RefCell;
use std::marker::PhantomData;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context as PollContext, Poll};

use serde::de::DeserializeOwned;

use crate::TaskError;
use crate::execution::State;
use crate::json;
use crate::turn::{Command, TaskId, TaskResult};

/// Something that an orchestration waits for: a timer, an entity's answer.
///
/// It has begun when it is created; awaiting it waits for its result. Dropping it before it has its result cancels it,
/// unless the orchestrator returns next: then the host ends what is left. Polling it again after its result panics.
#[must_use = "dropping a task cancels it"]
pub struct Task<T> {
    state: Rc<RefCell<State>>,
    id: TaskId,
    place: CommandPlace,
    ended: bool,
    result: PhantomData<fn() -> T>,
}

/// Where the command that created a task stands, as long as its turn lasts.
#[derive(Clone, Copy)]
struct CommandPlace {
    turn_number: u64,
    index: usize,
}

impl<T> Task<T> {
    pub(crate) fn create(state: &Rc<RefCell<State>>, command: Command) -> Self {
        let mut inner = state.borrow_mut();
        let (id, index) = inner.push_task(command);
        let place = CommandPlace { turn_number: inner.turn_number, index };
        drop(inner);
        Self { state: Rc::clone(state), id, place, ended: false, result: PhantomData }
    }

    pub(crate) fn state(&self) -> &Rc<RefCell<State>> {
        &self.state
    }

    pub(crate) fn id(&self) -> TaskId {
        self.id
    }

    /// Changes the command that created this task, before the host has seen it.
    #[track_caller]
    pub(crate) fn refine(&self, change: impl FnOnce(&mut Command)) {
        let mut state = self.state.borrow_mut();
        match state.command_mut(self.place.turn_number, self.place.index) {
            Some(command) => change(command),
            None => panic!("options of a call must be given before anything else is awaited"),
        }
    }

    /// Ends the task: its result is no longer wanted. Unlike a drop it counts even if the orchestrator returns next.
    pub fn cancel(mut self) {
        self.ended = true;
        let mut state = self.state.borrow_mut();
        if state.open_tasks.remove(&self.id).is_some_and(|task| task.outcome.is_none()) {
            state.push(Command::Cancel(self.id));
        }
    }
}

impl<T: DeserializeOwned> Future for Task<T> {
    type Output = Result<T, TaskError>;

    fn poll(mut self: Pin<&mut Self>, poll: &mut PollContext<'_>) -> Poll<Self::Output> {
        let outcome = {
            let mut state = self.state.borrow_mut();
            let task = state.open_tasks.get_mut(&self.id).expect("a task is not polled after its result");
            match task.outcome.take() {
                Some(outcome) => {
                    state.open_tasks.remove(&self.id);
                    outcome
                }
                None => {
                    match &mut task.waker {
                        Some(waker) => waker.clone_from(poll.waker()),
                        none => *none = Some(poll.waker().clone()),
                    }
                    return Poll::Pending;
                }
            }
        };
        self.ended = true;
        Poll::Ready(match outcome {
            TaskResult::Completed(text) => json::read(&text).map_err(|error| TaskError::Unreadable(error.to_string())),
            TaskResult::Failed(failure) => Err(TaskError::Failed(failure)),
        })
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let mut state = self.state.borrow_mut();
        if state.open_tasks.remove(&self.id).is_some_and(|task| task.outcome.is_none()) {
            state.push_after_drop(Command::Cancel(self.id));
        }
    }
}
