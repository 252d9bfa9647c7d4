//! An entity that does everything an entity may do.

use std::time::Duration;

use longhaul::{EntityContext, EntityId, Failure};
use serde::{Deserialize, Serialize};

/// An amount of money, never below zero.
#[derive(Default, Serialize, Deserialize)]
pub struct Account {
    balance: u64,
}

/// Money for another account.
#[derive(Serialize, Deserialize)]
pub struct Order {
    to: String,
    amount: u64,
    #[serde(default)]
    after_ms: u64,
}

#[longhaul::entity]
impl Account {
    fn deposit(&mut self, amount: u64) -> u64 {
        self.balance += amount;
        self.balance
    }

    fn withdraw(&mut self, amount: u64) -> Result<u64, Failure> {
        self.balance = self.balance.checked_sub(amount).ok_or_else(|| Failure::new("Poor", "there is not enough money"))?;
        Ok(self.balance)
    }

    fn balance(&self) -> u64 {
        self.balance
    }

    /// Sends money by a signal.
    fn send(&mut self, ctx: &mut EntityContext, order: Order) -> Result<u64, Failure> {
        let to = EntityId::new("Account", &order.to);
        match order.after_ms {
            0 => ctx.signal(&to, "deposit", &order.amount),
            after => ctx.signal_at(&to, "deposit", &order.amount, ctx.now() + Duration::from_millis(after)),
        }
        self.withdraw(order.amount)
    }

    /// Sends money by an orchestration of the id that the other account's key and `-hired` make.
    fn hire(&mut self, ctx: &mut EntityContext, order: Order) -> Result<u64, Failure> {
        let id = format!("{}-hired", order.to);
        ctx.start_orchestration("Deposit", &order, Some(&id));
        self.withdraw(order.amount)
    }
}
