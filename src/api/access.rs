//! Who may come in at all: the rule for web pages' origins, and the rule for
//! `internal_statistic`, which asks for no credentials. And the log of who came.

use std::net::IpAddr;
use std::time::Duration;

use warp::http::Method;
use warp::http::header::{FORWARDED, HOST, HeaderMap, ORIGIN, VIA};
use warp::http::uri::Authority;

use super::endpoint::Endpoint;
use super::network::Network;
use super::request::{Arrival, Local, Peer};

/// The line of the access log. Of a path that is none nothing is told: it may be anything, a
/// password gone astray included.
pub(super) fn tell(
    arrival: Arrival,
    method: &Method,
    endpoint: Option<Endpoint>,
    status: u16,
    took: Duration,
) {
    tracing::info!(
        target: "peekd::access",
        request_id = %arrival.id,
        client = arrival.client.map(tracing::field::display),
        %method,
        path = endpoint.map_or("other", Endpoint::path),
        status,
        took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        "request"
    );
}

/// Whether a POST with these headers may be answered: a browser tells the page's origin, and a
/// page of another site must not use the credentials the browser keeps for this one.
///
/// Origins that are neither http nor https pass (browser extensions, as in the API document's
/// example); `null` does not, nor does what is no origin.
pub(super) fn origin_may_post(headers: &HeaderMap, allowed: &[String]) -> bool {
    headers.get_all(ORIGIN).iter().all(|origin| {
        let Ok(origin) = origin.to_str() else {
            return false;
        };
        let Some((scheme, authority)) = origin.split_once("://") else {
            return false;
        };
        let default_port = if scheme.eq_ignore_ascii_case("http") {
            80
        } else if scheme.eq_ignore_ascii_case("https") {
            443
        } else {
            return true;
        };
        let listed = allowed
            .iter()
            .any(|known| known.eq_ignore_ascii_case(origin));
        listed || is_own_host(headers, authority, default_port)
    })
}

fn is_own_host(headers: &HeaderMap, authority: &str, default_port: u16) -> bool {
    let (Some(own), Ok(origin)) = (host(headers), authority.parse::<Authority>()) else {
        return false;
    };
    let port = |authority: &Authority| authority.port_u16().unwrap_or(default_port);
    own.host().eq_ignore_ascii_case(origin.host()) && port(&own) == port(&origin)
}

/// Whether a peer is in one of the networks.
pub(super) fn comes_from(networks: &[Network], peer: Option<Peer>) -> bool {
    peer.is_some_and(|Peer(peer)| networks.iter().any(|net| net.contains(peer.ip())))
}

/// Whether a request came straight here, and by our own name. Anything that came through a proxy
/// has an unknown source, and a `Host` that is not ours means that a browser was led here by a
/// name (DNS rebinding). `names` are further names of ours.
pub(super) fn is_direct(headers: &HeaderMap, local: Option<Local>, names: &[String]) -> bool {
    let Some(Local(local)) = local else {
        return false;
    };
    !came_through_a_proxy(headers)
        && host(headers).is_some_and(|host| names_us(host.host(), local.ip(), names))
}

fn came_through_a_proxy(headers: &HeaderMap) -> bool {
    // Header names are in lower case in a `HeaderMap`.
    headers
        .keys()
        .any(|name| name == FORWARDED || name == VIA || name.as_str().starts_with("x-forwarded"))
}

fn names_us(host: &str, local: IpAddr, names: &[String]) -> bool {
    if names.iter().any(|name| name.eq_ignore_ascii_case(host)) {
        return true;
    }
    let local = local.to_canonical();
    if local.is_loopback() && host.eq_ignore_ascii_case("localhost") {
        return true;
    }
    let literal = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let Ok(literal) = literal.unwrap_or(host).parse::<IpAddr>() else {
        return false;
    };
    let literal = literal.to_canonical();
    literal == local || (local.is_loopback() && literal.is_loopback())
}

/// The one `Host`, if there is one and it can be read.
fn host(headers: &HeaderMap) -> Option<Authority> {
    let mut hosts = headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return None;
    };
    Authority::try_from(host.as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use warp::http::{HeaderName, HeaderValue};

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                let name = HeaderName::from_static(name);
                (name, HeaderValue::from_static(value))
            })
            .collect()
    }

    #[test]
    fn pages_of_other_sites_may_not_post() {
        let allowed = ["https://wall.example".to_owned()];
        for (origin, host, passes) in [
            ("http://localhost:8080", "localhost:8080", true),
            ("http://LOCALHOST:8080", "localhost:8080", true),
            ("https://peekd.example", "peekd.example", true),
            ("https://peekd.example:443", "peekd.example", true),
            ("http://peekd.example", "peekd.example:8080", false),
            ("http://evil.example", "localhost:8080", false),
            ("https://wall.example", "localhost:8080", true),
            ("http://wall.example", "localhost:8080", false),
            (
                "chrome-extension://fdmmgilgnpjigdojojpjoooidkmcomcm",
                "x",
                true,
            ),
            ("null", "localhost:8080", false),
            ("", "localhost:8080", false),
            ("http://", "localhost:8080", false),
        ] {
            let headers = headers(&[("origin", origin), ("host", host)]);
            assert_eq!(origin_may_post(&headers, &allowed), passes, "{origin}");
        }
        assert!(origin_may_post(&headers(&[("host", "x")]), &allowed));
    }

    #[test]
    fn internal_is_who_comes_straight_from_inside_by_our_own_name() {
        let names = ["peekd.lan".to_owned()];
        let networks: [Network; 1] = ["127.0.0.0/8".parse().unwrap()];
        let check = |pairs: &[(&'static str, &'static str)], peer: &str, local: &str| {
            let peer = Peer(peer.parse().unwrap());
            let local = Local(local.parse().unwrap());
            comes_from(&networks, Some(peer)) && is_direct(&headers(pairs), Some(local), &names)
        };
        let inside = |host: &'static str| check(&[("host", host)], "127.0.0.1:9", "127.0.0.1:8080");
        for host in [
            "127.0.0.1:8080",
            "localhost",
            "LocalHost:1",
            "[::1]:8080",
            "peekd.lan",
        ] {
            assert!(inside(host), "{host}");
        }
        for host in ["evil.example", "127.0.0.1.evil.example", "10.0.0.5", ""] {
            assert!(!inside(host), "{host}");
        }
        assert!(!check(&[], "127.0.0.1:9", "127.0.0.1:8080"));
        assert!(!check(
            &[("host", "localhost")],
            "10.0.0.9:9",
            "127.0.0.1:8080"
        ));
        assert!(!check(
            &[("host", "localhost")],
            "127.0.0.1:9",
            "10.0.0.5:8081"
        ));
        assert!(check(
            &[("host", "10.0.0.5")],
            "127.0.0.1:9",
            "10.0.0.5:8081"
        ));
        for name in ["via", "forwarded", "x-forwarded-for", "x-forwarded-host"] {
            let pairs = [("host", "localhost"), (name, "x")];
            assert!(!check(&pairs, "127.0.0.1:9", "127.0.0.1:8080"), "{name}");
        }
    }
}
