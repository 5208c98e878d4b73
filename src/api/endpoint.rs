//! Every path there is, and the methods it takes: the table that the routes go by.

use warp::http::Method;

use super::error::ApiError;
use super::request::{Face, Head};

/// Something that can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Endpoint {
    Statistic,
    InternalStatistic,
    Statistics,
    Live,
    Ready,
    Servers,
    Metrics,
    OpenApi,
    Peek,
    KnownStatistics,
    KnownStatistic,
    Forget,
    History,
    AllHistory,
    AllGaps,
    Backup,
    Verify,
    Changes,
    Stream,
    Tickets,
    Grafana,
    GrafanaMetrics,
    GrafanaPayloadOptions,
    GrafanaQuery,
    GrafanaVariable,
    GrafanaTagKeys,
    GrafanaTagValues,
}

impl Endpoint {
    pub(super) const ALL: [Self; 27] = [
        Self::Statistic,
        Self::InternalStatistic,
        Self::Statistics,
        Self::Live,
        Self::Ready,
        Self::Servers,
        Self::Metrics,
        Self::OpenApi,
        Self::Peek,
        Self::KnownStatistics,
        Self::KnownStatistic,
        Self::Forget,
        Self::History,
        Self::AllHistory,
        Self::AllGaps,
        Self::Backup,
        Self::Verify,
        Self::Changes,
        Self::Stream,
        Self::Tickets,
        Self::Grafana,
        Self::GrafanaMetrics,
        Self::GrafanaPayloadOptions,
        Self::GrafanaQuery,
        Self::GrafanaVariable,
        Self::GrafanaTagKeys,
        Self::GrafanaTagValues,
    ];

    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::Statistic => "/genesys/1/statistic",
            Self::InternalStatistic => "/genesys/1/internal_statistic",
            Self::Statistics => "/genesys/1/statistics",
            Self::Live => "/health/live",
            Self::Ready => "/health/ready",
            Self::Servers => "/v1/servers",
            Self::Metrics => "/metrics",
            Self::OpenApi => "/v1/openapi.json",
            Self::Peek => "/v1/peek",
            Self::KnownStatistics => "/v1/statistics",
            Self::KnownStatistic | Self::Forget => "/v1/statistics/{id}",
            Self::History => "/v1/statistics/{id}/history",
            Self::AllHistory => "/v1/history",
            Self::AllGaps => "/v1/gaps",
            Self::Backup => "/v1/backup",
            Self::Verify => "/v1/verify",
            Self::Changes => "/v1/changes",
            Self::Stream => "/v1/stream",
            Self::Tickets => "/v1/tickets",
            Self::Grafana => "/grafana",
            Self::GrafanaMetrics => "/grafana/metrics",
            Self::GrafanaPayloadOptions => "/grafana/metric-payload-options",
            Self::GrafanaQuery => "/grafana/query",
            Self::GrafanaVariable => "/grafana/variable",
            Self::GrafanaTagKeys => "/grafana/tag-keys",
            Self::GrafanaTagValues => "/grafana/tag-values",
        }
    }

    /// What the figures call it: the path, and the method where another one is asked more.
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Forget => "DELETE /v1/statistics/{id}",
            _ => self.path(),
        }
    }

    /// Its method.
    pub(super) const fn method(self) -> &'static str {
        match self {
            Self::Forget => "DELETE",
            Self::Statistic
            | Self::InternalStatistic
            | Self::Statistics
            | Self::Peek
            | Self::Tickets
            | Self::GrafanaMetrics
            | Self::GrafanaPayloadOptions
            | Self::GrafanaQuery
            | Self::GrafanaVariable
            | Self::GrafanaTagKeys
            | Self::GrafanaTagValues => "POST",
            _ => "GET",
        }
    }

    /// The methods that its path takes, which every other one gets told of.
    pub(super) const fn allow(self) -> &'static str {
        match self {
            Self::KnownStatistic | Self::Forget => "GET, HEAD, DELETE",
            _ if matches!(self.method().as_bytes(), b"GET") => "GET, HEAD",
            _ => self.method(),
        }
    }

    /// Whether only operators may ask it; never open to everybody.
    pub(super) const fn is_for_operators(self) -> bool {
        matches!(self, Self::Forget | Self::Backup | Self::Verify)
    }

    /// What is at this path for a request of this method, if anything. A method that the path does
    /// not take is for its first endpoint to refuse.
    pub(super) fn of(method: &Method, path: &str) -> Option<Self> {
        match Self::at(path)? {
            Self::KnownStatistic if *method == Method::DELETE => Some(Self::Forget),
            endpoint => Some(endpoint),
        }
    }

    /// What is at this path, if anything. One slash at the end makes no difference.
    pub(super) fn at(path: &str) -> Option<Self> {
        let path = path.strip_suffix('/').unwrap_or(path);
        let exact = Self::ALL.into_iter().find(|known| known.path() == path);
        exact.or_else(|| match Self::below_statistics(path)? {
            (_, None) => Some(Self::KnownStatistic),
            (_, Some("history")) => Some(Self::History),
            _ => None,
        })
    }

    /// The id in a statistic's path.
    pub(super) fn id_in(path: &str) -> Option<&str> {
        let path = path.strip_suffix('/').unwrap_or(path);
        Self::below_statistics(path).map(|(id, _)| id)
    }

    /// A statistic's id, and what is asked of it.
    fn below_statistics(path: &str) -> Option<(&str, Option<&str>)> {
        let below = path.strip_prefix("/v1/statistics/")?;
        let (id, what) = match below.split_once('/') {
            Some((id, what)) => (id, Some(what)),
            None => (below, None),
        };
        (!id.is_empty()).then_some((id, what))
    }

    /// Whether a listener has it, as far as that does not depend on who asks.
    pub(super) fn is_on(self, face: Face) -> bool {
        match face {
            Face::Main => true,
            Face::Internal => self == Self::InternalStatistic || self.is_health(),
        }
    }

    pub(super) fn is_health(self) -> bool {
        matches!(self, Self::Live | Self::Ready)
    }

    pub(super) fn check_method(self, head: &Head) -> Result<(), ApiError> {
        if head.method == self.method() {
            Ok(())
        } else {
            let allow = self.allow();
            Err(ApiError::Method { allow })
        }
    }
}
