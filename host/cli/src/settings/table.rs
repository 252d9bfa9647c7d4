//! All settings of `longhaul serve`, one row for each. `docs/guide/limits.md` shows those that are
//! limits, with the same defaults: a test compares the two.

use std::collections::BTreeMap;
use std::path::PathBuf;

use longhaul_app::secrets::SecretSource;
use longhaul_http::rpc::RpcPort;

use super::declare::settings;
use super::words::{Auth, Links, ReusableStates};

settings! {
    /// Settings as they were written; what is absent has a default.
    pub struct ServeOptions {
        /// Address to listen on; port 0 takes a free one, which the first line of output names
        "ADDRESS:PORT" listen: String = "127.0.0.1:7071",

        /// File in PEM with the host's certificate and those that lead from it to an authority.
        /// With it the host speaks https and nothing else where it listens; local RPC stays plain
        "FILE" tls_certificate: PathBuf => "plain http",

        /// File in PEM with the key of the certificate, without a passphrase, which only its owner
        /// may read
        "FILE" tls_key: PathBuf,

        /// Port of the local RPC listener, by which client libraries of Azure Durable Functions on
        /// this machine reach the host; 0 takes a free one, 'off' has none. It listens on 127.0.0.1
        /// only
        "PORT|off" rpc_port: RpcPort => "17071, or a free one of 30000-30999 if that is taken",

        /// Scheme, host and port by which others reach the host, such as https://functions:8443.
        /// Stands in the addresses that are handed out by local RPC and in the client binding
        "URL" public_url: String => "the address listened on",

        /// Believe the headers X-Forwarded-Host and X-Forwarded-Proto, where a request has both,
        /// about the address that its caller used. Only for hosts behind a proxy that sets them
        #[arg(num_args = 0..=1, default_missing_value = "true")]
        "BOOL" use_forwarded_host: bool = false,

        /// Whether callers need keys. 'keys': every route but the open ones wants one, or a token
        /// from an address that the host handed out. 'none': every caller that reaches the listener
        /// may use it; administration is for callers on the same machine
        #[arg(ignore_case = true)]
        "MODE" auth: Auth => "'none' while listening on a loopback address that no proxy is said to stand before, else 'keys'",

        /// Listen on an address that others can reach although callers need no keys: all of them
        /// may use the host then
        #[arg(num_args = 0..=1, default_missing_value = "true")]
        "BOOL" allow_unauthenticated: bool = false,

        /// What stands in the addresses that are handed out for an instance, where callers need
        /// keys. 'token': one that is good for this instance and what the address does.
        /// 'system-key': the key of the client binding, as in Azure, good for everything on every
        /// instance
        #[arg(ignore_case = true)]
        "FORM" links: Links => "token",

        /// How long a token in an address is good, in hours
        "HOURS" link_lifetime_hours: u64 = 720,

        /// A name besides localhost and that of --public-url by which the host is called; can be
        /// repeated. Requests for other names are refused where a page on the web could have sent
        /// them. '*' takes every name
        "NAME" host_name: Vec<String>,

        /// Folder for the database and compiled code, made if it is missing
        "DIR" data: PathBuf = "./longhaul-data",

        /// Deploy the app in this folder before serving, unless it is current already
        "DIR" app: PathBuf,

        /// Let activities and clients reach this host, if their manifest names it too; can be
        /// repeated. '*' leaves the choice to the manifest. Written like http://localhost:5000,
        /// compared with its scheme and port
        "HOST" allow_outbound: Vec<String> => "'*' while listening on a loopback address, else nothing",

        /// File in PEM with certificate authorities of your own, which outgoing https requests
        /// trust besides the system's
        "FILE" outbound_ca_file: PathBuf,

        /// The name of the task hub, which stands in the addresses that the host hands out
        "NAME" task_hub: String = "TestHubName",

        /// Which instances a start with the same id may replace: NonRunningStates are those that
        /// have ended, a live one is answered with 409; with AnyState a live one is terminated
        /// first
        #[arg(ignore_case = true)]
        "STATES" overridable_existing_instance_states: ReusableStates => "NonRunningStates",

        /// Threads that run orchestrators and entities
        "COUNT" guest_threads: usize => "one for each core",

        /// Most waiting instances kept in memory; the others come back by replay
        "COUNT" max_hot_instances: usize = 2000,

        /// Drop every instance from memory after each turn, so that each turn begins with a replay:
        /// slow, for tests
        #[arg(num_args = 0..=1, default_missing_value = "true")]
        "BOOL" evict_after_every_turn: bool,

        /// Write each commit in a transaction of its own instead of all that have gathered: slow,
        /// for tests
        #[arg(hide = true, num_args = 0..=1, default_missing_value = "true")]
        "BOOL" one_commit_per_batch: bool,

        /// Longest call of an orchestrator or entity, in milliseconds. An instance whose calls take
        /// longer three times in a row is set aside
        "MILLISECONDS" turn_deadline_ms: u64 = 10000,

        /// Most memory of an orchestrator or entity guest, in bytes: 100,000 tasks at a time take
        /// about 70 MiB in Rust, an input or result some times its length
        "BYTES" orchestrator_memory_bytes: usize = 268435456,

        /// Folder for compiled code, made if it is missing. Hosts may share one; a user that can
        /// write there can run code in the host
        "DIR" compiled_cache: PathBuf => "'compiled' in the data folder",

        /// Most activities running at a time; more wait
        "COUNT" max_running_activities: usize = 256,

        /// Longest run of an activity that has no timeout of its own, in seconds
        "SECONDS" activity_timeout_seconds: u64 = 300,

        /// Longest run of any activity, in seconds: longer timeouts of manifests and calls are cut
        /// to it
        "SECONDS" max_activity_timeout_seconds: u64 = 86400,

        /// Longest output of an activity, in bytes; a longer one is a failure
        "BYTES" max_activity_output_bytes: usize = 33554432,

        /// Most client functions running at a time; more wait
        "COUNT" max_running_requests: usize = 256,

        /// Most guests that compute at a time among those that do so for long; they take turns.
        /// More of them get done sooner, and others wait for processors
        "COUNT" max_background_guests: usize => "one less than there are processors, at least 1",

        /// Longest body of a request in bytes; a longer one is answered with 413
        "BYTES" max_body_bytes: usize = 33554432,

        /// Longest body of a deployment in bytes
        "BYTES" max_deployment_bytes: usize = 268435456,

        /// Most connections at a time; more wait
        "COUNT" max_connections: usize = 4096,

        /// Longest wait for the head of a request, in seconds
        "SECONDS" header_deadline_seconds: u64 = 30,

        /// Longest wait for the requests in flight when the host stops, in seconds
        "SECONDS" drain_deadline_seconds: u64 = 10,
    }
    beside {
        /// Limits on what comes in. In a file they are keys of the table `[limits]`.
        #[command(flatten)]
        limits: LimitOptions => LimitOptions::or,

        /// Secrets that functions may read: the table `[secrets]` of a file. A command line is no place for them.
        #[arg(skip)]
        secrets: BTreeMap<String, SecretSource> => first_with_any,
    }
}

settings! {
    /// Limits as they were written; what is absent has a default.
    pub struct LimitOptions {
        /// Most connections of one address at a time; one more is closed with 503. Raise it behind
        /// a proxy, whose address all connections have
        "COUNT" max_connections_per_address: usize = 1024,

        /// Most client functions running at a time for requests of one address; more of them wait,
        /// while those of others run. Raise it behind a proxy, whose address all requests have
        "COUNT" max_running_requests_per_address: usize => "three quarters of max-running-requests",

        /// Longest head of a request in bytes, from 8192 on; a longer one is answered with 431
        "BYTES" max_header_bytes: usize = 65536,

        /// Most headers of a request; more are answered with 431
        "COUNT" max_headers: usize = 100,

        /// Longest path and query of a request in bytes; a longer one is answered with 414
        "BYTES" max_uri_bytes: usize = 16384,

        /// Longest wait for the body of a request, in seconds; then it is answered with 408. Where
        /// a client function reads the body, it is the longest wait for more of it
        "SECONDS" body_deadline_seconds: u64 = 60,

        /// Longest wait until a client takes the next bytes of its answer, in seconds; then its
        /// connection is closed
        "SECONDS" write_deadline_seconds: u64 = 30,

        /// Most memory for bodies of requests at a time, in bytes, those up to 16384 bytes not
        /// counted; one beyond is answered with 503 before it is read
        "BYTES" body_memory_bytes: u64 => "an eighth of the machine's memory, at least max-body-bytes",

        /// The same of one address; one beyond is answered with 429
        "BYTES" body_memory_bytes_per_address: u64 => "half of body-memory-bytes, at least max-body-bytes",

        /// Most memory that instances hold, in bytes: states, guests, mailboxes, and records on
        /// their way to the disk. The longest idle leave first and come back by replay
        "BYTES" instance_memory_bytes: u64 => "a quarter of the machine's memory",

        /// Most memory for answers that are being made, in bytes: what was read for them, and they
        /// themselves. One that finds no room within 5 s is refused with 503
        "BYTES" answer_memory_bytes: u64 => "an eighth of the machine's memory",

        /// Most bytes of payloads in a page of a list, unless a single one has more; the rest comes
        /// on the next page
        "BYTES" max_page_bytes: u64 = 16777216,

        /// Most memory for all activities and client functions that run, and for what orchestrators
        /// and entities grow by in a call, in bytes. None of them has more than it leaves free, so
        /// one alone can have half of it, and the more of them want much the less each gets
        "BYTES" guest_memory_bytes: u64 => "a quarter of the memory that the host may have, but at least 536870912",

        /// Greatest nesting depth of arrays and objects in a payload: the body of a request that is
        /// deeper is refused with 400, and what a guest hands over fails
        "COUNT" max_json_depth: usize = 100,

        /// Longest input, output, data of an event, or state of an entity, in bytes of its JSON;
        /// `max-body-bytes` bounds what comes by HTTP as well
        "BYTES" max_payload_bytes: usize = 33554432,

        /// Longest name of an event, an operation, a function, and longest version, in characters
        "COUNT" max_name_characters: usize = 256,

        /// Longest message of a failure that a guest reports, and longest details, in bytes; the
        /// rest is cut
        "BYTES" max_failure_bytes: usize = 65536,

        /// Longest custom status, in bytes as UTF-16; a longer one fails the orchestration with
        /// CustomStatusTooLong
        "BYTES" max_custom_status_bytes: usize = 16384,

        /// Most commands of one turn of an orchestrator; more fail the orchestration with
        /// TooManyCommands
        "COUNT" max_commands_per_turn: usize = 100000,

        /// Most open tasks of an orchestration: calls, children, timers, waits; one more fails it
        /// with TooManyPendingTasks
        "COUNT" max_pending_tasks: usize = 200000,

        /// Most callers above an orchestration that another one called; a call beyond fails the
        /// caller with NestedTooDeep
        "COUNT" max_nesting: u32 = 100,

        /// Longest run of a client function, its answer included, in seconds; then it is answered
        /// for with 504, or its answer is cut off
        "SECONDS" client_timeout_seconds: u64 = 230,

        /// Most entities of a critical section; more fail the orchestration with TooManyEntities
        "COUNT" max_section_entities: usize = 100,

        /// Most events that wait for an instance's code to ask for them; one more from outside is
        /// refused with 429
        "COUNT" max_buffered_events: usize = 100000,

        /// Most bytes of those events
        "BYTES" max_buffered_event_bytes: usize = 67108864,

        /// Most turns of an orchestration between two continue-as-new; one that goes on behind them
        /// fails with HistoryTooLong, after a warning in the log at eight tenths
        "COUNT" max_history_turns: u32 = 1000000,

        /// Most deaths of the host during one attempt of an activity, one turn, one entity's batch,
        /// or the loading of a deployment, at least 3; then that is not tried again, see
        /// `docs/guide/operations.md`
        "COUNT" max_host_deaths: u32 = 3,

        /// Most bytes of an orchestration's history between two continue-as-new, like
        /// max-history-turns
        "BYTES" max_history_bytes: u64 = 1073741824,

        /// Most memory for compiling one component, in bytes, from 67108864 on; a deployment with a
        /// component that takes more is answered with 400
        "BYTES" compile_memory_bytes: u64 = 2147483648,

        /// Longest time for compiling one component, in seconds, by the clock and in processor
        /// time; a deployment with a component that takes longer is answered with 400
        "SECONDS" compile_deadline_seconds: u64 = 120,
    }
    beside {}
}

fn first_with_any(first: BTreeMap<String, SecretSource>, second: BTreeMap<String, SecretSource>) -> BTreeMap<String, SecretSource> {
    if first.is_empty() { second } else { first }
}
