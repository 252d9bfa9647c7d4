//! The engine without the program around it, so that a test can choose its store and count what it does.

use std::path::Path;
use std::sync::Arc;

use longhaul_app::Registry;
use longhaul_app::deployment::Deployer;
use longhaul_app::read::{Overrides, read_app};
use longhaul_engine::Permit;
use longhaul_engine::{Engine, EngineConfig};
use longhaul_store::Store;
use longhaul_wasm::{AllowedHosts, Config, Runtime};

/// An engine on `store` with the app `hello-cities` deployed, and the registry that holds the app.
#[allow(dead_code, reason = "a module of several test programs; some have a writer")]
pub async fn engine_on(store: Arc<dyn Store>) -> (Engine, Arc<Registry>) {
    engine_with(store, EngineConfig::default()).await
}

/// The same with settings.
pub async fn engine_with(store: Arc<dyn Store>, config: EngineConfig) -> (Engine, Arc<Registry>) {
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled");
    let runtime = Runtime::new(Config { compiled_cache: Some(cache), ..Config::default() }).unwrap();
    let registry = Registry::new(store.clone(), runtime.clone(), AllowedHosts::default());
    let app = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../guest-functions/hello-cities");
    let (package, _manifest) = read_app(&app, &Overrides::default()).expect("guests are built: run `cargo xtask guests`");
    Deployer::new(store.clone(), runtime, registry.clone()).deploy(package.encode().into(), Permit::default()).await.unwrap();
    let engine = Engine::run(store, registry.clone(), config).await.unwrap();
    (engine, registry)
}
