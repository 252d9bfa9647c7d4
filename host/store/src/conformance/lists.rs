//! Pages and filters.

use longhaul_core::message::Start;
use longhaul_core::record::NewRecord;
use longhaul_core::{Message, RuntimeStatus, Timestamp};

use super::sample::{append, batch, completed, event, first_turn, id, json, message, of, of_entity, operation, start, started, walk};
use crate::contract::{EntityQuery, InstanceQuery, Page, Payloads, Store, TooLong};

const ALL: u32 = 1_000;

async fn list(store: &dyn Store, query: InstanceQuery) -> Vec<String> {
    names(store.list(InstanceQuery { limit: ALL, ..query }).await.expect("the list is read"))
}

async fn list_entities(store: &dyn Store, query: EntityQuery) -> Vec<String> {
    names(store.list_entities(EntityQuery { limit: ALL, ..query }).await.expect("the list is read"))
}

fn names(page: Page) -> Vec<String> {
    assert_eq!(page.next, None);
    page.rows.into_iter().map(|row| row.id.to_string()).collect()
}

/// A list may not lag either.
pub async fn a_list_shows_the_last_append_at_once(store: &dyn Store) {
    for number in 0..5 {
        append(store, [started(&format!("i{number}"), 1)]).await;
        assert_eq!(list(store, InstanceQuery::default()).await.len(), number + 1);
    }
}

/// The token of a page leads to the next; the last page has none.
pub async fn pages_follow_each_other_without_gap_or_double(store: &dyn Store) {
    append(store, (0..25).map(|number| started(&format!("{}{number:02}", if number < 13 { '0' } else { 'z' }), 1))).await;
    append(store, (0..9).map(|number| operation(&format!("@e@{number}"), 1))).await;
    for limit in [0, 1, 5, 12, 13, 24, 25, 26] {
        let mut seen = Vec::new();
        for page in walk(store, InstanceQuery { limit, ..InstanceQuery::default() }).await {
            assert!(page.rows.len() <= limit.max(1) as usize);
            seen.extend(page.rows.into_iter().map(|row| row.id));
        }
        assert_eq!(seen.len(), 25, "pages of {limit}");
        assert!(seen.is_sorted_by(|a, b| a < b));
    }
}

/// Neither case nor wildcards mean anything in a prefix.
pub async fn a_prefix_is_compared_byte_by_byte(store: &dyn Store) {
    append(store, ["order", "order-1", "order-2", "Order-3", "ordes", "order%", "orde", "é1", "é2", "ê"].map(|name| started(name, 1)))
        .await;
    let query = |prefix: &str| InstanceQuery { id_prefix: prefix.into(), ..InstanceQuery::default() };
    assert_eq!(list(store, query("order-")).await, ["order-1", "order-2"]);
    assert_eq!(list(store, query("order%")).await, ["order%"]);
    assert_eq!(list(store, query("é")).await, ["é1", "é2"]);
    assert_eq!(list(store, query("x")).await, [""; 0]);
    let after = InstanceQuery { after: Some(id("order-1")), ..query("order") };
    assert_eq!(list(store, after).await, ["order-2"]);
    let past = InstanceQuery { after: Some(id("p")), ..query("order") };
    assert_eq!(list(store, past).await, [""; 0]);
}

/// Ids that sort before and after `@` are listed, `@` itself only on request.
pub async fn entities_are_listed_only_if_the_prefix_asks_for_them(store: &dyn Store) {
    append(store, [started("0", 1), started("A", 1), started("?", 1), operation("@counter@1", 1), operation("@other@1", 1)]).await;
    assert_eq!(list(store, InstanceQuery::default()).await, ["0", "?", "A"]);
    let query = |prefix: &str| InstanceQuery { id_prefix: prefix.into(), ..InstanceQuery::default() };
    assert_eq!(list(store, query("@")).await, ["@counter@1", "@other@1"]);
    assert_eq!(list(store, query("@counter@")).await, ["@counter@1"]);
}

/// Bounds are inclusive; all conditions hold together.
pub async fn statuses_and_times_filter_a_list(store: &dyn Store) {
    for (name, created) in [("a", 10), ("b", 20), ("c", 30)] {
        append(store, [of(name, first_turn(created))]).await;
    }
    append(store, [of("b", completed(1, 99, "1")), started("p", 20)]).await;
    let times = |from: u64, to: u64| InstanceQuery {
        created_from: Some(Timestamp(from)),
        created_to: Some(Timestamp(to)),
        ..InstanceQuery::default()
    };
    assert_eq!(list(store, times(20, 30)).await, ["b", "c", "p"]);
    assert_eq!(list(store, times(21, 29)).await, [""; 0]);
    let with = |statuses: &[RuntimeStatus], query: InstanceQuery| InstanceQuery { statuses: statuses.to_vec(), ..query };
    assert_eq!(list(store, with(&[RuntimeStatus::Running], InstanceQuery::default())).await, ["a", "c"]);
    assert_eq!(list(store, with(&[RuntimeStatus::Completed, RuntimeStatus::Pending], times(0, 99))).await, ["b", "p"]);
    assert_eq!(list(store, with(&[RuntimeStatus::Failed], InstanceQuery::default())).await, [""; 0]);
}

/// An entity whose state was deleted, or never set, does not exist.
pub async fn only_entities_with_a_state_are_listed_as_entities(store: &dyn Store) {
    append(store, [started("a", 1), operation("@e@new", 1), of_entity("@e@kept", batch(1, 0, 0, Some("1")))]).await;
    append(store, [of_entity("@e@gone", batch(1, 0, 0, Some("1"))), of_entity("@e@gone", batch(2, 0, 0, None))]).await;
    assert_eq!(list_entities(store, EntityQuery::default()).await, ["@e@kept"]);
}

/// A name is compared as a whole; times are those of the last change.
pub async fn entities_are_listed_by_name_and_time(store: &dyn Store) {
    for (name, now) in [("@a@1", 10), ("@ab@1", 20), ("@a@2", 30), ("@b@", 40)] {
        append(store, [of_entity(name, batch(now, 0, 0, Some("1")))]).await;
    }
    let named = EntityQuery { name: Some("a".into()), ..EntityQuery::default() };
    assert_eq!(list_entities(store, named.clone()).await, ["@a@1", "@a@2"]);
    assert_eq!(list_entities(store, EntityQuery { after: Some(id("@a@1")), ..named }).await, ["@a@2"]);
    let times = EntityQuery { changed_from: Some(Timestamp(20)), changed_to: Some(Timestamp(30)), ..EntityQuery::default() };
    assert_eq!(list_entities(store, times).await, ["@a@2", "@ab@1"]);
    let page = store.list_entities(EntityQuery { limit: 3, ..EntityQuery::default() }).await.unwrap();
    assert_eq!((page.rows.len(), page.next), (3, Some(id("@ab@1"))));
}

/// Records that an instance was started with an input of `bytes` bytes, its quotation marks
/// included.
fn long(name: &str, bytes: usize) -> NewRecord {
    let input = json(&format!("\"{}\"", "x".repeat(bytes - 2)));
    message(name, 1, Message::Start(Box::new(Start { input, ..start(1) })))
}

/// A page ends before the row with which it would have too many bytes; what lies behind comes on
/// the next.
pub async fn a_page_ends_by_bytes(store: &dyn Store) {
    append(store, [long("a", 600), long("b", 300), long("c", 200), long("d", 100), started("e", 1)]).await;
    append(store, [event("b", 2, "go")]).await;
    let query = |max_bytes| InstanceQuery { limit: ALL, max_bytes: Some(max_bytes), ..InstanceQuery::default() };
    let pages = async |max_bytes| {
        let pages = walk(store, query(max_bytes)).await;
        pages.into_iter().map(|page| page.rows.iter().map(|row| row.id.as_str()).collect::<String>()).collect::<Vec<_>>()
    };
    assert_eq!(pages(10_000).await, ["abcde"]);
    assert_eq!(pages(900).await, ["ab", "cde"]);
    assert_eq!(pages(899).await, ["a", "bcde"]);
    assert_eq!(pages(600).await, ["a", "bcd", "e"]);
    let first = InstanceQuery { limit: 2, ..query(1_000) };
    let page = store.list(first).await.unwrap();
    assert_eq!((page.rows.len(), page.next), (2, Some(id("b"))), "both bounds count");
}

/// A row that is too long for any page is not read; the page says how long it is.
pub async fn a_row_that_is_longer_than_a_page_is_named_with_its_length(store: &dyn Store) {
    append(store, [long("a", 100), long("b", 700), long("c", 100)]).await;
    append(store, [event("b", 2, "go")]).await;
    let query = |after: &str, max_bytes| InstanceQuery {
        limit: ALL,
        after: Some(id(after)),
        max_bytes: Some(max_bytes),
        ..InstanceQuery::default()
    };
    let page = store.list(query("a", 699)).await.unwrap();
    assert_eq!((page.rows, page.next, page.too_long), (vec![], None, Some(TooLong { bytes: 700 })));
    let page = store.list(query("a", 700)).await.unwrap();
    assert_eq!((page.rows.len(), page.next, page.too_long), (1, Some(id("b")), None));
    let without = InstanceQuery { payloads: Payloads { input: false, ..Payloads::ALL }, ..query("a", 699) };
    assert_eq!(list(store, without).await, ["b", "c"], "what is not shown does not count");
}

/// Payloads that are not asked for stand there as `null`, those that are not there do not stand
/// there.
pub async fn payloads_that_are_not_asked_for_are_not_read(store: &dyn Store) {
    append(store, [long("a", 100), of_entity("@e@kept", batch(1, 0, 0, Some("[1,2]")))]).await;
    append(store, [event("a", 2, "go"), operation("@e@kept", 2)]).await;
    let query = InstanceQuery { limit: ALL, payloads: Payloads::NONE, ..InstanceQuery::default() };
    let row = store.list(query).await.unwrap().rows.remove(0);
    assert_eq!((row.input, row.output), (Some(json("null")), None));
    let query = EntityQuery { limit: ALL, payloads: Payloads::NONE, ..EntityQuery::default() };
    let row = store.list_entities(query).await.unwrap().rows.remove(0);
    assert_eq!((row.id.as_str(), row.state), ("@e@kept", Some(json("null"))));
}

/// The same for a single row.
pub async fn a_row_is_read_with_what_is_asked_for_unless_it_is_too_long(store: &dyn Store) {
    append(store, [long("a", 100)]).await;
    append(store, [of("a", completed(1, 2, "\"out\""))]).await;
    let only = |input, output| Payloads { input, output, state: false };
    let read = async |payloads, max_bytes| store.instance_within(&id("a"), payloads, max_bytes).await.unwrap();
    assert_eq!(read(Payloads::ALL, 105).await.unwrap(), store.instance(&id("a")).await.unwrap());
    assert_eq!(read(Payloads::ALL, 104).await.unwrap_err().bytes, 105);
    let row = read(only(false, true), 5).await.unwrap().unwrap();
    assert_eq!((row.input, row.output), (Some(json("null")), Some(json("\"out\""))));
    assert_eq!(read(only(false, true), 4).await, Err(TooLong { bytes: 5 }));
    assert_eq!(store.instance_within(&id("b"), Payloads::ALL, 0).await.unwrap(), Ok(None));
}
