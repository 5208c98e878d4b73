//! Why requests are answered with an error.

// The real server's codes are not published; clients are told not to match on them.
pub(super) const UNKNOWN_METRIC: i64 = 2;
pub(super) const UNKNOWN_OBJECT: i64 = 3;
pub(super) const UNKNOWN_TENANT: i64 = 4;
pub(super) const WRONG_PASSWORD: i64 = 5;
pub(super) const MISMATCH: i64 = 6;
pub(super) const UNKNOWN_STATISTIC: i64 = 7;
pub(super) const ID_IN_USE: i64 = 8;
pub(super) const UNSUPPORTED: i64 = 9;
pub(super) const NO_CLIENTS: i64 = 10;

/// Why a request is answered with an error.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) code: i64,
    pub(super) text: String,
}

pub(super) fn refusal(code: i64, text: String) -> Refusal {
    Refusal { code, text }
}
