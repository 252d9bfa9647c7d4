//! `cargo run --release -p hostile -- guests`: what a canary notices of broken guests beside it.

use std::time::Duration;

use clap::{Parser, Subcommand};

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
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let What::Guests { seconds, only } = Arguments::parse().what;
    println!("{}", hostile::guests::measure(Duration::from_secs(seconds), &only).await?);
    Ok(())
}
