//! The critical section of an execution, and what may be asked for inside.

use std::collections::BTreeMap;

use crate::message::{Message, Outgoing, Section, TaskRef};
use crate::model::{EntityId, Failure, InstanceId, TaskId};

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
    /// A section that `task` asks for. `set` is sorted and without doubles.
    pub(super) fn requested(task: TaskId, set: Vec<EntityId>) -> Self {
        Self { task, set, granted: false, calling: BTreeMap::new() }
    }

    /// Whether `task` is the section's lock task.
    pub(super) fn is_of(&self, task: TaskId) -> bool {
        self.task == task
    }

    /// The lock task, once its lock is granted.
    pub(super) fn granted_lock(&self) -> Option<TaskId> {
        self.granted.then_some(self.task)
    }

    /// The lock is granted, if `task` is the section's lock task.
    pub(super) fn grant(&mut self, task: TaskId) {
        self.granted |= self.is_of(task);
    }

    /// The request for the section's first entity, from the task that `owner` makes of the lock
    /// task.
    pub(super) fn request(&self, owner: impl Fn(TaskId) -> TaskRef) -> Option<Outgoing> {
        let to = self.set.first()?.instance_id();
        Some(Outgoing { to, message: Message::Lock(Section { owner: owner(self.task), set: self.set.clone(), next: 0 }) })
    }

    /// The message that gives the section back, and the entity that gets it first: the message goes
    /// the way that the request went, so it cannot overtake it.
    pub(super) fn release(self, owner: impl Fn(TaskId) -> TaskRef) -> Option<(InstanceId, Message)> {
        let first = self.set.first()?.instance_id();
        Some((first, Message::Release(Section { owner: owner(self.task), set: self.set, next: 0 })))
    }

    /// Notes a call of an entity.
    ///
    /// # Errors
    /// Why the section forbids it: the entity is not of the section, its lock is not granted yet,
    /// or the call before is still open.
    pub(super) fn enter_call(&mut self, entity: &EntityId, task: TaskId) -> Result<(), String> {
        if !self.set.contains(entity) {
            return Err(format!("entity '{entity}' is called in a critical section that does not lock it"));
        }
        if !self.granted {
            return Err(format!("entity '{entity}' is called before its lock is granted; await the lock first"));
        }
        if self.calling.contains_key(entity) {
            return Err(format!("locked entity '{entity}' is called while a call of it is still open; await that one first"));
        }
        self.calling.insert(entity.clone(), task);
        Ok(())
    }

    /// A call of an entity ended.
    pub(super) fn leave_call(&mut self, entity: &EntityId, task: TaskId) {
        if self.calling.get(entity) == Some(&task) {
            self.calling.remove(entity);
        }
    }

    /// Whether the section forbids a signal to this entity: the signal would wait until the lock is
    /// released, and its sender would not.
    ///
    /// # Errors
    /// The failure that the sender ends with.
    pub(super) fn check_signal(&self, entity: &EntityId) -> Result<(), Failure> {
        if !self.set.contains(entity) {
            return Ok(());
        }
        let text = format!("entity '{entity}' is signalled in a critical section that locks it; call it, or signal it afterwards");
        Err(Failure { non_retriable: true, ..Failure::new("CriticalSection", text) })
    }
}
