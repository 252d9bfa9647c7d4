//! An address to listen at, and the few questions one asks a server that is starting.

use std::fmt;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::str::FromStr;
use std::time::Duration;

use anyhow::Context;

/// A server on this machine answers within this, or it is not ready.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);

/// A status line is some 20 bytes; more is not a server of ours.
const MAX_STATUS_LINE_BYTES: u64 = 1024;

/// An address with a port, as given to `--listen`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint(SocketAddr);

impl Endpoint {
    /// The URL a client on this machine uses, without a slash at the end.
    pub fn url(&self) -> String {
        let address = self.reachable();
        if address.ip() == IpAddr::V4(Ipv4Addr::LOCALHOST) {
            return format!("http://localhost:{}", address.port());
        }
        format!("http://{address}")
    }

    /// Whether only this machine can reach it.
    pub fn is_loopback(&self) -> bool {
        self.0.ip().is_loopback()
    }

    /// Checks that nothing listens there yet.
    ///
    /// Otherwise the other program would answer in place of ours, which dies unnoticed.
    ///
    /// # Errors
    /// When the address cannot be bound; the message names the option to change.
    pub fn ensure_free(&self, option: &str) -> anyhow::Result<()> {
        TcpListener::bind(self.0).with_context(|| format!("cannot listen at {}; choose another address with {option}", self.0))?;
        Ok(())
    }

    /// Whether a program accepts connections there.
    pub fn accepts_connections(&self) -> bool {
        self.connect().is_ok()
    }

    /// Whether a GET of the path is answered with 200.
    pub fn answers_ok(&self, path: &str) -> bool {
        self.status_of(path).is_ok_and(|line| line.split(' ').nth(1) == Some("200"))
    }

    fn status_of(&self, path: &str) -> std::io::Result<String> {
        let mut stream = self.connect()?;
        // In one piece: writing straight to a socket sends each part of a format string by itself.
        stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.reachable()).as_bytes())?;
        let mut line = String::new();
        BufReader::new(stream).take(MAX_STATUS_LINE_BYTES).read_line(&mut line)?;
        Ok(line)
    }

    fn connect(&self) -> std::io::Result<TcpStream> {
        let stream = TcpStream::connect_timeout(&self.reachable(), ANSWER_LIMIT)?;
        stream.set_read_timeout(Some(ANSWER_LIMIT))?;
        stream.set_write_timeout(Some(ANSWER_LIMIT))?;
        Ok(stream)
    }

    /// One can listen at "any address", but not connect to it.
    fn reachable(&self) -> SocketAddr {
        let ip = match self.0.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
            ip => ip,
        };
        SocketAddr::new(ip, self.0.port())
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl FromStr for Endpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let example = "expected an address and a port such as 127.0.0.1:7071";
        let mut addresses = text.to_socket_addrs().map_err(|error| format!("{error}; {example}"))?.collect::<Vec<_>>();
        // `localhost` may name both; the URLs we print and the app's settings say 127.0.0.1 or localhost.
        addresses.sort_by_key(SocketAddr::is_ipv6);
        let address = addresses.first().ok_or(example)?;
        if address.port() == 0 {
            return Err("port 0 lets the system choose, but the other program must know the port".to_owned());
        }
        Ok(Self(*address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers the next connection with the bytes given.
    fn server_that_answers(answer: &'static str) -> Endpoint {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let endpoint = Endpoint(listener.local_addr().expect("an address"));
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            // To the empty line: closing a connection with unread bytes would take the answer back.
            let request = BufReader::new(&stream).lines().map(|line| line.expect("a request")).take_while(|line| !line.is_empty());
            assert_eq!(request.collect::<Vec<_>>()[0], "GET /healthz HTTP/1.1");
            stream.write_all(answer.as_bytes()).expect("an answer");
        });
        endpoint
    }

    #[test]
    fn only_the_status_200_counts_as_healthy() {
        assert!(server_that_answers("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").answers_ok("/healthz"));
        assert!(!server_that_answers("HTTP/1.1 503 Service Unavailable\r\n\r\n200").answers_ok("/healthz"));
        assert!(!server_that_answers("").answers_ok("/healthz"));
    }

    #[test]
    fn a_taken_address_is_refused_with_the_option_to_change() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let endpoint = Endpoint(listener.local_addr().expect("an address"));
        let error = endpoint.ensure_free("--listen").expect_err("the port is taken");
        assert!(error.to_string().contains("choose another address with --listen"), "{error}");
    }

    #[test]
    fn the_url_is_one_that_a_client_can_reach() {
        let url = |text: &str| text.parse::<Endpoint>().expect("a valid address").url();
        assert_eq!(url("0.0.0.0:7071"), "http://localhost:7071");
        assert_eq!(url("[::]:7071"), "http://[::1]:7071");
        assert_eq!(url("192.0.2.1:80"), "http://192.0.2.1:80");
    }

    #[test]
    fn an_address_without_a_usable_port_is_refused() {
        assert!("127.0.0.1".parse::<Endpoint>().is_err());
        assert!("127.0.0.1:0".parse::<Endpoint>().is_err());
    }
}
