//! Keeping an instance at rest while it is removed from the store.

use std::sync::Arc;

use longhaul_core::InstanceId;
use tokio::sync::oneshot;

use crate::context::Shared;
use crate::state::cache::Counted;
use crate::state::instance::{Place, Resident, Slot};
use crate::state::scheduler::Board;

/// A purge that waits for an instance to come to rest.
pub(crate) struct Hold {
    told: oneshot::Sender<Answer>,
    shared: Arc<Shared>,
}

/// What a purge is told.
pub(crate) enum Answer {
    /// The instance is at rest and stays so.
    Held(Held),
    /// It is a live orchestration, which nobody may remove.
    Live,
}

/// An instance that takes no turn until this is dropped. Must not be dropped under the board's lock.
pub(crate) struct Held {
    pub(crate) id: InstanceId,
    shared: Option<Arc<Shared>>,
}

impl Held {
    /// Lets go of the instance and has it look at what its chain says now.
    pub(crate) fn let_go_and_wake(self) -> InstanceId {
        let (id, shared) = (self.id.clone(), self.shared.clone());
        drop(self);
        if let Some(shared) = shared {
            shared.board().wake(&id);
        }
        id
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.take() {
            shared.board().let_go(&self.id);
        }
    }
}

impl Board {
    /// Holds an instance as soon as it is at rest. The answer fails if memory is given up before.
    pub(crate) fn hold(&mut self, shared: &Arc<Shared>, id: &InstanceId) -> oneshot::Receiver<Answer> {
        let (told, answer) = oneshot::channel();
        let holds = &mut self.slot(id).holds;
        holds.retain(|hold| !hold.told.is_closed());
        holds.push_back(Hold { told, shared: shared.clone() });
        self.grant_hold(id);
        answer
    }

    /// Gives an instance that is at rest to the purge that has waited for it longest. Returns whether it is held now.
    pub(crate) fn grant_hold(&mut self, id: &InstanceId) -> bool {
        let Some(slot) = self.slots.get_mut(id).filter(|slot| !slot.holds.is_empty()) else { return false };
        if is_live(&slot.place) {
            for hold in std::mem::take(&mut slot.holds) {
                // A purge that waits no longer needs no answer.
                let _ = hold.told.send(Answer::Live);
            }
            return false;
        }
        if !comes_to_rest(slot) {
            return false;
        }
        while let Some(Hold { told, shared }) = slot.holds.pop_front() {
            match told.send(Answer::Held(Held { id: id.clone(), shared: Some(shared) })) {
                Ok(()) => {
                    if let Place::Resident(resident) = std::mem::replace(&mut slot.place, Place::Purging) {
                        self.leaving.push(resident);
                    }
                    slot.weigh_state(0);
                    self.count(id, Counted::Not);
                    return true;
                }
                // It waits no longer. Its hold never was one, and must not let go of what is not held.
                Err(Answer::Held(mut held)) => held.shared = None,
                Err(Answer::Live) => {}
            }
        }
        false
    }

    fn let_go(&mut self, id: &InstanceId) {
        // Memory may have been given up meanwhile.
        let Some(slot) = self.slots.get_mut(id).filter(|slot| matches!(slot.place, Place::Purging)) else { return };
        slot.place = Place::Cold;
        if slot.is_idle() {
            self.settle(id);
        } else {
            self.schedule(id);
        }
    }
}

fn is_live(place: &Place) -> bool {
    matches!(place, Place::Resident(resident @ Resident::Orchestration(_)) if !resident.has_ended())
}

/// Whether nothing goes on here, once results are dropped that come too late for an instance that has ended.
fn comes_to_rest(slot: &mut Slot) -> bool {
    // Taken out while the mailbox changes, and put back.
    let place = std::mem::replace(&mut slot.place, Place::Busy);
    let is_at_rest = match &place {
        Place::Resident(Resident::Orchestration(orchestration)) => {
            let state = &orchestration.state;
            slot.drop_if(|delivery| !delivery.recorded && delivery.waiter.is_none() && state.ignores(&delivery.message));
            // It may stand in the run queue for what was just dropped, or for an alarm: a guest thread that comes to it finds it held.
            slot.mailbox.is_empty() && slot.in_flight == 0 && slot.park.is_none()
        }
        Place::Cold | Place::Resident(Resident::Entity(_)) => slot.is_idle(),
        Place::Loading | Place::Busy | Place::Purging => false,
    };
    slot.place = place;
    is_at_rest
}
