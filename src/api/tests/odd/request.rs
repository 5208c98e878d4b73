//! Requests as nobody usual sends them.

use proptest::prelude::*;
use proptest::sample::select;

use super::super::{INTERNAL, STATISTIC, STATISTICS};

/// One request, still in parts.
#[derive(Debug, Clone)]
pub(super) struct Odd {
    method: &'static str,
    target: &'static str,
    version: &'static str,
    host: &'static str,
    login: &'static str,
    more: Vec<String>,
    framing: &'static str,
    body: String,
    line_end: &'static str,
}

impl Odd {
    pub(super) fn bytes(&self) -> Vec<u8> {
        let length = self.body.len();
        // `{n}` is the body's length; what follows it in braces is taken away or added.
        let framing = self
            .framing
            .replace("{n}", &length.to_string())
            .replace("{n-3}", &length.saturating_sub(3).to_string())
            .replace("{n+1}", &(length + 1).to_string())
            .replace("{n+20}", &(length + 20).to_string());
        let body = if framing.ends_with("chunked") {
            format!("{length:x}\r\n{}\r\n0\r\n\r\n", self.body)
        } else {
            self.body.clone()
        };
        let (method, target, version) = (self.method, self.target, self.version);
        let mut lines = vec![format!("{method} {target} {version}")];
        let headers = [self.host, self.login].map(str::to_owned).into_iter();
        let headers = headers.chain(self.more.iter().cloned()).chain([framing]);
        lines.extend(headers.filter(|line| !line.is_empty()));
        let head = lines.join(self.line_end);
        format!("{head}{0}{0}{body}", self.line_end).into_bytes()
    }
}

impl Odd {
    /// With nothing odd left but the headers, the credentials and the body.
    pub(super) fn tamed(self) -> Self {
        let target = if self.body.starts_with("objectId") {
            STATISTIC
        } else {
            STATISTICS
        };
        Self {
            method: "POST",
            target,
            version: "HTTP/1.1",
            host: "Host: 127.0.0.1:8080",
            framing: "Content-Length: {n}",
            line_end: "\r\n",
            ..self
        }
    }
}

/// Mostly the first.
fn mostly(usual: &'static str, odd: &[&'static str], weight: u32) -> BoxedStrategy<&'static str> {
    prop_oneof![weight => Just(usual), 1 => select(odd.to_vec())].boxed()
}

fn header() -> impl Strategy<Value = String> {
    let plain = select(vec![
        "Accept: */*",
        "Connection: keep-alive",
        "Connection: Keep-Alive",
        "Connection: keep-alive, foo",
        "Connection: close",
        "Connection:",
        "Connection: upgrade",
        "Upgrade: h2c",
        "Keep-Alive: timeout=5",
        "Proxy-Connection: close",
        "TE: trailers",
        "Trailer: X",
        "Expect: 100-continue",
        "Expect: 200-ok",
        "Via: 1.1 x",
        "Forwarded: for=192.0.2.1",
        "X-Forwarded-For: 192.0.2.1",
        "X-Forwarded-Host: evil.example",
        "X-Forwarded-Proto: https",
        "Origin: null",
        "Origin: http://127.0.0.1:8080",
        "Origin: https://wall.example",
        "Origin: http://evil.example",
        "Origin: chrome-extension://x",
        "Content-Type: application/x-www-form-urlencoded",
        "content-type: APPLICATION/x-www-form-urlencoded ; charset=x",
        "Content-Type: application/json",
        "Content-Type:",
        "Content-Type: multipart/form-data",
        "Content-Type: \u{e4}",
        "Content-Encoding: gzip",
        "Cookie: a=b",
        "Range: bytes=0-1",
        "If-None-Match: *",
        "Accept-Encoding: gzip",
        "Pragma: no-cache",
        "Transfer_Encoding: chunked",
        "Content_Length: 1",
        "X: a\r\n folded",
        "X: a\0b",
        "X: a\u{7f}b",
        "X: \ta \t",
        "X\"Y: a",
        "X Y: a",
        ": a",
        "X",
        "X-Empty:",
        "Host: second.example",
        "Authorization: Basic eA==",
    ]);
    let cache = select(vec![
        "max-age=5",
        "max-age=0, max-age=9",
        "no-cache",
        "MAX-STALE, max-age=\"7\"",
        "only-if-cached",
        "min-fresh=3",
        "stale-if-error=9",
        ",,",
        "\"",
    ]);
    prop_oneof![
        6 => plain.prop_map(str::to_owned),
        3 => cache.prop_map(|value| format!("Cache-Control: {value}")),
        1 => (1..50_usize).prop_map(|n| "X: a\r\n".repeat(n) + "X: a"),
        1 => (1..24_usize).prop_map(|n| format!("X: {}", "a".repeat(n * 1000))),
    ]
}

fn body() -> impl Strategy<Value = String> {
    let single = "objectId=KSippola&objectType=Agent&tenant=Environment&metric=TotalLoginTime";
    let good = select(vec![
        single,
        single,
        "objectId=a;b%40c&objectType=QUEUE&tenant=T&statisticType=R&notificationMode=reset&filter=f",
        "objectId=a&objectType=Place&tenant=T&metric=m&tenantPassword=p+w&notificationMode=NoNotification",
        "a=E;Queue;9001@SIP+Switch;Environment&%20\"\\=R;agent;a%253Bb;T;f;;;;Reset",
        "one=TotalLoginTime;Agent;KSippola;Environment",
    ]);
    let other = select(vec![
        "a=m;Agent;x;T&b=m;Agent;y;T&c=m;Agent;z;T",
        "a=m;Agent;x;T&a=m;Agent;y;T",
        "a=m;Agent;x;T&b=m;Agent;y;T&c=m;Agent;w;T&d=m;Agent;v;T&e=m;Agent;u;T",
        "",
        "&&",
        "a",
        "=b",
        "a=%zz",
        "objectId=%ff",
    ]);
    let bodies = prop_oneof![3 => good, 1 => other];
    let edit = prop::option::weighted(0.15, (any::<prop::sample::Index>(), "[&=;%+a-c0\r\n]{1,6}"));
    let padding = prop::option::weighted(0.1, 0..1800_usize);
    (bodies, edit, padding).prop_map(|(body, edit, padding)| {
        let mut body = body.to_owned();
        if let Some((place, text)) = edit {
            body.insert_str(place.index(body.len() + 1), &text);
        }
        if let Some(length) = padding {
            body.push_str("&other=");
            body.push_str(&"x".repeat(length));
        }
        body
    })
}

pub(super) fn request() -> impl Strategy<Value = Odd> {
    let line = (
        mostly(
            "POST",
            &["post", "GET", "HEAD", "PUT", "OPTIONS", "BREW"],
            20,
        ),
        prop_oneof![
            12 => Just(STATISTIC),
            10 => Just(STATISTICS),
            2 => select(vec![
                "/genesys/1/statistic/",
                "/genesys/1/statistic?x=1",
                "http://127.0.0.1:8080/genesys/1/statistic",
                "http://user@other.example/genesys/1/statistics",
                "/genesys/1/%73tatistic",
                "//genesys/1/statistic",
                "/genesys/1/./statistic",
                "/genesys/1/statistic#a",
                "/genesys/1/Statistic",
                "/health/live",
                "/v1/nothing",
                "*",
                "",
                INTERNAL,
            ]),
        ],
        mostly(
            "HTTP/1.1",
            &["HTTP/1.0", "HTTP/1.2", "http/1.1", "HTTP/2.0"],
            24,
        ),
    );
    let host = [
        "",
        "Host:",
        "Host: ",
        "Host: a b",
        "Host: a@b",
        "host: [::1]:1",
        "Host : a",
        "Host: \u{e4}",
        "Host: /",
        "Host: a\r\nHost: a",
    ];
    let login = [
        "",
        "Authorization: Basic Ym91bmQ6cGFzc3dvcmQ=",
        "authorization: basic ZGVmYXVsdDpwYXNzd29yZA==",
        "Authorization: Basic ZGVmYXVsdDpwYXNzd29yZA",
        "Authorization: Bearer x",
        "Authorization:",
    ];
    let framing = [
        "",
        "Content-Length: +{n}",
        "Content-Length: 0{n}",
        "Content-Length: 0000000000{n}",
        "Content-Length:{n} \t",
        "Content-Length: {n}, {n}",
        "Content-Length: {n}\r\nContent-Length: {n}",
        "Content-Length: {n}\r\nContent-Length: 1",
        "Content-Length: {n-3}",
        "Content-Length: {n+1}",
        "Content-Length: {n+20}",
        "Content-Length: -1",
        "Content-Length: 0x{n}",
        "Content-Length:",
        "Content-Length : {n}",
        "Content-Length: 18446744073709551616",
        "Transfer-Encoding: chunked",
        "Content-Length: {n}\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: {n}",
        "Transfer-Encoding: identity",
        "Transfer-Encoding:\tchunked",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding: chunked, identity",
    ];
    let rest = (
        mostly("Host: 127.0.0.1:8080", &host, 12),
        mostly("Authorization: Basic ZGVmYXVsdDpwYXNzd29yZA==", &login, 8),
        prop::collection::vec(header(), 0..2),
        mostly("Content-Length: {n}", &framing, 8),
        body(),
        mostly("\r\n", &["\n", "\r\r\n", "\r"], 24),
    );
    (line, rest).prop_map(|((method, target, version), rest)| {
        let (host, login, more, framing, body, line_end) = rest;
        Odd {
            method,
            target,
            version,
            host,
            login,
            more,
            framing,
            body,
            line_end,
        }
    })
}
