//! Activities that the measured workloads call. They do next to nothing, so that what is measured is the host.

longhaul::export_activities!(say_hello, say_hello_reused, square);

/// Greets a city.
#[longhaul::activity(export = false)]
pub fn say_hello(city: String) -> String {
    format!("Hello {city}!")
}

/// The same under a name for which the manifest may allow that one guest serves many calls.
#[longhaul::activity(export = false)]
pub fn say_hello_reused(city: String) -> String {
    format!("Hello {city}!")
}

/// A number times itself.
#[longhaul::activity(export = false)]
pub fn square(number: u64) -> Result<u64, &'static str> {
    number.checked_mul(number).ok_or("the square is larger than 64 bits can hold")
}
