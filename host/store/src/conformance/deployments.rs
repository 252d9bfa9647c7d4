//! Deployments and components.

use longhaul_core::{DeploymentId, Sha256, Timestamp};

use super::sample::{append, completed, first_turn, of, started};
use crate::contract::{Deployment, Error, Store};

fn sha256(bytes: &[u8]) -> String {
    Sha256::of(bytes).to_string()
}

fn deployment(app: &str, components: &[&[u8]]) -> Deployment {
    let named = (1..).zip(components).map(|(number, bytes)| (format!("{number}.wasm"), sha256(bytes)));
    Deployment { id: DeploymentId(0), app: app.into(), manifest: "[app]".into(), components: named.collect(), created_at: Timestamp(5) }
}

fn bytes(components: &[&[u8]]) -> Vec<(String, Vec<u8>)> {
    components.iter().map(|bytes| (sha256(bytes), bytes.to_vec())).collect()
}

/// Numbers begin at 1 and are given without gap.
pub async fn the_latest_deployment_is_current(store: &dyn Store) {
    assert_eq!(store.current().await.unwrap(), None);
    for (number, app) in [(1, "one"), (2, "two"), (3, "three")] {
        let id = store.deploy(deployment(app, &[]), Vec::new()).await.unwrap();
        assert_eq!(id, DeploymentId(number));
        assert_eq!(store.current().await.unwrap(), Some(Deployment { id, ..deployment(app, &[]) }));
    }
    let apps: Vec<_> = store.deployments().await.unwrap().into_iter().map(|one| one.app).collect();
    assert_eq!(apps, ["three", "two", "one"]);
}

/// A later deployment changes nothing in an earlier one, and may name components that are stored
/// already.
pub async fn a_deployment_keeps_its_number_and_components(store: &dyn Store) {
    let (old, new): (&[u8], &[u8]) = (b"old", b"new");
    let first = store.deploy(deployment("app", &[old]), bytes(&[old])).await.unwrap();
    let second = store.deploy(deployment("app", &[old, new]), bytes(&[new])).await.unwrap();
    assert_eq!(store.deployment(first).await.unwrap(), Some(Deployment { id: first, ..deployment("app", &[old]) }));
    assert_eq!(store.deployment(second).await.unwrap(), Some(Deployment { id: second, ..deployment("app", &[old, new]) }));
    assert_eq!(store.deployment(DeploymentId(9)).await.unwrap(), None);
    assert_eq!(store.deployment(DeploymentId(u64::MAX)).await.unwrap(), None);
    assert_eq!(store.component(&sha256(old)).await.unwrap().as_deref(), Some(old));
    assert_eq!(store.component(&sha256(b"other")).await.unwrap(), None);
}

/// All or nothing, also the components that were given.
pub async fn a_deployment_with_a_missing_component_changes_nothing(store: &dyn Store) {
    let refused = store.deploy(deployment("app", &[b"here", b"missing"]), bytes(&[b"here"])).await;
    assert!(matches!(refused, Err(Error::Refused(_))), "{refused:?}");
    assert_eq!(store.current().await.unwrap(), None);
    assert_eq!(store.component(&sha256(b"here")).await.unwrap(), None);
}

/// A digest is an identity, so it is computed and never believed.
pub async fn bytes_that_are_not_what_they_claim_are_refused(store: &dyn Store) {
    let refused = store.deploy(deployment("app", &[b"good"]), vec![(sha256(b"good"), b"evil".to_vec())]).await;
    assert!(matches!(refused, Err(Error::Refused(_))), "{refused:?}");
    assert_eq!(store.component(&sha256(b"good")).await.unwrap(), None);
}

/// Ended instances need no deployment.
pub async fn a_deployment_is_in_use_while_an_instance_that_is_pinned_to_it_lives(store: &dyn Store) {
    let in_use = async || store.deployment_in_use(DeploymentId(1)).await.unwrap();
    assert!(!in_use().await);
    append(store, [started("a", 1)]).await;
    assert!(in_use().await);
    append(store, [of("a", first_turn(2)), of("a", completed(1, 3, "1"))]).await;
    assert!(!in_use().await);
    assert!(!store.deployment_in_use(DeploymentId(u64::MAX)).await.unwrap());
}
