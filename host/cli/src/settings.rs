//! The settings of `longhaul serve`.
//!
//! - `table`: all of them, one row for each; `declare` makes options, keys of the file and help of a row.
//! - `words`: values that are words.
//! - `access`, `guests`, `limits`, `memory`: settings put together and checked, for each part of the host.

mod access;
mod declare;
mod guests;
mod limits;
mod memory;
mod table;
mod words;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, anyhow, ensure};
use longhaul_app::files::given;
use longhaul_app::origin;
use longhaul_app::secrets::SecretSource;
use longhaul_engine::EngineConfig;
use longhaul_http::HttpConfig;
use longhaul_http::auth::AccessConfig;
use longhaul_http::router::MANAGEMENT_PREFIX;
use longhaul_http::rpc::RpcPort;
use longhaul_http::server::tls::TlsFiles;
use longhaul_http::server::{ServerLimits, is_loopback};
use longhaul_wasm::{AllowedHosts, Compiler};

pub use table::{LimitOptions, ServeOptions};
pub use words::{Auth, Links, ReusableStates};

impl ServeOptions {
    /// Reads a settings file.
    ///
    /// # Errors
    /// When the file cannot be read, is not TOML, or has an unknown key; the text names the line.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = given::read_text(path).with_context(|| format!("cannot read the settings file {}", path.display()))?;
        toml::from_str(&text).with_context(|| format!("the settings file {} has a mistake", path.display()))
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
        let max_body_bytes = at_least_one("max-body-bytes", options.max_body_bytes())?;
        let memory = memory::http_memory(&options, max_body_bytes)?;
        let guest_memory = memory::guest_memory(&options, limits.activity_memory_bytes)?;
        let data = options.data();
        let task_hub = options.task_hub();
        ensure!(!task_hub.trim().is_empty(), "--task-hub is blank; it needs a name such as {}", ServeOptions::default().task_hub());
        Ok(Self {
            listen: options.listen(),
            tls: access::tls_files(options.tls_certificate.clone(), options.tls_key.clone())?,
            rpc_port: options.rpc_port,
            engine: EngineConfig {
                guest_threads: at_least_one("guest-threads", options.guest_threads.unwrap_or(defaults.guest_threads))?,
                max_hot_instances: at_least_one("max-hot-instances", options.max_hot_instances())?,
                evict_after_every_turn: options.evict_after_every_turn.unwrap_or(false),
                reuse: options.overridable_existing_instance_states.map(Into::into).unwrap_or_default(),
                one_commit_per_batch: options.one_commit_per_batch.unwrap_or(false),
                limits: Arc::new(limits::instance_limits(&options.limits)?),
                ..defaults
            },
            guests: longhaul_wasm::Config {
                compiled_cache: Some(options.compiled_cache.clone().unwrap_or_else(|| data.join("compiled"))),
                compiler: Compiler::Child(options.limits.compiler(compile_command)?),
                limits,
                max_running_activities: at_least_one("max-running-activities", options.max_running_activities())?,
                max_running_requests: client_places.running,
                memory: Arc::new(guest_memory),
                max_background_guests: at_least_one(
                    "max-background-guests",
                    options.max_background_guests.unwrap_or(guests.max_background_guests),
                )?,
                outbound_ca_file: options.outbound_ca_file.clone(),
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
                max_deployment_bytes: at_least_one("max-deployment-bytes", options.max_deployment_bytes())?,
                public_url: options
                    .public_url
                    .as_deref()
                    .map(origin::configured)
                    .transpose()
                    .map_err(|why| anyhow!("--public-url: {why}"))?,
                use_forwarded_host: options.use_forwarded_host(),
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

fn at_least_one(option: &str, value: usize) -> anyhow::Result<usize> {
    ensure!(value > 0, "--{option} is 0; it must be at least 1");
    Ok(value)
}

#[cfg(test)]
mod guide;
#[cfg(test)]
mod tests;
