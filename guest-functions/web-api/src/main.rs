//! The external system of the sample app `retry-timeout-callback`: an API that takes jobs and, if asked to, calls back.
//!
//! `POST /api/Job` with `{"returnError": false, "callbackUri": "..."}` waits a while and answers 200, or 500 if that was asked for.
//! It prints the call-back URI, for people to call back by hand. With `callbackAfterSeconds` it calls back by itself.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

mod callback;
mod job;
mod server;

#[derive(Parser)]
#[command(name = "web-api", about = "The external system of the sample app: takes jobs at POST /api/Job")]
struct Options {
    /// The address to listen on
    #[arg(long, default_value = "127.0.0.1:5000")]
    listen: SocketAddr,
    /// How long a job takes before it is answered, in milliseconds
    #[arg(long, default_value_t = 3_000)]
    delay_ms: u64,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let listener = TcpListener::bind(options.listen).await.with_context(|| format!("cannot listen on {}", options.listen))?;
    println!("Job API listening on http://{}/api/Job", listener.local_addr()?);
    server::serve(listener, Duration::from_millis(options.delay_ms), stop_signal()?).await;
    println!("Job API stopped");
    Ok(())
}

/// Completes on Ctrl-C or SIGTERM.
fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
