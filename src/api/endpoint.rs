//! Every path there is, and the one method it takes: the table that the routes go by.

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
}

impl Endpoint {
    pub(super) const ALL: [Self; 8] = [
        Self::Statistic,
        Self::InternalStatistic,
        Self::Statistics,
        Self::Live,
        Self::Ready,
        Self::Servers,
        Self::Metrics,
        Self::OpenApi,
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
        }
    }

    /// The method that every other one gets told of.
    pub(super) const fn method(self) -> &'static str {
        match self {
            Self::Statistic | Self::InternalStatistic | Self::Statistics => "POST",
            Self::Live | Self::Ready | Self::Servers | Self::Metrics | Self::OpenApi => "GET",
        }
    }

    /// What is at this path, if anything. One slash at the end makes no difference.
    pub(super) fn at(path: &str) -> Option<Self> {
        let path = path.strip_suffix('/').unwrap_or(path);
        Self::ALL.into_iter().find(|known| known.path() == path)
    }

    /// Whether a listener has it, as far as that does not depend on who asks.
    pub(super) fn is_on(self, face: Face) -> bool {
        match face {
            Face::Main => true,
            Face::Internal => matches!(self, Self::InternalStatistic | Self::Live | Self::Ready),
        }
    }

    pub(super) fn check_method(self, head: &Head) -> Result<(), ApiError> {
        if head.method == self.method() {
            Ok(())
        } else {
            let allow = self.method();
            Err(ApiError::Method { allow })
        }
    }
}
