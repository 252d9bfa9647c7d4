//! `longhaul client-binding`: prints what a client library of Azure Durable Functions is configured with.

use std::io::Write;

use anyhow::Context;
use clap::Args;
use http::Method;

use crate::client::{Client, HostArgs};

/// What `longhaul client-binding` takes.
#[derive(Debug, Args)]
pub struct ClientBindingArgs {
    /// The host.
    #[command(flatten)]
    pub host: HostArgs,
}

/// Asks a host for its client binding and prints that.
///
/// # Errors
/// When the host cannot be reached, is no Longhaul host, or refuses.
pub async fn run(args: ClientBindingArgs) -> anyhow::Result<()> {
    let body = Client::new(&args.host)?.ask(Method::GET, "/admin/client-binding").await?;
    // As it came, in one line: what reads it is a program more often than a person, and the order of members stays.
    let mut output = std::io::stdout().lock();
    output.write_all(&body).and_then(|()| output.write_all(b"\n")).context("cannot write to standard output")
}
