//! Engines, one after the other, over one store. Each lives on a runtime of its own, so that its
//! end leaves nothing of it.

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use longhaul_app::Registry;
use longhaul_app::deployment::Deployer;
use longhaul_app::package::{ComponentFile, Package};
use longhaul_engine::{Engine, EngineConfig};
use longhaul_store::MemoryStore;
use longhaul_wasm::{AllowedHosts, Config, Limits, Runtime};
use tokio::runtime::Builder;

use crate::store::GatedStore;
use crate::universe::Universe;

/// How long until a host that ended is started again.
const RESTART_PAUSE: Duration = Duration::from_millis(700);

/// The functions that are run: those of the app of test guests that need nothing from outside.
/// Activities are simulated.
const MANIFEST: &str = r#"
[app]
name = "simulated"

[[function]]
name = "Interpreter"
kind = "orchestrator"
component = "components/interpreter.wasm"

[[function]]
name = "Child"
kind = "orchestrator"
component = "components/callers.wasm"

[[function]]
name = "Collect"
kind = "orchestrator"
component = "components/model_orchestrators.wasm"

[[function]]
name = "Grow"
kind = "orchestrator"
component = "components/model_orchestrators.wasm"

[[function]]
name = "Patient"
kind = "orchestrator"
component = "components/model_orchestrators.wasm"

[[function]]
name = "Section"
kind = "orchestrator"
component = "components/model_orchestrators.wasm"

[[function]]
name = "SignalLater"
kind = "orchestrator"
component = "components/model_orchestrators.wasm"

[[function]]
name = "Account"
kind = "entity"
component = "components/model_entities.wasm"
"#;

/// What an engine is made of.
#[derive(Clone)]
pub struct Life {
    /// The world it lives in.
    pub universe: Arc<Universe>,
    /// Its store.
    pub store: Arc<GatedStore>,
    /// How it works.
    pub config: EngineConfig,
}

impl Life {
    /// Starts an engine and lets `script` use it, until the script ends, the universe has it crash
    /// or `longest` has passed. Returns what the script made, if it came to its end.
    pub fn live<T, S>(&self, longest: Duration, script: S) -> Option<T>
    where
        S: AsyncFnOnce(Engine) -> T,
    {
        let registry = registry();
        let universe = self.universe.clone();
        let mut runtime = Builder::new_current_thread();
        runtime.enable_time().start_paused(true).on_thread_park(move || universe.nothing_runs());
        let runtime = runtime.build().expect("a runtime without I/O");
        let made = runtime.block_on(async {
            self.universe.begin();
            let life = async {
                let engine = self.start(&registry).await;
                self.universe.look_at(Some(engine.clone()));
                script(engine).await
            };
            tokio::select! {
                biased;
                () = self.universe.crashed() => None,
                made = tokio::time::timeout(longest, life) => made.ok(),
            }
        });
        {
            let _on = runtime.enter();
            self.universe.end(RESTART_PAUSE);
            self.universe.look_at(None);
        }
        drop(runtime);
        made
    }

    /// A host whose store cannot be read ends and is started again.
    async fn start(&self, registry: &Arc<Registry>) -> Engine {
        loop {
            let (store, registry) = (self.store.clone(), registry.clone());
            match Engine::simulate(store, registry, self.config.clone(), self.universe.clone()).await {
                Ok(engine) => return engine,
                Err(_) => tokio::time::sleep(RESTART_PAUSE).await,
            }
        }
    }
}

/// The app, loaded once for all runs of this process.
///
/// # Panics
/// When the guests are not built.
pub fn registry() -> Arc<Registry> {
    static REGISTRY: OnceLock<Arc<Registry>> = OnceLock::new();
    REGISTRY.get_or_init(load).clone()
}

fn load() -> Arc<Registry> {
    let cache = std::env::temp_dir().join("longhaul-simulation-compiled");
    // Nothing here is slow, and a deadline missed on a busy machine would make a run that no seed
    // repeats.
    let limits = Limits { turn_deadline: Duration::from_secs(600), ..Limits::default() };
    let runtime = Runtime::new(Config { compiled_cache: Some(cache), limits, ..Config::default() }).expect("a runtime for guests");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../guest-functions/test-guests");
    let component = |path: &str| {
        let file = folder.join(path);
        let bytes = std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}; run `cargo xtask guests`", file.display()));
        ComponentFile::new(path, bytes)
    };
    let components =
        ["interpreter", "callers", "model_orchestrators", "model_entities"].map(|name| component(&format!("components/{name}.wasm")));
    let package = Package { manifest: MANIFEST.into(), components: components.into() };
    let store = Arc::new(MemoryStore::new());
    let registry = Registry::new(store.clone(), runtime.clone(), AllowedHosts::default());
    let deployer = Deployer::new(store, runtime, registry.clone());
    let loading = std::thread::spawn(move || {
        let runtime = Builder::new_current_thread().build().expect("a runtime without anything");
        runtime
            .block_on(deployer.deploy(package.encode().into(), longhaul_engine::Permit::default()))
            .map(drop)
            .map_err(|error| error.to_string())
    });
    loading.join().expect("loading does not panic").expect("the app can be loaded");
    registry
}
