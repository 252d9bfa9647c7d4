//! The deployments in memory, and which of them is current.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use longhaul_core::DeploymentId;
use longhaul_engine::recorder::{Entry, Key, Recorder};
use longhaul_store::{Deployment, Deployments, Error as StoreError};
use longhaul_wasm::{AllowedHosts, GuestCounts, GuestMemory, HttpCaller, Runtime};
use tokio::sync::{OnceCell, watch};

use super::load::{App, Code, LoadFailure, load_functions};
use super::manifest::{Manifest, ManifestError};
use super::secrets::OperatorSecrets;

/// Most deployments in memory. An older one that is wanted again is read again, in milliseconds if its compiled code is cached.
const MAX_LOADED: usize = 16;

/// The deployments in memory. Instances are pinned to one each; new instances begin on the current one.
pub struct Registry {
    store: Arc<dyn Deployments>,
    runtime: Arc<Runtime>,
    operator: Arc<Operator>,
    current: watch::Sender<Option<Arc<App>>>,
    /// One cell per deployment that was ever asked for: who comes while it is filled waits for it.
    loaded: Mutex<HashMap<DeploymentId, Arc<OnceCell<Arc<App>>>>>,
    recorder: OnceLock<Arc<Recorder>>,
}

/// What the operator has a say in.
#[derive(Clone, Default)]
pub struct Operator {
    /// Where guests may send requests, if their manifest says so too.
    pub hosts: AllowedHosts,
    /// What functions may read, if their manifest says so.
    pub secrets: OperatorSecrets,
}

/// An operator without secrets.
impl From<AllowedHosts> for Operator {
    fn from(hosts: AllowedHosts) -> Self {
        Self { hosts, secrets: OperatorSecrets::default() }
    }
}

/// Why a deployment cannot be brought into memory.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// No such deployment is stored.
    #[error("there is no deployment {0}")]
    Unknown(DeploymentId),
    /// The store could not be read.
    #[error("cannot read deployment {0}: {1}")]
    Store(DeploymentId, #[source] StoreError),
    /// Its manifest is not one that this version takes.
    #[error("cannot use deployment {0}: {1}")]
    Manifest(DeploymentId, #[source] ManifestError),
    /// One of its functions cannot be run.
    #[error("cannot use deployment {0}: {1}")]
    Function(DeploymentId, #[source] LoadFailure),
    /// The job that loads it broke off.
    #[error("cannot load deployment {0}: {1}")]
    Broken(DeploymentId, String),
}

impl LoadError {
    /// Whether trying again later can help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Store(_, error) => error.is_transient(),
            Self::Function(_, failure) => !failure.is_refusal(),
            Self::Unknown(_) | Self::Manifest(..) | Self::Broken(..) => false,
        }
    }

    /// Whether the operator can mend it, by other settings or more room on the machine.
    pub fn is_for_the_operator(&self) -> bool {
        match self {
            Self::Function(_, failure) => failure.is_for_the_operator(),
            Self::Unknown(_) | Self::Store(..) | Self::Manifest(..) | Self::Broken(..) => false,
        }
    }
}

impl Registry {
    /// A registry with nothing in memory. Guests may reach and read what `operator` and their manifest both allow.
    pub fn new(store: Arc<dyn Deployments>, runtime: Arc<Runtime>, operator: impl Into<Operator>) -> Arc<Self> {
        let (current, _) = watch::channel(None);
        Arc::new(Self { store, runtime, operator: Arc::new(operator.into()), current, loaded: Mutex::default(), recorder: OnceLock::new() })
    }

    /// Has loads recorded, so that a deployment that ends the host when it is loaded does not end it at every start.
    pub fn record_loads(&self, recorder: Arc<Recorder>) {
        // Told once, by the starting host.
        let _ = self.recorder.set(recorder);
    }

    /// The deployment that new instances begin on; `None` until the first deploy.
    pub fn current(&self) -> Option<Arc<App>> {
        self.current.borrow().clone()
    }

    /// Tells of each change of the current deployment.
    pub fn changes(&self) -> watch::Receiver<Option<Arc<App>>> {
        self.current.subscribe()
    }

    /// A deployment that is in memory already.
    pub fn get(&self, id: DeploymentId) -> Option<Arc<App>> {
        self.cells().get(&id).and_then(|cell| cell.get().cloned())
    }

    /// A deployment, from memory or from the store. It is loaded once, however many ask for it at a time; a failure is not kept.
    ///
    /// # Errors
    /// [`LoadError`]; [`LoadError::is_transient`] says whether to ask again.
    pub async fn load(self: &Arc<Self>, id: DeploymentId) -> Result<Arc<App>, LoadError> {
        let cell = self.cells().entry(id).or_default().clone();
        let registry = self.clone();
        // A job of its own: the store's futures must not be dropped halfway when the caller goes away.
        let job = || async move {
            let loaded = tokio::spawn(async move { registry.read(id).await }).await;
            loaded.unwrap_or_else(|panic| Err(LoadError::Broken(id, panic.to_string())))
        };
        let app = cell.get_or_try_init(job).await.cloned()?;
        self.make_room(id);
        Ok(app)
    }

    /// Brings the store's current deployment into memory; called once, before anything runs.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub async fn load_current(self: &Arc<Self>) -> Result<Option<Arc<App>>, LoadError> {
        let stored = self.store.current().await.map_err(|error| LoadError::Store(DeploymentId(0), error))?;
        let Some(stored) = stored else { return Ok(None) };
        let app = self.load(stored.id).await?;
        self.current.send_replace(Some(app.clone()));
        Ok(Some(app))
    }

    /// Takes a deployment that the store has just accepted as current.
    pub(super) fn make_current(&self, app: Arc<App>) {
        let id = app.id;
        self.cells().insert(id, Arc::new(OnceCell::new_with(Some(app.clone()))));
        self.current.send_replace(Some(app));
        self.make_room(id);
    }

    /// Lets go of components that no deployment in memory uses.
    pub(super) fn forget_unused(&self) {
        let cells = self.cells();
        let used: HashSet<&str> =
            cells.values().filter_map(|cell| cell.get()).flat_map(|app| app.digests.iter().map(String::as_str)).collect();
        self.runtime.unload_except(|_kind, sha256| used.contains(sha256));
    }

    /// Lets go of the oldest deployments beyond [`MAX_LOADED`], never of the current one or of `wanted`. Guests that run on one go on.
    fn make_room(&self, wanted: DeploymentId) {
        let current = self.current().map(|app| app.id);
        let mut cells = self.cells();
        let mut loaded: Vec<_> = cells.iter().filter(|(_, cell)| cell.initialized()).map(|(id, _)| *id).collect();
        if loaded.len() <= MAX_LOADED {
            return;
        }
        loaded.sort();
        let surplus = loaded.len() - MAX_LOADED;
        for id in loaded.into_iter().filter(|id| *id != wanted && Some(*id) != current).take(surplus) {
            cells.remove(&id);
        }
        drop(cells);
        self.forget_unused();
    }

    /// How many guests of each kind were made so far.
    pub fn guest_counts(&self) -> &GuestCounts {
        self.runtime.counts()
    }

    /// What activities and client functions that run share.
    pub fn guest_memory(&self) -> &GuestMemory {
        self.runtime.memory()
    }

    /// Sends requests of the host's own.
    pub fn http_caller(&self) -> HttpCaller {
        self.runtime.http_caller()
    }

    /// Lets guests that compute for long go on side by side, so that they end sooner.
    pub fn end_waits_for_processors(&self) {
        self.runtime.end_waits_for_processors();
    }

    /// Interrupts orchestrators and entities that compute, and refuses further calls of them.
    pub fn end_guests(&self) {
        self.runtime.end_guests();
    }

    pub(super) fn operator(&self) -> &Arc<Operator> {
        &self.operator
    }

    async fn read(&self, id: DeploymentId) -> Result<Arc<App>, LoadError> {
        let store_failed = |error| LoadError::Store(id, error);
        let stored = self.store.deployment(id).await.map_err(store_failed)?.ok_or(LoadError::Unknown(id))?;
        let mut code: HashMap<String, Code> = HashMap::new();
        for (path, sha256) in &stored.components {
            let bytes = self.store.component(sha256).await.map_err(store_failed)?;
            let bytes = bytes.ok_or_else(|| LoadError::Function(id, LoadFailure::Missing(path.clone())))?;
            code.insert(path.clone(), (sha256.clone(), bytes.into()));
        }
        let (runtime, operator) = (self.runtime.clone(), self.operator.clone());
        let entry = self.ask_to_load(id).await?;
        let job = tokio::task::spawn_blocking(move || app_of(&runtime, &operator, &stored, &code));
        let loaded = job.await.unwrap_or_else(|panic| Err(LoadError::Broken(id, panic.to_string()))).map(Arc::new);
        entry.into_iter().for_each(Entry::ended);
        loaded
    }

    async fn ask_to_load(&self, id: DeploymentId) -> Result<Option<Entry>, LoadError> {
        let Some(recorder) = self.recorder.get() else { return Ok(None) };
        let key = Key::of(&[b"deployment", &id.0.to_le_bytes()]);
        // The refusal stays: to load it once more could end the host once more.
        let alone = recorder.admit(&key).await.map_err(|reason| {
            LoadError::Broken(
                id,
                format!("{reason}; deploy another, or stop the host and remove 'attempts' from its data folder to try again"),
            )
        })?;
        Ok(recorder.begin(key, alone))
    }

    fn cells(&self) -> std::sync::MutexGuard<'_, HashMap<DeploymentId, Arc<OnceCell<Arc<App>>>>> {
        // Every change of the map is one call that cannot stop halfway.
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn app_of(runtime: &Runtime, operator: &Operator, stored: &Deployment, code: &HashMap<String, Code>) -> Result<App, LoadError> {
    let manifest = Manifest::parse_stored(&stored.manifest).map_err(|error| LoadError::Manifest(stored.id, error))?;
    let functions = load_functions(runtime, &manifest, operator, code).map_err(|error| LoadError::Function(stored.id, error))?;
    let digests = stored.components.iter().map(|(_, sha256)| sha256.clone()).collect();
    Ok(App::of(stored.id, manifest, functions, digests))
}

#[cfg(test)]
mod tests;
