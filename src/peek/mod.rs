//! The heart: given a statistic and a demand of freshness, the store or a live fetch.

mod answer;
mod board;
mod desk;
mod fetching;
mod flights;
mod forgetting;
mod freshness;
mod past;
mod selector;
mod servers;
mod view;
mod whole;

pub use answer::{Answer, AnswerPeeks, Glance, PeekError, Query, Source, Why};
pub use board::{Board, Changes, Gone, Page, StartOver, Stored};
pub use desk::{Config, Peek};
pub use fetching::Fetching;
pub use forgetting::NotForgotten;
pub use freshness::{Demand, Freshness};
pub use past::{Aggregate, Course, Hole, PastPoint, Step, Unreadable};
pub use selector::Selector;
pub use servers::{ServerReport, SwitchoverReport};
pub use view::{LastSeen, PublicId, Standing, View, read_revision, revision_text};
pub use whole::{Checked, Making, Taken, Told, WriteTold, range};
