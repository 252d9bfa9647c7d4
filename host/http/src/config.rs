//! Settings of the HTTP side.

/// Settings of the HTTP side.
#[derive(Clone, Debug)]
pub struct HttpConfig {
    /// Where the management routes are, such as [`crate::router::MANAGEMENT_PREFIX`].
    pub management_prefix: String,
    /// The one task hub there is.
    pub task_hub: String,
    /// Longest body of any request but a deployment, bytes. A longer one is answered with 413.
    pub max_body_bytes: usize,
    /// Most arrays and objects within one another in a body of JSON. A deeper one is answered with 400.
    pub max_json_depth: usize,
    /// Longest body of a deployment, bytes.
    pub max_deployment_bytes: usize,
    /// How many client functions run at a time.
    pub client_places: ClientPlaces,
    /// Longest wait for a body, deployments included. A later one is answered with 408. Where a client function reads it, the longest wait
    /// for more of it.
    pub body_deadline: std::time::Duration,
    /// Budgets of memory for requests and answers.
    pub memory: HttpMemory,
    /// Scheme, host and port by which others reach the host, if the operator said so.
    pub public_url: Option<String>,
    /// Whether `X-Forwarded-Host` and `X-Forwarded-Proto` say by which address a caller reached the host. Only for hosts behind a
    /// proxy that sets both: anyone else could make the host hand out addresses of another's choice.
    pub use_forwarded_host: bool,
}

/// How much memory requests and answers may take, bytes.
#[derive(Clone, Copy, Debug)]
pub struct HttpMemory {
    /// For bodies of requests at a time, in all. A body beyond it is answered with 503 before it is read.
    pub body_bytes: u64,
    /// The same of one address. A body beyond it is answered with 429.
    pub body_bytes_per_address: u64,
}

/// How many client functions run at a time; more wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientPlaces {
    /// In all, default 256.
    pub running: usize,
    /// For the requests of one address, default 192: three quarters.
    pub per_address: usize,
}

impl ClientPlaces {
    /// So many in all, of which one address has three quarters.
    pub fn of(running: usize) -> Self {
        Self { running, per_address: (running - running / 4).max(1) }
    }
}

impl Default for ClientPlaces {
    fn default() -> Self {
        Self::of(256)
    }
}

/// Where the host can be reached, as far as it knows by itself.
#[derive(Clone, Debug)]
pub struct Addresses {
    /// Scheme, host and port for addresses that are handed out where the request does not tell, such as `http://localhost:7071`.
    pub public_origin: String,
    /// The base of the local RPC listener, with a slash at its end, if there is one.
    pub rpc_base: Option<String>,
}
