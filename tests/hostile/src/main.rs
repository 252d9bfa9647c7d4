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
    /// Measures how long an orchestration takes alone, and beside every broken guest of the catalogue
    Guests {
        /// How long each of the two is measured
        #[arg(long, default_value_t = 60)]
        seconds: u64,
    },
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let What::Guests { seconds } = Arguments::parse().what;
    println!("{}", hostile::guests::measure(Duration::from_secs(seconds)).await?);
    Ok(())
}
