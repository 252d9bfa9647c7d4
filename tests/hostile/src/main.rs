//! `cargo run --release -p hostile -- guests`: what a canary notices of broken guests beside it. `-- siege`: all attacks at once.

use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use hostile::siege::Plan;

#[derive(Parser)]
#[command(about = "Broken guests and bad input against the real host")]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Measures how long an orchestration takes alone, beside honest guests that have much to do, and beside the broken ones of the catalogue
    Guests {
        /// How long each of the three is measured
        #[arg(long, default_value_t = 60)]
        seconds: u64,
        /// Beside those guests alone whose name contains this: "loops", say
        #[arg(long, default_value = "")]
        only: String,
    },
    /// Mixes all attacks against a host with default settings, in a memory control group of 2 GiB where one can be made; fails if that ends the host, breaks its
    /// budgets of memory, or stops a canary
    Siege {
        /// Which attack follows which
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// How long the attackers go on
        #[arg(long, default_value_t = 600)]
        seconds: u64,
        /// As much of everything as the test does
        #[arg(long)]
        small: bool,
        /// Also fail if the p99 of `/healthz` is beyond 100 ms for longer than a second; the machine must do nothing else
        #[arg(long)]
        judge_latency: bool,
    },
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    match Arguments::parse().what {
        What::Guests { seconds, only } => {
            println!("{}", hostile::guests::measure(Duration::from_secs(seconds), &only).await?);
            Ok(ExitCode::SUCCESS)
        }
        What::Siege { seed, seconds, small, judge_latency } => {
            let plan = if small { Plan::small } else { Plan::full };
            let report = hostile::siege::run(plan(seed, Duration::from_secs(seconds))).await?;
            println!("{report}");
            let slow = judge_latency && report.slow_seconds() > 1;
            if slow {
                println!("wrong: the p99 of /healthz was beyond 100 ms for {} seconds in a row", report.slow_seconds());
            }
            Ok(if slow || !report.wrong().is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
        }
    }
}
