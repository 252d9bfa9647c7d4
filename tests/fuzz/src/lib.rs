//! What every reader of outside bytes must hold, for any input.
//!
//! A *target* is a function that takes any bytes, gives them to a reader, and panics if a property does not hold. `cargo test -p fuzz`
//! replays the kept inputs of `corpus/` and a bounded number of random changes of them; the programs of `libfuzzer/` search on with a compiler's
//! help. Inputs are text where that is possible, so that a kept one can be read: `docs/guide/fuzzing.md` has their forms.
//!
//! - [`requests`]: paths, queries, bodies, and the tokens of pages. [`access`]: keys, scopes, and tokens in addresses.
//! - [`records`]: what stands in the log. [`ids`]: names of instances and entities.
//! - [`apps`]: bundles, manifests, allowed hosts. [`times`]: dates, lengths of time, schedules.
//! - [`mutate`]: random changes from a seed. [`input`]: how a target takes its input apart.

pub mod access;
pub mod apps;
pub mod ids;
pub mod input;
pub mod mutate;
pub mod records;
pub mod requests;
pub mod times;

/// A target and its name, which is that of its folder in `corpus/` and of its program in `libfuzzer/`.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: &[Target] = &[
    ("access_key", access::access_key),
    ("allowed_hosts", apps::allowed_hosts),
    ("bundle", apps::bundle),
    ("chain", records::chain),
    ("date", times::date),
    ("duration", times::duration),
    ("ids", ids::ids),
    ("json_body", requests::json_body),
    ("link_token", access::link_token),
    ("manifest", apps::manifest),
    ("page_token", requests::page_token),
    ("path_and_query", requests::path_and_query),
    ("record", records::record),
    ("schedule", times::schedule),
];
