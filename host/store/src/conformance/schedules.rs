//! How timers stand.

use longhaul_core::Timestamp;

use super::sample::{encoded, id, started, tail};
use crate::contract::{Batch, ScheduleFired, ScheduleState, Store};

fn timer(app: &str, name: &str) -> ScheduleState {
    let plan = "@daily in UTC".into();
    ScheduleState { app: app.into(), name: name.into(), plan, paused: None, handled: Timestamp(5), last_due: None, last_instance: None }
}

/// Starts instance `a` in the name of timer `app`/`t`.
async fn fire(store: &dyn Store, due: Option<u64>) {
    let fired = ScheduleFired { app: "app".into(), name: "t".into(), due: due.map(Timestamp), instance: id("a") };
    let batch = Batch { records: vec![encoded(started("a", 9))], fired: vec![fired], ..Batch::default() };
    store.append(batch).await.expect("the batch is appended");
}

/// One write takes the place of another, and nothing else.
pub async fn timers_come_back_as_they_were_in_order(store: &dyn Store) {
    for (app, name) in [("b", "a"), ("a", "b"), ("a", "a")] {
        store.put_schedule(timer(app, name)).await.unwrap();
    }
    let changed = ScheduleState {
        plan: "other".into(),
        paused: Some(false),
        handled: Timestamp(7),
        last_due: Some(Timestamp(6)),
        last_instance: Some(id("i")),
        ..timer("a", "b")
    };
    store.put_schedule(changed.clone()).await.unwrap();
    store.remove_schedule("b", "nobody").await.unwrap();
    assert_eq!(store.schedules().await.unwrap(), [timer("a", "a"), changed.clone(), timer("b", "a")]);
    store.remove_schedule("a", "a").await.unwrap();
    store.rebuild().await.unwrap();
    assert_eq!(store.schedules().await.unwrap(), [changed, timer("b", "a")]);
}

/// A due time that is dealt with stays so.
pub async fn a_start_by_a_timer_is_noted_with_its_record(store: &dyn Store) {
    store.put_schedule(timer("app", "t")).await.unwrap();
    store.put_schedule(timer("app", "other")).await.unwrap();
    fire(store, Some(8)).await;
    let fired = ScheduleState { handled: Timestamp(8), last_due: Some(Timestamp(8)), last_instance: Some(id("a")), ..timer("app", "t") };
    assert_eq!(store.schedules().await.unwrap(), [timer("app", "other"), fired]);
    assert!(tail(store, "a").await.is_some());
    fire(store, Some(3)).await;
    assert_eq!(store.schedules().await.unwrap()[1].handled, Timestamp(8));
}

/// It is the last start all the same.
pub async fn a_start_by_hand_takes_no_due_times_place(store: &dyn Store) {
    store.put_schedule(timer("app", "t")).await.unwrap();
    fire(store, None).await;
    assert_eq!(store.schedules().await.unwrap(), [ScheduleState { last_instance: Some(id("a")), ..timer("app", "t") }]);
}

/// A deployment without the timer may come while its start is on the way.
pub async fn a_timer_that_is_gone_is_not_brought_back_by_its_start(store: &dyn Store) {
    fire(store, Some(8)).await;
    assert_eq!(store.schedules().await.unwrap(), []);
    assert!(tail(store, "a").await.is_some());
}
