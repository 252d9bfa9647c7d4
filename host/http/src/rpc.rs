//! The local RPC listener: plain HTTP on the loopback address, for client libraries on the same machine.

use std::fmt::Display;
use std::net::{Ipv4Addr, SocketAddr};
use std::str::FromStr;

use anyhow::{Context, bail};
use serde::Deserialize;
use tokio::net::TcpListener;

use crate::router::RPC_PREFIX;

/// Where client libraries look first.
const USUAL_PORT: u16 = 17_071;
/// What is tried at random when another host has the usual port.
const SPARE_PORTS: std::ops::Range<u16> = 30_000..31_000;
const SPARE_PORT_TRIES: usize = 10;

/// Which port local RPC has.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(try_from = "PortOrWord")]
pub enum RpcPort {
    /// There is no local RPC.
    Off,
    /// This one; any free one if it is 0.
    Port(u16),
}

impl FromStr for RpcPort {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.eq_ignore_ascii_case("off") {
            return Ok(Self::Off);
        }
        text.parse().map(Self::Port).map_err(|_| format!("'{text}' is neither a port from 0 to 65535 nor 'off'"))
    }
}

/// In a file, a port is written without quotes and a word with them.
#[derive(Deserialize)]
#[serde(untagged)]
enum PortOrWord {
    Port(i64),
    Word(String),
}

impl TryFrom<PortOrWord> for RpcPort {
    type Error = String;

    fn try_from(value: PortOrWord) -> Result<Self, String> {
        match value {
            PortOrWord::Port(port) => port.to_string().parse(),
            PortOrWord::Word(word) => word.parse(),
        }
    }
}

/// Listens on the port that was asked for. Where nothing was asked for, the usual port or, beside another host, a spare one; so two
/// hosts on one machine do not disturb each other.
///
/// # Errors
/// When the port that was asked for is taken, or all the others that were tried.
pub async fn listen(asked: Option<RpcPort>) -> anyhow::Result<Option<TcpListener>> {
    match asked {
        Some(RpcPort::Off) => Ok(None),
        Some(RpcPort::Port(port)) => {
            let taken = || format!("cannot listen on 127.0.0.1:{port} for local RPC; choose another --rpc-port, or 'off'");
            Ok(Some(bind(port).await.with_context(taken)?))
        }
        None => usual_or_spare(USUAL_PORT, spare_ports()).await.map(Some),
    }
}

/// The base that client libraries are told, with the slash at its end that they want.
pub fn base(address: impl Display) -> String {
    format!("http://{address}{RPC_PREFIX}/")
}

async fn usual_or_spare(usual: u16, spare: impl Iterator<Item = u16>) -> anyhow::Result<TcpListener> {
    for port in std::iter::once(usual).chain(spare) {
        match bind(port).await {
            Ok(listener) => return Ok(listener),
            Err(error) => tracing::debug!(port, %error, "a port for local RPC is taken"),
        }
    }
    bail!("port {usual} and the others that were tried for local RPC are taken; name a free one with --rpc-port, or 'off'")
}

fn spare_ports() -> impl Iterator<Item = u16> {
    // Version 7 ends in 62 random bits, which saves a dependency for ten random numbers.
    let random = || uuid::Uuid::now_v7().as_u128() as u64 & 0xffff_ffff;
    let span = u64::from(SPARE_PORTS.end - SPARE_PORTS.start);
    (0..SPARE_PORT_TRIES).map(move |_| SPARE_PORTS.start + (random() % span) as u16)
}

async fn bind(port: u16) -> std::io::Result<TcpListener> {
    TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_second_host_takes_a_spare_port_and_leaves_the_first_alone() {
        let first = bind(0).await.unwrap();
        let (taken, free) = (first.local_addr().unwrap().port(), bind(0).await.unwrap().local_addr().unwrap().port());
        let second = usual_or_spare(taken, [taken, free].into_iter()).await.unwrap();
        assert_eq!(second.local_addr().unwrap(), SocketAddr::from((Ipv4Addr::LOCALHOST, free)));
        let error = usual_or_spare(taken, std::iter::once(taken)).await.unwrap_err().to_string();
        assert!(error.contains("--rpc-port"), "{error}");
    }

    #[tokio::test]
    async fn a_port_that_was_asked_for_is_not_replaced_by_another() {
        let first = bind(0).await.unwrap();
        let taken = RpcPort::Port(first.local_addr().unwrap().port());
        assert!(listen(Some(taken)).await.unwrap_err().to_string().contains("--rpc-port"));
        assert!(listen(Some(RpcPort::Off)).await.unwrap().is_none());
    }

    #[test]
    fn spare_ports_are_ten_of_the_range() {
        let ports: Vec<u16> = spare_ports().collect();
        assert!(ports.len() == SPARE_PORT_TRIES && ports.iter().all(|port| SPARE_PORTS.contains(port)), "{ports:?}");
    }

    #[test]
    fn a_port_is_a_number_or_off() {
        assert_eq!("off".parse(), Ok(RpcPort::Off));
        assert_eq!("17071".parse(), Ok(RpcPort::Port(17_071)));
        for bad in ["", "on", "65536", "-1"] {
            assert!(bad.parse::<RpcPort>().unwrap_err().contains("'off'"), "{bad}");
        }
    }
}
