//! The host under test: what must not change in it, and the canary that must get through.

use std::borrow::Cow;
use std::net::SocketAddr;

use anyhow::{Context, ensure};
use e2e::{AppFolder, Apps, Host, HostOptions};
use http::Method;
use serde_json::json;

use crate::guests::Bystanders;
use crate::row::ADMIN_KEY;

/// A host with something to lose: an instance that waits, one that has ended, and an entity.
pub struct Subject {
    host: Host,
    process: u32,
    canaries: u64,
}

impl Subject {
    /// Starts it.
    pub async fn start() -> Self {
        let app = app();
        // Small enough that a row can go beyond them without moving much; otherwise as anyone runs it.
        let arguments = vec![
            "--max-body-bytes=100000",
            "--max-deployment-bytes=20000000",
            "--body-deadline-seconds=2",
            "--header-deadline-seconds=2",
            "--compile-memory-bytes=268435456",
        ];
        let host = Host::start(HostOptions { app: Some(&app), arguments }).await;
        Bystanders::start(&host).await;
        let process = host.process_id();
        Self { host, process, canaries: 0 }
    }

    /// Where it listens.
    pub fn socket(&self) -> SocketAddr {
        self.host.address().strip_prefix("http://").and_then(|text| text.parse().ok()).expect("the host says where it listens")
    }

    /// The bytes with the host's own key in place of [`ADMIN_KEY`].
    pub fn with_key<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let placeholder = ADMIN_KEY.as_bytes();
        let Some(at) = bytes.windows(placeholder.len()).position(|part| part == placeholder) else { return Cow::Borrowed(bytes) };
        let key = self.host.admin_key();
        Cow::Owned([&bytes[..at], key.as_bytes(), &bytes[at + placeholder.len()..]].concat())
    }

    /// The host.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Everything that a client can see: instances, entities, deployments.
    ///
    /// # Errors
    /// When the host does not show it.
    pub async fn state(&self) -> anyhow::Result<String> {
        let instances = self.host.management_uri("/instances?top=1000");
        let entities = self.host.management_uri("/entities?top=1000&fetchState=true");
        let deployments = self.host.uri("/admin/deployments");
        let mut state = String::new();
        for uri in [instances, entities, deployments] {
            let answer = self.host.http().try_send(Method::GET, &uri).await?;
            ensure!(answer.status == 200, "{uri} is answered with {}", answer.status);
            state += &answer.text();
        }
        Ok(state)
    }

    /// Runs an orchestration to its end and removes it.
    ///
    /// # Errors
    /// When it does not get through, or not in the process that was started.
    pub async fn canary(&mut self) -> anyhow::Result<()> {
        self.canaries += 1;
        let id = format!("canary-{}", self.canaries);
        let uri = self.host.management_uri(&format!("/orchestrators/Misbehaving/{id}?timeout=60&pollingInterval=1"));
        let answer = self.host.http().try_send_json(Method::POST, &uri, &json!("behave")).await.context("the canary was not answered")?;
        ensure!(answer.status == 200 && answer.json() == "well", "the canary came to {}: {}", answer.status, answer.text());
        let purged = self.host.delete(&format!("/instances/{id}")).await;
        ensure!(purged.status == 200, "the canary could not be removed: {}", purged.text());
        ensure!(self.host.process_id() == self.process, "the host is another process");
        ensure!(!self.host.log().contains("panicked at 'host"), "the host panicked");
        Ok(())
    }
}

/// The app of the host under test.
pub fn app() -> AppFolder {
    Apps::test_guests()
}
