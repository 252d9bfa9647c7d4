//! How an execution enters and leaves its critical section.

use super::critical_section::CriticalSection;
use super::execution::{Execution, Task};
use super::turn::Turn;
use crate::message::{Message, Section};
use crate::model::{EntityId, InstanceId, Payload, TaskId, TaskResult};

impl Execution {
    pub(super) fn lock(&mut self, turn: &mut Turn, instance: &InstanceId, set: &[EntityId]) {
        let task = self.open(Task::Lock);
        if let Some(problem) = set.iter().find_map(|entity| entity.check_in(turn.format).err()) {
            return self.refuse(task, "InvalidEntityId", format!("cannot lock an entity: {problem}"));
        }
        if self.section.is_some() {
            let text = "a critical section is asked for inside another; leave the first one before";
            return self.refuse(task, "CriticalSection", text.into());
        }
        let mut set = set.to_vec();
        set.sort();
        set.dedup();
        let Some(first) = set.first().map(EntityId::instance_id) else {
            return self.complete(task, TaskResult::Completed(Payload::null()));
        };
        self.section = Some(CriticalSection::requested(task, set.clone()));
        turn.send(first, Message::Lock(Section { owner: self.task_ref(instance, task), set, next: 0 }));
    }

    pub(super) fn lock_granted(&mut self, task: TaskId) {
        if let Some(Task::Lock) = self.tasks.get(&task) {
            if let Some(section) = &mut self.section {
                section.grant(task);
            }
            self.complete(task, TaskResult::Completed(Payload::null()));
        }
    }

    pub(super) fn unlock(&mut self, turn: &mut Turn, instance: &InstanceId, task: TaskId) {
        if self.section.as_ref().is_some_and(|section| section.is_of(task))
            && let Some((to, message)) = self.leave_section(instance)
        {
            turn.send(to, message);
        }
    }

    /// The message that gives the critical section back, and its first receiver.
    pub(super) fn leave_section(&mut self, instance: &InstanceId) -> Option<(InstanceId, Message)> {
        let section = self.section.take()?;
        section.release(|task| self.task_ref(instance, task))
    }
}
