//! What the rest of the program holds of the upstream: how to ask for a statistic, wherever it
//! belongs.

use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::watch;

use super::event::Ticket;
use super::handle::{Command, PairHandle, PairState, PairStatus};
use super::plan::Plan;
use super::roster::Roster;
use super::subscription::OpenSpec;
use super::terms::{KnownTerms, Terms};
use crate::model::{
    Moment, NotificationMode, PasswordProof, Policy, ServerId, Statistic, StatisticId,
};
use crate::wire::RecipeError;

/// Why a fetch was not even started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FetchError {
    /// Every pair's stat types are known, and none has the metric.
    NotDefined,
    /// The pair it belongs to is not connected, or has no room for another command.
    Unavailable,
    /// Its definition stands in the configuration and does not fit it.
    Impossible(RecipeError),
}

/// All pairs, and how statistics are asked for.
#[derive(Debug)]
pub struct Upstream {
    roster: Arc<Roster>,
    plan: RwLock<Arc<Plan>>,
    terms: KnownTerms,
}

/// Makes out what it takes to ask for statistics, one after the other.
#[derive(Debug)]
pub struct Specs<'a> {
    plan: Arc<Plan>,
    known: &'a KnownTerms,
    /// Those of the statistic before, mostly those of the next one, too: nothing is to be locked then.
    latest: Option<Arc<Terms>>,
}

impl Specs<'_> {
    /// As [`Upstream::spec`].
    ///
    /// # Errors
    /// As there.
    pub fn spec(
        &mut self,
        id: StatisticId,
        statistic: Arc<Statistic>,
        mode: NotificationMode,
        (password, proof): (secrecy::SecretString, PasswordProof),
    ) -> Result<OpenSpec, RecipeError> {
        let manner = self.plan.manner(&statistic)?;
        let terms = Terms {
            password,
            proof,
            manner,
        };
        let latest = self.latest.take().filter(|latest| latest.is_same(&terms));
        let terms = latest.unwrap_or_else(|| self.known.share(terms));
        self.latest = Some(Arc::clone(&terms));
        Ok(OpenSpec {
            id,
            mode,
            statistic,
            terms,
        })
    }
}

impl Upstream {
    /// The pairs of `roster`, asked as `plan` says.
    #[must_use]
    pub fn new(roster: Arc<Roster>, plan: Plan) -> Self {
        Self {
            roster,
            plan: RwLock::new(Arc::new(plan)),
            terms: KnownTerms::default(),
        }
    }

    /// The pairs in the configured order.
    #[must_use]
    pub fn pairs(&self) -> Arc<[PairHandle]> {
        self.roster.pairs()
    }

    /// Changes whenever the pairs change, or what one of them defines.
    #[must_use]
    pub fn definitions(&self) -> watch::Receiver<u64> {
        self.roster.definitions()
    }

    /// Exchanges the plan. What is open stays as it was opened.
    pub fn replace_plan(&self, plan: Plan) {
        *self.plan.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(plan);
    }

    /// How a statistic is treated.
    #[must_use]
    pub fn policy(&self, statistic: &Statistic) -> Policy {
        self.plan().policy(statistic)
    }

    /// What it takes to ask for a statistic.
    ///
    /// # Errors
    /// Its definition stands in the configuration and does not fit it.
    pub fn spec(
        &self,
        id: StatisticId,
        statistic: Arc<Statistic>,
        mode: NotificationMode,
        (password, proof): (secrecy::SecretString, PasswordProof),
    ) -> Result<OpenSpec, RecipeError> {
        self.specs().spec(id, statistic, mode, (password, proof))
    }

    /// As [`Upstream::spec`], for very many under the present plan.
    #[must_use]
    pub fn specs(&self) -> Specs<'_> {
        Specs {
            plan: self.plan(),
            known: &self.terms,
            latest: None,
        }
    }

    /// Whether a statistic could be fetched now.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, statistic: &Statistic) -> Result<(), FetchError> {
        let manner = self.plan().manner(statistic);
        let manner = manner.map_err(FetchError::Impossible)?;
        let server = manner.spelled_out.as_ref().map(|spelled| &*spelled.server);
        let pair = self.roster.route(statistic.metric(), server);
        connected(pair).map(drop)
    }

    /// Fetches a live value of a statistic; the ticket hears how it ended.
    ///
    /// # Errors
    /// Why it was not started. The ticket has then been told [`super::Outcome::Lost`].
    pub fn fetch(&self, spec: OpenSpec, ticket: Ticket) -> Result<(), FetchError> {
        let pair = connected(self.roster.home(&spec))?;
        let command = Command::Fetch { spec, ticket };
        pair.commands
            .try_send(command)
            .map_err(|_| FetchError::Unavailable)
    }

    /// Has an open statistic opened in a more telling mode. Best effort: whoever asks next asks
    /// again.
    pub fn upgrade(&self, spec: OpenSpec) {
        if let Some(pair) = self.roster.home(&spec)
            && pair.held.contains(spec.id)
            && pair.commands.try_send(Command::Want(vec![spec])).is_err()
        {
            tracing::debug!(server = %pair.name, "no room for another command");
        }
    }

    /// How often the pair that holds the statistic was connected so far; see
    /// [`Upstream::connected_again`].
    #[must_use]
    pub fn connections(&self, spec: &OpenSpec) -> u64 {
        let pair = self.roster.home(spec);
        pair.map_or(0, |pair| pair.status.borrow().connections)
    }

    /// Waits until the pair that holds the statistic is connected, more often than `before` times;
    /// for ever if need be. Whoever lost a fetch to a switchover may try again then.
    pub async fn connected_again(&self, spec: &OpenSpec, before: u64) {
        let Some(pair) = self.roster.home(spec) else {
            return std::future::pending().await;
        };
        let mut status = pair.status();
        let again = |status: &PairStatus| {
            status.state == PairState::Connected && status.connections > before
        };
        if status.wait_for(again).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// When the pair was last heard, if heartbeats prove its connection alive.
    #[must_use]
    pub fn heard(&self, server: ServerId) -> Option<Moment> {
        let pairs = self.roster.pairs();
        pairs.iter().find(|pair| pair.id == server)?.heard()
    }

    /// Keeps these statistics open from now on, each on the pair it belongs to.
    pub async fn want(&self, specs: Vec<OpenSpec>) {
        self.roster.want(specs).await;
    }

    /// Stops keeping these statistics open.
    pub async fn close(&self, ids: &[StatisticId]) {
        self.roster.close(ids).await;
    }

    fn plan(&self) -> Arc<Plan> {
        let plan = self.plan.read().unwrap_or_else(PoisonError::into_inner);
        plan.clone()
    }
}

fn connected(pair: Option<PairHandle>) -> Result<PairHandle, FetchError> {
    let pair = pair.ok_or(FetchError::NotDefined)?;
    if pair.is_connected() {
        Ok(pair)
    } else {
        Err(FetchError::Unavailable)
    }
}
