//! A saga: every step that worked has a compensation, and if a later one fails they run in reverse.

use std::time::Duration;

use longhaul::{Context, Failure, RetryPolicy};
use serde::{Deserialize, Serialize};

/// The parts of a trip, in the order in which they are booked.
const PARTS: [&str; 3] = ["flight", "hotel", "car"];

/// The input of [`book_trip`].
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Trip {
    /// Who travels.
    pub traveller: String,
    /// The part that cannot be had, to see what happens then.
    pub sold_out: Option<String>,
}

/// The input of the activity `Book`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Booking<'a> {
    part: &'a str,
    traveller: &'a str,
    sold_out: Option<&'a str>,
}

/// Books all parts of a trip, or none, and returns the reservations.
#[longhaul::orchestrator(export = false)]
pub async fn book_trip(ctx: Context, trip: Trip) -> Result<Vec<String>, Failure> {
    let mut reservations = Vec::new();
    for part in PARTS {
        let booking = Booking { part, traveller: &trip.traveller, sold_out: trip.sold_out.as_deref() };
        match ctx.call_activity("Book", &booking).await {
            Ok(reservation) => reservations.push(reservation),
            Err(failure) => {
                cancel(&ctx, &reservations).await?;
                return Err(Failure::new("NotBooked", format!("{failure}; what was booked before is cancelled")));
            }
        }
    }
    Ok(reservations)
}

/// Gives back what was booked, the latest first. Giving up half-way would leave a hotel without a flight, so each is tried hard.
async fn cancel(ctx: &Context, reservations: &[String]) -> Result<(), Failure> {
    let patience = RetryPolicy::new(10, Duration::from_secs(1)).backoff(2.0).max_interval(Duration::from_secs(60));
    for reservation in reservations.iter().rev() {
        ctx.call_activity::<()>("CancelBooking", reservation).retry(patience.clone()).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use longhaul::testing::Orchestration;
    use patterns_activities::{book, cancel_booking};
    use serde_json::json;

    use super::*;

    #[test]
    fn a_trip_of_which_all_can_be_had_is_booked() {
        let run = Orchestration::new::<book_trip>().input(&json!({"traveller": "ann"})).real_activity::<book>().run();
        assert_eq!(run.output::<Vec<String>>().unwrap(), ["flight-ann", "hotel-ann", "car-ann"]);
        run.check_replay().unwrap();
    }

    #[test]
    fn what_was_booked_is_cancelled_in_reverse_when_a_later_part_fails() {
        let mut cancelled = Vec::new();
        let trip = json!({"traveller": "ann", "soldOut": "car"});
        let fake = Orchestration::new::<book_trip>().input(&trip).real_activity::<book>();
        let cancel = |reservation: String| {
            cancelled.push(reservation);
            Ok(())
        };
        let run = fake.activity("CancelBooking", cancel).run();
        let failure = run.output::<Vec<String>>().unwrap_err();
        assert_eq!(failure.message, "Activity function 'Book' failed: no car is left; what was booked before is cancelled");
        run.check_replay().unwrap();
        drop(run);
        assert_eq!(cancelled, ["hotel-ann", "flight-ann"]);
    }

    #[test]
    fn a_compensation_that_fails_at_first_is_tried_again() {
        let mut failures_left = 5;
        let trip = json!({"traveller": "ann", "soldOut": "hotel"});
        let flaky = |reservation: String| {
            if failures_left > 0 {
                failures_left -= 1;
                return Err(Failure::new("Offline", "not now"));
            }
            cancel_booking(reservation);
            Ok(())
        };
        let run = Orchestration::new::<book_trip>().input(&trip).real_activity::<book>().activity("CancelBooking", flaky).run();
        assert_eq!(run.output::<Vec<String>>().unwrap_err().error_type, "NotBooked");
        assert_eq!(run.end().to_string(), "2026-01-01T00:00:31.000Z", "1 + 2 + 4 + 8 + 16 seconds");
    }
}
