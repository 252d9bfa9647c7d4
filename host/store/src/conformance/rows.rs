//! Single rows, work and timers.

use longhaul_core::record::{Outcome, TurnRecord};
use longhaul_core::{InstanceId, InstanceRow, RuntimeStatus, Timestamp};

use super::sample::{
    append, batch, chain, completed, continued, event, first_turn, id, json, of, of_entity, operation, parked, started, turn,
};
use crate::contract::{Error, InstanceQuery, Store};

async fn row(store: &dyn Store, instance: &str) -> Option<InstanceRow> {
    store.instance(&id(instance)).await.expect("the row is read")
}

/// The tables may lag, an answer may not.
pub async fn a_row_shows_the_last_append_at_once(store: &dyn Store) {
    append(store, [started("a", 1)]).await;
    assert_eq!(row(store, "a").await.unwrap().status, RuntimeStatus::Pending);
    append(store, [of("a", turn(0, 2, 1))]).await;
    assert_eq!(row(store, "a").await.unwrap().inbox, 0);
    append(store, [of("a", completed(1, 3, "[7]"))]).await;
    let last = row(store, "a").await.unwrap();
    assert_eq!((last.status, last.output, last.input), (RuntimeStatus::Completed, Some(json("[7]")), Some(json("{\"n\":1}"))));
    assert_eq!(row(store, "b").await, None);
}

/// Such a message has a chain and nothing to show.
pub async fn a_message_for_an_instance_that_never_started_gives_no_row(store: &dyn Store) {
    append(store, [event("ghost", 1, "x")]).await;
    append(store, [event("ghost", 2, "y")]).await;
    assert_eq!(row(store, "ghost").await, None);
    assert_eq!(chain(store, "ghost").await.len(), 2);
    assert_eq!(store.list(InstanceQuery { limit: 10, ..InstanceQuery::default() }).await.unwrap().rows, []);
    assert_eq!(chain(store, "ghost").await.len(), 2, "a host that runs may hold these messages in memory");
}

/// The chain goes on from the messages that came too early.
pub async fn a_start_after_a_lost_message_gives_a_row(store: &dyn Store) {
    append(store, [event("a", 1, "x")]).await;
    store.with_work().await.unwrap();
    append(store, [started("a", 2)]).await;
    store.with_work().await.unwrap();
    append(store, [event("a", 3, "y")]).await;
    assert_eq!(row(store, "a").await.unwrap().inbox, 2);
    assert_eq!(chain(store, "a").await.len(), 3);
}

/// Work is a turn to take or a message to consume, unless the instance is parked.
pub async fn instances_with_work_come_in_the_order_of_their_last_change(store: &dyn Store) {
    let busy = TurnRecord { pending: true, ..first_turn(1) };
    append(store, [started("c", 1), of("b", busy.clone()), started("parked", 1), of("idle", first_turn(1)), operation("@e@1", 1)]).await;
    append(store, [parked("parked", 2), of("ended", first_turn(2)), of("ended", completed(1, 3, "1")), event("ended", 4, "late")]).await;
    append(store, [event("c", 5, "x")]).await;
    assert_eq!(store.with_work().await.unwrap(), ["b", "@e@1", "ended", "c"].map(id));
    append(store, [of("b", turn(1, 6, 0))]).await;
    assert_eq!(store.with_work().await.unwrap(), ["@e@1", "ended", "c"].map(id));
}

/// The time itself is not before the time; parked and ended instances never wake up.
pub async fn due_instances_come_soonest_first(store: &dyn Store) {
    let wakes = |number: u32, at: u64| TurnRecord { wake_at: Some(Timestamp(at)), ..turn(number, 1, 0) };
    for (name, at) in [("late", 300), ("soon", 100), ("middle", 200), ("parked", 50), ("ended", 60), ("changed", 70)] {
        append(store, [of(name, first_turn(1)), of(name, wakes(1, at))]).await;
    }
    let ended = TurnRecord { outcome: Some(Outcome::Terminated(None)), status: RuntimeStatus::Terminated, ..wakes(2, 60) };
    append(store, [parked("parked", 2), of("ended", ended), of("changed", wakes(2, 150))]).await;
    append(store, [of_entity("@e@1", longhaul_core::record::EntityRecord { wake_at: Some(Timestamp(120)), ..batch(1, 0, 0, None) })]).await;
    let due = store.due(Timestamp(300), 10).await.unwrap();
    let expected = [("soon", 100), ("@e@1", 120), ("changed", 150), ("middle", 200)];
    assert_eq!(due, expected.map(|(name, at)| (id(name), Timestamp(at))));
    assert_eq!(store.due(Timestamp(301), 2).await.unwrap(), due[..2]);
    assert_eq!(store.due(Timestamp(100), 10).await.unwrap(), []);
}

/// What slept before the clock was put back is found in the order of its wake-ups, page by page.
pub async fn instances_ahead_of_the_clock_are_found_page_by_page(store: &dyn Store) {
    let wakes = |now: u64, at: u64| TurnRecord { wake_at: Some(Timestamp(at)), ..turn(1, now, 0) };
    for (name, now, at) in [("later", 900, 990), ("b", 800, 950), ("a", 801, 950), ("on time", 500, 940), ("parked", 900, 960)] {
        append(store, [of(name, first_turn(1)), of(name, wakes(now, at))]).await;
    }
    append(store, [parked("parked", 901), of("awake", first_turn(1)), of("awake", turn(1, 900, 0))]).await;
    append(store, [of_entity("@e@1", longhaul_core::record::EntityRecord { wake_at: Some(Timestamp(970)), ..batch(850, 0, 0, None) })])
        .await;
    let expected = [("a", 950), ("b", 950), ("@e@1", 970), ("later", 990)].map(|(name, at)| (id(name), Timestamp(at)));
    let page = async |after: (Timestamp, InstanceId), limit| store.ahead_of(Timestamp(500), after, limit).await.unwrap();
    let first = page((Timestamp(0), id("")), 2).await;
    assert_eq!(first, expected[..2]);
    assert_eq!(page((Timestamp(950), id("b")), 9).await, expected[2..]);
    assert_eq!(store.ahead_of(Timestamp(900), (Timestamp(0), id("")), 9).await.unwrap(), []);
}

/// A timer that is too far away to count is a timer all the same.
pub async fn the_end_of_time_is_kept(store: &dyn Store) {
    let wake_at = Some(Timestamp(u64::MAX));
    append(store, [of("a", TurnRecord { wake_at, ..first_turn(1) })]).await;
    store.with_work().await.unwrap();
    assert_eq!(row(store, "a").await.unwrap().wake_at, wake_at);
    assert_eq!(store.due(Timestamp(u64::MAX), 10).await.unwrap(), []);
}

/// `null` that was returned differs from nothing returned.
pub async fn json_null_is_a_value(store: &dyn Store) {
    append(store, [of("a", first_turn(1)), of("a", completed(1, 2, "null"))]).await;
    append(store, [of_entity("@e@1", batch(1, 0, 0, Some("null")))]).await;
    store.with_work().await.unwrap();
    assert_eq!(row(store, "a").await.unwrap().output, Some(json("null")));
    assert_eq!(row(store, "@e@1").await.unwrap().state, Some(json("null")));
}

/// Rows follow from the log, even from one that was trimmed.
pub async fn rebuilding_gives_the_same_rows(store: &dyn Store) {
    let status = |text: &str, turn: TurnRecord| TurnRecord { custom_status: Some(json(text)), ..turn };
    append(store, [started("a", 1), of("a", status("\"kept\"", turn(0, 2, 1))), event("ghost", 2, "x")]).await;
    append(store, [of_entity("@e@1", batch(3, 0, 0, Some("1")))]).await;
    store.with_work().await.unwrap();
    append(store, [of("a", continued(1, 4, 0, 0)), of("a", turn(0, 5, 0)), operation("@e@1", 6)]).await;
    append(store, [of_entity("@e@1", batch(7, 1, 1, Some("2"))), started("b", 8)]).await;
    store.with_work().await.unwrap();
    let mut before = Vec::new();
    for name in ["a", "b", "@e@1", "ghost"] {
        before.push(row(store, name).await);
    }
    store.rebuild().await.unwrap();
    for (name, before) in ["a", "b", "@e@1", "ghost"].into_iter().zip(before) {
        assert_eq!(row(store, name).await, before);
    }
    assert_eq!(row(store, "a").await.unwrap().custom_status, Some(json("\"kept\"")));
    let times = |row: InstanceRow| (row.born_at, row.created_at);
    assert_eq!(times(row(store, "a").await.unwrap()), (Timestamp(1), Timestamp(4)), "it went on as new");
    assert_eq!(times(row(store, "@e@1").await.unwrap()), (Timestamp(3), Timestamp(3)));
}

/// Every part of a closed store says so.
pub async fn a_closed_store_is_unavailable(store: &dyn Store) {
    append(store, [started("a", 1)]).await;
    store.close().await.unwrap();
    assert!(matches!(store.append(crate::contract::Batch::default()).await, Err(Error::Unavailable(_))));
    assert!(matches!(store.instance(&id("b")).await, Err(Error::Unavailable(_))));
    assert!(matches!(store.current().await, Err(Error::Unavailable(_))));
    assert!(matches!(store.close().await, Err(Error::Unavailable(_))));
}
