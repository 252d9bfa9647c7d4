//! Under which ids an execution asked for things before it was rewound.
//!
//! A rewind gives the execution another id, so that what the undone turns asked for cannot be
//! mistaken for what is asked for now: tasks are numbered afresh from the cut on. Activities,
//! children and locks are asked again under the new id. An entity is not: its operation has been
//! sent and must not run twice, so its answer still counts.

use std::collections::HashMap;

use crate::model::{ExecutionId, TaskId};

#[derive(Clone, Debug, Default)]
pub(crate) struct PreviousIds {
    /// Earlier ids, and below which task each of them still counts.
    ids: Vec<(ExecutionId, u32)>,
    /// Calls of undone turns that code asked for once more while they were under way.
    moved: HashMap<(ExecutionId, TaskId), TaskId>,
}

impl PreviousIds {
    /// The execution has another id from now on. Tasks from `next_task` on were asked for in turns
    /// that are undone.
    pub(crate) fn rename(&mut self, before: ExecutionId, next_task: u32) {
        for (_, below) in &mut self.ids {
            *below = next_task.min(*below);
        }
        self.ids.push((before, next_task));
    }

    /// An answer to a task of the undone turns is an answer to this one.
    pub(crate) fn move_task(&mut self, execution: ExecutionId, undone: TaskId, task: TaskId) {
        self.moved.insert((execution, undone), task);
    }

    /// The task that an answer under an earlier id is for.
    pub(crate) fn task(&self, execution: &ExecutionId, task: TaskId) -> Option<TaskId> {
        let kept = self.ids.iter().any(|(id, below)| id == execution && task.0 < *below);
        match kept {
            true => Some(task),
            false if self.moved.is_empty() => None,
            false => self.moved.get(&(execution.clone(), task)).copied(),
        }
    }
}
