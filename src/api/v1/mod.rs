//! Our own interface beside the documented endpoints: JSON in and out, errors as problem details
//! (RFC 9457).

mod openapi;
mod problem;
mod servers;

pub(super) use openapi::openapi;
pub(super) use problem::into_problem;
pub(super) use servers::servers;
