//! The protocol's names for what a definition is made of, and their numbers. Names are matched in
//! any case; where one is missing here, its number serves.

use crate::model::ObjectType;

/// A name and its number.
type Named = (&'static str, u16);

const CATEGORIES: &[Named] = &[
    ("TotalTime", 0),
    ("TotalNumber", 1),
    ("AverageTime", 2),
    ("MaxTime", 3),
    ("MinTime", 4),
    ("ElapsedTimePercentage", 5),
    ("RelativeTimePercentage", 6),
    ("RelativeNumberPercentage", 7),
    ("TotalNumberInTimeRange", 8),
    ("TotalNumberInTimeRangePercentage", 9),
    ("CurrentState", 10),
    ("CurrentTime", 11),
    ("CurrentNumber", 12),
    ("CurrentMaxTime", 13),
    ("CurrentMinTime", 14),
    ("CurrentAverageTime", 15),
    ("TotalNumberPerSecond", 20),
    ("ServiceFactor1", 22),
    ("LoadBalance1", 23),
    ("EstimWaitingTime", 33),
    ("LoadBalance", 34),
    ("RelativeNumber", 35),
    ("AverageOfCurrentNumber", 37),
    ("AverageOfCurrentTime", 38),
    ("CurrentStateReasons", 41),
    ("CurrentTargetState", 44),
    ("ExpectedWaitTime2", 52),
];

const SUBJECTS: &[Named] = &[
    ("DNAction", 0),
    ("DNStatus", 1),
    ("AgentStatus", 2),
    ("PlaceStatus", 3),
    ("GroupStatus", 4),
    ("CampaignAction", 5),
];

const INTERVALS: &[Named] = &[
    ("GrowingWindow", 0),
    ("SinceLogin", 1),
    ("SlidingWindow", 2),
    ("SlidingSelection", 3),
];

const DN_ACTIONS: &[Named] = &[
    ("NotMonitored", 0),
    ("Monitored", 1),
    ("LoggedIn", 2),
    ("OnHook", 3),
    ("WaitForNextCall", 4),
    ("OffHook", 5),
    ("CallDialing", 6),
    ("CallRinging", 7),
    ("NotReadyForNextCall", 8),
    ("AfterCallWork", 9),
    ("CallOnHold", 13),
    ("CallUnknown", 18),
    ("CallConsult", 19),
    ("CallInternal", 20),
    ("CallOutbound", 21),
    ("CallInbound", 22),
    ("LoggedOut", 23),
    ("CallAnswered", 26),
    ("UserEvent", 38),
    ("CallWait", 79),
    ("CallEntered", 80),
    ("CallDistributed", 81),
    ("CallAbandoned", 82),
    ("AgentLogin", 195),
    ("Routable", 207),
    ("NotRoutable", 208),
];

const QUEUE_ACTIONS: &[Named] = &[
    ("NotMonitored", 0),
    ("Monitored", 1),
    ("NotReadyForNextCall", 2),
    ("CallWait", 9),
    ("CallEntered", 10),
    ("CallDistributed", 11),
    ("CallAbandoned", 12),
    ("WaitForNextCall", 13),
    ("CallAnswered", 17),
    ("CallAbandonedFromRinging", 18),
    ("UserEvent", 19),
];

const STAGING_AREA_ACTIONS: &[Named] = &[
    ("InteractionCreated", 2),
    ("Deleted", 3),
    ("Entered", 4),
    ("Distributed", 5),
    ("Accepted", 6),
    ("AbandonedDuringOffering", 7),
    ("Released", 8),
    ("Cleared", 9),
    ("DistributedToQueue", 10),
    ("Answered", 11),
    ("InteractionWait", 14),
];

/// The actions that a kind of object knows, and how many bytes a mask of them has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ActionSet {
    Dn,
    Queue,
    StagingArea,
    Campaign,
}

impl ActionSet {
    const ALL: [Self; 4] = [Self::Dn, Self::Queue, Self::StagingArea, Self::Campaign];

    /// The set that masks for objects of this type are made of.
    pub(super) fn of(object_type: ObjectType) -> Self {
        match object_type {
            ObjectType::RoutePoint
            | ObjectType::Queue
            | ObjectType::GroupQueues
            | ObjectType::RoutingStrategy => Self::Queue,
            ObjectType::StagingArea => Self::StagingArea,
            ObjectType::Campaign
            | ObjectType::CampaignGroup
            | ObjectType::CallingList
            | ObjectType::CampaignCallingList => Self::Campaign,
            _ => Self::Dn,
        }
    }

    /// Bytes of a mask.
    pub(super) const fn mask_len(self) -> usize {
        match self {
            Self::Dn | Self::StagingArea => 27,
            Self::Queue => 12,
            Self::Campaign => 14,
        }
    }

    /// The number of an action in this set.
    pub(super) fn code(self, name: &str) -> Option<u16> {
        let names = match self {
            Self::Dn => DN_ACTIONS,
            Self::Queue => QUEUE_ACTIONS,
            Self::StagingArea => STAGING_AREA_ACTIONS,
            Self::Campaign => &[],
        };
        code(names, name)
    }

    /// Whether any kind of object knows an action of this name.
    pub(super) fn any_knows(name: &str) -> bool {
        Self::ALL.iter().any(|set| set.code(name).is_some())
    }
}

/// The number of a category, by name or as digits.
pub(super) fn category(name: &str) -> Option<i32> {
    named_or_number(CATEGORIES, name)
}

/// The number of a subject, by name or as digits.
pub(super) fn subject(name: &str) -> Option<i32> {
    named_or_number(SUBJECTS, name)
}

/// The number of an interval type, by name or as digits.
pub(super) fn interval(name: &str) -> Option<i32> {
    named_or_number(INTERVALS, name)
}

fn named_or_number(names: &[Named], name: &str) -> Option<i32> {
    let number = || name.parse::<u16>().ok();
    code(names, name).or_else(number).map(i32::from)
}

fn code(names: &[Named], name: &str) -> Option<u16> {
    let found = names
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, code)| *code)
}
