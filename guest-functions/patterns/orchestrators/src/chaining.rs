//! Function chaining: the output of each step is the input of the next.

use longhaul::{Context, Failure};
use serde::{Deserialize, Serialize};

/// What somebody ordered.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    /// What it is.
    pub item: String,
    /// How many.
    pub quantity: u64,
    /// The price of one, in cents.
    pub unit_price_cents: u64,
}

/// Prices an order, adds the tax and writes the invoice.
#[longhaul::orchestrator(export = false)]
pub async fn invoice(ctx: Context, order: Order) -> Result<String, Failure> {
    let net: u64 = ctx.call_activity("PriceOrder", &order).await?;
    let gross: u64 = ctx.call_activity("AddTax", &net).await?;
    Ok(ctx.call_activity("WriteInvoice", &gross).await?)
}

#[cfg(test)]
mod tests {
    use longhaul::testing::Orchestration;
    use patterns_activities::{add_tax, price_order, write_invoice};

    use super::*;

    fn invoiced(quantity: u64) -> longhaul::testing::Run {
        let order = Order { item: "lamp".into(), quantity, unit_price_cents: 1_250 };
        let run = Orchestration::new::<invoice>().input(&order);
        run.real_activity::<price_order>().real_activity::<add_tax>().real_activity::<write_invoice>().run()
    }

    #[test]
    fn each_step_works_on_what_the_one_before_returned() {
        let run = invoiced(4);
        assert_eq!(run.output::<String>().unwrap(), "Please pay 59.50.");
        run.check_replay().unwrap();
    }

    #[test]
    fn a_failed_step_ends_the_chain() {
        let run = invoiced(u64::MAX);
        assert!(run.output::<String>().unwrap_err().message.starts_with("Activity function 'PriceOrder' failed: nobody can pay"));
        assert_eq!(run.commands().len(), 1);
    }
}
