//! Our own interface beside the documented endpoints: JSON in and out, errors as problem details
//! (RFC 9457).

mod everything;
mod forget;
mod history;
mod json;
mod openapi;
mod past;
mod peek;
mod problem;
mod pumped;
mod servers;
mod statistics;
mod stream;
mod tickets;
mod whole;

pub(super) use everything::{all_gaps, all_history};
pub(super) use forget::forget;
pub(super) use history::history;
pub(super) use json::Query;
pub(super) use openapi::openapi;
pub(super) use peek::peek;
pub(super) use problem::into_problem;
pub(super) use servers::servers;
pub(super) use statistics::{changes, is_known, list, one};
pub(super) use stream::stream;
pub(super) use tickets::{Tickets, tickets};
pub(super) use whole::{backup, verify};
