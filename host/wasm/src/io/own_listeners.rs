//! The addresses at which this process itself listens: no request of an app's may lead there.
//!
//! A request from this machine is trusted more than others: a host without keys takes deployments
//! from it. So a guest that could call its own host would have the rights of an administrator.
//! Names say nothing here, since any name can lead to any address; what is looked at is the address
//! of the connection.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// Where the host's own listeners are, with the ports that they really have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnListeners(Vec<SocketAddr>);

impl OwnListeners {
    /// Listeners at these addresses, as their sockets tell them.
    pub fn new(addresses: impl IntoIterator<Item = SocketAddr>) -> Self {
        Self(addresses.into_iter().collect())
    }

    /// Whether a connection to `address` reaches one of them.
    pub(crate) fn are_reached_at(&self, address: SocketAddr) -> bool {
        let listens = |listener: &&SocketAddr| listener.port() == address.port() && takes(listener.ip(), address);
        self.0.iter().any(|listener| listens(&listener))
    }
}

/// Whether a listener on `listener` takes what is sent to `address`; the ports are the same.
fn takes(listener: IpAddr, address: SocketAddr) -> bool {
    let called = real(address.ip());
    match listener.to_canonical() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => called.is_ipv4() && is_of_this_machine(called, address),
        // Listens on IPv4 as well, unless the system was told otherwise.
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => is_of_this_machine(called, address),
        single => single == called,
    }
}

/// Where a connection really goes: IPv4 written as IPv6 is IPv4, and the unspecified address is
/// loopback.
fn real(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    }
}

/// The system lets a socket be bound to the machine's own addresses only. Asked anew each time:
/// addresses come and go.
fn is_of_this_machine(ip: IpAddr, address: SocketAddr) -> bool {
    // A link-local address means nothing without its scope, so the port alone is changed.
    let mut any_port = address;
    any_port.set_ip(ip);
    any_port.set_port(0);
    ip.is_loopback() || UdpSocket::bind(any_port).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reached(listener: &str, address: &str) -> bool {
        OwnListeners::new([listener.parse().unwrap()]).are_reached_at(address.parse().unwrap())
    }

    #[test]
    fn a_listener_on_one_address_is_reached_there_in_every_form() {
        for address in ["127.0.0.1:7071", "[::ffff:127.0.0.1]:7071", "0.0.0.0:7071", "[::ffff:0.0.0.0]:7071"] {
            assert!(reached("127.0.0.1:7071", address), "{address}");
        }
        assert!(reached("[::1]:7071", "[::]:7071"));
        for address in ["127.0.0.1:7072", "127.0.0.2:7071", "[::1]:7071", "192.0.2.1:7071"] {
            assert!(!reached("127.0.0.1:7071", address), "{address}");
        }
    }

    #[test]
    fn a_listener_on_all_addresses_is_reached_at_each_of_this_machine() {
        for address in ["127.0.0.1:7071", "127.3.2.1:7071", "0.0.0.0:7071", "[::ffff:127.0.0.1]:7071"] {
            assert!(reached("0.0.0.0:7071", address) && reached("[::]:7071", address), "{address}");
        }
        assert!(reached("[::]:7071", "[::1]:7071") && !reached("0.0.0.0:7071", "[::1]:7071"));
        // Kept for examples, so no machine has them.
        for address in ["192.0.2.1:7071", "[2001:db8::1]:7071"] {
            assert!(!reached("0.0.0.0:7071", address) && !reached("[::]:7071", address), "{address}");
        }
    }

    #[test]
    fn the_machines_address_in_its_network_is_found_without_a_list() {
        // No packet is sent by connecting a socket of UDP; it only picks the address to send from.
        let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
        if socket.connect("192.0.2.1:9").is_ok() {
            let own = SocketAddr::new(socket.local_addr().unwrap().ip(), 7071);
            assert!(OwnListeners::new(["0.0.0.0:7071".parse().unwrap()]).are_reached_at(own), "{own}");
        }
    }
}
