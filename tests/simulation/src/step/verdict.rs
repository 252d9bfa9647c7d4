//! What is compared when all have come to rest.

use std::collections::BTreeMap;

use longhaul_core::{InstanceRow, RuntimeStatus};
use serde_json::{Value, json};

use super::scenario::{End, Scenario};
use crate::check;
use crate::seeds::wrong_calls;
use crate::store::GatedStore;
use crate::universe::Attempt;

/// What is not as foretold, after so many engines died and calls failed.
pub fn violations(scenario: &Scenario, store: &GatedStore, attempts: &[Attempt], losses: u64) -> Vec<String> {
    let rows = check::rows(&store.inner);
    let by_id: BTreeMap<&str, &InstanceRow> = rows.iter().map(|row| (row.id.as_str(), row)).collect();
    let mut found = check::violations(store);
    for (id, end) in &scenario.ends {
        let row = by_id.get(id.as_str());
        if !row.is_some_and(|row| is_as_foretold(row, end)) {
            found.push(format!("{id} should have ended as {end:?}, and is {row:?}"));
        }
    }
    let stranger = |row: &&InstanceRow| !row.id.is_entity() && !scenario.ends.contains_key(row.id.as_str());
    found.extend(rows.iter().filter(stranger).map(|row| format!("nobody should have started, or left, {row:?}")));
    for (account, wanted) in &scenario.foretold.balances {
        let state = by_id.get(format!("@account@{account}").as_str()).and_then(|row| row.state.as_ref());
        let seen = state.map(|state| value(state.as_str())["balance"].clone());
        if seen != Some(json!(wanted)) {
            found.push(format!("account {account} holds {seen:?}, not {wanted}"));
        }
    }
    // Tokens of programs begin with 1; another activity may be called again for good reasons, by
    // who is rewound.
    let of_programs: Vec<_> = attempts.iter().filter(|attempt| attempt.token > 0).cloned().collect();
    found.extend(check::wrong_attempts(&of_programs, losses));
    found.extend(wrong_calls(&of_programs, &scenario.foretold));
    found
}

fn is_as_foretold(row: &InstanceRow, end: &End) -> bool {
    let output = row.output.as_ref().map_or(Value::Null, |output| value(output.as_str()));
    let is_right = match (row.status, &end.output) {
        (RuntimeStatus::Failed, Value::String(part)) => output.to_string().contains(part.as_str()),
        (_, wanted) => output == *wanted,
    };
    row.status == end.status && is_right
}

fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or(Value::Null)
}
