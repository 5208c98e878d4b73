//! From a request that is asked in the usual form to its answer, where memory has it.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use foldhash::quality::SeedableRandomState;
use hashbrown::HashSet;
use secrecy::ExposeSecret as _;
use tokio::time::Instant;
use warp::http::uri::Authority;

use super::answer::{Drafts, Status};
use super::escapes;
use super::live::Live;
use super::login;
use super::request::{self, Found, Request};
use super::several::Several;
use super::single;
use super::{Express, Memory, Step};
use crate::api::auth::Identity;
use crate::api::cache_control;
use crate::api::config::Limits;
use crate::api::edge::Edge;
use crate::api::endpoint::Endpoint;
use crate::api::form::{self, FieldBound};
use crate::api::metrics::Limit;
use crate::api::{question, reply};
use crate::model::{Age, Clock, NotificationMode, seeded_hasher, write_json_text};
use crate::peek::{AnswerPeeks, Demand, Fetching, Freshness, Glance};

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

    /// Appends the answer, or begins to wait for its values; `None` when the routes have to see the
    /// request.
    fn try_answer(&self, request: &Request<'_>, memory: &mut Memory, now: Instant) -> Option<Step> {
        let config = &self.edge.config;
        let limits = self.edge.limits.see(&mut memory.limits);
        let (body_max, response_max) = (limits.body, limits.response);
        let bound = bound_of(request.endpoint, limits);
        if request.body.len() as u64 > body_max || !is_host(request.host, memory) {
            return None;
        }
        let path = request.endpoint.path();
        let identity = if config.open_paths.iter().any(|open| open == path) {
            None
        } else {
            let (login, authenticator) = (&mut memory.login, self.edge.authenticator());
            Some(login::find(
                login,
                request.authorization?,
                authenticator,
                now,
            )?)
        };
        let freshness = cache_control::read(request.cache_control);
        let asking = Asking {
            lane: self,
            answers: self.answers()?,
            identity,
            freshness,
            bound,
            now,
        };
        let Drafts {
            body, key, form, ..
        } = &mut memory.drafts;
        body.clear();
        let form = escapes::undone(request.body, form);
        let found = match request.endpoint {
            Endpoint::Statistics => asking.several(form, body, key)?,
            _ => match asking.one(form, body, key) {
                Some(shown) => Answered::Shown(shown, 1),
                None => asking.live_one(form, body, key)?,
            },
        };
        let ((age, left), count) = match found {
            Answered::Shown(shown, count) => (shown, count),
            Answered::Fetched(fetched) => {
                let (fetching, ends) = *fetched;
                memory.live = Some(Box::new(Live {
                    fetching,
                    endpoint: request.endpoint,
                    leads: body.clone(),
                    ends,
                    since: now,
                }));
                return Some(Step::Waiting(request.length));
            }
        };
        if body.len() > response_max {
            return None;
        }
        let varies = !config.origins.is_empty();
        let told = (age, Status::Hit(left));
        memory
            .drafts
            .write(told, varies, &self.clock, &mut memory.out);
        self.edge.metrics.peeks.hit(count);
        Some(Step::Answered(request.length))
    }
}

impl<A: AnswerPeeks> Express for Lane<A> {
    fn answer(&self, memory: &mut Memory, input: &[u8], now: Instant, client: SocketAddr) -> Step {
        let limits = self.edge.limits.see(&mut memory.limits);
        let request = match request::read(input, limits.head_max()) {
            Found::Request(request) => request,
            Found::Incomplete => return Step::Incomplete,
            Found::Short(missing) => return Step::Short(missing),
            Found::Other => return Step::Other,
            Found::Foreign => return Step::Foreign,
        };
        let Some(step) = self.try_answer(&request, memory, now) else {
            return Step::Other;
        };
        if let Step::Answered(_) = step {
            let took = now.elapsed();
            self.edge.tell_answered(request.endpoint, client, took);
        }
        step
    }

    fn finish(&self, memory: &mut Memory, live: &Live, client: SocketAddr) -> bool {
        let (count, collapsed) = (live.fetching.count(), live.fetching.collapsed());
        let response_max = self.edge.limits.see(&mut memory.limits).response;
        let body = &mut memory.drafts.body;
        body.clear();
        live.write_body(body);
        if body.len() > response_max {
            return false;
        }
        let status = reply::cache_status_of_live(count, collapsed == count);
        let told = (Age::Known(0), Status::Told(&status));
        let varies = !self.edge.config.origins.is_empty();
        memory
            .drafts
            .write(told, varies, &self.clock, &mut memory.out);
        let took = live.since.elapsed();
        let (count, collapsed) = (count as u64, collapsed as u64);
        self.edge.metrics.peeks.live(count, collapsed, took);
        self.edge.tell_answered(live.endpoint, client, took);
        true
    }
}

/// What came of the questions of one request.
enum Answered {
    /// So many values stand in the body.
    Shown(Shown, u64),
    /// The values are being fetched; where each belongs in the body.
    Fetched(Box<(Fetching, Vec<usize>)>),
}

/// An age, and the time left as in `Cache-Status`.
type Shown = (Age, Option<Duration>);

/// The questions of one request.
struct Asking<'a, A> {
    lane: &'a Lane<A>,
    answers: &'a A,
    identity: Option<&'a Identity>,
    freshness: Freshness,
    bound: FieldBound,
    now: Instant,
}

/// How many fields the form of one statistic, or of several, may have.
fn bound_of(endpoint: Endpoint, limits: &Limits) -> FieldBound {
    match endpoint {
        Endpoint::Statistics => FieldBound {
            max: limits.statistics_per_request,
            limit: Limit::StatisticsPerRequest,
        },
        _ => FieldBound {
            max: limits.fields,
            limit: Limit::Fields,
        },
    }
}

impl<A: AnswerPeeks> Asking<'_, A> {
    fn one(&self, form: &[u8], body: &mut String, key: &mut Vec<u8>) -> Option<Shown> {
        self.ask_one(form, key, |glance| {
            body.push_str("{\"value\":");
            let answers = self.answers;
            let shown = answers.glance(glance, self.freshness, self.now, body)?;
            body.push('}');
            Some(shown)
        })
    }

    /// What is not answered out of memory, if it is to be live.
    #[cold]
    #[inline(never)]
    fn live_one(&self, form: &[u8], body: &mut String, key: &mut Vec<u8>) -> Option<Answered> {
        body.clear();
        body.push_str("{\"value\":");
        let ends = vec![body.len()];
        let (freshness, now) = (self.freshness, self.now);
        let fetching = self.ask_one(form, key, |glance| {
            self.answers.fetch_all(&[glance], freshness, now)
        })?;
        Some(Answered::Fetched(Box::new((fetching, ends))))
    }

    /// What `ask` makes of the question of a form.
    #[inline]
    fn ask_one<T>(
        &self,
        form: &[u8],
        key: &mut Vec<u8>,
        ask: impl FnOnce(Glance<'_>) -> Option<T>,
    ) -> Option<T> {
        key.clear();
        if let Some(asked) = single::read(form, self.bound.max, key) {
            self.check_tenant(asked.tenant)?;
            return ask(Glance {
                key,
                mode: NotificationMode::Immediate,
                tenant_password: asked.tenant_password,
            });
        }
        let question = question::read_single(form::fields(form, self.bound)).ok()?;
        self.check_tenant(&question.statistic.tenant)?;
        question.statistic.write_key(key);
        ask(Glance {
            key,
            mode: question.mode,
            tenant_password: &question.tenant_password,
        })
    }

    fn several(&self, form: &[u8], body: &mut String, keys: &mut Vec<u8>) -> Option<Answered> {
        let guess = form.len() / FIELD_BYTES_GUESS;
        let (mut names, mut asked) = (Vec::with_capacity(guess), Vec::with_capacity(guess));
        keys.clear();
        let mut fields = Several::read(form, self.bound)?;
        // A request is mostly of few tenants.
        let mut known: Vec<(Cow<'_, [u8]>, &str)> = Vec::new();
        while let Some(field) = fields.next(keys) {
            let field = field.ok()?;
            let found = known.iter().find(|(tenant, _)| *tenant == field.tenant);
            let password = if let Some((_, password)) = found {
                *password
            } else {
                let tenant = std::str::from_utf8(&field.tenant).ok()?;
                self.check_tenant(tenant)?;
                let password = self.password_of(tenant);
                known.truncate(TENANTS_KNOWN_MAX - 1);
                known.push((field.tenant, password));
                password
            };
            asked.push((keys.len(), field.mode, password));
            names.push(field.name);
        }
        if names.is_empty() || !are_distinct(&names, &self.lane.hasher) {
            return None;
        }
        let mut begin = 0;
        let glances = asked
            .into_iter()
            .map(|(end, mode, tenant_password)| Glance {
                key: keys
                    .get(std::mem::replace(&mut begin, end)..end)
                    .unwrap_or_default(),
                mode,
                tenant_password,
            });
        let glances: Vec<Glance<'_>> = glances.collect();
        let lead = |place: usize, body: &mut String| {
            body.push(if place == 0 { '{' } else { ',' });
            write_json_text(names.get(place).map_or("", |name| name), body);
            body.push(':');
        };
        let (freshness, now) = (self.freshness, self.now);
        if freshness.demand() == Demand::Live {
            let fetching = self.answers.fetch_all(&glances, freshness, now)?;
            let places = (0..names.len()).map(|place| {
                lead(place, body);
                body.len()
            });
            let ends = places.collect();
            return Some(Answered::Fetched(Box::new((fetching, ends))));
        }
        let shown = self
            .answers
            .glance_all(&glances, freshness, now, lead, body)?;
        body.push('}');
        Some(Answered::Shown(shown, names.len() as u64))
    }

    fn password_of(&self, tenant: &str) -> &str {
        let passwords = &self.lane.edge.config.tenant_passwords;
        let password = passwords.get(tenant);
        password.map_or("", |password| password.expose_secret())
    }

    fn check_tenant(&self, tenant: &str) -> Option<()> {
        let may = self.identity.is_none_or(|known| known.may_see(tenant));
        may.then_some(())
    }
}

/// Looked through one by one, so few.
const TENANTS_KNOWN_MAX: usize = 8;

/// Whether no name comes twice. Mostly they are numbered.
fn are_distinct(names: &[Cow<'_, str>], hasher: &SeedableRandomState) -> bool {
    if names.is_sorted_by(|one, next| (one.len(), one) < (next.len(), next)) {
        return true;
    }
    let mut known = HashSet::with_capacity_and_hasher(names.len(), hasher.clone());
    names.iter().all(|name| known.insert(&**name))
}

/// About so long is a field of a several-statistics form, at least.
const FIELD_BYTES_GUESS: usize = 40;

/// Whether a `Host` can be read; what could be once is not read again.
fn is_host(host: &[u8], memory: &mut Memory) -> bool {
    if !host.is_empty() && memory.host == host {
        return true;
    }
    let is_one = Authority::try_from(host).is_ok();
    if is_one {
        memory.host = host.to_vec();
    }
    is_one
}
