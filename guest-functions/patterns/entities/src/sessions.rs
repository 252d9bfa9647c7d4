//! Something that has to be cleaned up: sessions that expire.

use std::collections::BTreeMap;

use longhaul::{EntityContext, Timestamp};
use serde::{Deserialize, Serialize};

/// Sessions by their name, with the time at which each expires.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sessions(BTreeMap<String, Timestamp>);

/// The input of `open`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Open {
    /// The session's name.
    pub name: String,
    /// How long it lasts, in milliseconds.
    pub lasts_ms: u64,
}

#[longhaul::entity(export = false)]
impl Sessions {
    fn open(&mut self, ctx: &mut EntityContext, session: Open) {
        let expires = ctx.now() + std::time::Duration::from_millis(session.lasts_ms);
        self.0.insert(session.name, expires);
    }

    /// Drops what has expired and says how many sessions that were.
    fn sweep(&mut self, ctx: &mut EntityContext) -> usize {
        let before = self.0.len();
        self.0.retain(|_, expires| *expires > ctx.now());
        before - self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use longhaul::testing::EntityUnderTest;

    use super::*;

    #[test]
    fn a_sweep_drops_what_has_expired_and_nothing_else() {
        let mut sessions = EntityUnderTest::<Sessions>::new("all");
        for (name, lasts_ms) in [("short", 10), ("long", 1_000)] {
            sessions.call::<()>("open", &Open { name: name.into(), lasts_ms }).unwrap();
        }
        assert_eq!(sessions.call("sweep", &()), Ok(0));
        sessions.set_now(Timestamp::from_millis(10));
        assert_eq!(sessions.call("sweep", &()), Ok(1));
        assert_eq!(sessions.state(), Some(Sessions([("long".to_owned(), Timestamp::from_millis(1_000))].into())));
    }
}
