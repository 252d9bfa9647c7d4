//! Reads WASI's clocks, random numbers, environment and files itself, as code does that was built for WASI: the host's
//! stand-ins must make all of it deterministic. Every turn shows what it saw as the custom status; the event `Go` ends it.

wit_bindgen::generate!({ path: "../../../wit", world: "orchestrator-function", generate_all });

use exports::longhaul::durable::orchestrator::{Command, Completion, Context, Guest, Outcome, Turn};
use wasip2::{cli, clocks, filesystem, random};

struct ClockAndRandom;

export!(ClockAndRandom);

impl Guest for ClockAndRandom {
    fn start(context: Context) -> Turn {
        if context.input == "\"sleep\"" {
            clocks::monotonic_clock::subscribe_duration(1_000_000).block();
        }
        if context.input == "\"exit\"" {
            cli::exit::exit(Err(()));
        }
        Turn { commands: vec![Command::WaitForEvent("Go".into())], custom_status: Some(seen()), outcome: None }
    }

    fn resume(_now: u64, _replaying: bool, _received: Vec<Completion>) -> Turn {
        let seen = seen();
        Turn { commands: Vec::new(), custom_status: Some(seen.clone()), outcome: Some(Outcome::Completed(seen)) }
    }
}

fn seen() -> String {
    let wall = clocks::wall_clock::now();
    let monotonic = clocks::monotonic_clock::now();
    let bytes = random::random::get_random_bytes(4);
    let (number, insecure) = (random::random::get_random_u64(), random::insecure::get_insecure_random_u64());
    let (seed, _) = random::insecure_seed::insecure_seed();
    let (settings, folders) = (cli::environment::get_environment().len(), filesystem::preopens::get_directories().len());
    let out = cli::stdout::get_stdout();
    out.blocking_write_and_flush(b"printed\n").expect("the log takes it");
    format!(
        r#"{{"wallMs": {}, "monotonicNs": {monotonic}, "bytes": {bytes:?}, "numbers": [{number}, {insecure}, {seed}], "settings": {settings}, "folders": {folders}}}"#,
        wall.seconds * 1_000 + u64::from(wall.nanoseconds / 1_000_000)
    )
}
