//! Limits on what comes in: one list for the command line and the table `[limits]` of the file. `docs/guide/limits.md` shows them all.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::Args;
use longhaul_core::limits::{InstanceLimits, ValueLimits};
use longhaul_wasm::ChildCompiler;
use serde::Deserialize;

use super::{DEFAULT_DRAIN_DEADLINE_SECONDS, DEFAULT_HEADER_DEADLINE_SECONDS, DEFAULT_MAX_CONNECTIONS, ServeOptions, at_least_one};
use longhaul_http::ClientPlaces;
use longhaul_http::server::ServerLimits;

const DEFAULT_MAX_CONNECTIONS_PER_ADDRESS: usize = 1_024;
const DEFAULT_MAX_HEADER_BYTES: usize = 64 * 1024;
/// What the reader of heads needs at least.
const MIN_HEADER_BYTES: usize = 8 * 1024;
const DEFAULT_MAX_HEADERS: usize = 100;
const DEFAULT_MAX_URI_BYTES: usize = 16 * 1024;
const DEFAULT_BODY_DEADLINE_SECONDS: u64 = 60;
const DEFAULT_WRITE_DEADLINE_SECONDS: u64 = 30;
const DEFAULT_COMPILE_MEMORY_BYTES: u64 = 2 * 1024 * 1024 * 1024;
/// What compiling the smallest component takes.
const MIN_COMPILE_MEMORY_BYTES: u64 = 64 * 1024 * 1024;
/// The first two may find others under way as well; by the third the cause has run alone.
const DEFAULT_MAX_HOST_DEATHS: u32 = 3;
const DEFAULT_COMPILE_DEADLINE_SECONDS: u64 = 120;

/// Limits as they were written; what is absent has a default.
#[derive(Args, Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct LimitOptions {
    /// Most connections of one address at a time; one more is closed with 503. Raise it behind a proxy, whose address all
    /// connections have [default: 1024]
    #[arg(long, value_name = "COUNT")]
    pub max_connections_per_address: Option<usize>,

    /// Most client functions running at a time for requests of one address; more of them wait, while those of others run. Raise it behind a
    /// proxy, whose address all requests have [default: three quarters of max-running-requests]
    #[arg(long, value_name = "COUNT")]
    pub max_running_requests_per_address: Option<usize>,

    /// Longest head of a request in bytes, from 8192 on; a longer one is answered with 431 [default: 65536]
    #[arg(long, value_name = "BYTES")]
    pub max_header_bytes: Option<usize>,

    /// Most headers of a request; more are answered with 431 [default: 100]
    #[arg(long, value_name = "COUNT")]
    pub max_headers: Option<usize>,

    /// Longest path and query of a request in bytes; a longer one is answered with 414 [default: 16384]
    #[arg(long, value_name = "BYTES")]
    pub max_uri_bytes: Option<usize>,

    /// Longest wait for the body of a request, in seconds; then it is answered with 408. Where a client function reads the body, it is the
    /// longest wait for more of it [default: 60]
    #[arg(long, value_name = "SECONDS")]
    pub body_deadline_seconds: Option<u64>,

    /// Longest wait until a client takes the next bytes of its answer, in seconds; then its connection is closed [default: 30]
    #[arg(long, value_name = "SECONDS")]
    pub write_deadline_seconds: Option<u64>,

    /// Most memory for bodies of requests at a time, in bytes, those up to 16384 bytes not counted; one beyond is answered with 503 before it is
    /// read [default: an eighth of the machine's memory, at least max-body-bytes]
    #[arg(long, value_name = "BYTES")]
    pub body_memory_bytes: Option<u64>,

    /// The same of one address; one beyond is answered with 429 [default: half of body-memory-bytes, at least max-body-bytes]
    #[arg(long, value_name = "BYTES")]
    pub body_memory_bytes_per_address: Option<u64>,

    /// Most memory that instances hold, in bytes: states, guests, mailboxes, and records on their way to the disk. The longest idle leave first and
    /// come back by replay [default: a quarter of the machine's memory]
    #[arg(long, value_name = "BYTES")]
    pub instance_memory_bytes: Option<u64>,

    /// Most memory for answers that are being made, in bytes: what was read for them, and they themselves. One that finds no room within 5 s is
    /// refused with 503 [default: an eighth of the machine's memory]
    #[arg(long, value_name = "BYTES")]
    pub answer_memory_bytes: Option<u64>,

    /// Most bytes of payloads in a page of a list, unless a single one has more; the rest comes on the next page [default: 16777216]
    #[arg(long, value_name = "BYTES")]
    pub max_page_bytes: Option<u64>,

    /// Most memory for all activities and client functions that run, and for what orchestrators and entities grow by in a call, in bytes. None of
    /// them has more than it leaves free, so one alone can have half of it, and the more of them want much the less each gets [default: a quarter of the memory that the host may have, but at
    /// least 536870912]
    #[arg(long, value_name = "BYTES")]
    pub guest_memory_bytes: Option<u64>,

    /// Greatest nesting depth of arrays and objects in a payload: the body of a request that is deeper is refused with 400, and what a guest
    /// hands over fails [default: 100]
    #[arg(long, value_name = "COUNT")]
    pub max_json_depth: Option<usize>,

    /// Longest input, output, data of an event, or state of an entity, in bytes of its JSON; `max-body-bytes` bounds what comes by HTTP as
    /// well [default: 33554432]
    #[arg(long, value_name = "BYTES")]
    pub max_payload_bytes: Option<usize>,

    /// Longest name of an event, an operation, a function, and longest version, in characters [default: 256]
    #[arg(long, value_name = "COUNT")]
    pub max_name_characters: Option<usize>,

    /// Longest message of a failure that a guest reports, and longest details, in bytes; the rest is cut [default: 65536]
    #[arg(long, value_name = "BYTES")]
    pub max_failure_bytes: Option<usize>,

    /// Longest custom status, in bytes as UTF-16; a longer one fails the orchestration with CustomStatusTooLong [default: 16384]
    #[arg(long, value_name = "BYTES")]
    pub max_custom_status_bytes: Option<usize>,

    /// Most commands of one turn of an orchestrator; more fail the orchestration with TooManyCommands [default: 100000]
    #[arg(long, value_name = "COUNT")]
    pub max_commands_per_turn: Option<usize>,

    /// Most open tasks of an orchestration: calls, children, timers, waits; one more fails it with TooManyPendingTasks [default: 200000]
    #[arg(long, value_name = "COUNT")]
    pub max_pending_tasks: Option<usize>,

    /// Most callers above an orchestration that another one called; a call beyond fails the caller with NestedTooDeep [default: 100]
    #[arg(long, value_name = "COUNT")]
    pub max_nesting: Option<u32>,

    /// Longest run of a client function, its answer included, in seconds; then it is answered for with 504, or its answer is cut off
    /// [default: 230]
    #[arg(long, value_name = "SECONDS")]
    pub client_timeout_seconds: Option<u64>,

    /// Most entities of a critical section; more fail the orchestration with TooManyEntities [default: 100]
    #[arg(long, value_name = "COUNT")]
    pub max_section_entities: Option<usize>,

    /// Most events that wait for an instance's code to ask for them; one more from outside is refused with 429 [default: 100000]
    #[arg(long, value_name = "COUNT")]
    pub max_buffered_events: Option<usize>,

    /// Most bytes of those events [default: 67108864]
    #[arg(long, value_name = "BYTES")]
    pub max_buffered_event_bytes: Option<usize>,

    /// Most turns of an orchestration between two continue-as-new; one that goes on behind them fails with HistoryTooLong, after a warning
    /// in the log at eight tenths [default: 1000000]
    #[arg(long, value_name = "COUNT")]
    pub max_history_turns: Option<u32>,

    /// Most deaths of the host during one attempt of an activity, one turn, one entity's batch, or the loading of a deployment, at least 3; then
    /// that is not tried again, see `docs/guide/operations.md` [default: 3]
    #[arg(long, value_name = "COUNT")]
    pub max_host_deaths: Option<u32>,

    /// Most bytes of an orchestration's history between two continue-as-new, like max-history-turns [default: 1073741824]
    #[arg(long, value_name = "BYTES")]
    pub max_history_bytes: Option<u64>,
    /// Most memory for compiling one component, in bytes, from 67108864 on; a deployment with a component that takes more is answered with
    /// 400 [default: 2147483648]
    #[arg(long, value_name = "BYTES")]
    pub compile_memory_bytes: Option<u64>,

    /// Longest time for compiling one component, in seconds, by the clock and in processor time; a deployment with a component that takes
    /// longer is answered with 400 [default: 120]
    #[arg(long, value_name = "SECONDS")]
    pub compile_deadline_seconds: Option<u64>,
}

impl LimitOptions {
    /// These limits, and those of `file` where these say nothing.
    pub fn or(self, file: Self) -> Self {
        Self {
            max_connections_per_address: self.max_connections_per_address.or(file.max_connections_per_address),
            max_running_requests_per_address: self.max_running_requests_per_address.or(file.max_running_requests_per_address),
            max_header_bytes: self.max_header_bytes.or(file.max_header_bytes),
            max_headers: self.max_headers.or(file.max_headers),
            max_uri_bytes: self.max_uri_bytes.or(file.max_uri_bytes),
            body_deadline_seconds: self.body_deadline_seconds.or(file.body_deadline_seconds),
            write_deadline_seconds: self.write_deadline_seconds.or(file.write_deadline_seconds),
            body_memory_bytes: self.body_memory_bytes.or(file.body_memory_bytes),
            body_memory_bytes_per_address: self.body_memory_bytes_per_address.or(file.body_memory_bytes_per_address),
            instance_memory_bytes: self.instance_memory_bytes.or(file.instance_memory_bytes),
            answer_memory_bytes: self.answer_memory_bytes.or(file.answer_memory_bytes),
            max_page_bytes: self.max_page_bytes.or(file.max_page_bytes),
            guest_memory_bytes: self.guest_memory_bytes.or(file.guest_memory_bytes),
            max_json_depth: self.max_json_depth.or(file.max_json_depth),
            max_payload_bytes: self.max_payload_bytes.or(file.max_payload_bytes),
            max_name_characters: self.max_name_characters.or(file.max_name_characters),
            max_failure_bytes: self.max_failure_bytes.or(file.max_failure_bytes),
            max_custom_status_bytes: self.max_custom_status_bytes.or(file.max_custom_status_bytes),
            max_commands_per_turn: self.max_commands_per_turn.or(file.max_commands_per_turn),
            max_pending_tasks: self.max_pending_tasks.or(file.max_pending_tasks),
            max_nesting: self.max_nesting.or(file.max_nesting),
            client_timeout_seconds: self.client_timeout_seconds.or(file.client_timeout_seconds),
            max_section_entities: self.max_section_entities.or(file.max_section_entities),
            max_buffered_events: self.max_buffered_events.or(file.max_buffered_events),
            max_buffered_event_bytes: self.max_buffered_event_bytes.or(file.max_buffered_event_bytes),
            max_history_turns: self.max_history_turns.or(file.max_history_turns),
            max_history_bytes: self.max_history_bytes.or(file.max_history_bytes),
            max_host_deaths: self.max_host_deaths.or(file.max_host_deaths),
            compile_memory_bytes: self.compile_memory_bytes.or(file.compile_memory_bytes),
            compile_deadline_seconds: self.compile_deadline_seconds.or(file.compile_deadline_seconds),
        }
    }

    /// Longest run of a client function.
    pub(super) fn client_timeout(&self, default: Duration) -> anyhow::Result<Duration> {
        deadline("client-timeout-seconds", self.client_timeout_seconds, default.as_secs())
    }

    /// Longest wait for the body of a request.
    pub(super) fn body_deadline(&self) -> anyhow::Result<Duration> {
        deadline("body-deadline-seconds", self.body_deadline_seconds, DEFAULT_BODY_DEADLINE_SECONDS)
    }

    /// How often the host may die of one call.
    pub(super) fn host_deaths(&self) -> anyhow::Result<u32> {
        let deaths = self.max_host_deaths.unwrap_or(DEFAULT_MAX_HOST_DEATHS);
        ensure!(
            deaths >= DEFAULT_MAX_HOST_DEATHS,
            "--max-host-deaths is {deaths}; it must be at least {DEFAULT_MAX_HOST_DEATHS}, so that no neighbour is taken for the cause"
        );
        Ok(deaths)
    }

    /// What compiles components: this program, started once more with `command`.
    pub(super) fn compiler(&self, command: &'static str) -> anyhow::Result<ChildCompiler> {
        let memory_bytes = self.compile_memory_bytes.unwrap_or(DEFAULT_COMPILE_MEMORY_BYTES);
        ensure!(
            memory_bytes >= MIN_COMPILE_MEMORY_BYTES,
            "--compile-memory-bytes is {memory_bytes}; it must be at least {MIN_COMPILE_MEMORY_BYTES}"
        );
        let deadline = deadline("compile-deadline-seconds", self.compile_deadline_seconds, DEFAULT_COMPILE_DEADLINE_SECONDS)?;
        // On Linux the file that this process runs, even if another version has taken its place on the disk since.
        let running = Path::new("/proc/self/exe");
        let program = if running.exists() { running.to_owned() } else { std::env::current_exe().context("cannot find this program")? };
        Ok(ChildCompiler { program, command, memory_bytes, deadline })
    }
}

/// What one instance may take up, complete and checked.
pub(super) fn instance_limits(limits: &LimitOptions) -> anyhow::Result<InstanceLimits> {
    let InstanceLimits {
        values: _,
        max_history_turns,
        max_history_bytes,
        max_buffered_events,
        max_buffered_event_bytes,
        max_pending_tasks,
        max_section_entities,
        max_nesting,
    } = InstanceLimits::default();
    let max_history_turns = limits.max_history_turns.unwrap_or(max_history_turns);
    let max_history_bytes = limits.max_history_bytes.unwrap_or(max_history_bytes);
    ensure!(max_history_turns > 0, "--max-history-turns is 0; it must be at least 1");
    ensure!(max_history_bytes > 0, "--max-history-bytes is 0; it must be at least 1");
    Ok(InstanceLimits {
        values: value_limits(limits)?,
        max_history_turns,
        max_history_bytes,
        max_buffered_events: at_least_one("max-buffered-events", limits.max_buffered_events, max_buffered_events)?,
        max_buffered_event_bytes: at_least_one("max-buffered-event-bytes", limits.max_buffered_event_bytes, max_buffered_event_bytes)?,
        max_pending_tasks: at_least_one("max-pending-tasks", limits.max_pending_tasks, max_pending_tasks)?,
        max_nesting: limits.max_nesting.unwrap_or(max_nesting),
        max_section_entities: at_least_one("max-section-entities", limits.max_section_entities, max_section_entities)?,
    })
}

/// The bounds on payloads and names, complete and checked.
pub(super) fn value_limits(limits: &LimitOptions) -> anyhow::Result<ValueLimits> {
    let ValueLimits { max_payload_bytes, max_json_depth, max_name_characters } = ValueLimits::default();
    Ok(ValueLimits {
        max_payload_bytes: at_least_one("max-payload-bytes", limits.max_payload_bytes, max_payload_bytes)?,
        max_json_depth: at_least_one("max-json-depth", limits.max_json_depth, max_json_depth)?,
        max_name_characters: at_least_one("max-name-characters", limits.max_name_characters, max_name_characters)?,
    })
}

/// The bounds on connections, complete and checked.
pub(super) fn server_limits(options: &ServeOptions) -> anyhow::Result<ServerLimits> {
    let limits = &options.limits;
    let max_header_bytes = limits.max_header_bytes.unwrap_or(DEFAULT_MAX_HEADER_BYTES);
    ensure!(max_header_bytes >= MIN_HEADER_BYTES, "--max-header-bytes is {max_header_bytes}; it must be at least {MIN_HEADER_BYTES}");
    let seconds = |given: Option<u64>, default| Duration::from_secs(given.unwrap_or(default));
    let (per_address, default_per_address) = (limits.max_connections_per_address, DEFAULT_MAX_CONNECTIONS_PER_ADDRESS);
    Ok(ServerLimits {
        max_connections: at_least_one("max-connections", options.max_connections, DEFAULT_MAX_CONNECTIONS)?,
        max_connections_per_address: at_least_one("max-connections-per-address", per_address, default_per_address)?,
        header_deadline: seconds(options.header_deadline_seconds, DEFAULT_HEADER_DEADLINE_SECONDS),
        write_deadline: deadline("write-deadline-seconds", limits.write_deadline_seconds, DEFAULT_WRITE_DEADLINE_SECONDS)?,
        max_header_bytes,
        max_headers: at_least_one("max-headers", limits.max_headers, DEFAULT_MAX_HEADERS)?,
        max_uri_bytes: at_least_one("max-uri-bytes", limits.max_uri_bytes, DEFAULT_MAX_URI_BYTES)?,
        drain_deadline: seconds(options.drain_deadline_seconds, DEFAULT_DRAIN_DEADLINE_SECONDS),
    })
}

/// How many client functions run at a time, complete and checked.
pub(super) fn client_places(options: &ServeOptions) -> anyhow::Result<ClientPlaces> {
    let running = at_least_one("max-running-requests", options.max_running_requests, ClientPlaces::default().running)?;
    let (given, ClientPlaces { per_address, .. }) = (options.limits.max_running_requests_per_address, ClientPlaces::of(running));
    Ok(ClientPlaces { running, per_address: at_least_one("max-running-requests-per-address", given, per_address)? })
}

fn deadline(option: &str, given: Option<u64>, default: u64) -> anyhow::Result<Duration> {
    let seconds = given.unwrap_or(default);
    ensure!(seconds > 0, "--{option} is 0; it must be at least 1");
    Ok(Duration::from_secs(seconds))
}
