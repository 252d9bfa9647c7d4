//! What must come of programs, computed without a host.

use std::collections::{BTreeMap, BTreeSet};

use interpreter_programs::{Step, answer, child_id, failure_text};
use serde_json::{Value, json};

/// What every account holds at the beginning: more than all transfers together can take out.
pub const FUNDS: u64 = 1_000_000_000;

/// What must come of all programs of a run.
#[derive(Debug, Default)]
pub struct Foretold {
    /// By instance, those that programs start among them.
    pub ends: BTreeMap<String, End>,
    /// The balances that differ from [`FUNDS`].
    pub balances: BTreeMap<String, u64>,
    /// By instance and token.
    pub calls: BTreeMap<(String, u32), Call>,
    /// What the outside has to raise for the programs to end.
    pub events: Vec<Events>,
    /// Instances that may be there, with their children, and end in one of several ways.
    pub victims: BTreeSet<String>,
    /// Those among them that must not be there in the end.
    pub purged: BTreeSet<String>,
}

/// How an instance ends.
#[derive(Debug, PartialEq)]
pub struct End {
    /// Its output.
    pub output: Value,
    /// Its last custom status.
    pub custom_status: Value,
}

/// A call of the activity that reports to the ledger.
#[derive(Debug, PartialEq)]
pub enum Call {
    /// Runs until it succeeds.
    Succeeds {
        /// Attempts before that, which were told to fail.
        failures: u32,
    },
    /// Never succeeds.
    Fails {
        /// Runs exactly so often.
        attempts: u32,
    },
    /// Runs any number of times, none included.
    Abandoned,
}

/// Events that an instance waits for, one after the other.
#[derive(Clone, Debug, PartialEq)]
pub struct Events {
    /// Who waits.
    pub instance: String,
    /// Their name.
    pub name: String,
    /// Their payloads.
    pub payloads: Vec<Value>,
}

impl Foretold {
    /// Adds a program that an instance is started with.
    pub fn add(&mut self, instance: &str, steps: &[Step]) {
        self.run(instance, steps);
    }

    /// Runs a program and returns its output.
    fn run(&mut self, instance: &str, steps: &[Step]) -> Value {
        let mut custom_status = Value::Null;
        let mut output = Vec::new();
        for (index, step) in steps.iter().enumerate() {
            if let Step::Status { text } = step {
                custom_status = json!(text);
            }
            output.push(self.step(instance, index, step));
        }
        let end = End { output: Value::Array(output), custom_status };
        let output = end.output.clone();
        self.ends.insert(instance.to_owned(), end);
        output
    }

    fn step(&mut self, instance: &str, index: usize, step: &Step) -> Value {
        match step {
            Step::Activity { token } | Step::Big { token, .. } => self.call(instance, *token, Call::Succeeds { failures: 0 }),
            Step::FanOut { tokens } => {
                tokens.iter().for_each(|&token| _ = self.call(instance, token, Call::Succeeds { failures: 0 }));
                json!(tokens.iter().map(|&token| answer(token)).sum::<u64>())
            }
            Step::Flaky { token, failures, attempts } if failures < attempts => {
                self.call(instance, *token, Call::Succeeds { failures: *failures })
            }
            Step::Flaky { token, attempts, .. } => self.call(instance, *token, Call::Fails { attempts: *attempts }),
            Step::Abandon { token } => self.call(instance, *token, Call::Abandoned),
            Step::Child { steps } => self.run(&child_id(instance, index), steps),
            Step::Converse { number } => {
                let end = End { output: json!([[number], null]), custom_status: Value::Null };
                self.ends.insert(child_id(instance, index), end);
                json!(number + 1)
            }
            Step::Collect { event, count } => {
                let payloads: Vec<Value> = (0..*count).map(|number| json!(format!("{instance} {event} {number}"))).collect();
                self.events.push(Events { instance: instance.to_owned(), name: event.clone(), payloads: payloads.clone() });
                json!(payloads)
            }
            Step::Signal { account, amount } | Step::Deposit { account, amount } => {
                *self.balance(account) += amount;
                Value::Null
            }
            Step::Transfer { from, to, amount } => {
                *self.balance(from) -= amount;
                *self.balance(to) += amount;
                json!(amount)
            }
            Step::Tell { .. } | Step::Timer { .. } | Step::Status { .. } | Step::Renew => Value::Null,
        }
    }

    fn call(&mut self, instance: &str, token: u32, call: Call) -> Value {
        let output = match call {
            Call::Succeeds { .. } => json!(answer(token)),
            Call::Fails { .. } => json!(format!("Activity function 'Report' failed: {}", failure_text(token))),
            Call::Abandoned => Value::Null,
        };
        self.calls.insert((instance.to_owned(), token), call);
        output
    }

    fn balance(&mut self, account: &str) -> &mut u64 {
        self.balances.entry(account.to_owned()).or_insert(FUNDS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::{ACCOUNTS, program};
    use seeded::Random;

    #[test]
    fn transfers_keep_the_sum_of_all_accounts() {
        let mut foretold = Foretold::default();
        let step = |from: &str, to: &str| Step::Transfer { from: from.to_owned(), to: to.to_owned(), amount: 30 };
        foretold.add("a", &[step("north", "east"), step("east", "south"), Step::Deposit { account: "north".into(), amount: 5 }]);
        assert_eq!(foretold.balances.values().sum::<u64>(), 3 * FUNDS + 5);
        assert_eq!(foretold.ends["a"].output, json!([30, 30, null]));
    }

    #[test]
    fn what_children_wait_for_is_raised_and_what_partners_wait_for_is_not() {
        let mut foretold = Foretold::default();
        let wait = Step::Collect { event: "go-0".into(), count: 2 };
        foretold.add("a", &[Step::Child { steps: vec![wait] }, Step::Converse { number: 4 }]);
        let payloads = vec![json!("a.0 go-0 0"), json!("a.0 go-0 1")];
        assert_eq!(foretold.events, [Events { instance: "a.0".into(), name: "go-0".into(), payloads: payloads.clone() }]);
        assert_eq!(foretold.ends["a"].output, json!([[payloads], 5]));
        assert_eq!(foretold.ends["a.1"].output, json!([[4], null]));
    }

    #[test]
    fn a_seed_gives_the_same_programs_each_time_and_all_steps_come_up() {
        let mut kinds = std::collections::BTreeSet::new();
        for seed in 0..200 {
            let (first, second) = (program(&mut Random::new(seed)), program(&mut Random::new(seed)));
            assert_eq!(first, second);
            kinds.extend(first.iter().map(|step| serde_json::to_value(step).expect("a step is JSON")["do"].to_string()));
            let mut foretold = Foretold::default();
            foretold.add("a", &first);
            assert!(foretold.balances.keys().all(|account| ACCOUNTS.contains(&account.as_str())));
        }
        assert_eq!(kinds.len(), 14, "all but `tell`, which only partners do: {kinds:?}");
    }
}
