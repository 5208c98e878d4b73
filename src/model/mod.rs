//! The words everybody else speaks: what a statistic is, what a value at an instant is, and what
//! time it is. Does no I/O and knows no other room.

mod asked;
mod clock;
mod epoch;
mod hash;
mod notification;
mod numbered;
mod object_type;
mod proof;
mod rule;
mod sample;
mod state;
mod statistic;
mod value;

pub use asked::AskedStatistic;
pub use clock::{Age, Clock, Moment, Reading, Timestamp};
pub use epoch::{Epoch, EpochCounter};
pub use hash::seeded_hasher;
pub use notification::NotificationMode;
pub use numbered::Numbered;
pub use object_type::ObjectType;
pub use proof::{PasswordProof, ProofKey};
pub use rule::{PatternError, Policy, Rules, StatisticPattern};
pub use sample::{Quality, Revision, Sample, ServerId};
pub use state::{
    AgentGroupState, AgentState, DnAction, DnState, PlaceGroupState, PlaceState, QueueGroupState,
    ReasonsState, State, UserData, UserValue, queue_status_name, status_name,
};
pub use statistic::{FIELD_LEN_MAX, ParseStatisticError, Statistic, StatisticId};
pub use value::{Value, write_json_text};
