//! What of a request the lane goes by.

use std::mem::MaybeUninit;

use crate::api::endpoint::Endpoint;
use crate::api::routes::essence;

/// More headers than this are hyper's business.
const HEADERS_MAX: usize = 32;

/// A whole request that the lane may answer, as far as its form tells.
pub(super) struct Request<'a> {
    pub(super) endpoint: Endpoint,
    pub(super) authorization: Option<&'a [u8]>,
    pub(super) cache_control: Option<&'a [u8]>,
    pub(super) host: &'a [u8],
    pub(super) body: &'a [u8],
    /// Of head and body, in bytes.
    pub(super) length: usize,
}

/// What can be made of the bytes that a connection brought.
pub(super) enum Found<'a> {
    Request(Request<'a>),
    /// The head is not whole yet.
    Incomplete,
    /// The body lacks so many bytes.
    Short(usize),
    /// The request's end is beyond doubt, and its connection goes on after it; but something about
    /// it is for the routes to judge.
    Other,
    /// Anything else.
    Foreign,
}

/// Headers that decide; each may come once.
#[derive(Default)]
struct Headers<'a> {
    authorization: Option<&'a [u8]>,
    cache_control: Option<&'a [u8]>,
    content_length: Option<&'a [u8]>,
    content_type: Option<&'a [u8]>,
    host: Option<&'a [u8]>,
    /// Something that the routes or hyper have to see.
    is_odd: bool,
    /// Something that may end the connection or move the request's end.
    is_foreign: bool,
}

/// Reads the request that `input` begins with. hyper reads heads by the same parser, and refuses
/// those of more than `head_max` bytes.
pub(super) fn read(input: &[u8], head_max: usize) -> Found<'_> {
    let mut headers = [const { MaybeUninit::uninit() }; HEADERS_MAX];
    let mut head = httparse::Request::new(&mut []);
    let head_length = match head.parse_with_uninit_headers(input, &mut headers) {
        Ok(httparse::Status::Complete(length)) if length <= head_max => length,
        Ok(httparse::Status::Partial) => return Found::Incomplete,
        Ok(httparse::Status::Complete(_)) | Err(_) => return Found::Foreign,
    };
    let endpoint = match head.path {
        Some(path) if path == Endpoint::Statistic.path() => Endpoint::Statistic,
        Some(path) if path == Endpoint::Statistics.path() => Endpoint::Statistics,
        _ => return Found::Foreign,
    };
    if head.method != Some("POST") || head.version != Some(1) {
        return Found::Foreign;
    }
    let mut found = Headers::default();
    for header in &*head.headers {
        found.take(header.name.as_bytes(), header.value);
    }
    let Some(body_length) = found.content_length.and_then(decimal) else {
        return Found::Foreign;
    };
    if found.is_foreign {
        return Found::Foreign;
    }
    let length = head_length + body_length;
    let Some(body) = input.get(head_length..length) else {
        return Found::Short(length - input.len());
    };
    let Some(host) = found.host else {
        return Found::Other;
    };
    if found.is_odd || !found.content_type.is_none_or(is_urlencoded) {
        return Found::Other;
    }
    Found::Request(Request {
        endpoint,
        authorization: found.authorization,
        cache_control: found.cache_control,
        host,
        body,
        length,
    })
}

impl<'a> Headers<'a> {
    fn take(&mut self, name: &[u8], value: &'a [u8]) {
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        match name.len() {
            4 if is("host") => self.once(|known| &mut known.host, value),
            6 if is("expect") => self.is_foreign = true,
            6 if is("origin") => self.is_odd = true,
            7 if is("upgrade") => self.is_foreign = true,
            9 if is("forwarded") => self.is_odd = true,
            10 if is("connection") => {
                self.is_foreign |= !value.eq_ignore_ascii_case(b"keep-alive");
            }
            12 if is("content-type") => self.once(|known| &mut known.content_type, value),
            13 if is("authorization") => self.once(|known| &mut known.authorization, value),
            13 if is("cache-control") => self.once(|known| &mut known.cache_control, value),
            14 if is("content-length") => {
                self.is_foreign |= self.content_length.replace(value).is_some();
            }
            15 if is("x-forwarded-for") => self.is_odd = true,
            17 if is("transfer-encoding") => self.is_foreign = true,
            _ => {}
        }
    }

    fn once(&mut self, place: impl Fn(&mut Self) -> &mut Option<&'a [u8]>, value: &'a [u8]) {
        let doubled = place(self).replace(value).is_some();
        self.is_odd |= doubled;
    }
}

/// A length in plain digits, few enough to be one.
fn decimal(digits: &[u8]) -> Option<usize> {
    if digits.is_empty() || digits.len() > 9 {
        return None;
    }
    digits.iter().try_fold(0_usize, |sum, digit| {
        let digit = digit.is_ascii_digit().then(|| usize::from(digit - b'0'));
        Some(sum * 10 + digit?)
    })
}

fn is_urlencoded(content_type: &[u8]) -> bool {
    const URLENCODED: &str = "application/x-www-form-urlencoded";
    if content_type == URLENCODED.as_bytes() {
        return true;
    }
    let text = std::str::from_utf8(content_type).unwrap_or_default();
    text.is_ascii() && essence(text).eq_ignore_ascii_case(URLENCODED)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const USUAL: &str =
        "POST /genesys/1/statistic HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na=bPOST";

    fn verdict(input: &str) -> &'static str {
        match read(input.as_bytes(), 128) {
            Found::Request(_) => "request",
            Found::Incomplete => "incomplete",
            Found::Short(_) => "short",
            Found::Other => "other",
            Found::Foreign => "foreign",
        }
    }

    #[test]
    fn a_request_ends_where_its_length_says() {
        let Found::Request(request) = read(USUAL.as_bytes(), USUAL.len()) else {
            panic!("{}", verdict(USUAL));
        };
        assert_eq!(request.body, b"a=b");
        assert_eq!(request.length, USUAL.len() - "POST".len());
        assert_eq!((request.host, request.authorization), (&b"a"[..], None));
    }

    #[test]
    fn whatever_is_unusual_is_left_to_others() {
        let host = "Host: a\r\n";
        for (from, to, expected) in [
            ("POST /", "GET /", "foreign"),
            ("POST /", "POST http://a/", "foreign"),
            ("statistic ", "statistic/ ", "foreign"),
            ("statistic ", "statistic?a ", "foreign"),
            ("/1.1", "/1.0", "foreign"),
            ("Host: a", "Host : a", "foreign"),
            (host, "Host: a\r\nTransfer-Encoding: chunked\r\n", "foreign"),
            (host, "Host: a\r\ncontent-length: 3\r\n", "foreign"),
            (host, "Host: a\r\nConnection: close\r\n", "foreign"),
            (
                host,
                "Host: a\r\nConnection: keep-alive, upgrade\r\n",
                "foreign",
            ),
            (host, "Host: a\r\nUpgrade: h2c\r\n", "foreign"),
            (host, "Host: a\r\nExpect: 100-continue\r\n", "foreign"),
            (": 3", ": 0x3", "foreign"),
            (": 3", ": -3", "foreign"),
            (": 3", ": 3, 3", "foreign"),
            (": 3", ":", "foreign"),
            ("Content-Length: 3\r\n", "", "foreign"),
            (": 3", ": 9", "short"),
            (": 3", ": 999999999999999999999", "foreign"),
            (host, "", "other"),
            (host, "Host: a\r\nHost: a\r\n", "other"),
            (host, "Host: a\r\nOrigin: null\r\n", "other"),
            (host, "Host: a\r\nForwarded: for=b\r\n", "other"),
            (host, "Host: a\r\nX-Forwarded-For: b\r\n", "other"),
            (
                host,
                "Host: a\r\nAuthorization: b\r\nAuthorization: b\r\n",
                "other",
            ),
            (
                host,
                "Host: a\r\nCache-Control: b\r\ncache-control: c\r\n",
                "other",
            ),
            (host, "Host: a\r\nContent-Type: text/plain\r\n", "other"),
            (host, "Host: a\r\nConnection: Keep-Alive\r\n", "request"),
            (host, "Host: a\r\nCookie: b\r\nCookie: c\r\n", "request"),
            ("\r\n\r\na=bPOST", "\r\n", "incomplete"),
            (
                host,
                "Host: a\r\nX: longer with the rest of it than the longest head that may stand there\r\n",
                "foreign",
            ),
        ] {
            let input = USUAL.replacen(from, to, 1);
            assert_ne!(input, USUAL);
            assert_eq!(verdict(&input), expected, "{from:?} -> {to:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_a_client_sends_makes_it_panic_or_read_too_far(
            start in 0..USUAL.len(),
            more: Vec<u8>,
        ) {
            let mut input = USUAL.as_bytes()[..start].to_vec();
            input.extend(more);
            if let Found::Request(request) = read(&input, 1000) {
                prop_assert!(request.length <= input.len());
            }
        }
    }
}
