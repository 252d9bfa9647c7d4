//! Parents and children.

use longhaul::{Context, EntityId, Failure, join_all};
use serde::{Deserialize, Serialize};

use crate::events::Collection;

/// What an instance knows of itself.
#[derive(Serialize, Deserialize)]
pub struct Identity {
    id: String,
    parent: Option<String>,
}

/// Returns its own id and its parent's.
#[longhaul::orchestrator(export = false)]
pub async fn who_am_i(ctx: Context) -> Identity {
    Identity { id: ctx.instance_id(), parent: ctx.parent_instance_id() }
}

/// Asks a child, of this id if there is one, who it is.
#[longhaul::orchestrator(export = false)]
pub async fn ask(ctx: Context, child: Option<String>) -> Result<Identity, Failure> {
    let call = ctx.call_orchestration("WhoAmI", &());
    Ok(match child {
        Some(id) => call.instance_id(id).await?,
        None => call.await?,
    })
}

/// Fails, and says who did.
#[longhaul::orchestrator(export = false)]
pub async fn fails(ctx: Context) -> Result<(), Failure> {
    Err(Failure::new("Deliberate", format!("{} fails", ctx.instance_id())))
}

/// Returns what it sees of the failure of a child of this id.
#[longhaul::orchestrator(export = false)]
pub async fn ask_failing(ctx: Context, child: String) -> String {
    match ctx.call_orchestration::<()>("Fails", &()).instance_id(child).await {
        Ok(()) => "it did not fail".to_owned(),
        Err(failure) => failure.to_string(),
    }
}

/// A tree: how many levels are below, and how many children there are on each.
#[derive(Serialize, Deserialize)]
pub struct Tree {
    depth: u32,
    width: u32,
}

/// A tree whose leaves wait for the event `go`. The children of `a` are called `a.0`, `a.1` and so on.
#[longhaul::orchestrator(export = false)]
pub async fn grow(ctx: Context, tree: Tree) -> Result<(), Failure> {
    let Some(depth) = tree.depth.checked_sub(1) else { return Ok(ctx.wait_for_event("go").await?) };
    let below = Tree { depth, ..tree };
    let child = |number| ctx.call_orchestration::<()>("Grow", &below).instance_id(format!("{}.{number}", ctx.instance_id()));
    let ended = join_all((0..below.width).map(child)).await;
    Ok(ended.into_iter().collect::<Result<_, _>>()?)
}

/// Has a child of this id wait for the event `go`, and fails on the event `fail` while the child waits.
#[longhaul::orchestrator(export = false)]
pub async fn leave_behind(ctx: Context, child: String) -> Result<(), Failure> {
    let child = ctx.call_orchestration::<()>("Grow", &Tree { depth: 0, width: 0 }).instance_id(child);
    ctx.wait_for_event::<()>("fail").await?;
    drop(child);
    Err(Failure::new("Deliberate", "the child is still waiting"))
}

/// Money for an account.
#[derive(Serialize, Deserialize)]
pub struct Order {
    to: String,
    amount: u64,
}

/// Pays money in by a signal.
#[longhaul::orchestrator(export = false)]
pub async fn deposit(ctx: Context, order: Order) {
    ctx.signal_entity(&EntityId::new("Account", order.to), "deposit", &order.amount);
}

/// The input of [`detach`].
#[derive(Deserialize)]
pub struct Detached {
    ids: Vec<String>,
    to: String,
}

/// Starts deposits of one without waiting for them: one for each id, and one that has no id.
#[longhaul::orchestrator(export = false)]
pub async fn detach(ctx: Context, detached: Detached) {
    let order = Order { to: detached.to, amount: 1 };
    for id in detached.ids {
        ctx.start_orchestration("Deposit", &order).instance_id(id);
    }
    ctx.start_orchestration("Deposit", &order);
}

/// Starts an instance that collects one number and raises the number before the instance has had its first turn.
#[longhaul::orchestrator(export = false)]
pub async fn push(ctx: Context, id: String) {
    ctx.start_orchestration("Collect", &Collection::new(1)).instance_id(&id);
    ctx.raise_event(&id, "number", &7);
}
