//! What the turns did that a rewind has undone: an equal command is not carried out a second time.

use std::collections::{HashMap, HashSet, VecDeque};

use crate::message::TaskRef;
use crate::model::{Command, ExecutionId, InstanceId, TaskId, TaskResult};

/// What came of a command in an undone turn.
#[derive(Clone, Debug)]
pub(crate) enum Prior {
    /// It sent a message and waits for nothing.
    Sent,
    /// Its task ended well.
    Done(TaskResult),
    /// It started a child, which is rewound in place of a new start.
    Child { id: InstanceId, known: TaskRef },
    /// It called an entity that has not answered.
    CalledEntity { execution: ExecutionId, task: TaskId },
}

/// Commands that were carried out in undone turns, oldest first. Equal ones are used up in this
/// order.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReusableCommands(VecDeque<(Command, Prior)>);

/// What became of the tasks that undone turns had asked for under `execution`.
#[derive(Debug)]
pub(crate) struct UndoneTasks {
    pub(crate) instance: InstanceId,
    pub(crate) execution: ExecutionId,
    pub(crate) results: HashMap<TaskId, TaskResult>,
    /// Entity calls that were answered with a failure: nothing of them lasts.
    pub(crate) refused: HashSet<TaskId>,
}

/// A command of an undone turn, with the task that it created and the instance that it was sent to.
#[derive(Clone, Debug)]
pub(crate) struct UndoneCommand {
    pub(crate) command: Command,
    pub(crate) task: Option<TaskId>,
    pub(crate) sent_to: Option<InstanceId>,
}

impl ReusableCommands {
    /// What came of an equal command. It stands for one command only.
    pub(crate) fn take(&mut self, command: &Command) -> Option<Prior> {
        // Code that runs again mostly asks for the same in the same order, so the first one is
        // mostly the one.
        let place = self.0.iter().position(|(other, _)| other == command)?;
        self.0.remove(place).map(|(_, prior)| prior)
    }

    /// An entity answered a call of an undone turn that was not made again. What failed is not
    /// kept: it may be tried again.
    pub(crate) fn answer(&mut self, execution: &ExecutionId, task: TaskId, result: TaskResult) {
        let is_it =
            |prior: &Prior| matches!(prior, Prior::CalledEntity { execution: of, task: asked } if of == execution && *asked == task);
        let Some(place) = self.0.iter().position(|(_, prior)| is_it(prior)) else { return };
        match result {
            TaskResult::Completed(_) => self.0[place].1 = Prior::Done(result),
            TaskResult::Failed(_) => _ = self.0.remove(place),
        }
    }

    /// The reusable commands once turns with these commands are undone, which had used some of
    /// them.
    pub(crate) fn with(mut self, commands: Vec<UndoneCommand>, undone: &UndoneTasks) -> Self {
        let mut used = vec![false; self.0.len()];
        let mut more = Vec::new();
        for command in commands {
            let reused = (0..used.len()).find(|&place| !used[place] && self.0[place].0 == command.command);
            match reused {
                Some(place) => {
                    used[place] = true;
                    undone.renew(&mut self.0[place].1, command.task);
                }
                None => more.extend(undone.prior(&command).map(|prior| (command.command, prior))),
            }
        }
        self.0.extend(more);
        self
    }
}

impl UndoneTasks {
    /// A reusable command that the undone turns had used can be used again.
    fn renew(&self, prior: &mut Prior, task: Option<TaskId>) {
        let (Prior::Child { known, .. }, Some(task)) = (&mut *prior, task) else { return };
        *known = self.task_ref(task);
        if let Some(result) = self.results.get(&task) {
            *prior = Prior::Done(result.clone());
        }
    }

    fn task_ref(&self, task: TaskId) -> TaskRef {
        TaskRef { instance: self.instance.clone(), execution: self.execution.clone(), task }
    }

    /// What came of a command; `None` if carrying it out again is right.
    fn prior(&self, UndoneCommand { command, task, sent_to }: &UndoneCommand) -> Option<Prior> {
        let result = task.and_then(|task| self.results.get(&task)).cloned().map(Prior::Done);
        match command {
            Command::CallActivity(_) => result,
            Command::CallOrchestration(_) => result.or_else(|| {
                let (id, task) = (sent_to.clone()?, (*task)?);
                Some(Prior::Child { id, known: self.task_ref(task) })
            }),
            Command::CallEntity(_) => result.or_else(|| {
                let task = task.filter(|task| sent_to.is_some() && !self.refused.contains(task))?;
                Some(Prior::CalledEntity { execution: self.execution.clone(), task })
            }),
            Command::SignalEntity(_) | Command::StartOrchestration(_) | Command::RaiseEvent(_) => Some(Prior::Sent),
            Command::CreateTimer(_) | Command::WaitForEvent(_) | Command::LockEntities(_) => None,
            Command::Cancel(_) | Command::UnlockEntities(_) => None,
        }
    }
}
