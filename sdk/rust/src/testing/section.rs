//! The rules of critical sections, as the host enforces them.

use crate::turn::TaskId;
use crate::{EntityId, Failure};

/// The section of the execution that runs.
#[derive(Default)]
pub(super) struct Sections(Option<Section>);

struct Section {
    task: TaskId,
    /// By instance id, in which the name is in lower case.
    entities: Vec<String>,
    granted: bool,
    /// Entities of the section with a call under way, and that call.
    calling: Vec<(String, TaskId)>,
}

impl Sections {
    pub fn lock(&mut self, task: TaskId, entities: &[EntityId]) -> Result<(), Failure> {
        self.forbid("a critical section is asked for inside another; leave the first one before")?;
        if !entities.is_empty() {
            let entities = entities.iter().map(ToString::to_string).collect();
            self.0 = Some(Section { task, entities, granted: false, calling: Vec::new() });
        }
        Ok(())
    }

    /// What must not happen in a section at all.
    pub fn forbid(&self, text: &str) -> Result<(), Failure> {
        if self.0.is_some() { Err(broken(text.to_owned())) } else { Ok(()) }
    }

    pub fn call(&mut self, entity: &EntityId, task: TaskId) -> Result<(), Failure> {
        let (Some(section), id) = (&mut self.0, entity.to_string()) else { return Ok(()) };
        if !section.entities.contains(&id) {
            return Err(broken(format!("entity '{id}' is called in a critical section that does not lock it")));
        }
        if !section.granted {
            return Err(broken(format!("entity '{id}' is called before its lock is granted; await the lock first")));
        }
        if section.calling.iter().any(|(called, _)| *called == id) {
            return Err(broken(format!("locked entity '{id}' is called while a call of it is still open; await that one first")));
        }
        section.calling.push((id, task));
        Ok(())
    }

    pub fn signal(&self, entity: &EntityId) -> Result<(), Failure> {
        let id = entity.to_string();
        match &self.0 {
            Some(section) if section.entities.contains(&id) => {
                let text = format!("entity '{id}' is signalled in a critical section that locks it; call it, or signal it afterwards");
                Err(broken(text))
            }
            _ => Ok(()),
        }
    }

    /// A task ended: the lock was granted, or a call of an entity answered.
    pub fn ended(&mut self, task: TaskId) {
        if let Some(section) = &mut self.0 {
            section.granted |= section.task == task;
            section.calling.retain(|(_, of)| *of != task);
        }
    }

    pub fn unlock(&mut self, task: TaskId) {
        if self.0.as_ref().is_some_and(|section| section.task == task) {
            self.0 = None;
        }
    }

    pub fn clear(&mut self) {
        self.0 = None;
    }
}

fn broken(text: String) -> Failure {
    Failure::new("CriticalSection", text).non_retriable()
}
