//! The future of one task.

use std::cell::RefCell;
use std::fmt::Display;
use std::marker::PhantomData;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context as PollContext, Poll};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::execution::State;
use crate::turn::{Command, TaskId, TaskResult};
use crate::{Failure, TaskError, json};

/// Something that an orchestration waits for: a timer, an entity's answer.
///
/// It has begun when it is created; awaiting it waits for its result. Dropping it before it has its
/// result cancels it, unless the orchestrator returns next: then the host ends what is left.
/// Polling it again after its result panics.
#[must_use = "dropping a task cancels it"]
pub struct Task<T> {
    state: Rc<RefCell<State>>,
    id: TaskId,
    /// Absent if the task failed before the host heard of it.
    place: Option<CommandPlace>,
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
        Self { state: Rc::clone(state), id, place: Some(place), ended: false, result: PhantomData }
    }

    /// Creates a task whose command carries a value. A value that has no JSON form fails the task;
    /// `what` names what it is for.
    pub(crate) fn create_with(
        state: &Rc<RefCell<State>>,
        what: impl Display,
        value: &(impl Serialize + ?Sized),
        command: impl FnOnce(String) -> Command,
    ) -> Self {
        match json::write(value) {
            Ok(text) => Self::create(state, command(text)),
            Err(error) => Self::refused(state, Failure::invalid_value(what, &error)),
        }
    }

    /// A task that has failed already.
    pub(crate) fn refused(state: &Rc<RefCell<State>>, failure: Failure) -> Self {
        let id = state.borrow_mut().push_refused(failure);
        Self { state: Rc::clone(state), id, place: None, ended: false, result: PhantomData }
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
        if let Some(CommandPlace { turn_number, index }) = self.place {
            self.state.borrow_mut().refine(turn_number, index, change);
        }
    }

    /// Ends the task: its result is no longer wanted. Unlike a drop it counts even if the
    /// orchestrator returns next.
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
