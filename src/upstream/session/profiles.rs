//! The lists of what a Stat Server defines: all of them after the registration, and the stat types
//! again from time to time, since configurations change under a connection.

use tokio::time::Instant;

use super::{Failure, Reference, Session, StatTypesAsked};
use crate::wire::{ProfileKind, Request};

impl Session {
    /// The first requests after the registration was answered.
    pub(super) fn ask_for_profiles(&mut self, now: Instant) -> Result<(), Failure> {
        for kind in ProfileKind::ALL {
            self.ask_for_profile(kind, now)?;
        }
        Ok(())
    }

    /// Asks for the stat types again when that is due. An answer that did not come since the last
    /// time is not waited for any more.
    pub(super) fn refresh_stat_types(&mut self, now: Instant) -> Result<(), Failure> {
        let may_ask = self.wants_refresh();
        let Some(connection) = &mut self.connection else {
            return Ok(());
        };
        if !may_ask || connection.stat_types.due > now {
            return Ok(());
        }
        if let Some(last) = connection.stat_types.reference_id
            && let Some(Reference::Profile(ProfileKind::StatTypes)) =
                connection.references.get(last)
        {
            connection.references.remove(last);
        }
        self.ask_for_profile(ProfileKind::StatTypes, now)
    }

    /// Whether the stat types are to be kept true now.
    pub(super) fn wants_refresh(&self) -> bool {
        self.is_registered() && !self.ending
    }

    fn ask_for_profile(&mut self, kind: ProfileKind, now: Instant) -> Result<(), Failure> {
        let reference_id = self.reference(Reference::Profile(kind))?;
        self.send(&Request::Profile {
            reference_id,
            tag: None,
            kind,
        });
        if kind == ProfileKind::StatTypes
            && let Some(connection) = &mut self.connection
        {
            connection.stat_types = StatTypesAsked {
                due: now + self.config.profile_refresh,
                reference_id: Some(reference_id),
            };
        }
        Ok(())
    }
}
