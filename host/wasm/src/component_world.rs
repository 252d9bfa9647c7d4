//! What each kind of function may import and must export.

use std::fmt;

use wasmtime::Engine;
use wasmtime::component::Component;

use crate::error::ComponentError;

/// What a component is meant to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FunctionKind {
    /// Answers HTTP requests and may start orchestrations.
    Client,
    /// Replayed from history.
    Orchestrator,
    /// Has side effects; runs at least once.
    Activity,
    /// Keyed state.
    Entity,
}

impl fmt::Display for FunctionKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Client => "client function",
            Self::Orchestrator => "orchestrator",
            Self::Activity => "activity",
            Self::Entity => "entity",
        })
    }
}

/// Interfaces without effects: types, and the log.
const LONGHAUL: [&str; 2] = ["longhaul:durable/types", "longhaul:durable/log"];

/// The part of WASI that has deterministic stand-ins: the clock shows the turn's time, random
/// numbers follow from the execution and the turn, the environment is empty, there are no files,
/// and what is printed goes to the log. The toolchains' standard libraries link these whether the
/// code uses them or not.
const STAND_INS: [&str; 18] = [
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/stderr",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:cli/terminal-stderr",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:filesystem/preopens",
    "wasi:filesystem/types",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:random/",
];

/// What a function that runs once may import besides: HTTP to the hosts that are allowed.
const OUTGOING_HTTP: [&str; 2] = ["wasi:http/types", "wasi:http/outgoing-handler"];

impl FunctionKind {
    /// Whether its code is replayed or makes recorded state, and so must depend on nothing but its
    /// input.
    pub(crate) fn is_deterministic(self) -> bool {
        match self {
            Self::Orchestrator | Self::Entity => true,
            Self::Activity | Self::Client => false,
        }
    }

    fn export(self) -> &'static str {
        match self {
            Self::Client => "wasi:http/incoming-handler",
            Self::Orchestrator => "longhaul:durable/orchestrator",
            Self::Activity => "longhaul:durable/activity",
            Self::Entity => "longhaul:durable/entity",
        }
    }

    fn may_import(self, name: &str) -> bool {
        let http = !self.is_deterministic() && matches(&OUTGOING_HTTP, name);
        let client = self == Self::Client && matches(&["longhaul:durable/client"], name);
        matches(&LONGHAUL, name) || matches(&STAND_INS, name) || http || client
    }

    fn why_not(self, import: &str) -> String {
        if import.starts_with("wasi:sockets/") && !self.is_deterministic() {
            return "which is not offered: use wasi:http/outgoing-handler, whose hosts the manifest names".into();
        }
        match self {
            Self::Orchestrator | Self::Entity => format!(
                "which would make it depend on the outside; an {self} may import longhaul:durable/log and the deterministic \
                 stand-ins of wasi:cli, wasi:clocks, wasi:io, wasi:random and wasi:filesystem. Move the step into an activity"
            ),
            Self::Activity => "which this host does not offer; an activity may import longhaul:durable/log, wasi:http/outgoing-handler \
                               and wasi:cli, wasi:clocks, wasi:io, wasi:random and wasi:filesystem"
                .into(),
            Self::Client => "which this host does not offer; a client function may import longhaul:durable/log, longhaul:durable/client, \
                             wasi:http/outgoing-handler and wasi:cli, wasi:clocks, wasi:io, wasi:random and wasi:filesystem"
                .into(),
        }
    }
}

/// Whether `name` is one of the interfaces, in any version. An entry that ends with a slash stands
/// for a whole package.
fn matches(interfaces: &[&str], name: &str) -> bool {
    let plain = name.split_once('@').map_or(name, |(plain, _version)| plain);
    interfaces.iter().any(|interface| plain == *interface || interface.ends_with('/') && plain.starts_with(interface))
}

/// Checks the names of a component's imports and exports; their shapes are checked when it is
/// linked.
pub(crate) fn check_names(kind: FunctionKind, component: &Component, engine: &Engine) -> Result<(), ComponentError> {
    let shape = component.component_type();
    let exports: Vec<_> = shape.exports(engine).map(|(name, _)| name.to_owned()).collect();
    if !exports.iter().any(|name| matches(&[kind.export()], name)) {
        let found = if exports.is_empty() { "nothing".into() } else { exports.join(", ") };
        return Err(ComponentError::MissingExport { kind, export: kind.export(), found });
    }
    match shape.imports(engine).find(|(name, _)| !kind.may_import(name)) {
        None => Ok(()),
        Some((import, _)) => Err(ComponentError::ForbiddenImport { kind, import: import.to_owned(), why: kind.why_not(import) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_orchestrator_may_log_and_read_the_turns_clock_but_reach_nothing_outside() {
        let may = |name| FunctionKind::Orchestrator.may_import(name);
        assert!(may("longhaul:durable/log@0.1.0") && may("wasi:clocks/wall-clock@0.2.6") && may("wasi:random/insecure-seed@0.2.0"));
        assert!(!may("wasi:http/outgoing-handler@0.2.0") && !may("wasi:sockets/tcp@0.2.0") && !may("longhaul:durable/client@0.1.0"));
        assert!(!may("acme:custom/thing") && !may("wasi:clocks/timezone@0.2.0"));
    }

    #[test]
    fn only_client_functions_manage_instances() {
        let client = "longhaul:durable/client@0.1.0";
        assert!(FunctionKind::Client.may_import(client) && !FunctionKind::Activity.may_import(client));
        assert!(FunctionKind::Activity.may_import("wasi:http/outgoing-handler@0.2.12"));
        assert!(!FunctionKind::Activity.may_import("wasi:sockets/tcp@0.2.12"));
    }
}
