//! Purge: what goes, what stays, and how much at a time.

use longhaul_core::message::Section;
use longhaul_core::record::{EntityRecord, TurnRecord};
use longhaul_core::{EntityId, ExecutionId, InstanceId, TaskId};

use super::sample::{
    append, batch, chain, completed, continued, event, first_turn, id, json, of, of_entity, operation, started, tail, turn,
};
use crate::contract::{MAX_PURGED_BYTES, MAX_PURGED_RECORDS, Position, Purged, Store};

/// An instance that has ended, with two records.
async fn ended(store: &dyn Store, name: &str) {
    append(store, [of(name, first_turn(1)), of(name, completed(1, 2, "1"))]).await;
}

async fn is_gone(store: &dyn Store, name: &str) -> bool {
    store.instance(&id(name)).await.unwrap().is_none() && tail(store, name).await.is_none()
}

/// Purge counts instances with a row and leaves the others alone.
pub async fn purge_removes_rows_and_chains(store: &dyn Store) {
    append(store, [started("b", 1), event("ghost", 3, "x")]).await;
    ended(store, "a").await;
    append(store, [operation("@counter@1", 1), of_entity("@counter@1", batch(2, 1, 1, Some("1")))]).await;
    let old = tail(store, "a").await.unwrap();
    let purged = store.purge(["a", "@counter@1", "ghost", "missing"].map(id).into()).await.unwrap();
    assert_eq!(purged, Purged { removed: 2, ..Purged::default() });
    for gone in ["a", "@counter@1", "ghost"] {
        assert!(is_gone(store, gone).await, "{gone}");
    }
    assert_eq!(store.read_chain(old).await.unwrap(), []);
    assert_eq!(chain(store, "b").await.len(), 1);
    assert_eq!(store.purge(vec![id("a")]).await.unwrap(), Purged::default());
}

/// A message that no turn has taken must not go with its instance: its sender was told that it is
/// safe, or waits for its result.
pub async fn purge_leaves_what_has_something_to_do(store: &dyn Store) {
    append(store, [started("pending", 1), of("running", first_turn(1))]).await;
    for name in ["goes", "started again", "has mail"] {
        ended(store, name).await;
    }
    append(store, [started("started again", 3), event("has mail", 3, "x"), operation("@mail@1", 3)]).await;
    let owner = longhaul_core::message::TaskRef { instance: id("running"), execution: ExecutionId::trusted("e"), task: TaskId(0) };
    let lock = Some(Section { owner, set: vec![EntityId::new("locked", "1").unwrap()], next: 0 });
    append(store, [of_entity("@locked@1", EntityRecord { lock, ..batch(3, 0, 0, Some("1")) })]).await;
    let asked = ["pending", "goes", "running", "@locked@1", "started again", "has mail", "@mail@1"];
    let purged = store.purge(asked.map(id).into()).await.unwrap();
    let kept: Vec<_> = ["pending", "running", "@locked@1", "started again", "has mail", "@mail@1"].map(id).into();
    assert_eq!(purged, Purged { removed: 1, kept, rest: Vec::new() });
    assert!(is_gone(store, "goes").await);
    assert_eq!(chain(store, "started again").await.len(), 3);
}

/// Nothing of the old instance shows in one that has its id.
pub async fn a_purged_instance_begins_a_new_chain(store: &dyn Store) {
    ended(store, "a").await;
    store.purge(vec![id("a")]).await.unwrap();
    append(store, [started("a", 3)]).await;
    assert_eq!(chain(store, "a").await.len(), 1);
    assert_eq!(store.instance(&id("a")).await.unwrap().unwrap().inbox, 1);
}

/// Else a reader with an old tail could be shown another instance.
pub async fn positions_are_not_used_again_after_a_purge(store: &dyn Store) {
    ended(store, "a").await;
    let old = tail(store, "a").await;
    store.purge(vec![id("a")]).await.unwrap();
    append(store, [started("b", 1)]).await;
    assert!(tail(store, "b").await > old);
}

/// Purges until nothing is left. Returns how many each step removed.
async fn in_steps(store: &dyn Store, mut instances: Vec<InstanceId>) -> Vec<u32> {
    let mut steps = Vec::new();
    while !instances.is_empty() {
        let Purged { removed, kept, rest } = store.purge(instances.clone()).await.unwrap();
        assert_eq!(kept, []);
        assert!(instances.ends_with(&rest) && rest.len() + removed as usize == instances.len(), "the first ones go");
        steps.push(removed);
        instances = rest;
    }
    steps
}

/// A step ends with the instance that fills it, so that commits of others come in between. An
/// instance that is longer goes alone and whole.
pub async fn purge_goes_in_steps_bounded_by_records(store: &dyn Store) {
    let long = MAX_PURGED_RECORDS as u32 + 10;
    let half = MAX_PURGED_RECORDS as u32 / 2;
    let mut names = Vec::new();
    for (name, turns) in [("a", half), ("b", half), ("c", half), ("long", long), ("d", 3), ("e", 3)] {
        append(store, [of(name, first_turn(1))]).await;
        append(store, (1..turns).map(|number| of(name, turn(number, 2, 0)))).await;
        append(store, [of(name, completed(turns, 3, "1"))]).await;
        names.push(id(name));
    }
    append(store, [started("other", 1)]).await;
    let last = Position(tail(store, "other").await.unwrap().0 - 1);
    let steps = in_steps(store, names.clone()).await;
    assert!(steps.len() >= 3 && steps[0] <= 2, "{steps:?}");
    for name in &names {
        assert!(is_gone(store, name.as_str()).await, "{name}");
    }
    assert_eq!(store.read_chain(last).await.unwrap(), []);
    assert_eq!(chain(store, "other").await.len(), 1);
    store.rebuild().await.unwrap();
    for name in &names {
        assert!(is_gone(store, name.as_str()).await, "{name} came back: some of its records were left");
    }
}

/// The same by what the records weigh.
pub async fn purge_goes_in_steps_bounded_by_bytes(store: &dyn Store) {
    let status = Some(json(&format!("\"{}\"", "x".repeat(MAX_PURGED_BYTES / 2))));
    let mut names = Vec::new();
    for name in ["a", "b", "c", "d", "e"] {
        append(store, [of(name, TurnRecord { custom_status: status.clone(), ..first_turn(1) }), of(name, completed(1, 2, "1"))]).await;
        names.push(id(name));
    }
    assert_eq!(in_steps(store, names).await, [2, 2, 1]);
}

/// What lies behind a base, and is about to be dropped or was dropped, goes as well.
pub async fn purge_takes_what_lies_behind_a_base(store: &dyn Store) {
    for round in 0..3 {
        append(store, [of("a", first_turn(1)), of("a", continued(1, 2, 0, 0)), of("a", continued(0, 3, 0, 0))]).await;
        if round == 1 {
            store.with_work().await.unwrap();
        }
        append(store, [of("a", completed(0, 4, "1"))]).await;
        assert_eq!(in_steps(store, vec![id("a")]).await, [1]);
        store.rebuild().await.unwrap();
        assert!(is_gone(store, "a").await, "round {round}");
    }
}
