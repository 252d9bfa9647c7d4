//! Critical sections and signals.

use std::time::Duration;

use longhaul::{Context, EntityId, Failure};
use serde::{Deserialize, Serialize};

fn account(key: &str) -> EntityId {
    EntityId::new("Account", key)
}

/// The input of [`section`].
#[derive(Serialize, Deserialize)]
pub struct Section {
    accounts: Vec<String>,
    then: Then,
}

/// What is done once the accounts are locked and the event `go` has come.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Then {
    /// Ends well.
    Return,
    /// Ends badly.
    Fail,
    /// Never comes back to the host.
    Panic,
    /// Begins anew, and locks nothing.
    Continue,
    /// Locks nothing and waits for `go`.
    Outside,
}

/// Locks accounts and ends in one of many ways without letting go of them.
#[longhaul::orchestrator(export = false)]
pub async fn section(ctx: Context, section: Section) -> Result<(), Failure> {
    if section.then == Then::Outside {
        return Ok(ctx.wait_for_event("go").await?);
    }
    let accounts: Vec<_> = section.accounts.iter().map(|key| account(key)).collect();
    let _held = ctx.lock(&accounts).await?;
    ctx.set_custom_status("inside");
    ctx.wait_for_event::<()>("go").await?;
    match section.then {
        Then::Return | Then::Outside => {}
        Then::Fail => return Err(Failure::new("Deliberate", "this section fails")),
        Then::Panic => panic!("this section panics"),
        Then::Continue => ctx.continue_as_new(&Section { then: Then::Outside, ..section }),
    }
    Ok(())
}

/// Money from one account for another.
#[derive(Deserialize)]
pub struct Transfer {
    from: String,
    to: String,
    amount: u64,
}

/// Moves money in a critical section over both accounts; false if there is not enough.
#[longhaul::orchestrator(export = false)]
pub async fn transfer(ctx: Context, transfer: Transfer) -> Result<bool, Failure> {
    let (from, to) = (account(&transfer.from), account(&transfer.to));
    let held = ctx.lock(&[from.clone(), to.clone()]).await?;
    let balance: u64 = ctx.call_entity(&from, "balance", &()).await?;
    if balance < transfer.amount {
        return Ok(false);
    }
    // Nobody else can have withdrawn anything since.
    let left: u64 = ctx.call_entity(&from, "withdraw", &transfer.amount).await?;
    ctx.call_entity::<u64>(&to, "deposit", &transfer.amount).await?;
    held.release();
    if left != balance - transfer.amount {
        return Err(Failure::new("Disturbed", format!("{left} is left of {balance} after {} were withdrawn", transfer.amount)));
    }
    Ok(true)
}

/// Has an account send more than it has, and returns what the account says to that.
#[longhaul::orchestrator(export = false)]
pub async fn spoiled_transfer(ctx: Context, transfer: Transfer) -> String {
    #[derive(Serialize)]
    struct Order {
        to: String,
        amount: u64,
    }
    let order = Order { to: transfer.to, amount: transfer.amount };
    let mut said = Vec::new();
    for operation in ["send", "hire"] {
        match ctx.call_entity::<u64>(&account(&transfer.from), operation, &order).await {
            Ok(left) => said.push(format!("{left} left")),
            Err(failure) => said.push(failure.to_string()),
        }
    }
    said.join("; ")
}

/// The input of [`signal_later`].
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Later {
    to: String,
    after_ms: Vec<u64>,
}

/// Deposits one at each of these times from now, and ends at once.
#[longhaul::orchestrator(export = false)]
pub async fn signal_later(ctx: Context, later: Later) {
    for after_ms in later.after_ms {
        ctx.signal_entity_at(&account(&later.to), "deposit", &1, ctx.now() + Duration::from_millis(after_ms));
    }
}
