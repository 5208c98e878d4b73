//! What a pair is told, and what it lets go of.

use tokio::time::Instant;

use super::super::handle::Command;
use super::super::session::Failure;
use super::super::subscription::OpenSpec;
use super::Pair;

impl Pair {
    /// Hands over what is defined elsewhere now and not here any more.
    pub(super) fn move_away(&mut self) -> Result<(), Failure> {
        let stat_types = self.status.borrow().stat_types.clone();
        let (roster, this) = (&self.roster, self.config.id);
        let belongs_elsewhere = |spec: &OpenSpec| {
            let metric = spec.statistic.metric();
            spec.terms.manner.spelled_out.is_none()
                && stat_types.define(metric) == Some(false)
                && roster.is_defined_elsewhere(metric, this)
        };
        let moved = self.session.move_away(belongs_elsewhere, Instant::now())?;
        if moved > 0 {
            tracing::info!(server = %self.config.name, moved, "metrics are defined elsewhere now");
        }
        Ok(())
    }

    pub(super) fn command(&mut self, command: Command) -> Result<(), Failure> {
        let now = Instant::now();
        let carried_out = match command {
            Command::Want(specs) => {
                self.held.insert(specs.iter().map(|spec| spec.id));
                if let Some(standby) = &mut self.standby {
                    standby.session.want(specs.clone(), now)?;
                }
                self.session.want(specs, now)
            }
            Command::Fetch { spec, ticket } => {
                let id = spec.id;
                let known = self.session.wants(id);
                self.session.fetch(spec, ticket, now)?;
                if !known && self.session.wants(id) {
                    self.held.insert([id]);
                }
                Ok(())
            }
            Command::Close(ids) => self.session.close(&ids, now),
            Command::TakeOver(handed_over) => {
                // Again: it may have been let go of here while it was on its way.
                let held = handed_over
                    .iter()
                    .filter(|one| one.spec.terms.manner.keep_open);
                self.held.insert(held.map(|one| one.spec.id));
                self.session.take_over(handed_over, now)
            }
        };
        self.publish_counts();
        carried_out
    }

    /// Lets go of what is not wanted here any more; what another pair may have goes there.
    pub(super) fn forget(&mut self) {
        let handed_over = self.session.take_handed_over();
        if !handed_over.is_empty() {
            let kept = self.roster.pass_on(self.config.id, handed_over);
            for refused in kept {
                self.session.keep(refused, Instant::now());
            }
        }
        let mut forgotten = self.session.take_forgotten();
        forgotten.retain(|id| !self.session.wants(*id));
        if let Some(standby) = &mut self.standby {
            let closed = standby.session.close(&forgotten, Instant::now());
            closed.unwrap_or_default();
        }
        self.held.remove(forgotten);
    }
}
