//! A part of the points of which `cargo run --release -p simulation -- step` runs all.

use simulation::step::point::Setting;
use simulation::step::sweep::{self, Calm};

/// How many points of one fault are tried, in all settings together, and how many of two.
const SINGLE: usize = 700;
const DOUBLE: usize = 100;

fn calm(settings: &[Setting]) -> Calm {
    sweep::calm(settings, 2).unwrap_or_else(|failed| panic!("without any fault: {failed:#?}"))
}

#[test]
fn scenarios_come_to_what_is_foretold_whatever_call_of_the_store_fails() {
    let calm = calm(&Setting::EACH);
    let mut points = sweep::some(sweep::single_faults(&calm), SINGLE, 1);
    points.extend(sweep::double_faults(&calm, DOUBLE, 1));
    let results = sweep::each(&points, 2, |point| sweep::judged(point, &calm), |_, _, _| {});
    let failed = points.iter().zip(&results).filter_map(|(point, result)| Some((point, result.as_ref().err()?)));
    let told: Vec<_> = failed
        .map(|(point, violations)| format!("{violations:#?}\nagain: cargo run --release -p simulation -- step --only {point}"))
        .collect();
    assert!(told.is_empty(), "{} points failed: {}", told.len(), told.join("\n"));
}
