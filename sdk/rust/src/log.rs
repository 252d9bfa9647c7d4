//! Lines for the host's log.
//!
//! ```
//! longhaul::log::info!("sent {} reminders", 3);
//! ```
//!
//! Logging is allowed in every kind of function. Lines that an orchestrator logs while its history
//! is replayed are dropped by the host, so each shows once. In native tests lines go to standard
//! error.

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Every step.
    Trace,
    /// For the author.
    Debug,
    /// For the operator.
    Info,
    /// Something is odd.
    Warn,
    /// Something failed.
    Error,
}

/// Writes one line. The macros of this module are shorter.
pub fn write(level: Level, message: &str) {
    #[cfg(target_arch = "wasm32")]
    crate::bindings::log(level, message);
    #[cfg(not(target_arch = "wasm32"))]
    eprintln!("{level:?}: {message}");
}

macro_rules! define {
    ($dollar:tt $($macro_name:ident $public_name:ident $level:ident $doc:literal)+) => {$(
        #[doc(hidden)]
        #[macro_export]
        macro_rules! $macro_name {
            ($dollar($dollar argument:tt)+) => { $crate::log::write($crate::log::Level::$level, &::std::format!($dollar($dollar argument)+)) };
        }
        #[doc = $doc]
        #[doc(inline)]
        pub use $macro_name as $public_name;
    )+};
}

define! { $
    __log_trace trace Trace "Logs a formatted line at level trace."
    __log_debug debug Debug "Logs a formatted line at level debug."
    __log_info info Info "Logs a formatted line at level info."
    __log_warn warn Warn "Logs a formatted line at level warn."
    __log_error error Error "Logs a formatted line at level error."
}
