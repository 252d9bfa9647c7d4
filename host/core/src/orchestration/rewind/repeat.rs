//! A command that was carried out before a rewind has what came of it then.

use super::reuse::Prior;
use crate::message::{Caller, Message};
use crate::model::{Command, InstanceId, TaskId};
use crate::orchestration::execution::{Execution, Progress, Task};
use crate::orchestration::turn::Turn;

impl Execution {
    /// Lets a command have what came of an equal one before.
    pub(crate) fn reuse(&mut self, turn: &mut Turn, instance: &InstanceId, command: &Command, prior: Prior) {
        let waits = self.task_ref(instance, TaskId(self.next_task));
        match (command, prior) {
            (Command::CallOrchestration(call), Prior::Child { id, known }) => {
                let progress = Progress::begun(turn.now);
                self.open(Task::Child { call: call.clone(), id: id.clone(), progress, known: waits.clone() });
                let caller = Some(Box::new(Caller { known, waits }));
                turn.send(id, Message::Rewind { reason: None, caller, deployment: None });
            }
            (Command::CallEntity(call), Prior::CalledEntity { execution, task: undone }) => {
                let task = self.open(Task::Entity { entity: call.entity.clone(), operation: call.operation.clone() });
                self.previous_ids.move_task(execution, undone, task);
            }
            (_, Prior::Done(result)) => {
                self.next_task += 1;
                self.ready.push(waits.task, result);
            }
            (_, Prior::Sent | Prior::Child { .. } | Prior::CalledEntity { .. }) => {}
        }
    }
}
