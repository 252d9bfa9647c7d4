//! The settings of `longhaul serve`: one list for the command line and the file, with defaults.

mod access;
mod guests;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, anyhow, ensure};
use clap::Args;
use longhaul_engine::EngineConfig;
use longhaul_wasm::{AllowedHosts, Compiler};
use serde::Deserialize;

use longhaul_app::files::given;
use longhaul_app::origin;
use longhaul_app::secrets::SecretSource;
use longhaul_http::HttpConfig;
use longhaul_http::auth::AccessConfig;
use longhaul_http::router::MANAGEMENT_PREFIX;
use longhaul_http::rpc::RpcPort;
use longhaul_http::server::tls::TlsFiles;
use longhaul_http::server::{ServerLimits, is_loopback};

mod limits;
mod memory;
mod words;

pub use words::{Auth, Links, ReusableStates};

pub use limits::LimitOptions;

const DEFAULT_LISTEN: &str = "127.0.0.1:7071";
/// Folder for everything that survives, unless another is named.
pub const DEFAULT_DATA: &str = "./longhaul-data";
const DEFAULT_TASK_HUB: &str = "TestHubName";
const DEFAULT_MAX_BODY_BYTES: usize = 32 * 1024 * 1024;
const DEFAULT_MAX_DEPLOYMENT_BYTES: usize = 256 * 1024 * 1024;
const DEFAULT_MAX_CONNECTIONS: usize = 4_096;
const DEFAULT_MAX_RUNNING_ACTIVITIES: usize = 256;
const DEFAULT_HEADER_DEADLINE_SECONDS: u64 = 30;
const DEFAULT_DRAIN_DEADLINE_SECONDS: u64 = 10;

/// Settings as they were written; what is absent has a default.
#[derive(Args, Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ServeOptions {
    /// Address to listen on; port 0 takes a free one, which the first line of output names [default: 127.0.0.1:7071]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<String>,

    /// File in PEM with the host's certificate and those that lead from it to an authority. With it the host speaks https and nothing else
    /// where it listens; local RPC stays plain [default: plain http]
    #[arg(long, value_name = "FILE")]
    pub tls_certificate: Option<PathBuf>,

    /// File in PEM with the key of the certificate, without a passphrase, which only its owner may read
    #[arg(long, value_name = "FILE")]
    pub tls_key: Option<PathBuf>,

    /// Port of the local RPC listener, by which client libraries of Azure Durable Functions on this machine reach the host; 0 takes a
    /// free one, 'off' has none. It listens on 127.0.0.1 only [default: 17071, or a free one of 30000-30999 if that is taken]
    #[arg(long, value_name = "PORT|off")]
    pub rpc_port: Option<RpcPort>,

    /// Scheme, host and port by which others reach the host, such as https://functions:8443. Stands in the addresses that are handed
    /// out by local RPC and in the client binding [default: the address listened on]
    #[arg(long, value_name = "URL")]
    pub public_url: Option<String>,

    /// Believe the headers X-Forwarded-Host and X-Forwarded-Proto, where a request has both, about the address that its caller used.
    /// Only for hosts behind a proxy that sets them [default: false]
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub use_forwarded_host: Option<bool>,

    /// Whether callers need keys. 'keys': every route but the open ones wants one, or a token from an address that the host handed out.
    /// 'none': every caller that reaches the listener may use it; administration is for callers on the same machine
    /// [default: 'none' while listening on a loopback address that no proxy is said to stand before, else 'keys']
    #[arg(long, value_name = "MODE", ignore_case = true)]
    pub auth: Option<Auth>,

    /// Listen on an address that others can reach although callers need no keys: all of them may use the host then [default: false]
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub allow_unauthenticated: Option<bool>,

    /// What stands in the addresses that are handed out for an instance, where callers need keys. 'token': one that is good for this
    /// instance and what the address does. 'system-key': the key of the client binding, as in Azure, good for everything on every
    /// instance [default: token]
    #[arg(long, value_name = "FORM", ignore_case = true)]
    pub links: Option<Links>,

    /// How long a token in an address is good, in hours [default: 720]
    #[arg(long, value_name = "HOURS")]
    pub link_lifetime_hours: Option<u64>,

    /// A name besides localhost and that of --public-url by which the host is called; can be repeated. Requests for other names are
    /// refused where a page on the web could have sent them. '*' takes every name
    #[arg(long, value_name = "NAME")]
    pub host_name: Option<Vec<String>>,

    /// Folder for the database and compiled code, made if it is missing [default: ./longhaul-data]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,

    /// Deploy the app in this folder before serving, unless it is current already
    #[arg(long, value_name = "DIR")]
    pub app: Option<PathBuf>,

    /// Let activities and clients reach this host, if their manifest names it too; can be repeated. '*' leaves the choice to
    /// the manifest. Written like http://localhost:5000, compared with its scheme and port
    /// [default: '*' while listening on a loopback address, else nothing]
    #[arg(long, value_name = "HOST")]
    pub allow_outbound: Option<Vec<String>>,

    /// File in PEM with certificate authorities of your own, which outgoing https requests trust besides the system's
    #[arg(long, value_name = "FILE")]
    pub outbound_ca_file: Option<PathBuf>,

    /// The name of the task hub, which stands in the addresses that the host hands out [default: TestHubName]
    #[arg(long, value_name = "NAME")]
    pub task_hub: Option<String>,

    /// Which instances a start with the same id may replace: NonRunningStates are those that have ended, a live one is answered with 409;
    /// with AnyState a live one is terminated first [default: NonRunningStates]
    #[arg(long, value_name = "STATES", ignore_case = true)]
    pub overridable_existing_instance_states: Option<ReusableStates>,

    /// Threads that run orchestrators and entities [default: one for each core]
    #[arg(long, value_name = "COUNT")]
    pub guest_threads: Option<usize>,

    /// Most waiting instances kept in memory; the others come back by replay [default: 2000]
    #[arg(long, value_name = "COUNT")]
    pub max_hot_instances: Option<usize>,

    /// Drop every instance from memory after each turn, so that each turn begins with a replay: slow, for tests
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub evict_after_every_turn: Option<bool>,

    /// Write each commit in a transaction of its own instead of all that have gathered: slow, for tests
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub one_commit_per_batch: Option<bool>,

    /// Longest call of an orchestrator or entity, in milliseconds. An instance whose calls take longer three times in a row is set
    /// aside [default: 10000]
    #[arg(long, value_name = "MILLISECONDS")]
    pub turn_deadline_ms: Option<u64>,

    /// Most memory of an orchestrator or entity guest, in bytes: 100,000 tasks at a time take about 70 MiB in Rust, an input or result some
    /// times its length [default: 268435456]
    #[arg(long, value_name = "BYTES")]
    pub orchestrator_memory_bytes: Option<usize>,

    /// Folder for compiled code, made if it is missing. Hosts may share one; a user that can write there can run code in the host
    /// [default: 'compiled' in the data folder]
    #[arg(long, value_name = "DIR")]
    pub compiled_cache: Option<PathBuf>,

    /// Most activities running at a time; more wait [default: 256]
    #[arg(long, value_name = "COUNT")]
    pub max_running_activities: Option<usize>,

    /// Longest run of an activity that has no timeout of its own, in seconds [default: 300]
    #[arg(long, value_name = "SECONDS")]
    pub activity_timeout_seconds: Option<u64>,

    /// Longest run of any activity, in seconds: longer timeouts of manifests and calls are cut to it [default: 86400]
    #[arg(long, value_name = "SECONDS")]
    pub max_activity_timeout_seconds: Option<u64>,

    /// Longest output of an activity, in bytes; a longer one is a failure [default: 33554432]
    #[arg(long, value_name = "BYTES")]
    pub max_activity_output_bytes: Option<usize>,

    /// Most client functions running at a time; more wait [default: 256]
    #[arg(long, value_name = "COUNT")]
    pub max_running_requests: Option<usize>,

    /// Most guests that compute at a time among those that do so for long; they take turns. More of them get done sooner, and others wait
    /// for processors [default: one less than there are processors, at least 1]
    #[arg(long, value_name = "COUNT")]
    pub max_background_guests: Option<usize>,

    /// Longest body of a request in bytes; a longer one is answered with 413 [default: 33554432]
    #[arg(long, value_name = "BYTES")]
    pub max_body_bytes: Option<usize>,

    /// Longest body of a deployment in bytes [default: 268435456]
    #[arg(long, value_name = "BYTES")]
    pub max_deployment_bytes: Option<usize>,

    /// Most connections at a time; more wait [default: 4096]
    #[arg(long, value_name = "COUNT")]
    pub max_connections: Option<usize>,

    /// Longest wait for the head of a request, in seconds [default: 30]
    #[arg(long, value_name = "SECONDS")]
    pub header_deadline_seconds: Option<u64>,

    /// Longest wait for the requests in flight when the host stops, in seconds [default: 10]
    #[arg(long, value_name = "SECONDS")]
    pub drain_deadline_seconds: Option<u64>,

    /// Limits on what comes in. In a file they are keys of the table `[limits]`.
    #[command(flatten)]
    pub limits: LimitOptions,

    /// Secrets that functions may read: the table `[secrets]` of a file. A command line is no place for them.
    #[arg(skip)]
    pub secrets: BTreeMap<String, SecretSource>,
}

impl ServeOptions {
    /// Reads a settings file.
    ///
    /// # Errors
    /// When the file cannot be read, is not TOML, or has an unknown key; the text names the line.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = given::read_text(path).with_context(|| format!("cannot read the settings file {}", path.display()))?;
        toml::from_str(&text).with_context(|| format!("the settings file {} has a mistake", path.display()))
    }

    /// These settings, and those of `file` where these say nothing.
    pub fn or(self, file: Self) -> Self {
        Self {
            listen: self.listen.or(file.listen),
            tls_certificate: self.tls_certificate.or(file.tls_certificate),
            tls_key: self.tls_key.or(file.tls_key),
            rpc_port: self.rpc_port.or(file.rpc_port),
            public_url: self.public_url.or(file.public_url),
            use_forwarded_host: self.use_forwarded_host.or(file.use_forwarded_host),
            auth: self.auth.or(file.auth),
            allow_unauthenticated: self.allow_unauthenticated.or(file.allow_unauthenticated),
            links: self.links.or(file.links),
            link_lifetime_hours: self.link_lifetime_hours.or(file.link_lifetime_hours),
            host_name: self.host_name.or(file.host_name),
            data: self.data.or(file.data),
            app: self.app.or(file.app),
            allow_outbound: self.allow_outbound.or(file.allow_outbound),
            outbound_ca_file: self.outbound_ca_file.or(file.outbound_ca_file),
            task_hub: self.task_hub.or(file.task_hub),
            overridable_existing_instance_states: self.overridable_existing_instance_states.or(file.overridable_existing_instance_states),
            guest_threads: self.guest_threads.or(file.guest_threads),
            max_hot_instances: self.max_hot_instances.or(file.max_hot_instances),
            evict_after_every_turn: self.evict_after_every_turn.or(file.evict_after_every_turn),
            one_commit_per_batch: self.one_commit_per_batch.or(file.one_commit_per_batch),
            turn_deadline_ms: self.turn_deadline_ms.or(file.turn_deadline_ms),
            orchestrator_memory_bytes: self.orchestrator_memory_bytes.or(file.orchestrator_memory_bytes),
            compiled_cache: self.compiled_cache.or(file.compiled_cache),
            max_running_activities: self.max_running_activities.or(file.max_running_activities),
            activity_timeout_seconds: self.activity_timeout_seconds.or(file.activity_timeout_seconds),
            max_activity_timeout_seconds: self.max_activity_timeout_seconds.or(file.max_activity_timeout_seconds),
            max_activity_output_bytes: self.max_activity_output_bytes.or(file.max_activity_output_bytes),
            max_running_requests: self.max_running_requests.or(file.max_running_requests),
            max_background_guests: self.max_background_guests.or(file.max_background_guests),
            max_body_bytes: self.max_body_bytes.or(file.max_body_bytes),
            max_deployment_bytes: self.max_deployment_bytes.or(file.max_deployment_bytes),
            max_connections: self.max_connections.or(file.max_connections),
            header_deadline_seconds: self.header_deadline_seconds.or(file.header_deadline_seconds),
            drain_deadline_seconds: self.drain_deadline_seconds.or(file.drain_deadline_seconds),
            limits: self.limits.or(file.limits),
            secrets: if self.secrets.is_empty() { file.secrets } else { self.secrets },
        }
    }
}

/// The settings, complete and checked.
#[derive(Clone)]
pub struct ServeConfig {
    /// Address to listen on.
    pub listen: String,
    /// The certificate and its key, if the host is to speak https.
    pub tls: Option<TlsFiles>,
    /// Port of the local RPC listener; `None` where nothing was said.
    pub rpc_port: Option<RpcPort>,
    /// Folder for everything that survives.
    pub data: PathBuf,
    /// App to deploy first.
    pub app: Option<PathBuf>,
    /// How the engine uses the machine.
    pub engine: EngineConfig,
    /// Bounds on guests that reach outside.
    pub guests: longhaul_wasm::Config,
    /// What the HTTP side is told.
    pub http: HttpConfig,
    /// Bounds on connections.
    pub server: ServerLimits,
    /// Who is let in.
    pub access: AccessConfig,
    /// Where the secrets are that functions may read.
    pub secrets: BTreeMap<String, SecretSource>,
    /// Deaths of the host after which the call that was under way is not tried again.
    pub max_host_deaths: u32,
    allow_outbound: Option<AllowedHosts>,
}

impl ServeConfig {
    /// Puts defaults where nothing was said. `compile_command` is the argument with which this program compiles a component.
    ///
    /// # Errors
    /// When a value is out of its range; the text names the option.
    pub fn resolve(options: ServeOptions, compile_command: &'static str) -> anyhow::Result<Self> {
        let (defaults, guests) = (memory::engine_memory(&options, EngineConfig::default())?, longhaul_wasm::Config::default());
        let (limits, access) = (guests::guest_limits(&options)?, access::resolve(&options)?);
        let (server, client_places) = (limits::server_limits(&options)?, limits::client_places(&options)?);
        let max_body_bytes = at_least_one("max-body-bytes", options.max_body_bytes, DEFAULT_MAX_BODY_BYTES)?;
        let memory = memory::http_memory(&options, max_body_bytes)?;
        let guest_memory = memory::guest_memory(&options, limits.activity_memory_bytes)?;
        let data = options.data.unwrap_or_else(|| DEFAULT_DATA.into());
        let task_hub = options.task_hub.unwrap_or_else(|| DEFAULT_TASK_HUB.into());
        ensure!(!task_hub.trim().is_empty(), "--task-hub is blank; it needs a name such as {DEFAULT_TASK_HUB}");
        Ok(Self {
            listen: options.listen.unwrap_or_else(|| DEFAULT_LISTEN.into()),
            tls: access::tls_files(options.tls_certificate, options.tls_key)?,
            rpc_port: options.rpc_port,
            engine: EngineConfig {
                guest_threads: at_least_one("guest-threads", options.guest_threads, defaults.guest_threads)?,
                max_hot_instances: at_least_one("max-hot-instances", options.max_hot_instances, defaults.max_hot_instances)?,
                evict_after_every_turn: options.evict_after_every_turn.unwrap_or(false),
                reuse: options.overridable_existing_instance_states.map(Into::into).unwrap_or_default(),
                one_commit_per_batch: options.one_commit_per_batch.unwrap_or(false),
                limits: Arc::new(limits::instance_limits(&options.limits)?),
                ..defaults
            },
            guests: longhaul_wasm::Config {
                compiled_cache: Some(options.compiled_cache.unwrap_or_else(|| data.join("compiled"))),
                compiler: Compiler::Child(options.limits.compiler(compile_command)?),
                limits,
                max_running_activities: at_least_one(
                    "max-running-activities",
                    options.max_running_activities,
                    DEFAULT_MAX_RUNNING_ACTIVITIES,
                )?,
                max_running_requests: client_places.running,
                memory: Arc::new(guest_memory),
                max_background_guests: at_least_one("max-background-guests", options.max_background_guests, guests.max_background_guests)?,
                outbound_ca_file: options.outbound_ca_file,
                ..guests
            },
            http: HttpConfig {
                management_prefix: MANAGEMENT_PREFIX.into(),
                task_hub,
                max_json_depth: limits::value_limits(&options.limits)?.max_json_depth,
                max_body_bytes,
                client_places,
                body_deadline: options.limits.body_deadline()?,
                memory,
                max_deployment_bytes: at_least_one("max-deployment-bytes", options.max_deployment_bytes, DEFAULT_MAX_DEPLOYMENT_BYTES)?,
                public_url: options
                    .public_url
                    .as_deref()
                    .map(origin::configured)
                    .transpose()
                    .map_err(|why| anyhow!("--public-url: {why}"))?,
                use_forwarded_host: options.use_forwarded_host.unwrap_or(false),
            },
            server,
            access,
            max_host_deaths: options.limits.host_deaths()?,
            secrets: options.secrets,
            allow_outbound: options.allow_outbound.map(AllowedHosts::parse).transpose().context("--allow-outbound")?,
            data,
            app: options.app,
        })
    }

    /// What the operator lets guests reach. Without a word from the operator that is whatever manifests name while only this
    /// machine can deploy and call, and nothing as soon as others can reach the host.
    pub fn operator_hosts(&self, listening_on: SocketAddr) -> AllowedHosts {
        match &self.allow_outbound {
            Some(hosts) => hosts.clone(),
            None if is_loopback(listening_on) => AllowedHosts::Any,
            None => AllowedHosts::default(),
        }
    }
}

fn at_least_one(option: &str, given: Option<usize>, default: usize) -> anyhow::Result<usize> {
    let value = given.unwrap_or(default);
    ensure!(value > 0, "--{option} is 0; it must be at least 1");
    Ok(value)
}

#[cfg(test)]
mod tests;
