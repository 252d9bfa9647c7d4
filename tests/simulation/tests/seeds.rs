//! A few of the runs of which `cargo run --release -p simulation` makes thousands.

use simulation::seeds;

/// How many seeds, from 1: a multiple of eight, so that some of them are quiet.
const SEEDS: u64 = 320;

#[test]
fn programs_come_to_what_the_model_foretells_whatever_fails() {
    let next = std::sync::atomic::AtomicU64::new(1);
    let run = || {
        loop {
            let seed = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            if seed > SEEDS {
                return;
            }
            if let Err(violations) = seeds::run(seed) {
                panic!("seed {seed}: {violations:#?}\nagain: cargo run --release -p simulation -- --seeds 1 --from {seed}");
            }
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..2).map(|_| scope.spawn(run)).collect();
        assert!(threads.into_iter().all(|thread| thread.join().is_ok()), "a seed failed, see above");
    });
}

#[test]
fn a_clock_that_is_ahead_for_less_than_a_second_is_noticed() {
    // An instance has a turn between the two jumps.
    let found = seeds::run(947_526);
    assert!(found.is_ok(), "{found:#?}");
}

#[test]
fn a_seed_gives_the_same_run_each_time() {
    for seed in [5, 16, 21] {
        let (first, second) = (seeds::log(seed), seeds::log(seed));
        assert!(!first.is_empty() && first == second, "seed {seed} gave two different logs");
    }
}
