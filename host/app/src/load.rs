//! Components made ready to run, found by their functions' names.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use longhaul_core::{DeploymentId, OnReturn, Pin};
use longhaul_wasm::{
    ActivityComponent, AllowedHosts, AppEnvironment, ClientComponent, Component, ComponentError, EntityComponent, Error as WasmError,
    FunctionKind, OrchestratorComponent, Runtime, Secrets,
};

use super::http_activity::{self, HttpActivity};
use super::manifest::{AuthLevel, Cors, FunctionEntry, Kind, Manifest, ScheduleEntry};
use super::registry::Operator;

/// One deployment in memory, ready to run.
pub struct App {
    /// Which deployment this is.
    pub id: DeploymentId,
    /// The app's name.
    pub name: String,
    /// What happens to the tasks that its orchestrators leave open.
    pub on_return: OnReturn,
    /// What all its activities and clients see of the world: settings, and where they may send requests.
    pub environment: Arc<AppEnvironment>,
    /// Its functions as the manifest lists them.
    pub entries: Vec<FunctionEntry>,
    /// Its timers as the manifest lists them.
    pub timers: Vec<ScheduleEntry>,
    /// Pages of which other sites may use it.
    pub cors: Cors,
    pub(super) functions: Functions,
    /// Digests of its components.
    pub(super) digests: Vec<String>,
}

/// A function and its component.
#[derive(Clone)]
pub struct Function<C> {
    /// Its name, as the manifest spells it.
    pub name: Arc<str>,
    /// What runs.
    pub component: C,
}

/// An activity and its bounds.
pub struct ActivityFunction {
    /// The function.
    pub function: Function<ActivityComponent>,
    /// Its longest run, if its manifest says one.
    pub timeout: Option<Duration>,
    /// What it sees of the world: the app's, and its own secrets.
    pub environment: Arc<AppEnvironment>,
}

/// A client function and the requests that reach it.
#[derive(Clone)]
pub struct ClientFunction {
    /// The function.
    pub function: Function<ClientComponent>,
    /// Whose key its callers need.
    pub auth: AuthLevel,
    /// What it sees of the world: the app's, and its own secrets.
    pub environment: Arc<AppEnvironment>,
    methods: Vec<Method>,
}

impl ClientFunction {
    /// Whether its entry in the manifest names the method.
    pub fn names(&self, method: &Method) -> bool {
        self.methods.contains(method)
    }
}

/// The functions of an app by kind and by name in lower case; clients by route in lower case.
pub(super) struct Functions {
    /// What all of them see of the world.
    environment: Arc<AppEnvironment>,
    http_activity: Arc<HttpActivity>,
    orchestrators: HashMap<String, Function<OrchestratorComponent>>,
    activities: HashMap<String, Arc<ActivityFunction>>,
    entities: HashMap<String, Function<EntityComponent>>,
    clients: HashMap<String, ClientFunction>,
}

/// A function cannot be run; the text names it, its component and the cause.
#[derive(Debug, thiserror::Error)]
#[error("function '{function}' (component '{component}'): {source}")]
pub struct RefusedFunction {
    function: Arc<str>,
    component: String,
    source: WasmError,
}

/// A component's digest and bytes.
pub(super) type Code = (String, Bytes);

impl App {
    /// The app of a manifest whose functions are ready.
    pub(super) fn of(id: DeploymentId, manifest: Manifest, functions: Functions, digests: Vec<String>) -> Self {
        Self {
            id,
            environment: functions.environment.clone(),
            on_return: manifest.on_return,
            name: manifest.app,
            entries: manifest.functions,
            timers: manifest.timers,
            cors: manifest.cors,
            functions,
            digests,
        }
    }

    /// What executions that begin on this deployment are pinned to.
    pub fn pin(&self) -> Pin {
        Pin { deployment: self.id, on_return: self.on_return }
    }

    /// The orchestrator of this name, ignoring case.
    pub fn orchestrator(&self, name: &str) -> Option<&Function<OrchestratorComponent>> {
        self.functions.orchestrators.get(&name.to_ascii_lowercase())
    }

    /// The activity of this name, ignoring case.
    pub fn activity(&self, name: &str) -> Option<&Arc<ActivityFunction>> {
        self.functions.activities.get(&name.to_ascii_lowercase())
    }

    /// The activity that sends HTTP requests, if it is meant.
    pub(super) fn http_activity(&self, name: &str) -> Option<&Arc<HttpActivity>> {
        http_activity::is_meant(name).then_some(&self.functions.http_activity)
    }

    /// The entity of this name, ignoring case.
    pub fn entity(&self, name: &str) -> Option<&Function<EntityComponent>> {
        self.functions.entities.get(&name.to_ascii_lowercase())
    }

    /// The client that answers `method` at `path` below `/api/`, ignoring the case of the path. One that takes GET answers HEAD, too.
    pub fn client_by_route(&self, method: &Method, path: &str) -> Option<&ClientFunction> {
        let answers = |client: &&ClientFunction| client.names(method) || *method == Method::HEAD && client.names(&Method::GET);
        self.functions.clients.get(&path.to_ascii_lowercase()).filter(answers)
    }

    /// The orchestrators, as the manifest spells and orders them.
    pub fn orchestrator_names(&self) -> Vec<Arc<str>> {
        self.names_of(Kind::Orchestrator)
    }

    /// The activities, as the manifest spells and orders them.
    pub fn activity_names(&self) -> Vec<Arc<str>> {
        self.names_of(Kind::Activity)
    }

    /// The entities, as the manifest spells and orders them.
    pub fn entity_names(&self) -> Vec<Arc<str>> {
        self.names_of(Kind::Entity)
    }

    /// What to tell someone who asks for an orchestrator that this app does not have.
    pub fn unknown_orchestrator(&self, name: &str) -> String {
        unknown_orchestrator(name, &self.orchestrator_names())
    }

    fn names_of(&self, kind: Kind) -> Vec<Arc<str>> {
        self.entries.iter().filter(|entry| entry.kind == kind).map(|entry| entry.name.clone()).collect()
    }
}

/// What to tell someone who asks for an orchestrator that is not among `existing`. Clients compare how it begins.
fn unknown_orchestrator(name: &str, existing: &[Arc<str>]) -> String {
    let names = existing.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ");
    let known = match existing {
        [] => "the app has no orchestrator functions".to_owned(),
        _ => format!("the orchestrator functions are {names}"),
    };
    format!("The function '{name}' doesn't exist, is disabled, or is not an orchestrator function. Additional info: {known}.")
}

/// Makes every function of a manifest ready, with the operator's say in what they see. Compiles, so it blocks for 50 ms and more per
/// component.
pub(super) fn load_functions(
    runtime: &Runtime,
    manifest: &Manifest,
    operator: &Operator,
    code: &HashMap<String, Code>,
) -> Result<Functions, LoadFailure> {
    let environment = Arc::new(environment_of(manifest, &operator.hosts));
    let mut functions = Functions {
        environment: environment.clone(),
        http_activity: Arc::new(HttpActivity::new(runtime.http_caller(), environment.clone())),
        orchestrators: HashMap::new(),
        activities: HashMap::new(),
        entities: HashMap::new(),
        clients: HashMap::new(),
    };
    let environments = manifest.functions.iter().map(|entry| own_environment(&environment, entry, operator));
    // Before anything is compiled.
    let environments = environments.collect::<Result<Vec<_>, _>>()?;
    for (entry, environment) in manifest.functions.iter().zip(environments) {
        let (sha256, bytes) = code.get(&entry.component).ok_or_else(|| LoadFailure::Missing(entry.component.clone()))?;
        let refused =
            |source| LoadFailure::Refused(RefusedFunction { function: entry.name.clone(), component: entry.component.clone(), source });
        functions.insert(entry, environment, runtime.load(kind_of(entry.kind), sha256, bytes).map_err(refused)?);
    }
    Ok(functions)
}

/// The app's environment, with the secrets of the function if it has any.
fn own_environment(all: &Arc<AppEnvironment>, entry: &FunctionEntry, operator: &Operator) -> Result<Arc<AppEnvironment>, LoadFailure> {
    if entry.secrets.is_empty() {
        return Ok(all.clone());
    }
    let missing = |name: &str| LoadFailure::NoSecret { function: entry.name.clone(), name: name.to_owned() };
    let secrets = operator.secrets.of(&entry.secrets).map_err(missing)?;
    Ok(Arc::new(AppEnvironment { secrets, ..AppEnvironment::clone(all) }))
}

/// Why the functions of a manifest cannot be made ready.
#[derive(Debug, thiserror::Error)]
pub enum LoadFailure {
    /// The manifest names a component that is not there.
    #[error("component '{0}', which the manifest names, is missing")]
    Missing(String),
    /// The operator has not given a secret.
    #[error(
        "function '{function}' needs the secret '{name}', which the host's operator has not given; it belongs into the table [secrets] of \
             the host's settings file"
    )]
    NoSecret {
        /// Who needs it.
        function: Arc<str>,
        /// Its name.
        name: String,
    },
    /// A component cannot be used.
    #[error(transparent)]
    Refused(#[from] RefusedFunction),
}

impl LoadFailure {
    /// Whether the app is to blame, and not the host.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Missing(_) | Self::NoSecret { .. } => true,
            Self::Refused(function) => function.source.is_refusal(),
        }
    }

    /// Whether an app that was taken once fails because of what the operator has changed, or because of the machine.
    pub(super) fn is_for_the_operator(&self) -> bool {
        match self {
            Self::Missing(_) => false,
            Self::NoSecret { .. } => true,
            Self::Refused(function) => match &function.source {
                WasmError::Compiler(_) | WasmError::Component(ComponentError::TooCostly { .. }) => true,
                WasmError::Engine(_) | WasmError::Certificates { .. } | WasmError::Component(_) | WasmError::Digest { .. } => false,
            },
        }
    }
}

/// What the app's guests see, with the operator's say in it.
fn environment_of(manifest: &Manifest, operator: &AllowedHosts) -> AppEnvironment {
    // The manifest's entries were checked when it was read. Should one fail all the same, nothing is allowed.
    let asked = AllowedHosts::parse(&manifest.allowed_hosts).unwrap_or_default();
    AppEnvironment { settings: manifest.settings.clone(), secrets: Secrets::default(), allowed_hosts: asked.and(operator.clone()) }
}

/// The hosts that the manifest asks for and the operator does not allow.
pub(super) fn denied_hosts<'a>(manifest: &'a Manifest, operator: &AllowedHosts) -> Vec<&'a str> {
    let is_denied = |entry: &&String| {
        let allowed = AllowedHosts::parse([entry]).unwrap_or_default().and(operator.clone());
        allowed == AllowedHosts::default()
    };
    manifest.allowed_hosts.iter().filter(is_denied).map(String::as_str).collect()
}

/// The activities that ask for more time than `longest`, with what they ask for.
pub(super) fn too_patient(manifest: &Manifest, longest: Duration) -> Vec<(&str, Duration)> {
    let asking = manifest.of_kind(Kind::Activity).filter_map(|entry| Some((entry.name.as_ref(), entry.timeout?)));
    asking.filter(|(_, timeout)| *timeout > longest).collect()
}

fn kind_of(kind: Kind) -> FunctionKind {
    match kind {
        Kind::Client => FunctionKind::Client,
        Kind::Orchestrator => FunctionKind::Orchestrator,
        Kind::Activity => FunctionKind::Activity,
        Kind::Entity => FunctionKind::Entity,
    }
}

impl Functions {
    fn insert(&mut self, entry: &FunctionEntry, environment: Arc<AppEnvironment>, component: Component) {
        let key = entry.name.to_ascii_lowercase();
        let name = entry.name.clone();
        match component {
            Component::Orchestrator(component) => {
                self.orchestrators.insert(key, Function { name, component });
            }
            Component::Activity(component) => {
                let component = entry.reuse.map(|reuse| component.with_reuse(reuse)).unwrap_or(component);
                let function = Function { name, component };
                self.activities.insert(key, Arc::new(ActivityFunction { function, timeout: entry.timeout, environment }));
            }
            Component::Entity(component) => {
                self.entities.insert(key, Function { name, component });
            }
            Component::Client(component) => {
                let route = entry.route.as_deref().unwrap_or(&entry.name).to_ascii_lowercase();
                let (function, methods) = (Function { name, component }, entry.methods.clone());
                self.clients.insert(route, ClientFunction { function, auth: entry.auth, environment, methods });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_operator_is_told_which_hosts_are_denied() {
        let text = "[app]\nname = \"a\"\n[http]\nallowed-hosts = [\"http://localhost:5000\", \"https://api.example.com\"]\n\
                    [[function]]\nname = \"A\"\nkind = \"activity\"\ncomponent = \"a.wasm\"\n";
        let manifest = Manifest::parse(text).unwrap();
        assert_eq!(denied_hosts(&manifest, &AllowedHosts::Any), Vec::<&str>::new());
        let operator = AllowedHosts::parse(["https://api.example.com:443"]).unwrap();
        assert_eq!(denied_hosts(&manifest, &operator), ["http://localhost:5000"]);
        let allowed = environment_of(&manifest, &operator).allowed_hosts;
        assert!(allowed.allows(&"https://api.example.com/x".parse().unwrap()));
        assert!(!allowed.allows(&"http://localhost:5000/".parse().unwrap()));
    }

    #[test]
    fn an_unknown_orchestrator_is_named_with_those_that_exist() {
        let text = unknown_orchestrator("Nope", &["Main".into(), "Other".into()]);
        let start = "The function 'Nope' doesn't exist, is disabled, or is not an orchestrator function.";
        assert!(text.starts_with(start) && text.contains("'Main', 'Other'"), "{text}");
        assert!(unknown_orchestrator("Nope", &[]).contains("no orchestrator functions"));
    }
}
