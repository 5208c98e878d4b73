//! Who really asks, when a gateway asks on somebody's behalf.

use std::net::{IpAddr, SocketAddr};

use warp::http::header::{FORWARDED, HeaderMap};

use super::network::Network;

const X_FORWARDED_FOR: &str = "x-forwarded-for";

/// The client's address: the peer's, unless the peer is a listed proxy that names another.
///
/// Each proxy adds the address it was asked from at the end, so that the last one that is no
/// listed proxy is the client; what stands before it is the client's own invention. A proxy that
/// sets one of the two headers may pass on the other as it came, so two that disagree prove
/// nothing.
pub(super) fn client(headers: &HeaderMap, peer: IpAddr, trusted: &[Network]) -> IpAddr {
    let peer = peer.to_canonical();
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    if trusted.is_empty() || !is_trusted(peer) {
        return peer;
    }
    let told_by = |name: &str, address: fn(&str) -> Option<IpAddr>| {
        let mut lines = headers.get_all(name).iter().rev().peekable();
        lines.peek()?;
        let mut client = peer;
        for line in lines {
            let Ok(line) = line.to_str() else { break };
            for hop in line.rsplit(',') {
                let Some(hop) = address(hop.trim()) else {
                    return Some(client);
                };
                client = hop;
                if !is_trusted(hop) {
                    return Some(client);
                }
            }
        }
        Some(client)
    };
    let forwarded = told_by(FORWARDED.as_str(), forwarded_for);
    let x_forwarded = told_by(X_FORWARDED_FOR, address);
    match (forwarded, x_forwarded) {
        (Some(one), Some(other)) if one != other => peer,
        (Some(client), _) | (None, Some(client)) => client,
        (None, None) => peer,
    }
}

/// The address in one element of `Forwarded` (RFC 7239), such as `for="[2001:db8::1]:4711"`.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    let (_, node) = pairs
        .into_iter()
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
    address(node.trim().trim_matches('"'))
}

/// An address, with or without brackets and a port.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    let parsed = bare.unwrap_or(text).parse::<IpAddr>();
    let with_port = || text.parse::<SocketAddr>().map(|address| address.ip());
    parsed
        .or_else(|_| with_port())
        .ok()
        .map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use warp::http::{HeaderName, HeaderValue};

    use super::*;

    fn check(peer: &str, pairs: &[(&'static str, &'static str)], expected: &str) {
        let trusted = ["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            let name = HeaderName::from_static(name);
            headers.append(name, HeaderValue::from_static(value));
        }
        let found = client(&headers, peer.parse().unwrap(), &trusted);
        assert_eq!(found, expected.parse::<IpAddr>().unwrap(), "{pairs:?}");
    }

    #[test]
    fn nobody_but_a_listed_proxy_is_believed() {
        let lie = [
            ("x-forwarded-for", "192.0.2.1"),
            ("forwarded", "for=192.0.2.1"),
        ];
        check("203.0.113.9", &lie, "203.0.113.9");
        check("10.0.0.1", &lie, "192.0.2.1");
        check("::ffff:10.0.0.1", &lie, "192.0.2.1");
        check("10.0.0.1", &[], "10.0.0.1");
    }

    #[test]
    fn the_last_address_that_is_no_listed_proxy_is_the_client() {
        let xff = |value, expected| check("10.0.0.1", &[("x-forwarded-for", value)], expected);
        xff("192.0.2.1", "192.0.2.1");
        xff("6.6.6.6, 192.0.2.1", "192.0.2.1");
        xff("6.6.6.6,192.0.2.1 , 10.0.0.7, 10.0.0.8", "192.0.2.1");
        xff("10.0.0.7", "10.0.0.7");
        xff("192.0.2.1:4711", "192.0.2.1");
        xff("2001:db8::1", "2001:db8::1");
        xff("[2001:db8::1]:4711", "2001:db8::1");
        // What cannot be read ends the chain at the proxy that said it.
        xff("192.0.2.1, unknown", "10.0.0.1");
        xff("192.0.2.1, unknown, 10.0.0.7", "10.0.0.7");
        xff("", "10.0.0.1");
        let lines = [
            ("x-forwarded-for", "6.6.6.6"),
            ("x-forwarded-for", "192.0.2.1, 10.0.0.7"),
        ];
        check("10.0.0.1", &lines, "192.0.2.1");
    }

    #[test]
    fn forwarded_reads_as_rfc_7239_has_it() {
        let forwarded = |value, expected| check("10.0.0.1", &[("forwarded", value)], expected);
        forwarded("for=192.0.2.43", "192.0.2.43");
        forwarded("For=\"[2001:db8:cafe::17]:4711\"", "2001:db8:cafe::17");
        forwarded(
            "for=6.6.6.6, for=192.0.2.60;proto=http;by=203.0.113.43",
            "192.0.2.60",
        );
        forwarded("proto=http; for=192.0.2.60", "192.0.2.60");
        forwarded("for=_hidden", "10.0.0.1");
        forwarded("by=192.0.2.60", "10.0.0.1");
    }

    #[test]
    fn two_headers_that_disagree_prove_nothing() {
        let both = [
            ("x-forwarded-for", "192.0.2.1"),
            ("forwarded", "for=6.6.6.6"),
        ];
        check("10.0.0.1", &both, "10.0.0.1");
    }
}
