//! The rules that a manifest's types cannot express.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use http::Method;
use longhaul_wasm::{AllowedHosts, GuestReuse};
use toml::Spanned;

use super::{File, FunctionEntry, FunctionTable, Kind, Manifest, ManifestError, Reading, line_of};
use crate::duration;

/// How the names of the activities begin that the host carries out itself.
const BUILT_IN: &str = "BuiltIn::";

/// Most functions in an app.
const MAX_FUNCTIONS: usize = 1_000;
/// Most settings in an app.
const MAX_SETTINGS: usize = 1_000;
/// Longest value of a setting, bytes.
const MAX_SETTING_BYTES: usize = 32 * 1024;
/// Most secrets of a function.
const MAX_SECRETS: usize = 100;
const SETTING_NAME_RULE: &str = "it begins with a letter or '_' and goes on with letters, digits or '_'";
/// Longest name of an app, a function or a setting, characters.
const MAX_NAME_CHARS: usize = 128;
/// Longest path of a component and longest route, bytes.
const MAX_PATH_BYTES: usize = 256;
/// Most runs of a guest that is used again, and for how many seconds it is.
const MAX_REUSE_CALLS: u32 = 1_000_000;
const MAX_REUSE_SECONDS: u32 = 24 * 3_600;
/// What a client answers to unless its entry says otherwise.
const DEFAULT_METHODS: [Method; 2] = [Method::GET, Method::POST];
/// What a client's entry may name.
const KNOWN_METHODS: [Method; 7] = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::HEAD, Method::OPTIONS];

/// Turns the file's tables into a manifest, or says what is wrong with them.
pub(super) fn check(text: &str, file: File, reading: Reading) -> Result<Manifest, ManifestError> {
    let checker = Checker { text, reading };
    let app = checker.name("app name", &file.app.name)?;
    let settings = checker.settings(file.settings)?;
    let allowed_hosts = file.http.allowed_hosts.iter().map(|host| checker.allowed_host(host)).collect::<Result<_, _>>()?;
    let cors = checker.cors(file.http.cors.as_ref())?;
    if file.functions.is_empty() || file.functions.len() > MAX_FUNCTIONS {
        let message = format!("the app has {} functions; an app has 1 to {MAX_FUNCTIONS} [[function]] entries", file.functions.len());
        return Err(ManifestError { line: None, message });
    }
    let functions = checker.functions(&file.functions, &settings)?;
    let timers = checker.timers(file.timers, &functions)?;
    Ok(Manifest { app, on_return: file.app.completion, settings, allowed_hosts, cors, functions, timers })
}

pub(super) struct Checker<'a> {
    text: &'a str,
    reading: Reading,
}

impl Checker<'_> {
    pub(super) fn error<T>(&self, at: &Spanned<T>, message: String) -> ManifestError {
        ManifestError { line: Some(line_of(self.text, at.span().start)), message }
    }

    /// Refuses what earlier versions took, unless they did: then a line in the log tells of it.
    pub(super) fn refuse_anew(&self, error: ManifestError) -> Result<(), ManifestError> {
        if self.reading == Reading::New {
            return Err(error);
        }
        tracing::warn!(%error, "a deployed manifest says what is refused today; it is read as it was, but mend it with the next deployment");
        Ok(())
    }

    pub(super) fn name(&self, what: &str, name: &Spanned<String>) -> Result<String, ManifestError> {
        if is_name(name.get_ref()) {
            return Ok(name.get_ref().clone());
        }
        let rule =
            format!("it begins with a letter, goes on with letters, digits, '-' or '_', and has at most {MAX_NAME_CHARS} characters");
        Err(self.error(name, format!("{what} '{}' is not a name: {rule}", name.get_ref())))
    }

    fn settings(&self, settings: BTreeMap<String, Spanned<String>>) -> Result<BTreeMap<String, String>, ManifestError> {
        if settings.len() > MAX_SETTINGS {
            let message = format!("[settings] has {} entries; the most is {MAX_SETTINGS}", settings.len());
            return Err(ManifestError { line: None, message });
        }
        for (name, value) in &settings {
            if !is_setting_name(name) {
                return Err(self.error(value, format!("setting '{name}' is not a name: {SETTING_NAME_RULE}")));
            }
            if value.get_ref().len() > MAX_SETTING_BYTES || value.get_ref().contains('\0') {
                let message = format!("setting '{name}' is longer than {MAX_SETTING_BYTES} bytes or contains a zero byte");
                return Err(self.error(value, message));
            }
        }
        Ok(settings.into_iter().map(|(name, value)| (name, value.into_inner())).collect())
    }

    fn allowed_host(&self, host: &Spanned<String>) -> Result<String, ManifestError> {
        match AllowedHosts::parse([host.get_ref()]) {
            Ok(AllowedHosts::Only(_)) => Ok(host.get_ref().clone()),
            Ok(AllowedHosts::Any) => Err(self.error(host, "allowed-hosts: '*' is for the operator; an app names its hosts".into())),
            Err(error) => Err(self.error(host, format!("allowed-hosts: {error}"))),
        }
    }

    fn functions(&self, tables: &[FunctionTable], settings: &BTreeMap<String, String>) -> Result<Vec<FunctionEntry>, ManifestError> {
        let (mut names, mut routes) = (HashSet::new(), HashSet::new());
        let mut functions = Vec::with_capacity(tables.len());
        for table in tables {
            let function = FunctionEntry { secrets: self.secrets(table, settings)?, ..self.function(table)? };
            if !names.insert((function.kind, function.name.to_ascii_lowercase())) {
                let message = format!("a second {} is named '{}'; names are compared ignoring case", function.kind.as_str(), function.name);
                return Err(self.error(&table.name, message));
            }
            if let Some(route) = &function.route
                && !routes.insert(route.to_ascii_lowercase())
            {
                let message = format!("client '{}' has route '{route}', which another client has already", function.name);
                return Err(self.error(table.route.as_ref().unwrap_or(&table.name), message));
            }
            functions.push(function);
        }
        Ok(functions)
    }

    fn function(&self, table: &FunctionTable) -> Result<FunctionEntry, ManifestError> {
        if table.name.get_ref().get(..BUILT_IN.len()).is_some_and(|start| start.eq_ignore_ascii_case(BUILT_IN)) {
            let message =
                format!("function name '{}' is the host's own: an app's names do not begin with '{BUILT_IN}'", table.name.get_ref());
            return Err(self.error(&table.name, message));
        }
        let name = self.name("function name", &table.name)?;
        let component = table.component.get_ref();
        if !is_inner_path(component) {
            let rule = "it is relative to the app's folder, stays inside it, and has '/' between its parts";
            let message = format!("component '{component}' of function '{name}' is not such a path: {rule}");
            return Err(self.error(&table.component, message));
        }
        let (methods, route) = match table.kind {
            Kind::Client => (self.methods(&name, table.methods.as_ref())?, Some(self.route(&name, table.route.as_ref())?)),
            Kind::Orchestrator | Kind::Activity | Kind::Entity => {
                self.refuse_on_others(&name, table)?;
                (Vec::new(), None)
            }
        };
        let timeout = table.timeout.as_ref().map(|timeout| self.timeout(&name, table.kind, timeout)).transpose()?;
        let reuse = self.reuse(&name, table)?;
        let auth = table.auth.as_ref().map(|auth| *auth.get_ref()).unwrap_or_default();
        Ok(FunctionEntry {
            name: name.into(),
            kind: table.kind,
            component: component.clone(),
            methods,
            route,
            auth,
            secrets: Vec::new(),
            timeout,
            reuse,
        })
    }

    fn secrets(&self, table: &FunctionTable, settings: &BTreeMap<String, String>) -> Result<Vec<String>, ManifestError> {
        let (function, mut found) = (table.name.get_ref(), Vec::new());
        for secret in &table.secrets {
            let name = secret.get_ref();
            let problem = match table.kind {
                // What they read would have to be the same in each replay, and so stand in the history.
                Kind::Orchestrator | Kind::Entity => {
                    format!("function '{function}' is of kind '{}'; only clients and activities have 'secrets'", table.kind.as_str())
                }
                Kind::Client | Kind::Activity if table.secrets.len() > MAX_SECRETS => {
                    format!("function '{function}' names {} secrets; the most is {MAX_SECRETS}", table.secrets.len())
                }
                Kind::Client | Kind::Activity if !is_setting_name(name) => {
                    format!("secret '{name}' of function '{function}' is not a name: {SETTING_NAME_RULE}")
                }
                Kind::Client | Kind::Activity if found.contains(name) => format!("function '{function}' names the secret '{name}' twice"),
                Kind::Client | Kind::Activity if settings.contains_key(name) => {
                    format!("secret '{name}' of function '{function}' is a setting, too; a function reads both by their names")
                }
                Kind::Client | Kind::Activity => {
                    found.push(name.clone());
                    continue;
                }
            };
            return Err(self.error(secret, problem));
        }
        Ok(found)
    }

    fn refuse_on_others(&self, name: &str, table: &FunctionTable) -> Result<(), ManifestError> {
        let message = |key: &str| format!("function '{name}' is of kind '{}'; only clients have '{key}'", table.kind.as_str());
        if let Some(methods) = &table.methods {
            return Err(self.error(methods, message("methods")));
        }
        if let Some(route) = &table.route {
            return Err(self.error(route, message("route")));
        }
        if let Some(auth) = &table.auth {
            return Err(self.error(auth, message("auth")));
        }
        Ok(())
    }

    fn timeout(&self, name: &str, kind: Kind, timeout: &Spanned<String>) -> Result<Duration, ManifestError> {
        if kind != Kind::Activity {
            let message = format!("function '{name}' is of kind '{}'; only activities have 'timeout'", kind.as_str());
            return Err(self.error(timeout, message));
        }
        duration::parse(timeout.get_ref()).ok_or_else(|| {
            let rule = "it is a whole number above 0 and its unit, ms, s, m or h, such as 30s";
            self.error(timeout, format!("timeout '{}' of activity '{name}' is no length of time: {rule}", timeout.get_ref()))
        })
    }

    fn reuse(&self, name: &str, table: &FunctionTable) -> Result<Option<GuestReuse>, ManifestError> {
        let calls = self.reuse_bound(name, "reuse-calls", table, table.reuse_calls.as_ref(), MAX_REUSE_CALLS)?;
        let seconds = self.reuse_bound(name, "reuse-seconds", table, table.reuse_seconds.as_ref(), MAX_REUSE_SECONDS)?;
        let Some(reuse) = &table.reuse else { return Ok(None) };
        if table.kind != Kind::Activity {
            let message = format!("function '{name}' is of kind '{}'; only activities have 'reuse'", table.kind.as_str());
            return Err(self.error(reuse, message));
        }
        let default = GuestReuse::default();
        let age = seconds.map_or(default.age, |seconds| Duration::from_secs(seconds.into()));
        Ok(reuse.get_ref().then_some(GuestReuse { calls: calls.unwrap_or(default.calls), age }))
    }

    fn reuse_bound(
        &self,
        name: &str,
        key: &str,
        table: &FunctionTable,
        bound: Option<&Spanned<u32>>,
        most: u32,
    ) -> Result<Option<u32>, ManifestError> {
        let Some(bound) = bound else { return Ok(None) };
        if !table.reuse.as_ref().is_some_and(|reuse| *reuse.get_ref()) {
            return Err(self.error(bound, format!("function '{name}' has '{key}' without 'reuse = true', which it bounds")));
        }
        if !(1..=most).contains(bound.get_ref()) {
            return Err(self.error(bound, format!("{key} of activity '{name}' is {}; it is 1 to {most}", bound.get_ref())));
        }
        Ok(Some(*bound.get_ref()))
    }

    fn methods(&self, name: &str, methods: Option<&Spanned<Vec<String>>>) -> Result<Vec<Method>, ManifestError> {
        let Some(methods) = methods else { return Ok(DEFAULT_METHODS.to_vec()) };
        if methods.get_ref().is_empty() {
            return Err(self.error(methods, format!("client '{name}' has no methods; leave the key out for GET and POST")));
        }
        let mut found = Vec::new();
        for text in methods.get_ref() {
            let Some(method) = KNOWN_METHODS.into_iter().find(|known| known.as_str().eq_ignore_ascii_case(text)) else {
                let known = KNOWN_METHODS.map(|method| method.to_string()).join(", ");
                return Err(self.error(methods, format!("client '{name}' has the method '{text}'; the methods are {known}")));
            };
            if !found.contains(&method) {
                found.push(method);
            }
        }
        Ok(found)
    }

    fn route(&self, name: &str, route: Option<&Spanned<String>>) -> Result<String, ManifestError> {
        let Some(route) = route else { return Ok(name.to_owned()) };
        if is_route(route.get_ref()) {
            return Ok(route.get_ref().clone());
        }
        let rule = "it has parts of letters, digits, '-', '_', '.' or '~' with '/' between them and none at its ends";
        Err(self.error(route, format!("route '{}' of client '{name}' is not a route: {rule}", route.get_ref())))
    }
}

fn is_name(text: &str) -> bool {
    text.len() <= MAX_NAME_CHARS
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
}

fn is_setting_name(text: &str) -> bool {
    text.len() <= MAX_NAME_CHARS
        && text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn is_inner_path(text: &str) -> bool {
    let is_part = |part: &str| !matches!(part, "" | "." | "..") && !part.contains(['\\', ':']) && !part.contains(char::is_control);
    text.len() <= MAX_PATH_BYTES && text.split('/').all(is_part)
}

fn is_route(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '~');
    let is_part = |part: &str| !matches!(part, "" | "." | "..") && part.chars().all(is_plain);
    text.len() <= MAX_PATH_BYTES && text.split('/').all(is_part)
}
