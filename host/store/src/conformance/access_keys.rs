//! API keys.

use longhaul_core::Timestamp;

use crate::contract::{AccessKey, Store};

fn key(scope: &str, name: &str, byte: u8) -> AccessKey {
    AccessKey { scope: scope.into(), name: name.into(), digest: [byte; 32], created_at: Timestamp(u64::from(byte)) }
}

/// One write takes the place of another, nothing else is touched, and what is removed is gone.
pub async fn access_keys_come_back_as_they_were_in_order(store: &dyn Store) {
    for made in [key("b", "a", 1), key("a", "b", 2), key("a", "a", 3)] {
        store.put_access_key(made).await.unwrap();
    }
    store.put_access_key(key("a", "b", 4)).await.unwrap();
    store.remove_access_key("b", "nobody").await.unwrap();
    assert_eq!(store.access_keys().await.unwrap(), [key("a", "a", 3), key("a", "b", 4), key("b", "a", 1)]);
    store.remove_access_key("a", "a").await.unwrap();
    store.rebuild().await.unwrap();
    assert_eq!(store.access_keys().await.unwrap(), [key("a", "b", 4), key("b", "a", 1)]);
}
