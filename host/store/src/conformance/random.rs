//! A seeded sequence of records, so that two stores can be compared on sequences that no author
//! would write.
//!
//! The records are honest: a turn consumes only messages that are recorded, and a base counts those
//! that it leaves. What the code of an orchestration would do is left to chance.

use std::collections::BTreeMap;

use longhaul_core::message::Section;
use longhaul_core::record::{NewRecord, Outcome, Record, TurnRecord};
use longhaul_core::{DeploymentId, ExecutionId, Failure, InstanceId, InstanceRow, RuntimeStatus, TaskId, Timestamp};
use longhaul_core::{Message, message::TaskRef};
use seeded::Random;

use super::sample::{self, batch, continued, event, id, json, of, of_entity, operation, parked, turn, walk};
use crate::contract::{ChainRecord, EntityQuery, InstanceQuery, Page, Position, Store};

/// A generator of records; the same seed gives the same records.
#[derive(Debug)]
pub struct Records {
    random: Random,
    now: u64,
    instances: Vec<InstanceId>,
    known: BTreeMap<InstanceId, Known>,
}

/// What the generator remembers of an instance, to be honest about it.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    inbox: u32,
    next_turn: u32,
    running: bool,
}

impl Records {
    /// Records for `count` instances, about a quarter of them entities.
    pub fn new(seed: u64, count: u32) -> Self {
        let name = |number: u32| if number % 4 == 3 { format!("@e{}@{number}", number % 3) } else { format!("i{number:03}") };
        let instances = (0..count).map(|number| id(&name(number))).collect();
        Self { random: Random::new(seed), now: 1_000, instances, known: BTreeMap::new() }
    }

    /// The instances that records are made for.
    pub fn instances(&self) -> &[InstanceId] {
        &self.instances
    }

    /// The time of the latest record.
    pub fn now(&self) -> u64 {
        self.now
    }

    /// Forgets instances that were purged.
    pub fn forget(&mut self, purged: &[InstanceId]) {
        for id in purged {
            self.known.remove(id);
        }
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.random.below(bound)
    }

    /// Up to `count` distinct instances.
    pub fn pick(&mut self, count: u64) -> Vec<InstanceId> {
        let mut picked: Vec<_> = (0..count).map(|_| self.any_instance()).collect();
        picked.sort();
        picked.dedup();
        picked
    }

    fn any_instance(&mut self) -> InstanceId {
        let index = self.below(self.instances.len() as u64);
        self.instances[usize::try_from(index).expect("an index fits")].clone()
    }

    /// The next record.
    pub fn next_record(&mut self) -> NewRecord {
        self.now += self.below(3);
        let id = self.any_instance();
        let mut known = self.known.get(&id).copied().unwrap_or_default();
        let record = if id.is_entity() { self.of_entity(id.as_str(), &mut known) } else { self.of_orchestration(id.as_str(), &mut known) };
        if let Record::Message(_) = record.record {
            known.inbox += 1;
        }
        self.known.insert(id, known);
        record
    }

    fn of_entity(&mut self, name: &str, known: &mut Known) -> NewRecord {
        if self.below(2) == 0 {
            return operation(name, self.now);
        }
        let consumed = self.consume(known);
        let state = ["1", "null", "{\"total\":3}"].get(usize::try_from(self.below(4)).unwrap_or(0)).copied();
        let mut made = batch(self.now, consumed as usize, known.inbox + consumed, state);
        made.wake_at = self.sometimes();
        if self.below(4) == 0 {
            let owner = TaskRef { instance: id("i000"), execution: ExecutionId::trusted("e"), task: TaskId(1) };
            made.lock = Some(Section { owner, set: Vec::new(), next: 0 });
            made.deferred = vec![Message::Suspend { reason: None }];
        }
        of_entity(name, made)
    }

    fn of_orchestration(&mut self, name: &str, known: &mut Known) -> NewRecord {
        let number = known.next_turn;
        match self.below(10) {
            0..3 => event(name, self.now, "x"),
            3 if !known.running => self.started(name),
            4 if known.running => parked(name, self.now),
            5 if known.running => {
                let consumed = self.consume(known);
                known.next_turn = 0;
                of(name, continued(number, self.now, consumed as usize, known.inbox + consumed))
            }
            6 if known.running => {
                known.running = false;
                let consumed = self.consume(known);
                of(name, self.ended(turn(number, self.now, consumed as usize)))
            }
            _ if known.running => {
                known.next_turn += 1;
                let consumed = self.consume(known);
                of(name, self.waiting(turn(number, self.now, consumed as usize)))
            }
            _ => {
                *known = Known { next_turn: 1, running: true, ..*known };
                // As in the core, an execution that replaces an ended one is a base.
                let base = number > 0;
                let inbox_before = if base { known.inbox } else { 0 };
                NewRecord { base, ..of(name, TurnRecord { inbox_before, ..sample::first_turn(self.now) }) }
            }
        }
    }

    fn started(&mut self, name: &str) -> NewRecord {
        let mut start = sample::start(self.now);
        start.at = self.sometimes();
        start.version = (self.below(2) == 0).then(|| "2".into());
        start.deployment = DeploymentId(1 + self.below(3));
        start.parent =
            (self.below(2) == 0).then(|| TaskRef { instance: id("i000"), execution: ExecutionId::trusted("e"), task: TaskId(7) });
        sample::message(name, self.now, Message::Start(Box::new(start)))
    }

    fn waiting(&mut self, turn: TurnRecord) -> TurnRecord {
        let custom_status = (self.below(3) == 0).then(|| json(if self.below(2) == 0 { "null" } else { "\"at work\"" }));
        let status = if self.below(5) == 0 { RuntimeStatus::Suspended } else { RuntimeStatus::Running };
        TurnRecord { custom_status, status, wake_at: self.sometimes(), pending: self.below(2) == 0, ..turn }
    }

    fn ended(&mut self, turn: TurnRecord) -> TurnRecord {
        let (outcome, status) = match self.below(3) {
            0 => (Outcome::Completed(json("null")), RuntimeStatus::Completed),
            1 => (Outcome::Failed(Failure::new("Sample", "on purpose")), RuntimeStatus::Failed),
            _ => (Outcome::Terminated(Some("enough".into())), RuntimeStatus::Terminated),
        };
        TurnRecord { outcome: Some(outcome), status, ..turn }
    }

    /// How many messages the next turn takes from the inbox.
    fn consume(&mut self, known: &mut Known) -> u32 {
        let consumed = u32::try_from(self.below(u64::from(known.inbox) + 1)).unwrap_or(0);
        known.inbox -= consumed;
        consumed
    }

    fn sometimes(&mut self) -> Option<Timestamp> {
        let at = self.now + self.below(100);
        (self.below(3) == 0).then_some(Timestamp(at))
    }
}

/// All that a store answers about some instances.
#[derive(Debug, PartialEq)]
pub struct Picture {
    rows: Vec<Option<InstanceRow>>,
    tails: Vec<Option<Position>>,
    chains: Vec<Vec<ChainRecord>>,
    listed: Vec<InstanceRow>,
    pages: Vec<Page>,
    entities: Vec<InstanceRow>,
    with_work: Vec<InstanceId>,
    due: Vec<(InstanceId, Timestamp)>,
    in_use: Vec<bool>,
}

impl Picture {
    /// Panics with the first thing that differs, and only with that: a whole picture is too long to
    /// read.
    pub fn assert_same(&self, expected: &Self, context: &str) {
        same(&self.rows, &expected.rows, "row", context);
        same(&self.tails, &expected.tails, "tail", context);
        for (actual, expected) in self.chains.iter().zip(&expected.chains) {
            same(actual, expected, "record of a chain", context);
        }
        same(&self.listed, &expected.listed, "listed instance", context);
        same(&self.pages, &expected.pages, "page", context);
        same(&self.entities, &expected.entities, "listed entity", context);
        same(&self.with_work, &expected.with_work, "instance with work", context);
        same(&self.due, &expected.due, "due instance", context);
        same(&self.in_use, &expected.in_use, "deployment in use", context);
    }
}

fn same<T: PartialEq + std::fmt::Debug>(actual: &[T], expected: &[T], what: &str, context: &str) {
    for (index, (actual, expected)) in actual.iter().zip(expected).enumerate() {
        assert_eq!(actual, expected, "{what} {index} differs: {context}");
    }
    assert_eq!(actual.len(), expected.len(), "number of {what}s differs: {context}");
}

/// Asks a store everything about `instances`.
pub async fn picture(store: &dyn Store, instances: &[InstanceId], now: u64) -> Picture {
    let limit = 10_000;
    // First of all: other questions have the tables brought up to date.
    let listed = store.list(InstanceQuery { limit, ..InstanceQuery::default() }).await.expect("the list is read").rows;
    let entities = store.list_entities(EntityQuery { limit, ..EntityQuery::default() }).await.expect("the list is read").rows;
    let pages = pages(store).await;
    let (mut rows, mut tails, mut asked, mut in_use) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for id in instances {
        rows.push(store.instance(id).await.expect("the row is read"));
        let tail = store.tail(id).await.expect("the tail is found");
        tails.push(tail);
        // A tail of no instance: no chain.
        asked.push(tail.unwrap_or(Position(-1 - asked.len() as i64)));
    }
    let chains = store.read_chains(asked).await.expect("the chains are read");
    for number in 1..4 {
        in_use.push(store.deployment_in_use(DeploymentId(number)).await.expect("the question is answered"));
    }
    Picture {
        rows,
        tails,
        chains,
        listed,
        pages,
        entities,
        with_work: store.with_work().await.expect("the list is read"),
        due: store.due(Timestamp(now), limit).await.expect("the list is read"),
        in_use,
    }
}

/// Small pages, one after the other, of lists that leave most out.
async fn pages(store: &dyn Store) -> Vec<Page> {
    let mut pages = Vec::new();
    for (limit, statuses) in [(1, vec![]), (3, vec![RuntimeStatus::Running]), (2, vec![RuntimeStatus::Failed, RuntimeStatus::Pending])] {
        pages.extend(walk(store, InstanceQuery { limit, statuses, ..InstanceQuery::default() }).await);
    }
    pages
}
