//! Who may do what: keys, tokens in addresses, and the secrets behind them.
//!
//! - [`key`]: how a key looks. [`scope`]: what one opens. [`keyring`]: the keys that there are, changed while the host runs.
//!   [`desk`]: what people may do to them.
//! - [`link`]: tokens in the addresses that the host hands out. [`secrets`]: what they are signed with.
//! - [`proof`]: how a host proves that it runs on a data folder.
//! - [`Permit`]: leave to act, looked at again at the moment of the act.
//!
//! Whether a request is let in is decided in [`authorize`](crate::authorize), which knows the routes.

pub mod desk;
pub mod key;
pub mod keyring;
pub mod link;
pub mod proof;
pub mod scope;
pub mod secrets;

use std::sync::Arc;
use std::time::Duration;

pub use desk::KeyDesk;
pub use key::{Key, KeyKind};
pub use keyring::{KeyError, Keyring};
pub use longhaul_engine::Permit;
pub use scope::Scope;
pub use secrets::Secrets;

use link::{LinkCredential, LinkSigner, Rights};

/// Whether callers need keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthMode {
    /// Every route but the open ones wants a key or a token.
    Keys,
    /// Every caller that reaches the listener may use it; administration is for callers on the same machine.
    None,
}

/// What stands in the addresses that are handed out for an instance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LinkForm {
    /// A token that is good for this instance and what the address does, and for nothing else.
    #[default]
    Token,
    /// The key of the client binding, as Azure does it: one address opens everything on every instance.
    SystemKey,
}

/// Settings of access.
#[derive(Clone, Debug)]
pub struct AccessConfig {
    /// Whether callers need keys; absent where nothing was said.
    pub auth: Option<AuthMode>,
    /// Whether the operator wants a host that anybody on the network may use.
    pub allow_unauthenticated: bool,
    /// What stands in addresses.
    pub links: LinkForm,
    /// How long a token in an address is good.
    pub link_lifetime: Duration,
    /// Names besides its own by which the host is called.
    pub host_names: Vec<String>,
}

/// Everything that decides about a request, while the host runs.
pub struct Access {
    /// Whether callers need keys.
    pub auth: AuthMode,
    /// The keys that there are.
    pub keyring: Arc<Keyring>,
    /// What tokens are signed with, and the key of the client binding.
    pub secrets: Arc<Secrets>,
    /// Names besides its own by which the host is called, in lower case and without ports.
    pub host_names: Vec<String>,
    desk: KeyDesk,
    links: LinkForm,
    link_lifetime: Duration,
}

impl Access {
    /// Puts it together. `auth` is the mode that was chosen, by the operator or by default.
    pub fn new(auth: AuthMode, keyring: Arc<Keyring>, secrets: Arc<Secrets>, config: &AccessConfig, public_url: Option<&str>) -> Self {
        let public_host = public_url.and_then(|url| url.parse::<http::Uri>().ok()?.host().map(str::to_owned));
        let host_names = config.host_names.iter().cloned().chain(public_host).map(|name| name.to_ascii_lowercase()).collect();
        let desk = KeyDesk::new(keyring.clone(), secrets.clone());
        Self { auth, keyring, secrets, host_names, desk, links: config.links, link_lifetime: config.link_lifetime }
    }

    /// What goes into the addresses of an instance for a caller that has these rights to it.
    pub fn link_credential(&self, rights: Rights) -> LinkCredential {
        match (self.auth, self.links) {
            (AuthMode::None, _) => LinkCredential::None,
            (AuthMode::Keys, LinkForm::SystemKey) if rights == Rights::ALL => LinkCredential::Key(self.secrets.binding_key()),
            (AuthMode::Keys, _) => LinkCredential::Token(self.signer().limited_to(rights)),
        }
    }

    /// Where people list and change keys.
    pub fn desk(&self) -> &KeyDesk {
        &self.desk
    }

    /// Signs tokens and checks them.
    pub fn signer(&self) -> LinkSigner {
        LinkSigner::new(self.secrets.link_secret(), self.link_lifetime)
    }

    /// What the presented text opens, if it is a key that is good now.
    pub fn scope_of(&self, presented: &str) -> Option<Scope> {
        // Both are asked always, so that the time taken does not tell which one knows the key.
        let (stored, binding) = (self.keyring.scope_of(presented), self.secrets.is_binding_key(presented));
        stored.or(binding.then_some(Scope::System))
    }
}
