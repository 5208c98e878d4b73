//! An answer that waits for the Stat Servers: what is to be written around the values, and where they
//! come from.

use tokio::time::Instant;

use crate::api::endpoint::Endpoint;
use crate::peek::Fetching;

/// A request whose values are being fetched.
pub(in crate::api) struct Live {
    pub(super) fetching: Fetching,
    pub(super) endpoint: Endpoint,
    /// What stands before the values, one after the other.
    pub(super) leads: String,
    /// Where each of the leads ends.
    pub(super) ends: Vec<usize>,
    /// When the request was there.
    pub(super) since: Instant,
}

impl Live {
    /// Appends the body.
    pub(super) fn write_body(&self, body: &mut String) {
        let mut begin = 0;
        for (place, end) in self.ends.iter().enumerate() {
            body.push_str(self.leads.get(begin..*end).unwrap_or_default());
            self.fetching.write_json(place, body);
            begin = *end;
        }
        body.push('}');
    }
}
