//! Notes of keyed requests.

use longhaul_core::Timestamp;

use super::sample::{chain, completed, encoded, first_turn, id, of, records, started};
use crate::contract::{Batch, IdempotencyNote, Store};

fn note(key: &str, at: u64) -> IdempotencyNote {
    // Every byte differs and none is text, so that a store that takes digests for strings is found
    // out.
    let digest = std::array::from_fn(|place| 255 - place as u8);
    IdempotencyNote { key: key.into(), digest, instance: id("a"), at: Timestamp(at) }
}

async fn keep(store: &dyn Store, notes: impl IntoIterator<Item = IdempotencyNote>) {
    let keys = notes.into_iter().collect();
    store.append(Batch { keys, ..Batch::default() }).await.expect("notes are kept");
}

/// With the records of its batch, and byte for byte: keys differ in case.
pub async fn a_note_comes_back_as_it_was(store: &dyn Store) {
    let kept = note("Zahlung \u{1f980} 7", 5);
    assert_eq!(store.idempotency_note(&kept.key).await.unwrap(), None);
    store.append(Batch { records: vec![encoded(started("a", 5))], keys: vec![kept.clone()], ..Batch::default() }).await.unwrap();
    assert_eq!(store.idempotency_note(&kept.key).await.unwrap(), Some(kept.clone()));
    assert_eq!(store.idempotency_note(&kept.key.to_uppercase()).await.unwrap(), None);
    assert_eq!(records(chain(store, "a").await).len(), 1);
}

/// Also within one batch: the last one counts.
pub async fn a_note_replaces_an_earlier_one_of_its_key(store: &dyn Store) {
    let last = IdempotencyNote { digest: [9; 32], instance: id("c"), ..note("k", 8) };
    keep(store, [note("k", 5)]).await;
    keep(store, [IdempotencyNote { instance: id("b"), ..note("k", 7) }, last.clone()]).await;
    assert_eq!(store.idempotency_note("k").await.unwrap(), Some(last));
}

/// More notes and records than one statement takes.
pub async fn many_notes_go_with_one_batch(store: &dyn Store) {
    let records = (0..1_500).map(|number| encoded(started(&format!("i{number}"), 1))).collect();
    let keys = (0..1_500).map(|number| note(&format!("k{number}"), 1)).collect();
    store.append(Batch { records, keys, ..Batch::default() }).await.unwrap();
    assert_eq!(store.idempotency_note("k0").await.unwrap(), Some(note("k0", 1)));
    assert_eq!(store.idempotency_note("k1499").await.unwrap(), Some(note("k1499", 1)));
    assert_eq!(chain_length(store, "i1499").await, 1);
}

async fn chain_length(store: &dyn Store, instance: &str) -> usize {
    chain(store, instance).await.len()
}

/// Those made at the very time stay.
pub async fn old_notes_are_removed_oldest_first_and_in_steps(store: &dyn Store) {
    keep(store, [note("c", 3), note("a", 1), note("d", 4), note("b", 2)]).await;
    assert_eq!(store.forget_idempotency_notes(Timestamp(4), 2).await.unwrap(), 2);
    assert_eq!(store.idempotency_note("b").await.unwrap(), None);
    assert_eq!(store.idempotency_note("c").await.unwrap(), Some(note("c", 3)));
    assert_eq!(store.forget_idempotency_notes(Timestamp(4), 2).await.unwrap(), 1);
    assert_eq!(store.forget_idempotency_notes(Timestamp(4), 2).await.unwrap(), 0);
    assert_eq!(store.idempotency_note("d").await.unwrap(), Some(note("d", 4)));
}

/// They do not follow from the log, and a request stays answered though its instance is gone.
pub async fn neither_purge_nor_rebuild_touches_notes(store: &dyn Store) {
    store
        .append(Batch {
            records: [first_turn(5), completed(1, 6, "1")].map(|turn| encoded(of("a", turn))).into(),
            keys: vec![note("k", 5)],
            ..Batch::default()
        })
        .await
        .unwrap();
    assert_eq!(store.purge(vec![id("a")]).await.unwrap().removed, 1);
    store.rebuild().await.unwrap();
    assert_eq!(store.idempotency_note("k").await.unwrap(), Some(note("k", 5)));
}
