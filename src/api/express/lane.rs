//! From a request that is asked in the usual form to its answer, where memory has it.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use foldhash::quality::SeedableRandomState;
use hashbrown::HashSet;
use secrecy::ExposeSecret as _;
use tokio::time::Instant;
use warp::http::uri::Authority;

use super::answer::Sum;
use super::login::{self, Login};
use super::request::{self, Found, Request};
use super::{Express, Memory, Step};
use crate::api::auth::Identity;
use crate::api::cache_control;
use crate::api::edge::Edge;
use crate::api::endpoint::Endpoint;
use crate::api::form::{self, FieldBound};
use crate::api::metrics::Limit;
use crate::api::question;
use crate::model::{Clock, seeded_hasher, write_json_text};
use crate::peek::{AnswerPeeks, Freshness, Glance};

/// Answers for one listener.
pub(in crate::api) struct Lane<A> {
    edge: Arc<Edge<A>>,
    answers: OnceLock<Arc<A>>,
    clock: Clock,
    hasher: SeedableRandomState,
}

impl<A: AnswerPeeks> Lane<A> {
    pub(in crate::api) fn new(edge: Arc<Edge<A>>) -> Self {
        Self {
            edge,
            answers: OnceLock::new(),
            clock: Clock::system(),
            hasher: seeded_hasher(),
        }
    }

    /// Whoever answers peeks: once there is somebody, it stays.
    fn answers(&self) -> Option<&Arc<A>> {
        if let Some(answers) = self.answers.get() {
            return Some(answers);
        }
        let answers = self.edge.answers().ok()?;
        Some(self.answers.get_or_init(|| answers))
    }

    /// Appends the answer; `None` when the routes have to see the request.
    fn try_answer(&self, request: &Request<'_>, memory: &mut Memory, now: Instant) -> Option<()> {
        let config = &self.edge.config;
        if request.body.len() as u64 > config.limits.body || !is_host(request.host, memory) {
            return None;
        }
        let identity = self.identity(request, &mut memory.login, now)?;
        let freshness = cache_control::read(request.cache_control);
        let asking = Asking {
            lane: self,
            answers: self.answers()?,
            identity,
            freshness,
            now,
        };
        let (body, key) = (&mut memory.drafts.body, &mut memory.drafts.key);
        body.clear();
        let (sum, count) = match request.endpoint {
            Endpoint::Statistics => asking.several(request.body, body, key)?,
            _ => asking.one(request.body, body, key)?,
        };
        if body.len() > config.limits.response {
            return None;
        }
        let varies = !config.origins.is_empty();
        let told = (sum.oldest, sum.time_left);
        memory
            .drafts
            .write(told, varies, &self.clock, &mut memory.out);
        self.edge.metrics.peeks.hit(count);
        Some(())
    }

    /// Who asks, where that is proven: `Some(None)` on a path that needs no credentials.
    fn identity<'a>(
        &self,
        request: &Request<'_>,
        login: &'a mut Option<Login>,
        now: Instant,
    ) -> Option<Option<&'a Identity>> {
        let path = request.endpoint.path();
        if self.edge.config.open_paths.iter().any(|open| open == path) {
            return Some(None);
        }
        let authenticator = self.edge.authenticator();
        login::find(login, request.authorization?, authenticator, now).map(Some)
    }
}

impl<A: AnswerPeeks> Express for Lane<A> {
    fn answer(&self, memory: &mut Memory, input: &[u8], now: Instant, client: SocketAddr) -> Step {
        let request = match request::read(input) {
            Found::Request(request) => request,
            Found::Incomplete => return Step::Incomplete,
            Found::Other => return Step::Other,
            Found::Foreign => return Step::Foreign,
        };
        if self.try_answer(&request, memory, now).is_none() {
            return Step::Other;
        }
        self.edge.tell_hit(request.endpoint, client, now.elapsed());
        Step::Answered(request.length)
    }
}

/// The questions of one request.
struct Asking<'a, A> {
    lane: &'a Lane<A>,
    answers: &'a A,
    identity: Option<&'a Identity>,
    freshness: Freshness,
    now: Instant,
}

impl<A: AnswerPeeks> Asking<'_, A> {
    fn one(&self, form: &[u8], body: &mut String, key: &mut Vec<u8>) -> Option<(Sum, u64)> {
        let bound = FieldBound {
            max: self.lane.edge.config.limits.fields,
            limit: Limit::Fields,
        };
        let question = question::read_single(form::fields(form, bound)).ok()?;
        self.check_tenant(&question.statistic.tenant)?;
        key.clear();
        question.statistic.write_key(key);
        let glance = Glance {
            key,
            mode: question.mode,
            tenant_password: &question.tenant_password,
        };
        let mut sum = Sum::new();
        body.push_str("{\"value\":");
        self.look(glance, body, &mut sum)?;
        body.push('}');
        Some((sum, 1))
    }

    fn several(&self, form: &[u8], body: &mut String, key: &mut Vec<u8>) -> Option<(Sum, u64)> {
        let config = &self.lane.edge.config;
        let bound = FieldBound {
            max: config.limits.statistics_per_request,
            limit: Limit::StatisticsPerRequest,
        };
        let mut names = HashSet::with_hasher(self.lane.hasher.clone());
        names.reserve(form.len() / FIELD_BYTES_GUESS);
        let mut sum = Sum::new();
        body.push('{');
        for (index, field) in form::fields(form, bound).enumerate() {
            let field = field.ok()?;
            let statistic = question::one_of_several(&field, index + 1).ok()?;
            self.check_tenant(&statistic.tenant)?;
            key.clear();
            statistic.write_key(key);
            let password = config.tenant_passwords.get(&*statistic.tenant);
            let glance = Glance {
                key,
                mode: question::mode_of_several(&statistic),
                tenant_password: password.map_or("", |password| password.expose_secret()),
            };
            if index > 0 {
                body.push(',');
            }
            write_json_text(&field.name, body);
            body.push(':');
            self.look(glance, body, &mut sum)?;
            if !names.insert(field.name) {
                return None;
            }
        }
        body.push('}');
        let count = u64::try_from(names.len()).ok()?;
        (count > 0).then_some((sum, count))
    }

    fn check_tenant(&self, tenant: &str) -> Option<()> {
        let may = self.identity.is_none_or(|known| known.may_see(tenant));
        may.then_some(())
    }

    fn look(&self, glance: Glance<'_>, body: &mut String, sum: &mut Sum) -> Option<()> {
        let see = |value: &crate::model::Value, age, time_left| {
            value.write_json(body);
            sum.add(age, time_left);
        };
        self.answers.glance(glance, self.freshness, self.now, see)
    }
}

/// About so long is a field of a several-statistics form, at least.
const FIELD_BYTES_GUESS: usize = 40;

/// Whether a `Host` can be read; what could be once is not read again.
fn is_host(host: &[u8], memory: &mut Memory) -> bool {
    if memory.host == host {
        return true;
    }
    let is_one = Authority::try_from(host).is_ok();
    if is_one {
        memory.host = host.to_vec();
    }
    is_one
}
