//! What all requests of a listener share: the settings, who answers, who may ask.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use prometheus_client::registry::Registry;
use secrecy::SecretString;
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;
use warp::http::header::{AUTHORIZATION, HeaderValue};
use warp::http::{Method, StatusCode};
use warp::reply::Response;

use super::access;
use super::auth::{AuthError, Authenticator, Identity};
use super::config::{Config, Limits, Role, User};
use super::endpoint::Endpoint;
use super::error::{ApiError, Shape};
use super::grafana::into_grafana;
use super::health::Readiness;
use super::limits::LiveLimits;
use super::metrics::{Metrics, StoreFigures};
use super::network::source_of;
use super::request::{Arrival, Face, Head, RequestId};
use super::tls::Tls;
use super::v1::{Tickets, into_problem};
use crate::peek::AnswerPeeks;

/// The shared part of one listener's routes.
pub struct Edge<A> {
    pub(super) config: Arc<Config>,
    answers: watch::Receiver<Option<Arc<A>>>,
    readiness: watch::Receiver<Readiness>,
    authenticator: Authenticator,
    users: watch::Sender<()>,
    pub(super) limits: Arc<LiveLimits>,
    challenge: HeaderValue,
    request_ids: AtomicU64,
    complaints: Complaints,
    pub(super) metrics: Arc<Metrics>,
    store: OnceLock<ReadStore>,
    tls: RwLock<Option<Tls>>,
    pub(super) tickets: Tickets,
    /// One permit a stream.
    pub(super) streams: Arc<Semaphore>,
    pub(super) stream_tasks: TaskTracker,
}

/// Reads how the store is doing.
type ReadStore = Box<dyn Fn() -> StoreFigures + Send + Sync>;

/// Lets one log line through now and then: while Stat Servers are lost, every request fails alike,
/// and a line for each would fill the disk.
#[derive(Default)]
struct Complaints(Mutex<(Option<Instant>, u64)>);

impl Complaints {
    /// How many were kept back since the last one, if it is time for another.
    fn due(&self, now: Instant) -> Option<u64> {
        const EVERY: Duration = Duration::from_secs(10);
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (told, untold) = &mut *state;
        if told.is_some_and(|told| now.saturating_duration_since(told) < EVERY) {
            *untold += 1;
            return None;
        }
        *told = Some(now);
        Some(std::mem::take(untold))
    }
}

impl<A: AnswerPeeks> Edge<A> {
    /// Shares `answers`, which holds nothing until the store is loaded.
    ///
    /// Computes one Argon2 hash, which takes some ten milliseconds.
    #[must_use]
    pub fn new(
        config: Arc<Config>,
        answers: watch::Receiver<Option<Arc<A>>>,
        readiness: watch::Receiver<Readiness>,
    ) -> Self {
        if config.users.is_empty() {
            tracing::warn!("no users are configured: every protected endpoint answers 401");
        }
        Self {
            answers,
            readiness,
            authenticator: Authenticator::new(config.users.clone()),
            users: watch::Sender::new(()),
            limits: Arc::new(LiveLimits::new(config.limits.clone())),
            challenge: challenge(&config.realm),
            // Starts anywhere, so that ids of different runs are told apart in a log.
            request_ids: AtomicU64::new(fastrand::u64(..)),
            complaints: Complaints::default(),
            metrics: Arc::default(),
            store: OnceLock::new(),
            tls: RwLock::new(config.tls.clone()),
            tickets: Tickets::default(),
            streams: Arc::new(Semaphore::new(config.limits.stream_clients)),
            stream_tasks: TaskTracker::new(),
            config,
        }
    }

    /// Exchanges the users, and forgets whose credentials were proven.
    pub fn replace_users(&self, users: Vec<User>) {
        self.authenticator.replace_users(users);
        self.tickets.clear();
        self.users.send_replace(());
    }

    /// Exchanges the limits, but for those that [`Limits::differ_at_start`] names.
    pub fn replace_limits(&self, limits: Limits) {
        self.limits.replace(limits);
    }

    /// Is told whenever the users were exchanged.
    pub(super) fn follow_users(&self) -> watch::Receiver<()> {
        self.users.subscribe()
    }

    /// Whether somebody who proved who they are is still a user.
    pub(super) fn knows(&self, identity: Option<&Arc<Identity>>) -> bool {
        identity.is_none_or(|identity| self.authenticator.knows(identity))
    }

    /// Exchanges the certificate for connections from now on. Whether TLS is spoken at all stays as
    /// it was at the start.
    pub fn replace_certificate(&self, tls: Option<Tls>) {
        let mut current = self.tls.write().unwrap_or_else(PoisonError::into_inner);
        if current.is_some() && tls.is_some() {
            *current = tls;
        }
    }

    pub(super) fn tls(&self) -> Option<Tls> {
        let current = self.tls.read().unwrap_or_else(PoisonError::into_inner);
        current.clone()
    }

    /// Lets the metrics tell how the store is doing, from now on. Said once.
    pub fn watch_store(&self, read: impl Fn() -> StoreFigures + Send + Sync + 'static) {
        self.store.get_or_init(|| Box::new(read));
    }

    /// All figures of this instant.
    pub(super) fn figures(&self) -> Registry {
        let answers = self.answers.borrow().clone();
        let servers = answers.map(|answers| answers.servers());
        let store = self.store.get().map(|read| read());
        self.metrics.gather(servers.unwrap_or_default(), store)
    }

    pub(super) fn follow_readiness(&self) -> watch::Receiver<Readiness> {
        self.readiness.clone()
    }

    pub(super) fn readiness(&self) -> Readiness {
        self.readiness.borrow().clone()
    }

    /// Whoever answers peeks, once there is somebody.
    pub(super) fn answers(&self) -> Result<Arc<A>, ApiError> {
        const RETRY: Duration = Duration::from_secs(1);
        self.answers.borrow().clone().ok_or(ApiError::Busy {
            message: "the service is starting: its store is not loaded yet",
            retry_after: RETRY,
        })
    }

    /// Refuses pages of other sites.
    pub(super) fn check_origin(&self, head: &Head) -> Result<(), ApiError> {
        if access::origin_may_post(&head.headers, &self.config.origins) {
            Ok(())
        } else {
            Err(ApiError::Forbidden(
                "requests from pages of this origin are not answered (setting http.cors.origins)",
            ))
        }
    }

    /// Hides `internal_statistic` from everybody else.
    pub(super) fn check_internal(&self, head: &Head) -> Result<(), ApiError> {
        let config = &self.config;
        let is_from_inside = match head.arrival.face {
            // Who can reach a listener of its own may use it: that is what it is for.
            Face::Internal => true,
            Face::Main => {
                config.internal.on_main && access::comes_from(&config.internal.networks, head.peer)
            }
        };
        if is_from_inside && access::is_direct(&head.headers, head.local, &config.internal.hosts) {
            Ok(())
        } else {
            Err(ApiError::NotFound)
        }
    }

    /// Who asks; `None` on a path that needs no credentials.
    pub(super) async fn authenticate(
        &self,
        endpoint: Endpoint,
        head: &Head,
    ) -> Result<Option<Arc<Identity>>, ApiError> {
        let open_paths = &self.config.open_paths;
        let is_open = || open_paths.iter().any(|open| open == endpoint.path());
        if !endpoint.is_for_operators() && is_open() {
            return Ok(None);
        }
        let mut credentials = head.headers.get_all(AUTHORIZATION).iter();
        let (Some(credential), None) = (credentials.next(), credentials.next()) else {
            return Err(self.unauthorized());
        };
        let source = head.arrival.client.map(source_of);
        match self.authenticator.authenticate(credential, source).await {
            Ok(identity) => Ok(Some(identity)),
            Err(AuthError::Wrong) => Err(self.unauthorized()),
            Err(AuthError::Throttled(wait)) => Err(ApiError::Throttled(wait)),
            Err(AuthError::Busy(retry_after)) => Err(ApiError::LoginsBusy(retry_after)),
        }
    }

    /// Who asks, if that is an operator.
    pub(super) async fn authorize(
        &self,
        endpoint: Endpoint,
        head: &Head,
    ) -> Result<Arc<Identity>, ApiError> {
        let identity = self.authenticate(endpoint, head).await?;
        let operator = identity.filter(|identity| identity.role == Role::Operator);
        operator.ok_or(ApiError::Forbidden(
            "this takes an operator (role = \"operator\" of the user)",
        ))
    }

    /// For the express lane, which looks only at what is proven.
    pub(super) fn authenticator(&self) -> &Authenticator {
        &self.authenticator
    }

    /// Counts a request that the express lane answered, and gives it its line in the access log.
    pub(super) fn tell_answered(&self, endpoint: Endpoint, client: SocketAddr, took: Duration) {
        let status = StatusCode::OK.as_u16();
        self.metrics.requests.answered(Some(endpoint), status, took);
        if self.config.access_log {
            let arrival = Arrival {
                id: self.next_request_id(),
                face: Face::Main,
                waiting_since: None,
                client: Some(client.ip().to_canonical()),
            };
            access::tell(arrival, &Method::POST, Some(endpoint), status, took);
        }
    }

    fn unauthorized(&self) -> ApiError {
        ApiError::Unauthorized {
            challenge: self.challenge.clone(),
        }
    }

    pub(super) fn tenant_password(&self, tenant: &str) -> SecretString {
        let known = self.config.tenant_passwords.get(tenant);
        known.cloned().unwrap_or_default()
    }

    /// The response, whatever came of the request.
    pub(super) fn respond(&self, id: RequestId, outcome: Result<Response, ApiError>) -> Response {
        outcome.unwrap_or_else(|error| {
            let told = self.note(id, &error);
            error.into_response(told)
        })
    }

    /// As [`Edge::respond`], with errors as problem details.
    pub(super) fn respond_v1(
        &self,
        id: RequestId,
        outcome: Result<Response, ApiError>,
    ) -> Response {
        outcome.unwrap_or_else(|error| {
            let told = self.note(id, &error);
            into_problem(error, told)
        })
    }

    /// As [`Edge::respond`], with errors as Grafana shows them.
    pub(super) fn respond_grafana(
        &self,
        id: RequestId,
        outcome: Result<Response, ApiError>,
    ) -> Response {
        outcome.unwrap_or_else(|error| {
            let told = self.note(id, &error);
            into_grafana(error, told)
        })
    }

    /// What a request is told that no endpoint answers.
    pub(super) fn refuse(&self, shape: Shape, id: RequestId, error: ApiError) -> Response {
        match shape {
            Shape::Documented => self.respond(id, Err(error)),
            Shape::Problem => self.respond_v1(id, Err(error)),
            Shape::Grafana => self.respond_grafana(id, Err(error)),
        }
    }

    /// A name for the next request.
    pub(super) fn next_request_id(&self) -> RequestId {
        RequestId(self.request_ids.fetch_add(1, Ordering::Relaxed))
    }

    /// The cause of a 5xx goes to the log under the request's id, which the client is told.
    fn note(&self, id: RequestId, error: &ApiError) -> Option<RequestId> {
        if let Some(limit) = error.limit() {
            self.metrics.limits.refused(limit);
        }
        let status = error.status();
        if !status.is_server_error() {
            return None;
        }
        // What the client asked for (504) or shall try again (503) is no fault of ours.
        let is_fault = status == StatusCode::INTERNAL_SERVER_ERROR;
        let untold = is_fault
            .then(|| self.complaints.due(Instant::now()))
            .flatten();
        if let Some(untold) = untold {
            let untold = (untold > 0).then_some(untold);
            tracing::warn!(
                request_id = %id, status = status.as_u16(), cause = %error, untold, "no answer"
            );
        } else {
            tracing::debug!(request_id = %id, status = status.as_u16(), cause = %error, "no answer");
        }
        Some(id)
    }
}

/// The challenge of a 401 (RFC 7617). A realm that cannot stand in a header is left out.
fn challenge(realm: &str) -> HeaderValue {
    let quoted = realm.replace('\\', "\\\\").replace('"', "\\\"");
    HeaderValue::from_str(&format!("Basic realm=\"{quoted}\", charset=\"UTF-8\"")).unwrap_or(
        HeaderValue::from_static("Basic realm=\"\", charset=\"UTF-8\""),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_series_of_failures_is_told_now_and_then_with_its_count() {
        let complaints = Complaints::default();
        assert_eq!(complaints.due(Instant::now()), Some(0));
        for _ in 0..3 {
            assert_eq!(complaints.due(Instant::now()), None);
        }
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(complaints.due(Instant::now()), Some(3));
    }
}
