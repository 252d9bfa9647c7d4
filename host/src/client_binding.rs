//! `longhaul client-binding`: prints what a client library of Azure Durable Functions is configured with.

use std::io::Write;

use anyhow::{Context, bail};
use http::Request;
use http_body_util::Full;

use crate::admin_client::AdminClient;
use crate::cli::ClientBindingArgs;

/// Asks a host for its client binding and prints that.
///
/// # Errors
/// When the host cannot be reached, is no Longhaul host, or refuses.
pub async fn run(args: ClientBindingArgs) -> anyhow::Result<()> {
    let client = AdminClient::new(&args.host)?;
    let (status, body) = client.send(Request::get("/admin/client-binding").body(Full::default())?).await?;
    let answer: serde_json::Value = serde_json::from_slice(&body)
        .with_context(|| format!("{} answered with status {status} and something else than a Longhaul host does", client.authority))?;
    if !status.is_success() {
        bail!("the host refused: {}", answer["Message"].as_str().unwrap_or("it does not say why"));
    }
    // As it came, in one line: what reads it is a program more often than a person, and the order of members stays.
    let mut output = std::io::stdout().lock();
    output.write_all(&body).and_then(|()| output.write_all(b"\n")).context("cannot write to standard output")
}
