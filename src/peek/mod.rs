//! The heart: given a statistic and a demand of freshness, the store or a live fetch.

mod answer;
mod desk;
mod flights;
mod freshness;
mod servers;

pub use answer::{Answer, AnswerPeeks, PeekError, Query, Source, Why};
pub use desk::{Config, Peek};
pub use freshness::{Demand, Freshness};
pub use servers::{ServerReport, SwitchoverReport};
