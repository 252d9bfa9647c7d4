//! From a host's name to its addresses.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use tower_service::Service;

/// The addresses of `host`, a name or an address that stands for itself.
///
/// Asks the system, except for `localhost`: that is both loopback addresses, whatever the machine's
/// hosts file lists. So a server is found whichever of the two it listens on; the connector tries
/// one after the other.
pub(super) async fn addresses_of(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let with_port = |ip: IpAddr| SocketAddr::new(ip, port);
    if let Ok(ip) = host.parse() {
        return Ok(vec![with_port(ip)]);
    }
    if host.eq_ignore_ascii_case("localhost") {
        return Ok(vec![with_port(Ipv4Addr::LOCALHOST.into()), with_port(Ipv6Addr::LOCALHOST.into())]);
    }
    let name: Name = host.parse().map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    let found: Vec<_> = GaiResolver::new()
        .call(name)
        .await?
        .map(|found| {
            // The scope of a link-local address is kept.
            let mut found = found;
            found.set_port(port);
            found
        })
        .collect();
    if found.is_empty() { Err(io::Error::other("it has no address")) } else { Ok(found) }
}
