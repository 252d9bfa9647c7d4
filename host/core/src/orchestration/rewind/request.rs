//! What a message that rewinds does.
//!
//! The turn that takes the message only notes that it happened. What the instance is then follows
//! from its chain, which is read again: `replay/chain.rs` cuts it, `cut` says where. The first turn
//! after that sends what has to be asked for again.

use crate::message::{Caller, Message, Outgoing, TaskRef};
use crate::model::{DeploymentId, Failure, InstanceId, RuntimeStatus, TaskResult, Timestamp};
use crate::orchestration::Orchestration;
use crate::orchestration::execution::{Execution, Progress, Task};
use crate::orchestration::turn::Turn;
use crate::record::Rewound;

impl Orchestration {
    /// A failed instance is rewound. A caller that was rewound is answered, now or in the end,
    /// whatever has become of its child.
    pub(crate) fn receive_rewind(&mut self, turn: &mut Turn, caller: Option<Caller>, deployment: Option<DeploymentId>) {
        if let Some(caller) = &caller
            && let Err(failure) = self.check_caller(caller)
        {
            let TaskRef { instance, execution, task } = caller.waits.clone();
            turn.send(instance, Message::ChildDone { execution, task, result: TaskResult::Failed(failure) });
            return;
        }
        let (number, status) = (self.next_turn, self.status);
        let Some(execution) = &mut self.execution else { return };
        if let Some(caller) = caller {
            execution.start.parent = Some(caller.waits);
        }
        if status == RuntimeStatus::Failed {
            turn.rewound = Some(Box::new(Rewound {
                execution: execution.id().derive(turn.now, &format!("rewind {number}")),
                deployment: deployment.unwrap_or(execution.start.deployment),
                parent: execution.start.parent.clone(),
            }));
            self.status = RuntimeStatus::Running;
        } else if let Some(outcome) = execution.ended.clone() {
            self.tell_parent(turn, &outcome);
        }
    }

    fn check_caller(&self, caller: &Caller) -> Result<(), Failure> {
        let Some(execution) = &self.execution else {
            let text = format!("the child instance '{}' is gone, so it cannot be rewound", self.id);
            return Err(Failure::new("InstanceGone", text));
        };
        if execution.start.parent.as_ref() == Some(&caller.known) {
            return Ok(());
        }
        Err(Failure::new("InstanceExists", format!("the instance '{}' is not the child that was called", self.id)))
    }

    /// The state is as the kept turns make it and has taken in again what arrived since. It goes on
    /// from here.
    pub(crate) fn go_on_rewound(&mut self, turn: &mut Turn, number: u32, rewound: &Rewound, asked: &RewindRequest) {
        self.parked = None;
        self.status = RuntimeStatus::Running;
        self.next_turn = number.saturating_add(1);
        for message in self.take_held() {
            self.apply_held(turn, message);
        }
        let Some(execution) = &mut self.execution else { return };
        execution.start.parent = rewound.parent.clone();
        execution.start.deployment = rewound.deployment;
        execution.rename(rewound.execution.clone());
        execution.settling = Some(execution.ask_again(&self.id, turn.now, asked));
    }
}

/// What a rewind was asked for with.
#[derive(Clone, Debug, Default)]
pub(crate) struct RewindRequest {
    pub(crate) reason: Option<String>,
    pub(crate) deployment: Option<DeploymentId>,
}

impl Execution {
    /// Every open call begins afresh: activities run again from their first attempt, children are
    /// rewound, and the critical section that was given back when the execution failed is asked for
    /// again.
    fn ask_again(&mut self, instance: &InstanceId, now: Timestamp, asked: &RewindRequest) -> Vec<Outgoing> {
        let mut outgoing = Vec::new();
        let execution = self.id().clone();
        let own = |task| TaskRef { instance: instance.clone(), execution: execution.clone(), task };
        for (task, open) in &mut self.tasks {
            match open {
                Task::Activity { progress, .. } => *progress = Progress::begun(now),
                Task::Child { id, progress, known, .. } => {
                    *progress = Progress::begun(now);
                    let waits = own(*task);
                    let caller = Caller { known: std::mem::replace(known, waits.clone()), waits };
                    let RewindRequest { reason, deployment } = asked.clone();
                    let message = Message::Rewind { reason, caller: Some(Box::new(caller)), deployment };
                    outgoing.push(Outgoing { to: id.clone(), message });
                }
                Task::Timer { .. } | Task::Event { .. } | Task::Entity { .. } | Task::Lock => {}
            }
        }
        outgoing.extend(self.section.as_ref().and_then(|section| section.request(own)));
        outgoing
    }
}
