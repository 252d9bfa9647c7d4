//! Activities to try Longhaul with.

longhaul::export_activities!(say_hello, square);

/// Greets a city.
#[longhaul::activity(export = false)]
pub fn say_hello(city: String) -> String {
    format!("Hello {city}!")
}

/// A number times itself.
#[longhaul::activity(export = false)]
pub fn square(number: u64) -> Result<u64, &'static str> {
    number.checked_mul(number).ok_or("the square is larger than 64 bits can hold")
}

#[cfg(test)]
mod tests {
    use longhaul::{Activity, ActivityContext};

    use super::*;

    #[test]
    fn a_square_that_does_not_fit_is_a_failure() {
        let failure = <square as Activity>::run(ActivityContext::default(), "4294967296").unwrap_err();
        assert_eq!(failure.message, "the square is larger than 64 bits can hold");
        assert_eq!(<square as Activity>::run(ActivityContext::default(), "12"), Ok("144".to_owned()));
    }

    #[test]
    fn an_input_of_the_wrong_type_is_refused_for_good() {
        let failure = <say_hello as Activity>::run(ActivityContext::default(), "[1]").unwrap_err();
        assert_eq!((failure.error_type.as_str(), failure.non_retriable), ("InvalidInput", true));
    }
}
