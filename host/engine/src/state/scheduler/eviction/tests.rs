//! Which instances leave by bytes, without guests and without a store.

use longhaul_core::orchestration::fold;
use longhaul_core::{Entity, EntityId, Message, Outgoing, Payload, Record, Timestamp};

use super::*;
use crate::config::EngineConfig;
use crate::state::commit_queue::Commit;
use crate::state::mailbox::Delivery;
use crate::state::resident::{Guest, OrchestrationInMemory, Resident};
use crate::state::scheduler::NextJob;

const NOW: Timestamp = Timestamp(1);
const KIB: u64 = 1 << 10;

fn id(text: &str) -> InstanceId {
    InstanceId::trusted(text)
}

/// A scheduler with room for so many KiB of instances.
fn scheduler(kib: u64) -> Scheduler {
    Scheduler::new(Default::default(), &EngineConfig { instance_memory_bytes: kib * KIB, ..EngineConfig::default() })
}

fn text(kib: u64) -> Payload {
    Payload::string(&"x".repeat((kib * KIB) as usize))
}

/// An instance that waits for an event, with an input of so many KiB.
fn waiting(of: &InstanceId, kib: u64, guest_is_fresh: bool) -> Resident {
    let start = serde_json::json!({ "name": "Wait", "input": text(kib), "execution": "e", "deployment": 1, "createdAt": 1 });
    let turn = serde_json::json!({
        "format": 1, "number": 0, "now": 1, "status": "Running", "received": [{ "inline": { "start": start } }],
        "commands": [{ "waitForEvent": "Go" }],
    });
    let folded = fold(of.clone(), [(Record::decode("turn", &turn.to_string()).unwrap(), true)]);
    let guest = if guest_is_fresh { Guest::Fresh } else { Guest::Replay(folded.replay) };
    Resident::Orchestration(Box::new(OrchestrationInMemory { state: folded.state, guest }))
}

fn rests(scheduler: &mut Scheduler, name: &str, kib: u64) {
    scheduler.rest(&id(name), waiting(&id(name), kib, false), NOW);
}

fn in_memory(scheduler: &Scheduler) -> Vec<String> {
    let mut names: Vec<_> = scheduler.cells.keys().map(ToString::to_string).collect();
    names.sort();
    names
}

fn event(kib: u64) -> Delivery {
    Delivery::unrecorded(Message::Event { name: "Go".into(), data: text(kib) })
}

#[test]
fn the_longest_idle_leave_until_the_bytes_are_within_their_bound() {
    let mut scheduler = scheduler(100);
    for name in ["a", "b", "c"] {
        rests(&mut scheduler, name, 30);
    }
    assert_eq!(in_memory(&scheduler), ["a", "b", "c"]);
    rests(&mut scheduler, "a", 30);
    rests(&mut scheduler, "d", 50);
    assert_eq!(in_memory(&scheduler), ["a", "d"], "b and c were idle for longest");
    assert!((80 * KIB..100 * KIB).contains(&scheduler.memory().0));
    rests(&mut scheduler, "huge", 500);
    assert_eq!(in_memory(&scheduler), [""; 0], "what does not fit leaves as well, and comes back when it has something to do");
    assert_eq!((scheduler.memory().0, scheduler.to_drop.len()), (0, 5));
}

#[test]
fn what_has_no_guest_yet_and_entities_leave_by_their_bytes_too() {
    let mut scheduler = scheduler(100);
    for name in ["a", "b", "c", "d"] {
        scheduler.rest(&id(name), waiting(&id(name), 30, true), NOW);
    }
    assert_eq!(in_memory(&scheduler), ["b", "c", "d"]);
    let entity = EntityId::new("counter", "a").unwrap();
    let batch = serde_json::json!({ "format": 1, "now": 1, "state": text(60), "inboxBefore": 0, "received": [] });
    let (state, _) = Entity::fold(entity.clone(), [Record::decode("entity", &batch.to_string()).unwrap()]);
    scheduler.rest(&entity.instance_id(), Resident::Entity(Box::new(state)), NOW);
    assert_eq!(in_memory(&scheduler), ["@counter@a", "d"]);
}

#[test]
fn messages_count_in_the_mailbox_and_while_their_turn_is_under_way() {
    let mut scheduler = scheduler(1_000);
    rests(&mut scheduler, "a", 1);
    let before = scheduler.memory().0;
    scheduler.deliver(&id("a"), event(100));
    assert!((100 * KIB..102 * KIB).contains(&(scheduler.memory().0 - before)));
    let Some(NextJob::Turn(job)) = scheduler.next() else { panic!("there is a turn to take") };
    assert!(scheduler.memory().0 - before >= 100 * KIB, "the turn holds it");
    scheduler.rest(&id("a"), job.resident, NOW);
    assert!(scheduler.memory().0 - before < KIB, "the state does not have it");
}

#[test]
fn commits_count_until_they_are_written() {
    let mut scheduler = scheduler(1_000);
    let mut commit = Commit::default();
    commit.push_outgoing(&[Outgoing { to: id("a"), message: Message::Event { name: "Go".into(), data: text(100) } }], NOW);
    scheduler.queue_commit(commit);
    let written = scheduler.gather_commits(usize::MAX);
    assert!(scheduler.memory().0 >= 200 * KIB, "as a record and as its text");
    drop(written);
    assert!(scheduler.memory().0 < 2 * KIB);
}

#[test]
fn a_batch_of_commits_ends_by_bytes() {
    let mut scheduler = scheduler(1 << 20);
    for number in 0..10 {
        let mut commit = Commit::default();
        let to = id(&number.to_string());
        commit.push_outgoing(&[Outgoing { to, message: Message::Event { name: "Go".into(), data: text(4 << 10) } }], NOW);
        scheduler.queue_commit(commit);
    }
    assert_eq!([(); 4].map(|()| scheduler.gather_commits(usize::MAX).len()), [3, 3, 3, 1]);
}

#[test]
fn memory_that_is_given_up_weighs_nothing() {
    let mut scheduler = scheduler(1_000);
    rests(&mut scheduler, "a", 10);
    scheduler.deliver(&id("a"), event(10));
    drop(scheduler.discard_all());
    assert_eq!(scheduler.memory().0, 0);
}

#[test]
fn no_turn_begins_while_much_is_unwritten_and_those_that_wait_begin_then() {
    let mut scheduler = scheduler(8_000);
    let mut commit = Commit::default();
    commit.push_outgoing(&[Outgoing { to: id("elsewhere"), message: Message::Event { name: "Go".into(), data: text(600) } }], NOW);
    scheduler.queue_commit(commit);
    let written = scheduler.gather_commits(usize::MAX);
    rests(&mut scheduler, "a", 1);
    scheduler.deliver(&id("a"), event(1));
    scheduler.deliver(&id("a"), event(1));
    assert!(scheduler.next().is_none(), "1,200 KiB are unwritten, and at most an eighth of 8,000 may be");
    scheduler.begin_held_back_turns();
    assert!(scheduler.next().is_none());
    drop(written);
    scheduler.begin_held_back_turns();
    let Some(NextJob::Turn(job)) = scheduler.next() else { panic!("there is a turn to take") };
    assert_eq!((job.id, job.deliveries.len()), (id("a"), 2));
    assert!(scheduler.next().is_none() && scheduler.held_back.is_empty());
}
