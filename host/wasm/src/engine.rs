//! The two engines and how large their pools are.
//!
//! Every guest's memory is a slot of a pool that is reserved as address space when the engine
//! starts. A used slot costs memory mappings of the process, and the kernel allows a process only
//! `vm.max_map_count` of those; a process that runs out of them fails in strange places, so the
//! pools are sized to stay well below.

use serde::{Deserialize, Serialize};
use wasmtime::{Config as EngineConfig, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, WasmFeatures};

use crate::activity::MAX_POOLED;
use crate::config::{Config, Limits};
use crate::error::Error;

/// Native stack that a guest may use. A thread that calls an orchestrator or entity needs at least
/// twice this.
const MAX_WASM_STACK_BYTES: usize = 512 << 10;
/// Stack of an activity or client function, on which the host functions that it calls run too.
const ASYNC_STACK_BYTES: usize = 1 << 20;
/// Guard behind each memory. Small, since bounds are checked in code when the reservation is below
/// 4 GiB anyway.
const GUARD_BYTES: u64 = 64 << 10;
/// Memory of a free slot that stays resident and is cleared by hand: cheaper than giving pages back
/// and faulting them in again. Measured: 2 MiB are no faster than this.
const KEEP_RESIDENT_BYTES: usize = 128 << 10;
/// Core instances, memories and tables of one component that the pools have room for on average;
/// interpreters need many.
const CORE_INSTANCES_PER_GUEST: u32 = 8;
const TABLES_PER_GUEST: u32 = 4;
const TABLE_ELEMENTS: usize = 20_000;

/// Mappings of the process left to everything that is no guest.
const RESERVED_MAPPINGS: usize = 10_000;
/// Mappings of a waiting orchestrator or entity (measured: 4), and of a running activity or client
/// function with its stack.
const MAPPINGS_PER_GUEST: usize = 5;
const MAPPINGS_PER_IO_GUEST: usize = 8;
const DEFAULT_MAX_HOT_GUESTS: usize = 10_000;
const FALLBACK_MAX_MAP_COUNT: usize = 65_530;

/// How many orchestrator and entity guests fit into this process.
pub(crate) fn max_hot_guests(config: &Config) -> usize {
    let io_guests = max_io_guests(config);
    let free = max_map_count().saturating_sub(RESERVED_MAPPINGS + io_guests * MAPPINGS_PER_IO_GUEST);
    config.max_hot_guests.unwrap_or(DEFAULT_MAX_HOT_GUESTS).min(free / MAPPINGS_PER_GUEST).max(1)
}

/// Activities and client functions that run, and activities' guests that are kept between two runs.
fn max_io_guests(config: &Config) -> usize {
    config.max_running_activities + config.max_running_requests + MAX_POOLED
}

fn max_map_count() -> usize {
    let text = std::fs::read_to_string("/proc/sys/vm/max_map_count").unwrap_or_default();
    text.trim().parse().unwrap_or(FALLBACK_MAX_MAP_COUNT)
}

/// Which of the two engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum EngineKind {
    /// For orchestrators and entities: plain calls, and the same result for the same input on every
    /// machine.
    Deterministic,
    /// For activities and client functions: calls are futures that give way at each tick.
    Io,
}

impl EngineKind {
    /// Linear memory that a guest on it may have.
    pub(crate) fn memory_bytes(self, limits: &Limits) -> usize {
        match self {
            Self::Deterministic => limits.orchestrator_memory_bytes,
            Self::Io => limits.activity_memory_bytes,
        }
    }
}

/// The engine for orchestrators and entities.
pub(crate) fn deterministic(config: &Config) -> Result<Engine, Error> {
    engine(EngineKind::Deterministic, EngineKind::Deterministic.memory_bytes(&config.limits), max_hot_guests(config))
}

/// The engine for activities and client functions.
pub(crate) fn io(config: &Config) -> Result<Engine, Error> {
    engine(EngineKind::Io, EngineKind::Io.memory_bytes(&config.limits), max_io_guests(config))
}

/// An engine that makes the same code and has room for hardly any guests.
pub(crate) fn for_compiling(kind: EngineKind, memory_bytes: usize) -> Result<Engine, Error> {
    engine(kind, memory_bytes, 1)
}

fn engine(kind: EngineKind, memory_bytes: usize, guests: usize) -> Result<Engine, Error> {
    let engine = match kind {
        EngineKind::Deterministic => {
            let mut engine = common(memory_bytes, guests, 0);
            engine.cranelift_nan_canonicalization(true);
            engine.relaxed_simd_deterministic(true);
            engine
        }
        EngineKind::Io => {
            // A pooled guest keeps its stack.
            let mut engine = common(memory_bytes, guests, guests);
            engine.async_stack_size(ASYNC_STACK_BYTES);
            engine
        }
    };
    Engine::new(&engine).map_err(|error| Error::Engine(format!("{error:#}")))
}

fn common(memory_bytes: usize, guests: usize, stacks: usize) -> EngineConfig {
    let mut engine = EngineConfig::new();
    engine.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(memory_bytes, guests, stacks)));
    engine.memory_reservation(memory_bytes as u64);
    engine.memory_guard_size(GUARD_BYTES);
    engine.memory_init_cow(true);
    engine.max_wasm_stack(MAX_WASM_STACK_BYTES);
    engine.epoch_interruption(true);
    engine.concurrency_support(false);
    engine.shared_memory(false);
    turn_off_what_no_guest_needs(&mut engine);
    engine
}

/// Leaves WebAssembly 2.0 with relaxed SIMD and extended constants, and the component model without
/// its asynchronous calls. What is off can be turned on once a toolchain wants it; turning
/// something off later would break apps.
fn turn_off_what_no_guest_needs(engine: &mut EngineConfig) {
    let off = WasmFeatures::THREADS
        | WasmFeatures::SHARED_EVERYTHING_THREADS
        | WasmFeatures::MEMORY64
        | WasmFeatures::MULTI_MEMORY
        | WasmFeatures::CUSTOM_PAGE_SIZES
        | WasmFeatures::EXCEPTIONS
        | WasmFeatures::LEGACY_EXCEPTIONS
        | WasmFeatures::GC
        | WasmFeatures::FUNCTION_REFERENCES
        | WasmFeatures::TAIL_CALL
        | WasmFeatures::STACK_SWITCHING
        | WasmFeatures::WIDE_ARITHMETIC;
    engine.wasm_features(off, false);
    let off = WasmFeatures::CM_ASYNC
        | WasmFeatures::CM_ASYNC_STACKFUL
        | WasmFeatures::CM_MORE_ASYNC_BUILTINS
        | WasmFeatures::CM_THREADING
        | WasmFeatures::CM_ERROR_CONTEXT
        | WasmFeatures::CM_GC
        | WasmFeatures::CM_MAP
        | WasmFeatures::CM64
        | WasmFeatures::CM_FIXED_LENGTH_LISTS
        | WasmFeatures::CM_IMPLEMENTS;
    engine.wasm_features(off, false);
}

fn pool(memory_bytes: usize, guests: usize, stacks: usize) -> PoolingAllocationConfig {
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(count(guests));
    pool.total_core_instances(count(guests).saturating_mul(CORE_INSTANCES_PER_GUEST));
    pool.total_memories(count(guests));
    pool.total_tables(count(guests).saturating_mul(TABLES_PER_GUEST));
    pool.table_elements(TABLE_ELEMENTS);
    pool.total_stacks(count(stacks));
    pool.max_memory_size(memory_bytes);
    pool.linear_memory_keep_resident(KEEP_RESIDENT_BYTES);
    pool.table_keep_resident(KEEP_RESIDENT_BYTES);
    pool.async_stack_keep_resident(16 << 10);
    // Clears only the pages that a guest touched. Measured with 10,000 guests dropped in a row: 1.0
    // s instead of 3.6 to 4.9 s. Older kernels do without.
    pool.pagemap_scan(Enabled::Auto);
    pool
}
