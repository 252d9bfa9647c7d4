//! Budgets of memory, and what of the machine's memory they are where nothing was said.

use anyhow::ensure;
use longhaul_engine::EngineConfig;
use longhaul_wasm::GuestMemory;

use super::ServeOptions;
use crate::machine;
use longhaul_http::HttpMemory;

/// The memory of the HTTP side, complete and checked.
pub(super) fn http_memory(options: &ServeOptions, max_body_bytes: usize) -> anyhow::Result<HttpMemory> {
    let limits = &options.limits;
    let longest = max_body_bytes as u64;
    let body_bytes = budget("body-memory-bytes", limits.body_memory_bytes.unwrap_or((machine::memory_bytes() / 8).max(longest)))?;
    let of_each = (body_bytes / 2).max(longest);
    Ok(HttpMemory {
        body_bytes,
        body_bytes_per_address: budget("body-memory-bytes-per-address", limits.body_memory_bytes_per_address.unwrap_or(of_each))?,
    })
}

/// The memory of the engine, complete and checked.
pub(super) fn engine_memory(options: &ServeOptions, defaults: EngineConfig) -> anyhow::Result<EngineConfig> {
    let limits = &options.limits;
    Ok(EngineConfig {
        instance_memory_bytes: budget("instance-memory-bytes", limits.instance_memory_bytes.unwrap_or(machine::memory_bytes() / 4))?,
        answer_memory_bytes: budget("answer-memory-bytes", limits.answer_memory_bytes.unwrap_or(machine::memory_bytes() / 8))?,
        max_page_bytes: budget("max-page-bytes", limits.max_page_bytes())?,
        ..defaults
    })
}

/// What activities and client functions that run share: at least twice what one of them may have, which is what it takes to have that.
pub(super) fn guest_memory(options: &ServeOptions, one_bytes: usize) -> anyhow::Result<GuestMemory> {
    let default = (machine::memory_bytes() / 4).max(2 * one_bytes as u64);
    let bytes = budget("guest-memory-bytes", options.limits.guest_memory_bytes.unwrap_or(default))?;
    Ok(GuestMemory::new(usize::try_from(bytes).unwrap_or(usize::MAX)))
}

fn budget(option: &str, bytes: u64) -> anyhow::Result<u64> {
    ensure!(bytes > 0, "--{option} is 0; it must be at least 1");
    Ok(bytes)
}
