//! Who leaves by bytes, without guests and without a store.

use longhaul_core::orchestration::fold;
use longhaul_core::{Entity, EntityId, Message, Outgoing, Payload, Record, Timestamp};

use super::*;
use crate::state::commit_queue::{Commit, gather};
use crate::state::instance::{Delivery, Guest, OrchestrationInMemory, Resident};
use crate::state::scheduler::Next;

const NOW: Timestamp = Timestamp(1);
const KIB: u64 = 1 << 10;

fn id(text: &str) -> InstanceId {
    InstanceId::trusted(text)
}

/// A board with room for so many KiB of instances.
fn board(kib: u64) -> Board {
    Board::new(Default::default(), &EngineConfig { instance_memory_bytes: kib * KIB, ..EngineConfig::default() })
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

fn rests(board: &mut Board, name: &str, kib: u64) {
    board.rest(&id(name), waiting(&id(name), kib, false), NOW);
}

fn in_memory(board: &Board) -> Vec<String> {
    let mut names: Vec<_> = board.slots.keys().map(ToString::to_string).collect();
    names.sort();
    names
}

fn event(kib: u64) -> Delivery {
    Delivery::unrecorded(Message::Event { name: "Go".into(), data: text(kib) })
}

#[test]
fn the_longest_idle_leave_until_the_bytes_are_within_their_bound() {
    let mut board = board(100);
    for name in ["a", "b", "c"] {
        rests(&mut board, name, 30);
    }
    assert_eq!(in_memory(&board), ["a", "b", "c"]);
    rests(&mut board, "a", 30);
    rests(&mut board, "d", 50);
    assert_eq!(in_memory(&board), ["a", "d"], "b and c were idle for longest");
    assert!((80 * KIB..100 * KIB).contains(&board.ages.scale.bytes()));
    rests(&mut board, "huge", 500);
    assert_eq!(in_memory(&board), [""; 0], "what does not fit leaves as well, and comes back when it has something to do");
    assert_eq!((board.ages.scale.bytes(), board.leaving.len()), (0, 5));
}

#[test]
fn what_has_no_guest_yet_and_entities_leave_by_their_bytes_too() {
    let mut board = board(100);
    for name in ["a", "b", "c", "d"] {
        board.rest(&id(name), waiting(&id(name), 30, true), NOW);
    }
    assert_eq!(in_memory(&board), ["b", "c", "d"]);
    let entity = EntityId::new("counter", "a").unwrap();
    let batch = serde_json::json!({ "format": 1, "now": 1, "state": text(60), "inboxBefore": 0, "received": [] });
    let (state, _) = Entity::fold(entity.clone(), [Record::decode("entity", &batch.to_string()).unwrap()]);
    board.rest(&entity.instance_id(), Resident::Entity(Box::new(state)), NOW);
    assert_eq!(in_memory(&board), ["@counter@a", "d"]);
}

#[test]
fn messages_count_in_the_mailbox_and_while_their_turn_is_under_way() {
    let mut board = board(1_000);
    rests(&mut board, "a", 1);
    let before = board.ages.scale.bytes();
    board.deliver(&id("a"), event(100));
    assert!((100 * KIB..102 * KIB).contains(&(board.ages.scale.bytes() - before)));
    let Some(Next::Turn(job)) = board.next() else { panic!("there is a turn to take") };
    assert!(board.ages.scale.bytes() - before >= 100 * KIB, "the turn holds it");
    board.rest(&id("a"), job.resident, NOW);
    assert!(board.ages.scale.bytes() - before < KIB, "the state does not have it");
}

#[test]
fn commits_count_until_they_are_written() {
    let mut board = board(1_000);
    let mut commit = Commit::default();
    commit.push_outgoing(&[Outgoing { to: id("a"), message: Message::Event { name: "Go".into(), data: text(100) } }], NOW);
    board.queue_commit(commit);
    let written = gather(&mut board, usize::MAX);
    assert!(board.ages.scale.bytes() >= 200 * KIB, "as a record and as its text");
    drop(written);
    assert!(board.ages.scale.bytes() < 2 * KIB);
}

#[test]
fn a_batch_of_commits_ends_by_bytes() {
    let mut board = board(1 << 20);
    for number in 0..10 {
        let mut commit = Commit::default();
        let to = id(&number.to_string());
        commit.push_outgoing(&[Outgoing { to, message: Message::Event { name: "Go".into(), data: text(4 << 10) } }], NOW);
        board.queue_commit(commit);
    }
    assert_eq!([(); 4].map(|()| gather(&mut board, usize::MAX).len()), [3, 3, 3, 1]);
}

#[test]
fn memory_that_is_given_up_weighs_nothing() {
    let mut board = board(1_000);
    rests(&mut board, "a", 10);
    board.deliver(&id("a"), event(10));
    drop(board.give_up());
    assert_eq!(board.ages.scale.bytes(), 0);
}

#[test]
fn no_turn_begins_while_much_is_unwritten_and_those_that_wait_begin_then() {
    let mut board = board(8_000);
    let mut commit = Commit::default();
    commit.push_outgoing(&[Outgoing { to: id("elsewhere"), message: Message::Event { name: "Go".into(), data: text(600) } }], NOW);
    board.queue_commit(commit);
    let written = gather(&mut board, usize::MAX);
    rests(&mut board, "a", 1);
    board.deliver(&id("a"), event(1));
    board.deliver(&id("a"), event(1));
    assert!(board.next().is_none(), "1,200 KiB are unwritten, and at most an eighth of 8,000 may be");
    board.commits_are_written();
    assert!(board.next().is_none());
    drop(written);
    board.commits_are_written();
    let Some(Next::Turn(job)) = board.next() else { panic!("there is a turn to take") };
    assert_eq!((job.id, job.deliveries.len()), (id("a"), 2));
    assert!(board.next().is_none() && board.held_back.is_empty());
}
