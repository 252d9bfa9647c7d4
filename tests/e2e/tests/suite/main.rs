//! End-to-end tests: the real program, a real port, a real database file.
//!
//! One test program for all, so that the host is built and linked against once. `cargo xtask guests` must have run before.
//! `cargo test -p e2e sample` runs one file's tests, and what a failing host wrote is shown with the failure.

mod activities;
mod canaries;
mod crash;
mod crash_storm;
mod deployments;
mod host_deaths;
mod http_bodies;
mod http_call;
mod http_clients;
mod http_contract;
mod http_entities;
mod http_keys;
mod http_operations;
mod http_reuse;
mod http_rpc;
mod http_start;
mod http_status;
mod late;
mod misbehaviour;
mod mismatch;
mod model;
mod own_host;
mod retries;
mod rewind;
mod rewind_chains;
mod sample;
mod sample_events;
mod scale;
mod secrets;
mod standstill;
mod stop;
mod timers;
mod tls;
mod wake_ups;
