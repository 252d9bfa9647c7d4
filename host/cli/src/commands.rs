//! One file for each command, one folder for each noun with verbs of its own.

pub mod client_binding;
pub mod compile;
pub mod deploy;
pub mod keys;
pub mod schedules;
pub mod serve;

/// How a name is written inside the path of a request.
fn escaped(name: &str) -> percent_encoding::PercentEncode<'_> {
    percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC)
}
