//! Credentials that this connection has shown before: the same bytes stand for the same user for as
//! long as the memory of proven credentials would say so.

use std::sync::Arc;

use constant_time_eq::constant_time_eq;
use secrecy::{ExposeSecret as _, SecretSlice};
use tokio::time::Instant;

use crate::api::auth::{Authenticator, Identity};

/// A proof, as this connection keeps it.
pub(super) struct Login {
    header: SecretSlice<u8>,
    identity: Arc<Identity>,
    until: Instant,
    /// Of the users' table when the proof was found.
    epoch: u64,
}

/// Who sent this `Authorization` header, if that is proven. `known` is what the connection keeps.
pub(super) fn find<'a>(
    known: &'a mut Option<Login>,
    header: &[u8],
    authenticator: &Authenticator,
    now: Instant,
) -> Option<&'a Identity> {
    let still = known.as_ref().is_some_and(|login| {
        login.epoch == authenticator.epoch()
            && now < login.until
            && constant_time_eq(login.header.expose_secret(), header)
    });
    if !still {
        // Before the look-up: if the users change in between, this proof is none.
        let epoch = authenticator.epoch();
        let proven = authenticator.proven(header, now);
        *known = proven.map(|(identity, until)| Login {
            header: header.to_vec().into(),
            identity,
            until,
            epoch,
        });
    }
    known.as_ref().map(|login| &*login.identity)
}
