//! Appending and chains.

use longhaul_core::Record;
use longhaul_core::record::TurnRecord;

use super::sample::{append, chain, continued, encoded, event, first_turn, id, json, of, parked, records, started, tail, turn};
use crate::contract::{Batch, MAX_BATCH_RECORDS, Position, Store, TooLong};

/// Positions grow in the order of a batch, whatever the instances, and the tails asked for are as
/// of the batch's end.
pub async fn records_of_a_batch_are_chained_in_their_order(store: &dyn Store) {
    let records = [started("a", 1), started("b", 1), event("a", 2, "x")].map(encoded).into();
    let appended = store.append(Batch { records, tails: vec![id("a"), id("b"), id("c")], ..Batch::default() }).await.unwrap();
    let [Some(a), Some(b), None] = appended.tails[..] else { panic!("{appended:?}") };
    assert!(b < a);
    assert_eq!(tail(store, "a").await, Some(a));
    append(store, [event("b", 3, "y")]).await;
    assert!(tail(store, "b").await > Some(a));
    assert_eq!(chain(store, "a").await.len(), 2);
    assert_eq!(chain(store, "b").await.len(), 2);
}

/// That nothing need be looked up for an instance changes nothing in its chain, nor in the others'
/// of the batch.
pub async fn a_new_instance_begins_a_chain_like_any_other(store: &dyn Store) {
    append(store, [started("old", 1)]).await;
    let records = [started("a", 2), event("old", 2, "x"), event("a", 3, "y")].map(encoded).into();
    store.append(Batch { records, new: [id("a")].into(), ..Batch::default() }).await.unwrap();
    append(store, [event("a", 4, "z")]).await;
    assert_eq!(chain(store, "a").await.len(), 3);
    assert_eq!(chain(store, "old").await.len(), 2);
}

/// A batch without records changes nothing.
pub async fn a_batch_without_records_looks_up_tails(store: &dyn Store) {
    append(store, [started("a", 1)]).await;
    let appended = store.append(Batch { records: Vec::new(), tails: vec![id("b"), id("a")], ..Batch::default() }).await.unwrap();
    assert_eq!(appended.tails, [None, tail(store, "a").await]);
}

/// What belongs together is never split, so a batch may be larger than callers gather.
pub async fn a_batch_beyond_the_usual_size_is_one_like_any_other(store: &dyn Store) {
    append(store, [started("last", 1)]).await;
    let others = (0..MAX_BATCH_RECORDS + 100).map(|n| event(&format!("i{}", n % 3_000), 1, "x"));
    append(store, others.chain([event("last", 2, "x")])).await;
    assert_eq!(chain(store, "last").await.len(), 2);
    assert_eq!(chain(store, "i2999").await.len(), 1);
    assert_eq!(chain(store, "i0").await.len(), 2);
}

/// What was appended is what is read, text and marks.
pub async fn records_come_back_as_they_were(store: &dyn Store) {
    let given = [started("a", 1), of("a", turn(0, 2, 1)), event("a", 3, "naïve \u{1f980} \"quoted\""), parked("a", 4)];
    append(store, given.clone()).await;
    let read = chain(store, "a").await;
    assert_eq!(records(read.clone()), given.map(|new| new.record));
    assert!(read.iter().all(|one| !one.base));
}

/// Reading stops at the latest base at or before the tail.
pub async fn a_chain_begins_at_its_latest_base(store: &dyn Store) {
    append(store, [of("a", first_turn(1)), of("a", continued(1, 2, 0, 0)), of("a", continued(0, 3, 0, 0)), of("a", turn(0, 4, 0))]).await;
    let read = chain(store, "a").await;
    assert_eq!(read.iter().map(|one| one.base).collect::<Vec<_>>(), [true, false]);
    assert_eq!(read[0].record, Record::Turn(Box::new(continued(0, 3, 0, 0))));
}

/// The messages that a base counts come before it, the newest ones there are; nothing else does.
pub async fn a_chain_reaches_back_to_the_messages_that_its_base_needs(store: &dyn Store) {
    let given = [
        started("a", 1),
        of("a", turn(0, 2, 1)),
        event("a", 3, "first"),
        of("a", turn(1, 4, 0)),
        event("a", 5, "second"),
        of("a", continued(2, 6, 1, 2)),
        event("a", 7, "third"),
    ];
    append(store, given.clone()).await;
    let expected = [2, 4, 5, 6].map(|at: usize| given[at].record.clone());
    assert_eq!(records(chain(store, "a").await), expected);
}

/// A host that loads an instance may be overtaken by appends.
pub async fn a_chain_read_from_an_old_tail_does_not_show_later_records(store: &dyn Store) {
    append(store, [started("a", 1), of("a", turn(0, 2, 1))]).await;
    let old = tail(store, "a").await.unwrap();
    let before = store.read_chain(old).await.unwrap();
    append(store, [event("a", 3, "x"), of("a", turn(1, 4, 1))]).await;
    assert_eq!(store.read_chain(old).await.unwrap(), before);
}

/// Such a tail belonged to an instance that was purged.
pub async fn a_tail_that_does_not_exist_gives_an_empty_chain(store: &dyn Store) {
    assert_eq!(store.read_chain(Position(77)).await.unwrap(), []);
}

/// Bases and needed messages of one do not show in another's, and each tail has its place, whether
/// there is a chain or not.
pub async fn chains_read_together_are_what_each_is_alone(store: &dyn Store) {
    let given = [
        started("a", 1),
        started("b", 1),
        event("a", 2, "needed"),
        event("b", 3, "x"),
        of("a", continued(1, 4, 1, 1)),
        of("b", turn(1, 5, 0)),
        event("c", 6, "y"),
    ];
    append(store, given).await;
    let (c, a, b) = (tail(store, "c").await.unwrap(), tail(store, "a").await.unwrap(), tail(store, "b").await.unwrap());
    let alone = [chain(store, "c").await, Vec::new(), chain(store, "a").await, chain(store, "b").await];
    assert_eq!(alone.each_ref().map(Vec::len), [1, 0, 2, 3]);
    assert_eq!(store.read_chains(vec![c, Position(77), a, b]).await.unwrap(), alone);
    assert_eq!(store.read_chains(Vec::new()).await.unwrap(), Vec::<Vec<_>>::new());
}

/// A store may read long chains in other ways than short ones. What comes is the same, for one
/// chain and for several.
pub async fn a_long_chain_is_read_like_a_short_one(store: &dyn Store) {
    let turns = |name: &'static str, count: u32| (1..=count).map(move |number| of(name, turn(number, u64::from(number), 0)));
    append(store, [started("a", 1), event("a", 1, "needed"), of("a", turn(0, 1, 1)), event("a", 1, "needed too")]).await;
    append(store, [of("a", continued(1, 2, 0, 2)), started("b", 1), of("b", turn(0, 1, 1)), started("c", 1)]).await;
    append(store, turns("a", 700).chain(turns("b", 65)).chain([event("a", 9, "naïve\u{1e} 7 1 turn {}")])).await;
    append(store, [of("a", TurnRecord { custom_status: Some(json(&format!("\"{}\"", "x".repeat(2 << 20)))), ..turn(701, 9, 1) })]).await;

    let long = chain(store, "a").await;
    let expected =
        [event("a", 1, "needed"), event("a", 1, "needed too"), of("a", continued(1, 2, 0, 2))].into_iter().chain(turns("a", 700));
    let expected: Vec<_> = expected.chain([event("a", 9, "naïve\u{1e} 7 1 turn {}")]).map(|new| new.record).collect();
    assert_eq!(records(long[..long.len() - 1].to_vec()), expected);
    assert!(long.iter().map(|one| one.base).eq((0..long.len()).map(|at| at == 2)));
    assert!(long.is_sorted_by_key(|one| one.position));

    let (a, b, c) = (tail(store, "a").await.unwrap(), tail(store, "b").await.unwrap(), tail(store, "c").await.unwrap());
    let together = store.read_chains(vec![b, a, c]).await.unwrap();
    assert_eq!(together, [chain(store, "b").await, long, chain(store, "c").await]);
    assert_eq!(together[0].len(), 67);
}

/// A chain that is too long is named with its length; the others come all the same.
pub async fn a_chain_that_is_too_long_is_named_with_its_length(store: &dyn Store) {
    let long = || of("a", TurnRecord { custom_status: Some(json(&format!("\"{}\"", "x".repeat(300 << 10)))), ..turn(1, 1, 0) });
    append(store, [started("a", 1), started("b", 1), long(), long(), long()]).await;
    let (a, b) = (tail(store, "a").await.unwrap(), tail(store, "b").await.unwrap());
    let bytes = chain(store, "a").await.iter().map(|link| link.record.encode().len() as u64).sum::<u64>();
    assert!(bytes > 900 << 10);
    assert_eq!(store.read_chain_within(a, bytes - 1).await.unwrap(), Err(TooLong { bytes }));
    assert_eq!(store.read_chain_within(a, bytes).await.unwrap(), Ok(chain(store, "a").await));
    let both = async |bytes| store.read_chains_within(vec![a, b], bytes).await.unwrap();
    assert_eq!(both(bytes - 1).await, [Err(TooLong { bytes }), Ok(chain(store, "b").await)]);
    assert_eq!(both(bytes).await, [Ok(chain(store, "a").await), Ok(chain(store, "b").await)]);
    assert_eq!(store.read_chains(vec![a]).await.unwrap(), [chain(store, "a").await]);
}
