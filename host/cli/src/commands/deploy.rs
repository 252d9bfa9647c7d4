//! `longhaul deploy`: reads an app's folder and sends it to a host.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, bail};
use bytes::Bytes;
use clap::Args;
use http::Request;
use http::header::CONTENT_TYPE;
use http_body_util::Full;
use serde::Deserialize;

use crate::client::{Client, HostArgs};
use longhaul_app::listing::listing;
use longhaul_app::package;
use longhaul_app::read::{Overrides, read_app};

/// What `longhaul deploy` takes.
#[derive(Debug, Args)]
pub struct DeployArgs {
    /// The app's folder: longhaul.toml and the components that it names
    #[arg(value_name = "DIR")]
    pub app: PathBuf,
    /// The host.
    #[command(flatten)]
    pub host: HostArgs,
    /// Give a setting of the manifest another value; can be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = setting)]
    pub set: Vec<(String, String)>,
    /// Let the app's activities and clients reach one more host; can be repeated
    #[arg(long, value_name = "URL")]
    pub allow_host: Vec<String>,
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("a setting is written NAME=VALUE")?;
    if name.is_empty() {
        return Err("a setting needs a name before its '='".into());
    }
    Ok((name.to_owned(), value.to_owned()))
}

/// Reads an app and sends it.
///
/// # Errors
/// When the folder holds no app, the host cannot be reached, or it refuses; the text says why.
pub async fn run(args: DeployArgs) -> anyhow::Result<()> {
    let overrides = Overrides { settings: args.set, allowed_hosts: args.allow_host };
    let (package, manifest) = read_app(&args.app, &overrides)?;
    let taken = send(Client::new(&args.host)?, package.encode().into()).await?;
    let warnings = taken.warnings.iter().map(|warning| format!("Warning: {warning}\n")).collect::<String>();
    let how = if taken.unchanged { "is current already, as" } else { "is now current, as" };
    let functions = listing(&manifest.functions, args.host.host.trim_end_matches('/'));
    let text = format!("{warnings}App '{}' {how} deployment {}.\n{functions}", taken.app, taken.deployment);
    // The app is deployed, whether or not anyone reads on.
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(())
}

/// What a host says about a deployment that it took.
#[derive(Debug, Deserialize)]
struct Taken {
    deployment: u64,
    app: String,
    unchanged: bool,
    warnings: Vec<String>,
}

/// What a host says about one that it did not take.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Refusal {
    message: String,
    exception_message: Option<String>,
}

async fn send(client: Client, body: Bytes) -> anyhow::Result<Taken> {
    let request = Request::post("/admin/deployments").header(CONTENT_TYPE, package::CONTENT_TYPE).body(Full::new(body))?;
    let (status, body) = client.send(request).await?;
    let authority = &client.authority;
    if status.is_success() {
        return serde_json::from_slice(&body)
            .with_context(|| format!("{authority} answered with something else than a Longhaul host does"));
    }
    match serde_json::from_slice::<Refusal>(&body) {
        Ok(Refusal { message, exception_message: None }) => bail!("the host refused the app: {message}"),
        Ok(Refusal { message, exception_message: Some(reason) }) => bail!("the host could not take the app: {message}: {reason}"),
        Err(_) => bail!("{authority} answered with status {status}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_keeps_every_equals_sign_but_the_first() {
        assert_eq!(setting("A=b=c"), Ok(("A".into(), "b=c".into())));
        assert!(setting("A").is_err() && setting("=b").is_err());
    }
}
