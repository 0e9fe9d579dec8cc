//! Who may ask: other sites that the browser has open may not.
//!
//! A page on the loopback interface is open to every program of this machine, and so to every site in its browser. Two checks keep
//! those out. A site cannot forge the header `Origin`, which browsers send with each POST. And a site whose name has been turned to
//! 127.0.0.1 meanwhile ("DNS rebinding") still sends its name as `Host`. Passwords were left out: who serves to a network is told
//! that it is open.

use std::net::{IpAddr, SocketAddr};

/// Why this request must not be answered, if so.
pub(crate) fn refusal(server: SocketAddr, host: Option<&str>, origin: Option<&str>, posts: bool) -> Option<String> {
    let host = host.unwrap_or_default();
    if server.ip().is_loopback() && !is_this_machine(host) {
        return Some(format!(
            "the request names the host `{host}`; expected localhost or an address, such as {server}"
        ));
    }
    let origin = origin.filter(|_| posts)?;
    let from = origin.split_once("://").map_or(origin, |(_, rest)| rest);
    (from != host)
        .then(|| format!("the request comes from a page of `{origin}`; only pages of this server may send it"))
}

/// Whether a `Host` is an address or `localhost`, with or without a port.
fn is_this_machine(host: &str) -> bool {
    if host.parse::<SocketAddr>().is_ok() || host.parse::<IpAddr>().is_ok() {
        return true;
    }
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    name.eq_ignore_ascii_case("localhost") || (name.starts_with('[') && name.ends_with(']'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_sites_are_kept_out() {
        let loopback: SocketAddr = "127.0.0.1:8080".parse().unwrap();
        let network: SocketAddr = "0.0.0.0:8080".parse().unwrap();
        // (server, Host, Origin, POST?, allowed?)
        for (server, host, origin, posts, allowed) in [
            (loopback, Some("127.0.0.1:8080"), None, true, true),
            (loopback, Some("localhost:8080"), Some("http://localhost:8080"), true, true),
            (loopback, Some("[::1]:8080"), None, false, true),
            (loopback, Some("evil.example:8080"), None, false, false),
            (loopback, None, None, false, false),
            (loopback, Some("127.0.0.1:8080"), Some("http://evil.example"), true, false),
            (loopback, Some("127.0.0.1:8080"), Some("null"), true, false),
            (loopback, Some("127.0.0.1:8080"), Some("http://127.0.0.1:9090"), true, false),
            (loopback, Some("127.0.0.1:8080"), Some("http://evil.example"), false, true),
            (network, Some("box.local:8080"), Some("http://box.local:8080"), true, true),
            (network, Some("box.local:8080"), Some("http://evil.example"), true, false),
        ] {
            let refused = refusal(server, host, origin, posts);
            assert_eq!(refused.is_none(), allowed, "{server} {host:?} {origin:?} {posts}: {refused:?}");
        }
    }
}
