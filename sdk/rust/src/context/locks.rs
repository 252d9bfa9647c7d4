//! Critical sections.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context as PollContext, Poll};

use super::Context;
use crate::execution::State;
use crate::turn::{Command, TaskId};
use crate::{EntityId, Task, TaskError};

impl Context {
    /// Locks entities for this orchestration: operations of others wait until the guard is dropped.
    ///
    /// The host sorts the entities, so two orchestrations cannot wait for each other. Locks end
    /// with the execution at the latest. From the call of this on until the guard is dropped there
    /// are rules. A call of an entity fails with `CriticalSection` unless the entity is locked
    /// (await the lock first) and its last call was awaited; so does a call of an orchestration,
    /// and another lock. A signal to one of these entities has no result that could fail, so it
    /// fails the orchestrator, with the same name. Signals to other entities, activities, timers
    /// and events are free.
    ///
    /// ```
    /// # use longhaul::{Context, EntityId, Failure};
    /// # async fn transfer(ctx: Context) -> Result<(), Failure> {
    /// let (from, to) = (EntityId::new("Account", "a"), EntityId::new("Account", "b"));
    /// let section = ctx.lock(&[from.clone(), to.clone()]).await?;
    /// ctx.call_entity::<()>(&from, "Withdraw", &5).await?;
    /// ctx.call_entity::<()>(&to, "Deposit", &5).await?;
    /// section.release();
    /// # Ok(())
    /// # }
    /// ```
    pub fn lock(&self, entities: &[EntityId]) -> Locking {
        Locking(Task::create(&self.0, Command::LockEntities(entities.to_vec())))
    }
}

/// Waits until the entities are locked.
#[must_use = "dropping it gives up the lock"]
pub struct Locking(Task<()>);

impl Future for Locking {
    type Output = Result<LockGuard, TaskError>;

    fn poll(mut self: Pin<&mut Self>, poll: &mut PollContext<'_>) -> Poll<Self::Output> {
        let granted = Pin::new(&mut self.0).poll(poll);
        granted.map_ok(|()| LockGuard { state: Rc::clone(self.0.state()), task: self.0.id() })
    }
}

/// Holds the locks on entities until it is dropped.
#[must_use = "the locks are released when this is dropped"]
pub struct LockGuard {
    state: Rc<RefCell<State>>,
    task: TaskId,
}

impl LockGuard {
    /// Releases the locks: the same as dropping it, but easier to see.
    pub fn release(self) {}
}

impl Drop for LockGuard {
    fn drop(&mut self) {
        self.state.borrow_mut().push_after_drop(Command::UnlockEntities(self.task));
    }
}
