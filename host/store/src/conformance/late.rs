//! Messages that come too late for their receivers are left out, if their sender says that they may
//! be.

use longhaul_core::record::NewRecord;
use longhaul_core::{ExecutionId, Message, TaskId, TaskResult};

use super::sample::{self, append, chain, completed, encoded, event, first_turn, id, json, message, of, started, tail};
use crate::contract::{Batch, EncodedRecord, Store};

fn if_wanted(record: NewRecord) -> EncodedRecord {
    EncodedRecord { if_wanted: true, ..encoded(record) }
}

/// Appends records one of which, or more, may be left out.
async fn append_some(store: &dyn Store, records: impl IntoIterator<Item = EncodedRecord>) {
    store.append(Batch { records: records.into_iter().collect(), ..Batch::default() }).await.unwrap();
}

/// The end of a child that was called by the execution that was started at `now`.
fn child_done(instance: &str, now: u64) -> NewRecord {
    let execution: ExecutionId = sample::start(now).execution;
    message(instance, 9, Message::ChildDone { execution, task: TaskId(0), result: TaskResult::Completed(json("1")) })
}

/// Neither row nor chain change, whether or not the tables show the end already.
pub async fn a_message_for_an_ended_instance_is_left_out(store: &dyn Store) {
    for in_tables in [false, true] {
        append(store, [of("a", first_turn(1)), of("a", completed(1, 2, "1"))]).await;
        if in_tables {
            store.with_work().await.unwrap();
        }
        let before = (store.instance(&id("a")).await.unwrap(), tail(store, "a").await, chain(store, "a").await);
        append_some(store, [if_wanted(event("a", 3, "x")), if_wanted(child_done("a", 1)), encoded(started("b", 3))]).await;
        append_some(store, [if_wanted(event("a", 4, "x"))]).await;
        assert_eq!((store.instance(&id("a")).await.unwrap(), tail(store, "a").await, chain(store, "a").await), before);
        assert!(!chain(store, "b").await.is_empty(), "what else is in the batch stays");
        store.purge(vec![id("a")]).await.unwrap();
    }
}

/// A message that must not be left out is not: its sender knows more than the store does.
pub async fn a_message_is_only_left_out_if_its_sender_says_so(store: &dyn Store) {
    append(store, [of("a", first_turn(1)), of("a", completed(1, 2, "1")), event("a", 3, "x"), event("nobody", 3, "x")]).await;
    assert_eq!((chain(store, "a").await.len(), chain(store, "nobody").await.len()), (3, 1));
}

/// A live instance takes what is meant for its execution and leaves out what is meant for one that
/// is gone.
pub async fn a_live_instance_takes_its_messages_and_no_answers_to_an_execution_that_is_gone(store: &dyn Store) {
    append(store, [of("a", first_turn(1)), of("a", completed(1, 2, "1")), NewRecord { base: true, ..of("a", first_turn(3)) }]).await;
    for in_tables in [false, true] {
        if in_tables {
            store.with_work().await.unwrap();
        }
        let before = chain(store, "a").await.len();
        append_some(store, [if_wanted(child_done("a", 1)), if_wanted(child_done("a", 3)), if_wanted(event("a", 4, "x"))]).await;
        assert_eq!(chain(store, "a").await.len(), before + 2);
    }
}

/// What stands before the message in its own batch counts: the end of its receiver, or a start.
pub async fn a_message_is_judged_by_what_stands_before_it_in_its_batch(store: &dyn Store) {
    append(store, [of("a", first_turn(1)), of("b", first_turn(1)), of("b", completed(1, 2, "1"))]).await;
    store.with_work().await.unwrap();
    let in_time = [if_wanted(event("a", 2, "x")), encoded(of("a", completed(1, 3, "1"))), if_wanted(event("a", 3, "late"))];
    append_some(store, in_time).await;
    assert_eq!(chain(store, "a").await.len(), 3);
    append_some(store, [if_wanted(event("b", 3, "late")), encoded(started("b", 4)), if_wanted(event("b", 4, "x"))]).await;
    assert_eq!(chain(store, "b").await.len(), 4);
    append_some(store, [if_wanted(event("new", 3, "late")), encoded(started("new", 4)), if_wanted(event("new", 4, "x"))]).await;
    assert_eq!(chain(store, "new").await.len(), 2);
}

/// No chain begins for an instance that is gone or never was.
pub async fn a_message_for_an_instance_that_is_gone_leaves_nothing(store: &dyn Store) {
    append(store, [of("a", first_turn(1)), of("a", completed(1, 2, "1"))]).await;
    store.purge(vec![id("a")]).await.unwrap();
    append_some(store, [if_wanted(child_done("a", 1)), if_wanted(event("never was", 3, "x"))]).await;
    store.with_work().await.unwrap();
    append_some(store, [if_wanted(child_done("a", 1))]).await;
    assert_eq!((tail(store, "a").await, tail(store, "never was").await), (None, None));
}
