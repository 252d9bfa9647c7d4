use longhaul_core::Timestamp;
use longhaul_store::MemoryStore;
use longhaul_wasm::Config;

use super::*;
use crate::deployment::{DeployError, Deployer};
use crate::package::{ComponentFile, Package};
use longhaul_engine::Permit;

const MANIFEST: &str = "[app]\nname = \"a\"\n[[function]]\nname = \"Main\"\nkind = \"orchestrator\"\ncomponent = \"main.wasm\"\n";

struct Bench {
    store: Arc<MemoryStore>,
    registry: Arc<Registry>,
    deployer: Deployer,
}

fn bench() -> Bench {
    let config = Config { max_hot_guests: Some(4), max_running_activities: 1, max_running_requests: 1, ..Config::default() };
    let runtime = Runtime::new(config).expect("this machine has room for four guests");
    let store = Arc::new(MemoryStore::new());
    let registry = Registry::new(store.clone(), runtime.clone(), AllowedHosts::Any);
    let deployer = Deployer::new(store.clone(), runtime, registry.clone());
    Bench { store, registry, deployer }
}

/// Stores what this version would never have accepted, as an older or newer one might have.
async fn stored_without_a_check(store: &MemoryStore, manifest: &str) -> DeploymentId {
    let file = ComponentFile::new("main.wasm", "no component");
    let deployment = Deployment {
        id: DeploymentId(0),
        app: "a".into(),
        manifest: manifest.into(),
        components: vec![(file.path, file.sha256.clone())],
        created_at: Timestamp(1),
    };
    store.deploy(deployment, vec![(file.sha256, file.bytes.to_vec())]).await.expect("the store takes it")
}

#[tokio::test]
async fn nothing_is_current_before_the_first_deployment() {
    let bench = bench();
    assert!(bench.registry.load_current().await.unwrap().is_none());
    assert!(bench.registry.current().is_none());
}

#[tokio::test]
async fn a_deployment_that_is_not_stored_is_unknown() {
    let error = bench().registry.load(DeploymentId(7)).await.err().unwrap();
    assert!(matches!(error, LoadError::Unknown(DeploymentId(7))) && !error.is_transient(), "{error}");
}

#[tokio::test]
async fn a_stored_deployment_that_cannot_run_says_which_function_and_why_each_time() {
    let bench = bench();
    let id = stored_without_a_check(&bench.store, MANIFEST).await;
    for _ in 0..2 {
        let error = bench.registry.load(id).await.err().unwrap().to_string();
        assert!(error.contains("'Main'") && error.contains("'main.wasm'"), "{error}");
    }
    assert!(bench.registry.get(id).is_none());
    assert!(bench.registry.load_current().await.is_err());
    assert!(bench.registry.current().is_none());
}

#[tokio::test]
async fn a_stored_manifest_that_breaks_a_rule_is_named_with_its_deployment() {
    let bench = bench();
    let id = stored_without_a_check(&bench.store, "[app]\nname = \"a\"\ncolour = \"red\"\n").await;
    let error = bench.registry.load(id).await.err().unwrap().to_string();
    assert!(error.contains("deployment 1") && error.contains("line 3"), "{error}");
}

#[tokio::test]
async fn a_refused_bundle_stores_nothing_and_changes_nothing() {
    let bench = bench();
    let main = || ComponentFile::new("main.wasm", "no component");
    let package = |components| Package { manifest: MANIFEST.into(), components };
    let bodies = [
        (Vec::new(), "a line of JSON"),
        (package(vec![]).encode(), "'main.wasm'"),
        (package(vec![main()]).encode(), "'Main'"),
        (package(vec![main(), ComponentFile::new("more.wasm", "")]).encode(), "'more.wasm'"),
        (Package { manifest: "[app]".into(), components: vec![] }.encode(), "longhaul.toml"),
    ];
    for (body, named) in bodies {
        let error: DeployError = bench.deployer.deploy(body.into(), Permit::default()).await.err().unwrap();
        assert!(error.is_refusal(), "{error}");
        assert!(error.to_string().contains(named), "{error}");
    }
    assert_eq!(bench.deployer.deployments().await.unwrap(), []);
    assert!(bench.registry.current().is_none());
}
