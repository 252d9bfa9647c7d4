//! Limits on what comes in: one list for the command line and the table `[limits]` of the file. `docs/guide/limits.md` shows them all.

use std::time::Duration;

use anyhow::ensure;
use clap::Args;
use serde::Deserialize;

use super::{DEFAULT_DRAIN_DEADLINE_SECONDS, DEFAULT_HEADER_DEADLINE_SECONDS, DEFAULT_MAX_CONNECTIONS, ServeOptions, at_least_one};
use crate::http::server::ServerLimits;

const DEFAULT_MAX_CONNECTIONS_PER_ADDRESS: usize = 1_024;
const DEFAULT_MAX_HEADER_BYTES: usize = 64 * 1024;
/// What the reader of heads needs at least.
const MIN_HEADER_BYTES: usize = 8 * 1024;
const DEFAULT_MAX_HEADERS: usize = 100;
const DEFAULT_MAX_URI_BYTES: usize = 16 * 1024;
const DEFAULT_BODY_DEADLINE_SECONDS: u64 = 60;
const DEFAULT_WRITE_DEADLINE_SECONDS: u64 = 30;

/// Limits as someone wrote them; what is absent has a default.
#[derive(Args, Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct LimitOptions {
    /// Most connections of one address at a time; one more is closed with 503. Raise it behind a proxy, whose address all
    /// connections have [default: 1024]
    #[arg(long, value_name = "COUNT")]
    pub max_connections_per_address: Option<usize>,

    /// Longest head of a request in bytes, from 8192 on; a longer one is answered with 431 [default: 65536]
    #[arg(long, value_name = "BYTES")]
    pub max_header_bytes: Option<usize>,

    /// Most headers of a request; more are answered with 431 [default: 100]
    #[arg(long, value_name = "COUNT")]
    pub max_headers: Option<usize>,

    /// Longest path and query of a request in bytes; a longer one is answered with 414 [default: 16384]
    #[arg(long, value_name = "BYTES")]
    pub max_uri_bytes: Option<usize>,

    /// Longest wait for the body of a request, in seconds; then it is answered with 408 [default: 60]
    #[arg(long, value_name = "SECONDS")]
    pub body_deadline_seconds: Option<u64>,

    /// Longest wait until a client takes the next bytes of its answer, in seconds; then its connection is closed [default: 30]
    #[arg(long, value_name = "SECONDS")]
    pub write_deadline_seconds: Option<u64>,
}

impl LimitOptions {
    /// These limits, and those of `file` where these say nothing.
    pub fn or(self, file: Self) -> Self {
        Self {
            max_connections_per_address: self.max_connections_per_address.or(file.max_connections_per_address),
            max_header_bytes: self.max_header_bytes.or(file.max_header_bytes),
            max_headers: self.max_headers.or(file.max_headers),
            max_uri_bytes: self.max_uri_bytes.or(file.max_uri_bytes),
            body_deadline_seconds: self.body_deadline_seconds.or(file.body_deadline_seconds),
            write_deadline_seconds: self.write_deadline_seconds.or(file.write_deadline_seconds),
        }
    }

    /// Longest wait for the body of a request.
    pub(super) fn body_deadline(&self) -> anyhow::Result<Duration> {
        deadline("body-deadline-seconds", self.body_deadline_seconds, DEFAULT_BODY_DEADLINE_SECONDS)
    }
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

fn deadline(option: &str, given: Option<u64>, default: u64) -> anyhow::Result<Duration> {
    let seconds = given.unwrap_or(default);
    ensure!(seconds > 0, "--{option} is 0; it must be at least 1");
    Ok(Duration::from_secs(seconds))
}
