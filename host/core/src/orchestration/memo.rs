//! What turns did that a rewind has taken back: the same command is not carried out a second time.

use std::collections::{HashMap, HashSet, VecDeque};

use super::execution::{Execution, Progress, Task};
use super::turn::Turn;
use crate::message::{Caller, Message, TaskRef};
use crate::model::{Command, ExecutionId, InstanceId, TaskId, TaskResult};

/// What came of a command in a turn that was taken back.
#[derive(Clone, Debug)]
pub(super) enum Prior {
    /// It sent a message and waits for nothing.
    Sent,
    /// Its task ended well.
    Done(TaskResult),
    /// It started a child, which is rewound in place of a new start.
    Child { id: InstanceId, known: TaskRef },
    /// It called an entity that has not answered.
    Asked { execution: ExecutionId, task: TaskId },
}

/// Commands that were carried out in turns that were taken back, oldest first. Equal ones are used up in this order.
#[derive(Clone, Debug, Default)]
pub(super) struct Memo(VecDeque<(Command, Prior)>);

/// What became of the tasks that lost turns had asked for under `execution`.
#[derive(Debug)]
pub(super) struct Lost {
    pub(super) instance: InstanceId,
    pub(super) execution: ExecutionId,
    pub(super) results: HashMap<TaskId, TaskResult>,
    /// Entity calls that were answered with a failure: nothing of them lasts.
    pub(super) refused: HashSet<TaskId>,
}

/// A command of a lost turn, with the task that it created and the instance that it was sent to.
#[derive(Clone, Debug)]
pub(super) struct LostCommand {
    pub(super) command: Command,
    pub(super) task: Option<TaskId>,
    pub(super) sent_to: Option<InstanceId>,
}

impl Memo {
    /// What came of an equal command. It stands for one command only.
    pub(super) fn take(&mut self, command: &Command) -> Option<Prior> {
        // Code that runs again mostly asks for the same in the same order, so the first one is mostly the one.
        let place = self.0.iter().position(|(other, _)| other == command)?;
        self.0.remove(place).map(|(_, prior)| prior)
    }

    /// An entity answered a call of a lost turn that nobody has asked for again. What failed is not kept: it may be tried again.
    pub(super) fn answer(&mut self, execution: &ExecutionId, task: TaskId, result: TaskResult) {
        let is_it = |prior: &Prior| matches!(prior, Prior::Asked { execution: of, task: asked } if of == execution && *asked == task);
        let Some(place) = self.0.iter().position(|(_, prior)| is_it(prior)) else { return };
        match result {
            TaskResult::Completed(_) => self.0[place].1 = Prior::Done(result),
            TaskResult::Failed(_) => _ = self.0.remove(place),
        }
    }

    /// The memo after turns with these commands were taken back, in which they used parts of this one.
    pub(super) fn with(mut self, commands: Vec<LostCommand>, lost: &Lost) -> Self {
        let mut used = vec![false; self.0.len()];
        let mut more = Vec::new();
        for command in commands {
            let reused = (0..used.len()).find(|&place| !used[place] && self.0[place].0 == command.command);
            match reused {
                Some(place) => {
                    used[place] = true;
                    lost.renew(&mut self.0[place].1, command.task);
                }
                None => more.extend(lost.prior(&command).map(|prior| (command.command, prior))),
            }
        }
        self.0.extend(more);
        self
    }
}

impl Lost {
    /// A part of the memo that the lost turns had used goes back into it.
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
    fn prior(&self, LostCommand { command, task, sent_to }: &LostCommand) -> Option<Prior> {
        let result = task.and_then(|task| self.results.get(&task)).cloned().map(Prior::Done);
        match command {
            Command::CallActivity(_) => result,
            Command::CallOrchestration(_) => result.or_else(|| {
                let (id, task) = (sent_to.clone()?, (*task)?);
                Some(Prior::Child { id, known: self.task_ref(task) })
            }),
            Command::CallEntity(_) => result.or_else(|| {
                let task = task.filter(|task| sent_to.is_some() && !self.refused.contains(task))?;
                Some(Prior::Asked { execution: self.execution.clone(), task })
            }),
            Command::SignalEntity(_) | Command::StartOrchestration(_) | Command::RaiseEvent(_) => Some(Prior::Sent),
            Command::CreateTimer(_) | Command::WaitForEvent(_) | Command::LockEntities(_) => None,
            Command::Cancel(_) | Command::UnlockEntities(_) => None,
        }
    }
}

impl Execution {
    /// Lets a command have what came of an equal one before.
    pub(super) fn reuse(&mut self, turn: &mut Turn, instance: &InstanceId, command: &Command, prior: Prior) {
        let waits = self.task_ref(instance, TaskId(self.next_task));
        match (command, prior) {
            (Command::CallOrchestration(call), Prior::Child { id, known }) => {
                let progress = Progress::begun(turn.now);
                self.open(Task::Child { call: call.clone(), id: id.clone(), progress, known: waits.clone() });
                let caller = Some(Box::new(Caller { known, waits }));
                turn.send(id, Message::Rewind { reason: None, caller, deployment: None });
            }
            (Command::CallEntity(call), Prior::Asked { execution, task: lost }) => {
                let task = self.open(Task::Entity { entity: call.entity.clone(), operation: call.operation.clone() });
                self.former.move_task(execution, lost, task);
            }
            (_, Prior::Done(result)) => {
                self.next_task += 1;
                self.ready.push(waits.task, result);
            }
            (_, Prior::Sent | Prior::Child { .. } | Prior::Asked { .. }) => {}
        }
    }
}
