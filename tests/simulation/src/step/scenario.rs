//! What clients do in a scenario, and what must come of it.

use std::collections::{BTreeMap, BTreeSet};

use faults::model::{FUNDS, Foretold};
use interpreter_programs::{Program, Step};
use longhaul_core::RuntimeStatus;
use serde_json::{Value, json};

use crate::client::Request;

/// What clients do, and what must come of it.
#[derive(Default)]
pub struct Scenario {
    /// Several at a time, each of which does one thing after another.
    pub clients: Vec<Vec<Act>>,
    /// Every orchestration that there must be at the end, and no other.
    pub ends: BTreeMap<String, End>,
    /// What the model says of programs; its ends stand in `ends` too.
    pub foretold: Foretold,
}

/// How an instance ends.
#[derive(Debug)]
pub struct End {
    /// Its status.
    pub status: RuntimeStatus,
    /// Its output, or a part of the text of its failure.
    pub output: Value,
}

/// One thing that a client does.
#[derive(Clone, Debug)]
pub enum Act {
    /// Sends a request under a key of its own until it is accepted.
    Send(Request),
    /// Sends the request of the same client's act of this number again, under the key that it had.
    Again(usize),
    /// Asks for something that has no key, until it is done.
    Ask(String, Wish),
    /// Waits until the store shows this of an instance.
    Until(String, Sign),
    /// The activity `Broken` succeeds from now on.
    Heal,
}

/// What can be asked for without a key.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Wish {
    /// The instance is held.
    Suspend,
    /// It goes on.
    Resume,
    /// It and its children end.
    Terminate,
    /// It goes on from before its failure.
    Rewind,
    /// It is removed.
    Purge,
}

/// What can be waited for.
#[derive(Clone, Debug, PartialEq)]
pub enum Sign {
    /// It has this status.
    Status(RuntimeStatus),
    /// It has this custom status.
    Custom(Value),
}

impl Scenario {
    /// One client more; what follows is done by it.
    pub fn client(mut self) -> Self {
        self.clients.push(Vec::new());
        self
    }

    /// One act more of the last client.
    pub fn act(mut self, act: Act) -> Self {
        if self.clients.is_empty() {
            self.clients.push(Vec::new());
        }
        self.clients.last_mut().expect("there is one").push(act);
        self
    }

    /// Starts an orchestration.
    pub fn start(self, name: &str, id: &str, input: Value) -> Self {
        self.act(Act::Send(Request::Start { name: name.into(), id: id.into(), input }))
    }

    /// Starts a program. What must come of it is foretold, and the accounts that it uses hold
    /// [`FUNDS`] before.
    pub fn program(mut self, id: &str, steps: Vec<Step>) -> Self {
        let known: BTreeSet<_> = self.foretold.balances.keys().cloned().collect();
        self.foretold.add(id, &steps);
        // What the scenario itself has said of an instance stands, unless this very program takes
        // its place.
        self.ends.remove(id);
        for (id, end) in &self.foretold.ends {
            self.ends.entry(id.clone()).or_insert_with(|| End { status: RuntimeStatus::Completed, output: end.output.clone() });
        }
        let used: Vec<_> = self.foretold.balances.keys().filter(|account| !known.contains(*account)).cloned().collect();
        for account in used {
            self = self.act(Act::Send(Request::Deposit { account, amount: FUNDS }));
        }
        self.start("Interpreter", id, json!(Program { ledger: String::new(), steps, done: Vec::new() }))
    }

    /// Raises an event.
    pub fn raise(self, id: &str, event: &str, data: Value) -> Self {
        self.act(Act::Send(Request::Raise { id: id.into(), may_be_missing: true, event: event.into(), data }))
    }

    /// Raises all that programs so far wait for.
    pub fn raise_all(mut self) -> Self {
        for events in self.foretold.events.clone() {
            for data in events.payloads {
                self = self.raise(&events.instance, &events.name, data);
            }
        }
        self
    }

    /// Pays into an account that holds [`FUNDS`] already.
    pub fn deposit(mut self, account: &str, amount: u64) -> Self {
        *self.foretold.balances.get_mut(account).expect("a program uses the account") += amount;
        self.act(Act::Send(Request::Deposit { account: account.into(), amount }))
    }

    /// Asks for something that has no key.
    pub fn ask(self, id: &str, wish: Wish) -> Self {
        self.act(Act::Ask(id.into(), wish))
    }

    /// Waits until an instance has this status.
    pub fn until(self, id: &str, status: RuntimeStatus) -> Self {
        self.act(Act::Until(id.into(), Sign::Status(status)))
    }

    /// Says how an instance ends.
    pub fn ends(mut self, id: &str, status: RuntimeStatus, output: Value) -> Self {
        self.ends.insert(id.into(), End { status, output });
        self
    }

    /// Says how several instances end.
    pub fn ends_all(self, ids: &[&str], status: RuntimeStatus, output: &Value) -> Self {
        ids.iter().fold(self, |scenario, id| scenario.ends(id, status, output.clone()))
    }

    /// Says that an instance is not there at the end.
    pub fn gone(mut self, id: &str) -> Self {
        self.ends.remove(id);
        // Programs that are added later would bring it back.
        self.foretold.ends.remove(id);
        self
    }

    /// Says that something else pays into an account.
    pub fn earns(mut self, account: &str, amount: u64) -> Self {
        *self.foretold.balances.entry(account.into()).or_insert(FUNDS) += amount;
        self
    }
}
