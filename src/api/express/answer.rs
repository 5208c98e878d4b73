//! The answers' bytes, as hyper writes what [`reply`](crate::api::reply) makes.

use std::time::Duration;

use crate::model::{Age, Clock, Timestamp};

/// What an answer is made of; kept to be used again.
#[derive(Default)]
pub(super) struct Drafts {
    pub(super) body: String,
    pub(super) key: Vec<u8>,
    /// A form without needless escapes.
    pub(super) form: Vec<u8>,
    date: Date,
}

/// What `Cache-Status` says.
#[derive(Clone, Copy)]
pub(super) enum Status<'a> {
    /// Out of memory, with the time left where the demand named an age.
    Hit(Option<Duration>),
    /// This.
    Told(&'a str),
}

/// What is longer than this is not kept for the next answer.
const KEPT_BYTES_MAX: usize = 64 * 1024;

/// The `Date` header's text, made once a second.
#[derive(Default)]
struct Date {
    text: String,
    second: u64,
}

impl Drafts {
    /// Appends the answer with `self.body` to `out`.
    pub(super) fn write(
        &mut self,
        (age, status): (Age, Status<'_>),
        varies: bool,
        clock: &Clock,
        out: &mut Vec<u8>,
    ) {
        let mut number = itoa::Buffer::new();
        out.extend_from_slice(
            b"HTTP/1.1 200 OK\r\nPragma: no-cache\r\nCache-Control: no-cache\r\n\
              Cache-Control: no-store\r\nAge: ",
        );
        out.extend_from_slice(number.format(age.header_seconds()).as_bytes());
        out.extend_from_slice(b"\r\nContent-Length: ");
        out.extend_from_slice(number.format(self.body.len()).as_bytes());
        out.extend_from_slice(b"\r\nContent-Type: application/json\r\nCache-Status: ");
        match status {
            Status::Hit(time_left) => {
                out.extend_from_slice(b"peekd; hit");
                if let Some(left) = time_left {
                    out.extend_from_slice(b"; ttl=");
                    out.extend_from_slice(number.format(left.as_secs()).as_bytes());
                }
            }
            Status::Told(text) => out.extend_from_slice(text.as_bytes()),
        }
        if varies {
            out.extend_from_slice(b"\r\nVary: Origin");
        }
        out.extend_from_slice(b"\r\nDate: ");
        out.extend_from_slice(self.date.at(clock.wall()).as_bytes());
        out.extend_from_slice(b"\r\n\r\n");
        out.extend_from_slice(self.body.as_bytes());
        self.body.clear();
        self.body.shrink_to(KEPT_BYTES_MAX);
        self.key.clear();
        self.key.shrink_to(KEPT_BYTES_MAX);
        self.form.clear();
        self.form.shrink_to(KEPT_BYTES_MAX);
    }
}

impl Date {
    fn at(&mut self, now: Timestamp) -> &str {
        let second = now.0 / 1000;
        if self.second != second || self.text.is_empty() {
            self.second = second;
            // The year 9999 ends; later ones have no such text.
            let written = second.min(253_402_300_799);
            let time = std::time::UNIX_EPOCH + Duration::from_secs(written);
            self.text = httpdate::fmt_http_date(time);
        }
        &self.text
    }
}
