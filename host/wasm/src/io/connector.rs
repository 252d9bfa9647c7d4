//! From an address to a connection: TCP for `http`, TLS over the same TCP for `https`.

use std::future::{Ready, ready};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use std::vec;

use http::Uri;
use http::uri::Scheme;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tower_service::Service;

use super::failed::ConnectError;
use super::own_listeners::OwnListeners;
use super::resolver::addresses_of;
use super::stream::{Stream, Wire};
use super::trust::Trust;

/// How long to try to get a connection: the name's address, TCP and TLS together.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Makes the connections of a client. The certificate is verified against the name in the request's
/// address.
#[derive(Clone)]
pub(crate) struct Connector(Arc<Shared>);

struct Shared {
    trust: Trust,
    own: OwnListeners,
}

impl Connector {
    pub fn new(trust: Trust, own: OwnListeners) -> Self {
        Self(Arc::new(Shared { trust, own }))
    }
}

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, ConnectError>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let shared = self.0.clone();
        Box::pin(async move { shared.connect(uri).await })
    }
}

impl Shared {
    async fn connect(&self, uri: Uri) -> Result<Stream, ConnectError> {
        let end = Instant::now() + CONNECT_TIMEOUT;
        let wants_tls = uri.scheme() == Some(&Scheme::HTTPS);
        let host = uri.host().unwrap_or_default();
        // An address of IPv6 stands in brackets.
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host).to_owned();
        let port = uri.port_u16().unwrap_or(if wants_tls { 443 } else { 80 });
        let addresses = timeout_at(end, addresses_of(&host, port)).await.map_err(|_| ConnectError::DnsTimeout)?;
        let addresses = addresses.map_err(ConnectError::Dns)?;
        // Before anything is sent to any of them: a name with several addresses may have been given
        // one of ours on purpose.
        addresses.iter().try_for_each(|address| self.refuse_own(*address))?;
        let tcp = timeout_at(end, open(uri, addresses)).await.map_err(|_| ConnectError::TcpTimeout)??;
        self.refuse_own(tcp.peer_addr().map_err(|error| ConnectError::Tcp(error.into()))?)?;
        let wire = Wire::new(tcp);
        if !wants_tls {
            return Ok(Stream::Plain(TokioIo::new(wire)));
        }
        let tls = timeout_at(end, secure(host, wire, &self.trust)).await.map_err(|_| ConnectError::TlsTimeout)?;
        Ok(Stream::Secure(Box::new(TokioIo::new(tls.map_err(ConnectError::Tls)?))))
    }

    fn refuse_own(&self, address: SocketAddr) -> Result<(), ConnectError> {
        if self.own.are_reached_at(address) { Err(ConnectError::OwnAddress(address)) } else { Ok(()) }
    }
}

/// Tries the addresses, those of IPv4 and IPv6 side by side if the first does not answer soon.
async fn open(uri: Uri, addresses: Vec<SocketAddr>) -> Result<TcpStream, ConnectError> {
    let mut tcp = HttpConnector::new_with_resolver(Resolved(addresses));
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    // Divided among the addresses, so that one which is silent leaves time for the others.
    tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
    match tcp.call(uri).await {
        Ok(stream) => Ok(stream.into_inner()),
        Err(error) => Err(ConnectError::Tcp(error.into())),
    }
}

async fn secure(host: String, wire: Wire, trust: &Trust) -> io::Result<TlsStream<Wire>> {
    let name = ServerName::try_from(host).map_err(io::Error::other)?;
    TlsConnector::from(trust.tls().await).connect(name, wire).await
}

/// The addresses that were found, whatever the name.
#[derive(Clone)]
struct Resolved(Vec<SocketAddr>);

impl Service<Name> for Resolved {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Ready<io::Result<Self::Response>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _name: Name) -> Self::Future {
        ready(Ok(self.0.clone().into_iter()))
    }
}
