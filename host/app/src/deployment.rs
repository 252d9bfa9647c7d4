//! Taking a new deployment, as a whole or not at all.
//!
//! Everything is checked and compiled before the store hears of it, and the store takes it in one transaction. So a refused
//! deployment changes nothing, and one that is current after a crash is one that can run.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use longhaul_core::DeploymentId;
use longhaul_engine::clock;
use longhaul_store::{Deployment, Error as StoreError, Store};
use longhaul_wasm::{AllowedHosts, Runtime};
use tokio::sync::Mutex;

use super::load::{App, Code, Functions, LoadFailure, denied_hosts, load_functions, too_patient};
use super::manifest::{Manifest, ManifestError};
use super::package::{Package, PackageError};
use super::registry::{LoadError, Operator, Registry};
use longhaul_engine::Permit;

/// Takes deployments, one at a time.
#[derive(Clone)]
pub struct Deployer {
    store: Arc<dyn Store>,
    runtime: Arc<Runtime>,
    registry: Arc<Registry>,
    one_at_a_time: Arc<Mutex<()>>,
}

/// A deployment that was taken.
pub struct Deployed {
    /// What is current now.
    pub app: Arc<App>,
    /// Whether it was current before, with the same manifest and components: nothing was stored then.
    pub unchanged: bool,
    /// What the operator should know, for instance hosts that the manifest names in vain.
    pub warnings: Vec<String>,
}

/// Why a deployment was not taken. Nothing changed in any of these cases.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// The body is no package.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// The manifest breaks a rule.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// A function cannot be run.
    #[error(transparent)]
    Function(#[from] LoadFailure),
    /// A component is sent that no function uses.
    #[error("component '{0}' is sent, but no function of the manifest names it")]
    Superfluous(String),
    /// The store did not take it.
    #[error("cannot store the deployment: {0}")]
    Store(#[from] StoreError),
    /// The deployment that is current cannot be read.
    #[error(transparent)]
    Current(#[from] LoadError),
    /// Leave to deploy ended before it was deployed.
    #[error("leave to deploy has ended")]
    Denied,
    /// The job that checks it broke off.
    #[error("the check of the deployment broke off: {0}")]
    Broken(String),
}

impl DeployError {
    /// Whether the package is to blame, and not the host.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Package(_) | Self::Manifest(_) | Self::Superfluous(_) => true,
            Self::Function(failure) => failure.is_refusal(),
            Self::Store(_) | Self::Current(_) | Self::Denied | Self::Broken(_) => false,
        }
    }
}

/// A package that may be stored.
struct Checked {
    package: Package,
    manifest: Manifest,
    functions: Functions,
}

impl Deployer {
    /// Stores into `store` and makes current in `registry`.
    pub fn new(store: Arc<dyn Store>, runtime: Arc<Runtime>, registry: Arc<Registry>) -> Self {
        Self { store, runtime, registry, one_at_a_time: Arc::default() }
    }

    /// Takes the body of a deployment, if `permit` still holds once it is checked. Returns once it is on stable storage and new instances begin on
    /// it.
    ///
    /// # Errors
    /// [`DeployError`]; [`DeployError::is_refusal`] tells a bad package from a host in trouble.
    pub async fn deploy(&self, body: Bytes, permit: Permit) -> Result<Deployed, DeployError> {
        let this = self.clone();
        // A job of its own: a client that hangs up must not stop a transaction halfway.
        let job = tokio::spawn(async move { this.deploy_alone(body, &permit).await });
        job.await.unwrap_or_else(|panic| Err(DeployError::Broken(panic.to_string())))
    }

    /// All deployments, newest first.
    ///
    /// # Errors
    /// What the store says.
    pub async fn deployments(&self) -> Result<Vec<Deployment>, StoreError> {
        let store = self.store.clone();
        let job = tokio::spawn(async move { store.deployments().await });
        job.await.unwrap_or_else(|panic| Err(StoreError::Unavailable(panic.to_string())))
    }

    async fn deploy_alone(&self, body: Bytes, permit: &Permit) -> Result<Deployed, DeployError> {
        let _alone = self.one_at_a_time.lock().await;
        let (runtime, operator) = (self.runtime.clone(), self.registry.operator().clone());
        let check = tokio::task::spawn_blocking(move || check(&runtime, &operator, &body));
        let checked = check.await.unwrap_or_else(|panic| Err(DeployError::Broken(panic.to_string())));
        if checked.is_err() {
            // What was compiled before the check failed is of no use to anyone.
            self.registry.forget_unused();
        }
        let Checked { package, manifest, functions } = checked?;
        // Compiling takes minutes at worst.
        if !permit.holds() {
            return Err(DeployError::Denied);
        }
        let warnings = warnings(&manifest, &self.registry.operator().hosts, self.runtime.limits().max_activity_deadline);
        let wanted = deployment_of(&package, &manifest);
        if let Some(current) = self.store.current().await?
            && is_same(&current, &wanted)
        {
            let app = self.registry.load(current.id).await?;
            self.registry.make_current(app.clone());
            return Ok(Deployed { app, unchanged: true, warnings });
        }
        let digests = package.components.iter().map(|file| file.sha256.clone()).collect();
        let components = package.components.into_iter().map(|file| (file.sha256, file.bytes.to_vec())).collect();
        let id = self.store.deploy(wanted, components).await?;
        let app = Arc::new(App::of(id, manifest, functions, digests));
        self.registry.make_current(app.clone());
        Ok(Deployed { app, unchanged: false, warnings })
    }
}

/// Everything that can be wrong with a body, and the compiled functions if nothing is. Blocks.
fn check(runtime: &Runtime, operator: &Operator, body: &Bytes) -> Result<Checked, DeployError> {
    let package = Package::decode(body)?;
    let manifest = Manifest::parse(&package.manifest)?;
    let used = manifest.component_paths();
    if let Some(file) = package.components.iter().find(|file| !used.contains(&file.path.as_str())) {
        return Err(DeployError::Superfluous(file.path.clone()));
    }
    let code: HashMap<String, Code> =
        package.components.iter().map(|file| (file.path.clone(), (file.sha256.clone(), file.bytes.clone()))).collect();
    let functions = load_functions(runtime, &manifest, operator, &code)?;
    Ok(Checked { package, manifest, functions })
}

fn deployment_of(package: &Package, manifest: &Manifest) -> Deployment {
    let components = package.components.iter().map(|file| (file.path.clone(), file.sha256.clone())).collect();
    // The store gives the number.
    let id = DeploymentId(0);
    Deployment { id, app: manifest.app.clone(), manifest: package.manifest.clone(), components, created_at: clock::now() }
}

/// Whether two deployments would run the same: then the second is none, and deploying twice does no harm.
fn is_same(current: &Deployment, wanted: &Deployment) -> bool {
    let sorted = |deployment: &Deployment| {
        let mut components = deployment.components.clone();
        components.sort();
        components
    };
    current.app == wanted.app && current.manifest == wanted.manifest && sorted(current) == sorted(wanted)
}

fn warnings(manifest: &Manifest, operator: &AllowedHosts, longest: Duration) -> Vec<String> {
    let denied = |host: &str| format!("the manifest allows '{host}', the host's operator does not; start it with --allow-outbound {host}");
    let cut = |(name, timeout): (&str, Duration)| {
        let (asked, granted) = (timeout.as_secs_f64(), longest.as_secs_f64());
        format!(
            "activity '{name}' asks for {asked} s, the host's operator grants {granted} s; start it with --max-activity-timeout-seconds"
        )
    };
    let denied = denied_hosts(manifest, operator).into_iter().map(denied);
    denied.chain(too_patient(manifest, longest).into_iter().map(cut)).collect()
}

#[cfg(test)]
mod tests {
    use longhaul_core::Timestamp;

    use super::*;

    #[test]
    fn an_activity_that_asks_for_too_much_time_is_a_warning() {
        let text = "[app]\nname = \"a\"\n[[function]]\nname = \"A\"\nkind = \"activity\"\ncomponent = \"a.wasm\"\ntimeout = \"2h\"\n";
        let warned = |longest| warnings(&Manifest::parse(text).unwrap(), &AllowedHosts::Any, Duration::from_secs(longest));
        assert_eq!(warned(7_200), Vec::<String>::new());
        assert!(warned(60)[0].contains("activity 'A' asks for 7200 s, the host's operator grants 60 s"), "{:?}", warned(60));
    }

    #[test]
    fn the_order_of_components_makes_no_new_deployment_but_their_bytes_do() {
        let component = |path: &str, sha256: &str| (path.to_owned(), sha256.to_owned());
        let one = Deployment {
            id: DeploymentId(1),
            app: "a".into(),
            manifest: "m".into(),
            components: vec![component("x", "1"), component("y", "2")],
            created_at: Timestamp(1),
        };
        let same = Deployment {
            id: DeploymentId(0),
            components: vec![component("y", "2"), component("x", "1")],
            created_at: Timestamp(9),
            ..one.clone()
        };
        let other = Deployment { components: vec![component("x", "1"), component("y", "3")], ..one.clone() };
        assert!(is_same(&one, &same));
        assert!(!is_same(&one, &other));
        assert!(!is_same(&one, &Deployment { manifest: "n".into(), ..one.clone() }));
    }
}
