//! `longhaul serve`: puts the host together, runs it, and takes it apart again.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use longhaul_engine::recorder::Recorder;
use longhaul_engine::{Engine, EngineConfig};
use longhaul_store::{SqliteConfig, SqliteStore, Store};
use longhaul_wasm::{OwnListeners, Runtime};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::compile::COMPILE_COMMAND;
use crate::address_file::AddressFile;
use crate::data_folder;
use crate::output::{standard_error, standard_output};
use crate::settings::{ServeConfig, ServeOptions};
use longhaul_app::deployment::{Deployed, Deployer};
use longhaul_app::listing::listing;
use longhaul_app::read::{Overrides, read_app};
use longhaul_app::schedules::Schedules;
use longhaul_app::secrets::OperatorSecrets;
use longhaul_app::{App, Operator, Registry};
use longhaul_http::auth::{Access, AuthMode, Keyring, Permit, Secrets};
use longhaul_http::descriptors::Descriptors;
use longhaul_http::request::Surface;
use longhaul_http::rpc;
use longhaul_http::server::tls::Tls;
use longhaul_http::server::{self, Connections, Listener};
use longhaul_http::{Addresses, Api, Behind};

/// What `longhaul serve` takes.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Read settings from this TOML file. Its keys are the long options below without their dashes, as in
    /// `max-body-bytes = 1000000`; an option on the command line goes before the file
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The settings.
    #[command(flatten)]
    pub options: ServeOptions,
}

/// Runs the host until SIGTERM or Ctrl-C.
///
/// # Errors
/// When a setting is wrong, the data cannot be used, the address cannot be listened on, or an app given by `--app` is refused.
pub async fn run(args: ServeArgs) -> anyhow::Result<()> {
    let file = args.config.as_deref().map(ServeOptions::read).transpose()?.unwrap_or_default();
    let config = ServeConfig::resolve(args.options.or(file), COMPILE_COMMAND)?;
    // Asked for first: a signal that comes while the host starts is not lost.
    let stop = stop_signal()?;
    // Bound before the data is touched: a port that is taken should not wait for a recovery. Requests wait until all is ready.
    let listeners = Listeners::bind(&config).await?;
    let auth = config.auth(listeners.address)?;

    let host = Host::start(&config, &listeners, auth).await?;
    let address_file = AddressFile::write(&config.data, &listeners.origin(), &listeners.addresses)?;
    let announcer = announce(&listeners, &host.registry);
    let certificate_keeper = listeners.tls.clone().map(|tls| tokio::spawn(tls.keep_current()));
    let served = listeners.serve(&host.api, &config, stop).await;
    announcer.abort();
    if let Some(keeper) = certificate_keeper {
        keeper.abort();
    }
    drop(address_file);
    host.stop().await?;
    served.context("the HTTP server failed")
}

/// Where requests come in.
struct Listeners {
    public: TcpListener,
    address: SocketAddr,
    tls: Option<Arc<Tls>>,
    rpc: Option<TcpListener>,
    rpc_address: Option<SocketAddr>,
    addresses: Addresses,
    descriptors: Descriptors,
}

impl Listeners {
    async fn bind(config: &ServeConfig) -> anyhow::Result<Self> {
        let tls = config.tls.clone().map(Tls::open).transpose()?;
        let public = TcpListener::bind(&config.listen).await.with_context(|| format!("cannot listen on {}", config.listen))?;
        let address = public.local_addr().context("cannot tell which address was taken")?;
        let rpc = rpc::listen(config.rpc_port).await?;
        let rpc_address = rpc.as_ref().map(TcpListener::local_addr).transpose().context("cannot tell which port was taken")?;
        let addresses = Addresses {
            public_origin: config.http.public_url.clone().unwrap_or_else(|| origin_of(scheme(&tls), address)),
            rpc_base: rpc_address.map(rpc::base),
        };
        Ok(Self { public, address, tls, rpc, rpc_address, addresses, descriptors: Descriptors::raise() })
    }

    /// Where the public listener is.
    fn origin(&self) -> String {
        format!("{}://{}", scheme(&self.tls), self.address)
    }

    /// Where guests may not send requests: with the ports that the sockets got, whatever the
    /// settings say.
    fn own(&self) -> OwnListeners {
        OwnListeners::new([Some(self.address), self.rpc_address].into_iter().flatten())
    }

    /// Serves on all of them until `stop` is over.
    async fn serve(self, api: &Arc<Api>, config: &ServeConfig, stop: impl Future<Output = ()>) -> std::io::Result<()> {
        let stopping = watch::Sender::new(false);
        let stopped = || {
            let mut stopping = stopping.subscribe();
            async move {
                // An error would mean that the sender is gone, and it outlives the listeners.
                let _ = stopping.wait_for(|stopping| *stopping).await;
            }
        };
        let (connections, descriptors) = (Arc::new(Connections::default()), self.descriptors);
        let tls = self.tls.as_ref().map(Tls::acceptor);
        let public = Listener { socket: self.public, surface: Surface::Public, tls, connections: connections.clone(), descriptors };
        let public = server::serve(public, api.clone(), config.server.clone(), stopped());
        let rpc = async {
            let Some(socket) = self.rpc else { return Ok(()) };
            // What goes over it never leaves this machine.
            let rpc = Listener { socket, surface: Surface::LocalRpc, tls: None, connections, descriptors };
            server::serve(rpc, api.clone(), config.server.clone(), stopped()).await
        };
        let stop = async {
            stop.await;
            stopping.send_replace(true);
            Ok(())
        };
        tokio::try_join!(public, rpc, stop).map(|_| ())
    }
}

/// Where a listener is reached on this machine: one on all addresses is on this one, too.
fn origin_of(scheme: &str, address: SocketAddr) -> String {
    let ip = address.ip();
    if ip.is_unspecified() { format!("{scheme}://localhost:{}", address.port()) } else { format!("{scheme}://{address}") }
}

fn scheme(tls: &Option<Arc<Tls>>) -> &'static str {
    if tls.is_some() { "https" } else { "http" }
}

/// What is behind the HTTP interface.
struct Host {
    store: Arc<dyn Store>,
    engine: Engine,
    registry: Arc<Registry>,
    schedules: Arc<Schedules>,
    api: Arc<Api>,
    recorder: Option<Arc<Recorder>>,
}

impl Host {
    async fn start(config: &ServeConfig, listeners: &Listeners, auth: AuthMode) -> anyhow::Result<Self> {
        data_folder::prepare(&config.data)?;
        let database = Arc::new(SqliteStore::open(SqliteConfig::in_directory(&config.data)).await?);
        let store: Arc<dyn Store> = database.clone();
        let keyring = Arc::new(Keyring::open(store.clone(), &config.data).await?);
        let secrets = Arc::new(Secrets::open(&config.data)?);
        let access = Arc::new(Access::new(auth, keyring, secrets, &config.access, config.http.public_url.as_deref()));
        let guests = longhaul_wasm::Config { own_listeners: listeners.own(), ..config.guests.clone() };
        let runtime = tokio::task::spawn_blocking(move || Runtime::new(guests)).await??;
        let operator = Operator { hosts: config.operator_hosts(listeners.address), secrets: OperatorSecrets::read(&config.secrets)? };
        let registry = Registry::new(store.clone(), runtime.clone(), operator);
        let recorder = open_recorder(config)?;
        if let Some(recorder) = &recorder {
            registry.record_loads(recorder.clone());
        }
        match registry.load_current().await {
            Ok(_) => {}
            // To start all the same would set aside every instance that has something to do.
            Err(error) if error.is_for_the_operator() => return Err(error.into()),
            // A host whose app no longer runs still starts: that is how a better one can be deployed.
            Err(error) => tracing::error!(%error, "the current app cannot be run; deploy one that can"),
        }
        let deployer = Deployer::new(store.clone(), runtime.clone(), registry.clone());
        if let Some(folder) = &config.app {
            deploy_first(&deployer, folder).await?;
        }
        let engine = EngineConfig { writer: Some(database), recorder: recorder.clone(), ..engine_config(config, &runtime) };
        let engine = Engine::run(store.clone(), registry.clone(), engine).await?;
        let schedules = Arc::new(Schedules::run(engine.clone(), registry.clone(), store.clone()));
        let (http, addresses) = (config.http.clone(), listeners.addresses.clone());
        let behind = Behind {
            engine: engine.clone(),
            registry: registry.clone(),
            deployer,
            schedules: schedules.clone(),
            access,
            log_lines_dropped: || standard_error().dropped(),
        };
        let api = Api::new(behind, http, addresses);
        Ok(Self { store, engine, registry, schedules, api, recorder })
    }

    async fn stop(self) -> anyhow::Result<()> {
        tracing::info!("stopping");
        self.schedules.stop().await;
        self.engine.stop().await;
        if let Some(recorder) = &self.recorder {
            recorder.close();
        }
        self.store.close().await.context("cannot close the store; nothing is lost, the next start reads the log")?;
        tracing::info!("stopped");
        Ok(())
    }
}

/// A host whose disk is full can do without.
fn open_recorder(config: &ServeConfig) -> anyhow::Result<Option<Arc<Recorder>>> {
    match Recorder::open(&config.data, config.max_host_deaths) {
        Ok(recorder) => Ok(Some(recorder)),
        Err(error) if error.kind() == ErrorKind::StorageFull => {
            tracing::warn!(%error, "what is under way if the host dies will not be known");
            Ok(None)
        }
        Err(error) => Err(error).with_context(|| format!("cannot use {}", config.data.join("attempts").display())),
    }
}

/// The engine's settings, cut to what this machine has room for.
fn engine_config(config: &ServeConfig, runtime: &Runtime) -> EngineConfig {
    // A fifth stays free for guests that are at work or being brought back while the longest idle ones leave.
    let room = (runtime.max_hot_guests() * 4 / 5).max(1);
    if config.engine.max_hot_instances > room {
        tracing::warn!(asked = config.engine.max_hot_instances, room, "this machine has room for fewer waiting instances in memory");
    }
    EngineConfig { max_hot_instances: config.engine.max_hot_instances.min(room), ..config.engine.clone() }
}

async fn deploy_first(deployer: &Deployer, folder: &Path) -> anyhow::Result<()> {
    let (package, _manifest) = read_app(folder, &Overrides::default())?;
    let Deployed { app, unchanged, warnings } =
        deployer.deploy(package.encode().into(), Permit::default()).await.with_context(|| format!("cannot deploy {}", folder.display()))?;
    tracing::info!(app = app.name, deployment = app.id.0, unchanged, "deployed");
    warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    Ok(())
}

/// Says where the host listens and which functions it has, now and after each deployment.
fn announce(listeners: &Listeners, registry: &Registry) -> tokio::task::JoinHandle<()> {
    let origin = listeners.origin();
    let mut changes = registry.changes();
    let local_rpc =
        listeners.addresses.rpc_base.as_ref().map_or_else(String::new, |base| format!("Local RPC for client libraries: {base}\n"));
    standard_output().leave(format!("Longhaul listens on {origin}\n{local_rpc}").as_bytes());
    show(changes.borrow_and_update().as_deref(), &origin);
    tokio::spawn(async move {
        while changes.changed().await.is_ok() {
            show(changes.borrow_and_update().as_deref(), &origin);
        }
    })
}

fn show(app: Option<&App>, origin: &str) {
    let text =
        app.map_or_else(|| "\nNo app is deployed yet; see `longhaul deploy --help`.\n".to_owned(), |app| listing(&app.entries, origin));
    standard_output().leave(text.as_bytes());
}

/// Resolves when the process is asked to stop.
fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for Ctrl-C")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
