//! One orchestrator for each pattern; `docs/guide/patterns.md` walks through them.

longhaul::export_orchestrators!(
    approval::approval,
    chaining::invoice,
    clean_up::clean_up,
    eternal::eternal_counter,
    fan_out::gentle_word_count,
    fan_out::word_count,
    first_steps::always_fails,
    first_steps::hello_cities,
    first_steps::wait_for_go,
    http_api::long_work,
    monitor::watch_counter,
    saga::book_trip,
    tree::tree
);

pub mod approval;
pub mod chaining;
pub mod clean_up;
pub mod eternal;
pub mod fan_out;
pub mod first_steps;
pub mod http_api;
pub mod monitor;
pub mod saga;
pub mod tree;
