//! Whether a request is let in.
//!
//! Where the host asks for keys, a route is open to those who show one that opens it, or, for one instance, a token from an address that the
//! host has handed out. Where it asks for none, administration is for callers on the same machine. In both cases pages on the web are kept
//! out: a browser sends them wherever they want, with the reader's own address as the sender.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use http::header::{HeaderName, ORIGIN};
use longhaul_core::InstanceId;
use longhaul_engine::EngineError;

use super::answer::{self, Answer};
use super::bodies::BodyRoom;
use super::context::Api;
use super::request::{Asked, Caller, RequestBody, Surface};
use super::router::RPC_PREFIX;
use super::{cors, credentials, origin};
use crate::auth::link::{self, Rights, Verb};
use crate::auth::{Access, AuthMode, Key, Permit, Scope};
use longhaul_app::manifest::AuthLevel;

/// A key, as Azure Functions takes it in a header.
pub const KEY_HEADER: HeaderName = HeaderName::from_static("x-functions-key");
/// A key or token, as Azure Functions takes it in a query.
pub const KEY_PARAMETER: &str = "code";

/// What the caller of a route needs, where the host asks for keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing.
    Nothing,
    /// What the client function's entry in the manifest says.
    Function,
    /// A system key.
    System,
    /// A system key, or a token for this instance that allows this.
    Instance(Verb),
    /// An administrator's key.
    Admin,
}

impl Need {
    /// What a token must allow; `None` where no token does.
    pub fn verb(self) -> Option<Verb> {
        match self {
            Self::Instance(verb) => Some(verb),
            Self::Nothing | Self::Function | Self::System | Self::Admin => None,
        }
    }
}

/// Why a request is not let in.
pub(super) enum Refusal {
    /// A key is missing, or wrong.
    NoKey,
    /// The same where the host asks for keys for administration alone; the answer says so.
    NoAdminKey,
    /// No key would change it; the text says what would.
    Forbidden(Cow<'static, str>),
    /// It cannot be found out now.
    Unknown(EngineError),
}

impl Refusal {
    /// 401 without a body, 403 with the text, or what the engine's error is answered with.
    pub(super) fn answer(self) -> Answer {
        match self {
            Self::NoKey => answer::empty(StatusCode::UNAUTHORIZED),
            Self::NoAdminKey => answer::message(StatusCode::UNAUTHORIZED, NO_ADMIN_KEY),
            Self::Forbidden(text) => answer::message(StatusCode::FORBIDDEN, &text),
            Self::Unknown(error) => answer::engine_error(&error),
        }
    }
}

/// Takes the key out of a path on the local RPC listener, where libraries send what they were configured with and no key besides:
/// `/durabletask/KEY/instances/7`.
pub(super) fn key_in_path(surface: Surface, path: &str) -> (Option<String>, Cow<'_, str>) {
    let found = || {
        let rest = path.get(RPC_PREFIX.len()..).filter(|_| path[..RPC_PREFIX.len()].eq_ignore_ascii_case(RPC_PREFIX))?;
        let (key, rest) = rest.strip_prefix('/')?.split_once('/')?;
        Key::parse(key).is_ok().then(|| (Some(key.to_owned()), Cow::Owned(format!("{RPC_PREFIX}/{rest}"))))
    };
    match surface {
        Surface::LocalRpc if path.is_char_boundary(RPC_PREFIX.len().min(path.len())) && path.len() > RPC_PREFIX.len() => {
            found().unwrap_or((None, Cow::Borrowed(path)))
        }
        Surface::LocalRpc | Surface::Public => (None, Cow::Borrowed(path)),
    }
}

/// Leave to do what a request asks for, as its credentials give it.
#[derive(Clone, Debug)]
pub struct Leave {
    /// Lasts as long as the credentials are good, and is for the instance that a token is for.
    pub permit: Permit,
    /// What the caller may hand on.
    pub rights: Rights,
    /// The token that was shown for a status, to be shown again.
    pub token: Option<String>,
    /// The client function that it is for, by level and name in lower case; any one if the host asks for no keys.
    function: Option<Option<(AuthLevel, String)>>,
}

impl Default for Leave {
    fn default() -> Self {
        Self { permit: Permit::default(), rights: Rights::ALL, token: None, function: None }
    }
}

impl Leave {
    /// Whether it is for a client function of this level and name.
    pub fn is_for_function(&self, level: AuthLevel, name: &str) -> bool {
        let is_same = |(own, own_name): &(AuthLevel, String)| *own == level && own_name.eq_ignore_ascii_case(name);
        self.function.as_ref().is_none_or(|function| function.as_ref().is_some_and(is_same))
    }

    /// Leave that lasts as long as one of the texts that the request shows `opens` the route, if one does now.
    fn while_any(access: &Arc<Access>, shown: Vec<String>, opens: impl Fn(&Access, &str) -> bool + Send + Sync + 'static) -> Option<Self> {
        let access = access.clone();
        // What is open to everybody is open to the empty text, too.
        let permit = Permit::while_it(move || shown.iter().map(String::as_str).chain([""]).any(|text| opens(&access, text)));
        permit.holds().then(|| Self { permit, ..Self::default() })
    }
}

/// Whether the request may go on to its handler, and on what terms. What it shows is kept in these, and nowhere else.
///
/// # Errors
/// What to answer instead.
pub(super) async fn check(api: &Api, asked: &Asked, caller: &Caller, path_key: Option<&str>) -> Result<Leave, Refusal> {
    let shown: Vec<String> = presented(asked, path_key).map(str::to_owned).collect();
    match (api.access.auth, asked.route.need) {
        (_, Need::Nothing) | (AuthMode::None, Need::Function) => Ok(Leave::default()),
        (AuthMode::Keys, Need::Function) => match function_level(api, asked) {
            // There is no such function, which its handler says.
            None => Ok(Leave { function: Some(None), ..Leave::default() }),
            Some((level, name)) => {
                let function = Some(Some((level, name.clone())));
                let opens = move |access: &Access, text: &str| opens_function(access, text, level, &name);
                let leave = Leave::while_any(&api.access, shown, opens).ok_or(Refusal::NoKey)?;
                Ok(Leave { function, ..leave })
            }
        },
        // A key proves more than a name does: no page on the web has one.
        (AuthMode::Keys, Need::System | Need::Instance(_)) => {
            let leave = may_manage(api, asked, shown).await?;
            own_origin(api, asked)?;
            Ok(leave)
        }
        (AuthMode::Keys, Need::Admin) => {
            let leave = Leave::while_any(&api.access, shown, is_admin).ok_or(Refusal::NoKey)?;
            own_name(api, asked, caller)?;
            own_origin(api, asked)?;
            Ok(leave)
        }
        (AuthMode::None, Need::System | Need::Instance(_)) => {
            own_name(api, asked, caller)?;
            own_origin(api, asked)?;
            Ok(Leave::default())
        }
        (AuthMode::None, Need::Admin) => {
            own_origin(api, asked)?;
            if !asked.is_local {
                return Err(Refusal::Forbidden(NOT_LOCAL.into()));
            }
            // Also one of the host's own: what a client function answers with is of the same origin as administration.
            if asked.may_be_of_a_page() {
                return Err(Refusal::Forbidden(OF_A_PAGE.into()));
            }
            match asked.head.method.is_safe() {
                true => Ok(Leave::default()),
                false => Leave::while_any(&api.access, shown, is_admin).ok_or(Refusal::NoAdminKey),
            }
        }
    }
}

fn is_admin(access: &Access, text: &str) -> bool {
    access.scope_of(text) == Some(Scope::Admin)
}

/// The whole body of a request, whose caller is looked at again once it is there: what was good at its head may be so no longer.
///
/// # Errors
/// The answer to give.
pub(super) async fn body_of(api: &Api, asked: &Asked, body: RequestBody, max_bytes: usize) -> Result<(Bytes, BodyRoom), Answer> {
    let (body, room) = api.bodies.collect(asked.peer, body, max_bytes).await?.into_parts();
    let permit = &asked.leave.permit;
    if !permit.holds() {
        return Err(Refusal::NoKey.answer());
    }
    if permit.born_at().is_some() {
        let row = api.engine.head(&InstanceId::trusted(asked.part(0))).await.map_err(|error| Refusal::Unknown(error).answer())?;
        if row.is_some_and(|row| !permit.is_for(row.born_at)) {
            return Err(Refusal::NoKey.answer());
        }
    }
    Ok((body, room))
}

const OF_A_PAGE: &str = "while the host asks for no keys, no page in a browser may administer it, its own neither; use the command line";
const NO_ADMIN_KEY: &str = "changes of deployments, timers and keys want a key for admin, also while the host asks for no other: that in the \
                            file admin-key in its data folder, which the command line finds by itself if --data names that folder";
const NOT_LOCAL: &str = "while the host asks for no keys, only callers on its own machine that call it localhost or 127.0.0.1 may do this; \
                         do it there, reach it through an SSH tunnel, or start the host with --auth keys";

/// What the request shows as a key or token: of each place where one may stand, the first text that looks like one. No more of them are
/// looked at, since each is compared with every key that there is.
fn presented<'a>(asked: &'a Asked, path_key: Option<&'a str>) -> impl Iterator<Item = &'a str> {
    let is_like_ours = |text: &&str| Key::is_like_one(text) || text.starts_with(link::PREFIX);
    let in_header = asked.head.headers.get_all(KEY_HEADER).iter().filter_map(|value| value.to_str().ok()).find(is_like_ours);
    let in_query = asked.query.values(KEY_PARAMETER).find(is_like_ours);
    in_header.into_iter().chain(in_query).chain(path_key)
}

fn function_level(api: &Api, asked: &Asked) -> Option<(AuthLevel, String)> {
    let app = api.registry.current()?;
    let client = app.client_by_route(&asked.head.method, asked.part(0))?;
    Some((client.auth, client.function.name.to_ascii_lowercase()))
}

fn opens_function(access: &Access, presented: &str, level: AuthLevel, name: &str) -> bool {
    match (level, access.scope_of(presented)) {
        (AuthLevel::Anonymous, _) => true,
        (AuthLevel::Function, Some(Scope::Admin | Scope::Functions)) => true,
        (AuthLevel::Function, Some(Scope::Function(own))) => own == name,
        (AuthLevel::Function, Some(Scope::System) | None) => false,
        (AuthLevel::Admin, scope) => scope == Some(Scope::Admin),
    }
}

/// A key opens every management route; a token one, for the instance that it was made for.
async fn may_manage(api: &Api, asked: &Asked, shown: Vec<String>) -> Result<Leave, Refusal> {
    let is_key = |access: &Access, text: &str| matches!(access.scope_of(text), Some(Scope::Admin | Scope::System));
    let tokens: Vec<String> = shown.iter().filter(|text| text.starts_with(link::PREFIX)).cloned().collect();
    if let Some(leave) = Leave::while_any(&api.access, shown, is_key) {
        return Ok(leave);
    }
    let Some(verb) = asked.route.need.verb() else { return Err(Refusal::NoKey) };
    let instance = asked.part(0).to_owned();
    let grant_of = move |access: &Access, text: &str| access.signer().check(text, &instance, verb);
    if !tokens.iter().any(|token| grant_of(&api.access, token).is_some()) {
        return Err(Refusal::NoKey);
    }
    let row = api.engine.head(&InstanceId::trusted(asked.part(0))).await.map_err(Refusal::Unknown)?;
    let Some(born_at) = row.map(|row| row.born_at) else {
        // There is nothing to protect, which the handler says; what is there a moment later is not meant.
        return Ok(Leave { permit: Permit::default().for_no_instance(), rights: Rights::NONE, ..Leave::default() });
    };
    let good = tokens.into_iter().filter_map(|token| Some((grant_of(&api.access, &token)?, token)));
    let good: Vec<_> = good.filter(|(grant, _)| grant.covers(born_at)).collect();
    let rights = good.iter().fold(Rights::NONE, |rights, (grant, _)| rights.and(*grant, verb));
    let tokens: Vec<String> = good.into_iter().map(|(_, token)| token).collect();
    let token = tokens.first().filter(|_| verb == Verb::Status).cloned();
    let is_good = move |access: &Access, text: &str| grant_of(access, text).is_some_and(|grant| grant.covers(born_at));
    let leave = Leave::while_any(&api.access, tokens, is_good).ok_or(Refusal::NoKey)?;
    Ok(Leave { permit: leave.permit.for_instance_born_at(born_at), rights, token, ..Leave::default() })
}

/// The host is called by a name of its own. A page on the web can make a name of its own point to the reader's machine, and is then of
/// the same site as the host, for the browser. With an address instead of a name nobody can do that.
fn own_name(api: &Api, asked: &Asked, caller: &Caller) -> Result<(), Refusal> {
    let received = origin::received(&asked.head, caller);
    let name = origin::host_name(&received).unwrap_or_default();
    let is_own = origin::is_of_this_machine(&received)
        || name.parse::<IpAddr>().is_ok()
        || api.access.host_names.iter().any(|own| *own == name || own == "*");
    let text = || {
        format!(
            "'{name}' is no name of this host; if it is meant to be one, start the host with --host-name {name} or the --public-url with it"
        )
    };
    if is_own { Ok(()) } else { Err(Refusal::Forbidden(text().into())) }
}

/// A browser that sends a page's request says whose page it is: only the host's own may, and those that the manifest lists.
fn own_origin(api: &Api, asked: &Asked) -> Result<(), Refusal> {
    let Some(origin) = asked.head.headers.get(ORIGIN) else { return Ok(()) };
    if cors::allows(api, asked.route, origin) {
        return Ok(());
    }
    let authority = |text: &str| text.split_once("://").map(|(_, authority)| authority.to_ascii_lowercase());
    let own = [Some(asked.origin()), api.config.public_url.as_deref()];
    let from = origin.to_str().ok().and_then(authority);
    let is_own = from.is_some() && own.into_iter().flatten().any(|own| authority(own) == from);
    let text = "the request comes from a page of another site, which may not use this route";
    if is_own { Ok(()) } else { Err(Refusal::Forbidden(text.into())) }
}

/// Takes the host's own keys and tokens out of a request that was let in, so that neither guests nor answers have them.
pub(super) fn hide_keys(api: &Api, asked: &mut Asked) {
    asked.links.credential = api.access.link_credential(asked.leave.rights);
    credentials::take_out_of_headers(&mut asked.head.headers);
    if let Some(uri) = credentials::taken_out_of(&asked.head.uri) {
        asked.head.uri = uri;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::Request;

    use super::super::router::Router;
    use super::super::{Addresses, HttpConfig};
    use super::*;
    use crate::auth::KeyKind;

    fn asked(request: http::request::Builder) -> Asked {
        let (head, ()) = request.body(()).unwrap().into_parts();
        let (peer, local) = ("127.0.0.1:9".parse().unwrap(), "127.0.0.1:7071".parse().unwrap());
        let caller = Caller { surface: Surface::Public, scheme: "http", peer, local };
        let config = HttpConfig {
            management_prefix: "/m".into(),
            task_hub: "TestHubName".into(),
            max_body_bytes: 1,
            max_json_depth: 100,
            max_deployment_bytes: 1,
            client_places: Default::default(),
            body_deadline: Duration::from_secs(1),
            memory: super::super::HttpMemory { body_bytes: 1, body_bytes_per_address: 1 },
            public_url: None,
            use_forwarded_host: false,
        };
        let addresses = Addresses { public_origin: "http://public:1".into(), rpc_base: None };
        let matched = Router::new("/m").route(&head.method, "/m/instances/a").unwrap();
        Asked::new(head, matched, &caller, &config, &addresses)
    }

    #[test]
    fn however_often_a_key_is_shown_one_of_each_place_is_compared() {
        let key = |kind| Key::generate(kind).unwrap().reveal().to_owned();
        let (first, second, in_header) = (key(KeyKind::Function), key(KeyKind::System), key(KeyKind::Admin));
        let many = format!("/m/instances/a?code=a-functions-own&code={first}&code={second}{}", "&code=x".repeat(2_000));
        let request = Request::get(many).header(KEY_HEADER, "junk").header(KEY_HEADER, &in_header).header(KEY_HEADER, &second);
        let asked = asked(request);
        assert_eq!(presented(&asked, Some("in-path")).collect::<Vec<_>>(), [in_header.as_str(), &first, "in-path"]);
    }
}
