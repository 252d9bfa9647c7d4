//! The steps with side effects. Here they only compute; yours would talk to databases and other systems.

use longhaul::{Failure, log};
use serde::{Deserialize, Serialize};

longhaul::export_activities!(
    price_order,
    add_tax,
    write_invoice,
    count_words,
    do_step,
    ask_for_approval,
    escalate,
    book,
    cancel_booking,
    say_hello,
    fail
);

/// What somebody ordered.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    /// What it is.
    pub item: String,
    /// How many.
    pub quantity: u64,
    /// The price of one, in cents.
    pub unit_price_cents: u64,
}

/// The price of an order in cents, without tax.
#[longhaul::activity(export = false)]
pub fn price_order(order: Order) -> Result<u64, Failure> {
    let price = order.quantity.checked_mul(order.unit_price_cents);
    price.ok_or_else(|| Failure::new("TooDear", format!("nobody can pay for {} x {}", order.quantity, order.item)).non_retriable())
}

/// Adds 19 percent.
#[longhaul::activity(export = false)]
pub fn add_tax(net_cents: u64) -> u64 {
    net_cents.saturating_mul(119) / 100
}

/// The text of an invoice.
#[longhaul::activity(export = false)]
pub fn write_invoice(gross_cents: u64) -> String {
    format!("Please pay {}.{:02}.", gross_cents / 100, gross_cents % 100)
}

/// How many words a text has.
#[longhaul::activity(export = false)]
pub fn count_words(text: String) -> u64 {
    text.split_whitespace().count() as u64
}

/// One step of long work.
#[longhaul::activity(export = false)]
pub fn do_step(number: u32) {
    log::info!("step {number}");
}

/// Sends the request to whoever may approve it.
#[longhaul::activity(export = false)]
pub fn ask_for_approval(what: String) {
    log::info!("please approve: {what}");
}

/// Tells someone higher up that nobody answered.
#[longhaul::activity(export = false)]
pub fn escalate(what: String) {
    log::warn!("nobody answered: {what}");
}

/// One part of a trip.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Booking {
    /// For example `hotel`.
    pub part: String,
    /// Who travels.
    pub traveller: String,
    /// The part that cannot be had, to see what happens then.
    pub sold_out: Option<String>,
}

/// Books one part of a trip, and returns the reservation's number.
#[longhaul::activity(export = false)]
pub fn book(booking: Booking) -> Result<String, Failure> {
    if booking.sold_out.as_ref() == Some(&booking.part) {
        return Err(Failure::new("SoldOut", format!("no {} is left", booking.part)).non_retriable());
    }
    Ok(format!("{}-{}", booking.part, booking.traveller))
}

/// Gives a reservation back. Doing so twice is the same as once, because an activity may run again after a crash.
#[longhaul::activity(export = false)]
pub fn cancel_booking(reservation: String) {
    log::info!("cancelled {reservation}");
}

/// Greets a city.
#[longhaul::activity(export = false)]
pub fn say_hello(city: String) -> String {
    format!("Hello {city}!")
}

/// Never works.
#[longhaul::activity(export = false)]
pub fn fail() -> Result<(), &'static str> {
    Err("this activity always fails")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invoice_has_two_digits_of_cents() {
        assert_eq!(write_invoice(add_tax(1_005)), "Please pay 11.95.");
        assert_eq!(write_invoice(7), "Please pay 0.07.");
    }

    #[test]
    fn an_order_that_nobody_can_pay_for_is_refused_for_good() {
        let order = Order { item: "moon".into(), quantity: u64::MAX, unit_price_cents: 2 };
        assert!(price_order(order).unwrap_err().non_retriable);
    }

    #[test]
    fn only_the_part_that_is_sold_out_cannot_be_booked() {
        let booking = |part: &str| Booking { part: part.into(), traveller: "ann".into(), sold_out: Some("car".into()) };
        assert_eq!(book(booking("hotel")), Ok("hotel-ann".to_owned()));
        assert_eq!(book(booking("car")).unwrap_err().message, "no car is left");
    }
}
