//! Limits on what comes in, complete and checked.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use longhaul_core::limits::{InstanceLimits, ValueLimits};
use longhaul_wasm::ChildCompiler;

use super::{LimitOptions, ServeOptions, at_least_one};
use longhaul_http::ClientPlaces;
use longhaul_http::server::ServerLimits;

/// What the reader of heads needs at least.
const MIN_HEADER_BYTES: usize = 8 * 1024;
/// What compiling the smallest component takes.
const MIN_COMPILE_MEMORY_BYTES: u64 = 64 * 1024 * 1024;
/// The first two may find others under way as well; by the third the cause has run alone.
const MIN_HOST_DEATHS: u32 = 3;

impl LimitOptions {
    /// Longest run of a client function.
    pub(super) fn client_timeout(&self) -> anyhow::Result<Duration> {
        deadline("client-timeout-seconds", self.client_timeout_seconds())
    }

    /// Longest wait for the body of a request.
    pub(super) fn body_deadline(&self) -> anyhow::Result<Duration> {
        deadline("body-deadline-seconds", self.body_deadline_seconds())
    }

    /// How often the host may die of one call.
    pub(super) fn host_deaths(&self) -> anyhow::Result<u32> {
        let deaths = self.max_host_deaths();
        ensure!(
            deaths >= MIN_HOST_DEATHS,
            "--max-host-deaths is {deaths}; it must be at least {MIN_HOST_DEATHS}, so that no neighbour is taken for the cause"
        );
        Ok(deaths)
    }

    /// What compiles components: this program, started once more with `command`.
    pub(super) fn compiler(&self, command: &'static str) -> anyhow::Result<ChildCompiler> {
        let memory_bytes = self.compile_memory_bytes();
        ensure!(
            memory_bytes >= MIN_COMPILE_MEMORY_BYTES,
            "--compile-memory-bytes is {memory_bytes}; it must be at least {MIN_COMPILE_MEMORY_BYTES}"
        );
        let deadline = deadline("compile-deadline-seconds", self.compile_deadline_seconds())?;
        // On Linux the file that this process runs, even if another version has taken its place on the disk since.
        let running = Path::new("/proc/self/exe");
        let program = if running.exists() { running.to_owned() } else { std::env::current_exe().context("cannot find this program")? };
        Ok(ChildCompiler { program, command, memory_bytes, deadline })
    }
}

/// What one instance may take up, complete and checked.
pub(super) fn instance_limits(limits: &LimitOptions) -> anyhow::Result<InstanceLimits> {
    let (max_history_turns, max_history_bytes) = (limits.max_history_turns(), limits.max_history_bytes());
    ensure!(max_history_turns > 0, "--max-history-turns is 0; it must be at least 1");
    ensure!(max_history_bytes > 0, "--max-history-bytes is 0; it must be at least 1");
    Ok(InstanceLimits {
        values: value_limits(limits)?,
        max_history_turns,
        max_history_bytes,
        max_buffered_events: at_least_one("max-buffered-events", limits.max_buffered_events())?,
        max_buffered_event_bytes: at_least_one("max-buffered-event-bytes", limits.max_buffered_event_bytes())?,
        max_pending_tasks: at_least_one("max-pending-tasks", limits.max_pending_tasks())?,
        max_nesting: limits.max_nesting(),
        max_section_entities: at_least_one("max-section-entities", limits.max_section_entities())?,
    })
}

/// The bounds on payloads and names, complete and checked.
pub(super) fn value_limits(limits: &LimitOptions) -> anyhow::Result<ValueLimits> {
    Ok(ValueLimits {
        max_payload_bytes: at_least_one("max-payload-bytes", limits.max_payload_bytes())?,
        max_json_depth: at_least_one("max-json-depth", limits.max_json_depth())?,
        max_name_characters: at_least_one("max-name-characters", limits.max_name_characters())?,
    })
}

/// The bounds on connections, complete and checked.
pub(super) fn server_limits(options: &ServeOptions) -> anyhow::Result<ServerLimits> {
    let limits = &options.limits;
    let max_header_bytes = limits.max_header_bytes();
    ensure!(max_header_bytes >= MIN_HEADER_BYTES, "--max-header-bytes is {max_header_bytes}; it must be at least {MIN_HEADER_BYTES}");
    Ok(ServerLimits {
        max_connections: at_least_one("max-connections", options.max_connections())?,
        max_connections_per_address: at_least_one("max-connections-per-address", limits.max_connections_per_address())?,
        header_deadline: Duration::from_secs(options.header_deadline_seconds()),
        write_deadline: deadline("write-deadline-seconds", limits.write_deadline_seconds())?,
        max_header_bytes,
        max_headers: at_least_one("max-headers", limits.max_headers())?,
        max_uri_bytes: at_least_one("max-uri-bytes", limits.max_uri_bytes())?,
        drain_deadline: Duration::from_secs(options.drain_deadline_seconds()),
    })
}

/// How many client functions run at a time, complete and checked.
pub(super) fn client_places(options: &ServeOptions) -> anyhow::Result<ClientPlaces> {
    let running = at_least_one("max-running-requests", options.max_running_requests())?;
    let (given, ClientPlaces { per_address, .. }) = (options.limits.max_running_requests_per_address, ClientPlaces::of(running));
    Ok(ClientPlaces { running, per_address: at_least_one("max-running-requests-per-address", given.unwrap_or(per_address))? })
}

fn deadline(option: &str, seconds: u64) -> anyhow::Result<Duration> {
    ensure!(seconds > 0, "--{option} is 0; it must be at least 1");
    Ok(Duration::from_secs(seconds))
}
