//! The critical section of an execution, and what may be asked for inside.

use std::collections::BTreeMap;

use super::execution::{Execution, Task};
use super::turn::Turn;
use crate::message::{Message, Outgoing, Section, TaskRef};
use crate::model::{EntityId, Failure, InstanceId, Payload, TaskId, TaskResult};

/// A section that is asked for or held.
#[derive(Debug)]
pub(super) struct CriticalSection {
    /// The lock task.
    task: TaskId,
    /// The entities, sorted and without doubles.
    set: Vec<EntityId>,
    granted: bool,
    /// Entities of the section with a call under way, and that call.
    calling: BTreeMap<EntityId, TaskId>,
}

impl CriticalSection {
    /// The lock task, once its lock is granted.
    pub(super) fn granted_lock(&self) -> Option<TaskId> {
        self.granted.then_some(self.task)
    }

    /// The request for the section's first entity, from the task that `owner` makes of the lock task.
    pub(super) fn request(&self, owner: impl Fn(TaskId) -> TaskRef) -> Option<Outgoing> {
        let to = self.set.first()?.instance_id();
        Some(Outgoing { to, message: Message::Lock(Section { owner: owner(self.task), set: self.set.clone(), next: 0 }) })
    }
}

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
        self.section = Some(CriticalSection { task, set: set.clone(), granted: false, calling: BTreeMap::new() });
        turn.send(first, Message::Lock(Section { owner: self.task_ref(instance, task), set, next: 0 }));
    }

    pub(super) fn lock_granted(&mut self, task: TaskId) {
        if let Some(Task::Lock) = self.tasks.get(&task) {
            if let Some(section) = self.section.as_mut().filter(|section| section.task == task) {
                section.granted = true;
            }
            self.complete(task, TaskResult::Completed(Payload::null()));
        }
    }

    /// Notes a call of an entity in the section that is asked for or held.
    ///
    /// # Errors
    /// Why the section forbids it: the entity is not of the section, its lock is not granted yet, or the call before is still open.
    pub(super) fn enter_call(&mut self, entity: &EntityId, task: TaskId) -> Result<(), String> {
        let Some(section) = &mut self.section else { return Ok(()) };
        if !section.set.contains(entity) {
            return Err(format!("entity '{entity}' is called in a critical section that does not lock it"));
        }
        if !section.granted {
            return Err(format!("entity '{entity}' is called before its lock is granted; await the lock first"));
        }
        if section.calling.contains_key(entity) {
            return Err(format!("locked entity '{entity}' is called while a call of it is still open; await that one first"));
        }
        section.calling.insert(entity.clone(), task);
        Ok(())
    }

    /// A call of an entity ended.
    pub(super) fn leave_call(&mut self, entity: &EntityId, task: TaskId) {
        if let Some(section) = self.section.as_mut().filter(|section| section.calling.get(entity) == Some(&task)) {
            section.calling.remove(entity);
        }
    }

    /// Whether the section forbids a signal to this entity: it would wait for the release of the lock, and who sent it would not.
    pub(super) fn check_signal(&self, entity: &EntityId) -> Result<(), Failure> {
        match &self.section {
            Some(section) if section.set.contains(entity) => {
                let text = format!("entity '{entity}' is signalled in a critical section that locks it; call it, or signal it afterwards");
                Err(Failure { non_retriable: true, ..Failure::new("CriticalSection", text) })
            }
            _ => Ok(()),
        }
    }

    pub(super) fn unlock(&mut self, turn: &mut Turn, instance: &InstanceId, task: TaskId) {
        if self.section.as_ref().is_some_and(|section| section.task == task)
            && let Some((to, message)) = self.leave_section(instance)
        {
            turn.send(to, message);
        }
    }

    /// The message that gives the critical section back, and who gets it first: it goes the way that the request went, so it
    /// cannot overtake it.
    pub(super) fn leave_section(&mut self, instance: &InstanceId) -> Option<(InstanceId, Message)> {
        let CriticalSection { task, set, .. } = self.section.take()?;
        let first = set.first()?.instance_id();
        Some((first, Message::Release(Section { owner: self.task_ref(instance, task), set, next: 0 })))
    }
}
