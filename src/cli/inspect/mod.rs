//! `peekd inspect`: looks into a store without the service, or through it.

mod gaps;
mod history;
mod last;
mod output;
mod plot;
mod remote;
mod schema;
mod selection;
mod verify;
mod when;

#[cfg(test)]
mod tests;

use std::io::Write;

use clap::Subcommand;

/// What to look at.
#[derive(Debug, Subcommand)]
pub(super) enum Inspect {
    /// The last value of every statistic.
    Last(last::Last),
    /// Every change that is kept.
    History(history::History),
    /// When nothing was known, and why.
    Gaps(gaps::Gaps),
    /// What the store holds, in numbers.
    Schema(schema::Schema),
    /// Read everything and say what is damaged.
    Verify(verify::Verify),
}

impl Inspect {
    pub(super) fn run(self, out: &mut impl Write, err: &mut impl Write) -> anyhow::Result<()> {
        match self {
            Self::Last(last) => last.run(out, err),
            Self::History(history) => history.run(out, err),
            Self::Gaps(gaps) => gaps.run(out, err),
            Self::Schema(schema) => schema.run(out, err),
            Self::Verify(verify) => verify.run(out),
        }
    }
}
