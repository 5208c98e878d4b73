//! The kinds of objects that statistics are about.

use std::fmt;
use std::str::FromStr;

/// The type of a statistic's object. The discriminants are the wire's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[expect(
    missing_docs,
    reason = "the protocol's own names say what there is to say"
)]
pub enum ObjectType {
    Agent = 0,
    AgentPlace = 1,
    GroupAgents = 2,
    GroupPlaces = 3,
    RoutePoint = 4,
    Queue = 5,
    GroupQueues = 6,
    Switch = 7,
    RegularDN = 8,
    Campaign = 9,
    CampaignGroup = 10,
    CallingList = 11,
    CampaignCallingList = 12,
    Tenant = 13,
    StagingArea = 14,
    RoutingStrategy = 15,
    Workbin = 16,
}

impl ObjectType {
    /// All types, in the order of the wire's numbers.
    pub const ALL: [Self; 17] = [
        Self::Agent,
        Self::AgentPlace,
        Self::GroupAgents,
        Self::GroupPlaces,
        Self::RoutePoint,
        Self::Queue,
        Self::GroupQueues,
        Self::Switch,
        Self::RegularDN,
        Self::Campaign,
        Self::CampaignGroup,
        Self::CallingList,
        Self::CampaignCallingList,
        Self::Tenant,
        Self::StagingArea,
        Self::RoutingStrategy,
        Self::Workbin,
    ];

    /// The number on the wire.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The type with this number on the wire.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// The type with this name, in UTF-8, in any case and in both vocabularies: the protocol's
    /// (`AgentPlace`) and the configuration's (`Place`).
    #[must_use]
    pub fn from_name(name: &[u8]) -> Option<Self> {
        // The usual ones, as they are usually written.
        Some(match name {
            b"Agent" => Self::Agent,
            b"Queue" => Self::Queue,
            b"GroupAgents" => Self::GroupAgents,
            b"GroupQueues" => Self::GroupQueues,
            b"RoutePoint" => Self::RoutePoint,
            b"AgentPlace" => Self::AgentPlace,
            b"RegularDN" => Self::RegularDN,
            _ => {
                let canonical = Self::ALL.into_iter().map(|kind| (kind.name(), kind));
                let mut all = canonical.chain(ALIASES);
                return all
                    .find(|(known, _)| known.as_bytes().eq_ignore_ascii_case(name))
                    .map(|(_, kind)| kind);
            }
        })
    }

    /// The one canonical spelling.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Agent => "Agent",
            Self::AgentPlace => "AgentPlace",
            Self::GroupAgents => "GroupAgents",
            Self::GroupPlaces => "GroupPlaces",
            Self::RoutePoint => "RoutePoint",
            Self::Queue => "Queue",
            Self::GroupQueues => "GroupQueues",
            Self::Switch => "Switch",
            Self::RegularDN => "RegularDN",
            Self::Campaign => "Campaign",
            Self::CampaignGroup => "CampaignGroup",
            Self::CallingList => "CallingList",
            Self::CampaignCallingList => "CampaignCallingList",
            Self::Tenant => "Tenant",
            Self::StagingArea => "StagingArea",
            Self::RoutingStrategy => "RoutingStrategy",
            Self::Workbin => "Workbin",
        }
    }
}

impl fmt::Display for ObjectType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The configuration's names for types that the protocol calls otherwise.
const ALIASES: [(&str, ObjectType); 2] = [
    ("Place", ObjectType::AgentPlace),
    ("RegDN", ObjectType::RegularDN),
];

impl FromStr for ObjectType {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::from_name(text.as_bytes()).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_in_any_case_and_both_vocabularies() {
        assert_eq!("QUEUE".parse(), Ok(ObjectType::Queue));
        assert_eq!("place".parse(), Ok(ObjectType::AgentPlace));
        assert_eq!("regdn".parse(), Ok(ObjectType::RegularDN));
        assert_eq!("Planet".parse::<ObjectType>(), Err(()));
    }

    #[test]
    fn every_name_is_read_however_it_is_spelled() {
        for kind in ObjectType::ALL {
            for name in [kind.name().to_owned(), kind.name().to_lowercase()] {
                assert_eq!(name.parse(), Ok(kind));
            }
        }
    }

    #[test]
    fn codes_are_the_positions_in_the_list() {
        for (position, kind) in ObjectType::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(kind.code()), position);
            assert_eq!(ObjectType::from_code(kind.code()), Some(kind));
        }
        assert_eq!(ObjectType::from_code(17), None);
    }
}
