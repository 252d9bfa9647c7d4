//! Many orchestrations that ask for overlapping critical sections: whatever the order of messages,
//! whoever gives up or is terminated on the way, in the end everybody had a turn and nothing stays
//! locked.

use std::collections::{BTreeMap, VecDeque};

use longhaul_core::message::{Outgoing, Start};
use longhaul_core::orchestration::Activation;
use longhaul_core::{
    Command, DeploymentId, Entity, EntityId, ExecutionId, GuestOutcome, GuestTurn, InstanceId, Message, OnReturn, Orchestration, Payload,
    RuntimeStatus, Tags, TaskId, Timestamp,
};
use seeded::Random;

const ENTITIES: u64 = 4;
const ORCHESTRATIONS: u64 = 8;

struct World {
    dice: Random,
    orchestrations: BTreeMap<InstanceId, Orchestration>,
    entities: BTreeMap<InstanceId, Entity>,
    /// One queue for each receiver, as the log has it.
    mail: BTreeMap<InstanceId, VecDeque<Message>>,
    /// Who is inside a section.
    inside: BTreeMap<EntityId, InstanceId>,
    sets: BTreeMap<InstanceId, Vec<EntityId>>,
}

fn entity(number: u64) -> EntityId {
    EntityId::new("stock", &number.to_string()).unwrap()
}

impl World {
    fn new(seed: u64) -> Self {
        let mut world = Self {
            dice: Random::new(seed),
            orchestrations: BTreeMap::new(),
            entities: BTreeMap::new(),
            mail: BTreeMap::new(),
            inside: BTreeMap::new(),
            sets: BTreeMap::new(),
        };
        for number in 0..ENTITIES {
            world.entities.insert(entity(number).instance_id(), Entity::blank(entity(number)));
        }
        for number in 0..ORCHESTRATIONS {
            let id = InstanceId::trusted(format!("o{number}"));
            let set = (0..=world.dice.below(3)).map(|_| entity(world.dice.below(ENTITIES))).collect();
            let start = Start {
                name: "Order".into(),
                input: Payload::null(),
                execution: ExecutionId::trusted(format!("x{number}")),
                deployment: DeploymentId(1),
                created_at: Timestamp(0),
                born_at: None,
                version: None,
                parent: None,
                at: None,
                tags: Tags::new(),
                on_return: OnReturn::default(),
                nesting: 0,
            };
            world.sets.insert(id.clone(), set);
            world.orchestrations.insert(id.clone(), Orchestration::blank(id.clone()));
            world.mail.entry(id).or_default().push_back(Message::Start(Box::new(start)));
        }
        world
    }

    /// Lets one receiver take its next message. False if there is no mail.
    fn step(&mut self) -> bool {
        let waiting: Vec<_> = self.mail.iter().filter(|(_, queue)| !queue.is_empty()).map(|(id, _)| id.clone()).collect();
        if waiting.is_empty() {
            return false;
        }
        let id = waiting[self.dice.below(waiting.len() as u64) as usize].clone();
        let message = self.mail.get_mut(&id).and_then(VecDeque::pop_front).unwrap();
        let outgoing = if id.is_entity() { self.batch(&id, message) } else { self.turn(&id, message) };
        for Outgoing { to, message } in outgoing {
            self.mail.entry(to).or_default().push_back(message);
        }
        true
    }

    fn batch(&mut self, id: &InstanceId, message: Message) -> Vec<Outgoing> {
        let entity = self.entities.get_mut(id).unwrap();
        let mut batch = entity.begin_batch(Timestamp(1));
        entity.receive(&mut batch, message, true);
        entity.end_batch(batch, None, &ExecutionId::trusted("fresh"), DeploymentId(1)).outgoing
    }

    fn turn(&mut self, id: &InstanceId, message: Message) -> Vec<Outgoing> {
        let mut state = self.orchestrations.remove(id).unwrap();
        let mut turn = state.begin_turn(Timestamp(1), DeploymentId(1));
        state.receive(&mut turn, message, true);
        state.activate(&mut turn);
        let guest = turn.take_activation().map(|activation| self.guest(id, &activation));
        let step = state.end_turn(turn, guest);
        if step.record.outcome.is_some() || step.record.commands.iter().any(|command| matches!(command, Command::UnlockEntities(_))) {
            self.inside.retain(|_, holder| holder != id);
        }
        self.orchestrations.insert(id.clone(), state);
        step.outgoing
    }

    /// Locks; once inside raises an event for itself, and leaves in one of several ways when that
    /// comes back.
    fn guest(&mut self, id: &InstanceId, activation: &Activation) -> GuestTurn {
        let nudge = || Command::RaiseEvent(longhaul_core::EventTo { instance_id: id.clone(), name: "Go".into(), data: Payload::null() });
        let wait = || Command::WaitForEvent("Go".into());
        let done = |commands| GuestTurn { commands, outcome: Some(GuestOutcome::Completed(Payload::null())), ..GuestTurn::default() };
        let commands = |commands| GuestTurn { commands, ..GuestTurn::default() };
        let set = self.sets[id].clone();
        match activation {
            Activation::Start(_) if self.dice.below(3) == 0 => commands(vec![Command::LockEntities(set), wait(), nudge()]),
            Activation::Start(_) => commands(vec![Command::LockEntities(set)]),
            Activation::Resume { received, .. } if received.iter().any(|one| one.task == TaskId(0)) => {
                for entity in set {
                    let holder = self.inside.insert(entity.clone(), id.clone());
                    assert!(holder.as_ref().is_none_or(|holder| holder == id), "{id} and {holder:?} are inside {entity} together");
                }
                commands(vec![wait(), nudge()])
            }
            // An impatient one gives up, one that was inside leaves: by unlocking, or by ending.
            Activation::Resume { .. } => match self.dice.below(3) {
                0 => done(vec![Command::Cancel(TaskId(0))]),
                1 => done(vec![Command::UnlockEntities(TaskId(0))]),
                _ => done(vec![]),
            },
        }
    }
}

#[test]
fn overlapping_sections_exclude_each_other_and_all_come_to_an_end() {
    for seed in 1..=300 {
        let mut world = World::new(seed);
        let mut steps = 0;
        while world.step() {
            steps += 1;
            assert!(steps < 10_000, "seed {seed} does not come to rest");
            if world.dice.below(40) == 0 {
                let id = InstanceId::trusted(format!("o{}", world.dice.below(ORCHESTRATIONS)));
                world.mail.entry(id).or_default().push_back(Message::Terminate { reason: None, recursive: false, parent: None });
            }
        }
        for state in world.orchestrations.values() {
            assert!(state.status().is_some_and(RuntimeStatus::is_terminal), "seed {seed}: {} waits for ever", state.id());
        }
        for entity in world.entities.values() {
            assert!(entity.lock().is_none(), "seed {seed}: {} stays locked", entity.id());
        }
    }
}
