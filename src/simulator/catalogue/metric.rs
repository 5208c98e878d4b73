//! The stat types that the simulated servers define, as their configuration would.

use crate::model::ObjectType;

/// One stat type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::simulator) enum Metric {
    TotalLoginTime,
    ExpectedWaitTime,
    CurrNumberWaitingCalls,
    CurrentReadyAgents,
    CurrentLoggedInAgents,
    TotalCallsEntered,
    TotalCallsAnswered,
    TotalAbandoned,
    CurrentAgentState,
    TimeInCurrentState,
    AverageHandlingTime,
    ServiceLevel,
}

/// A stat type's section in the server's configuration.
pub(in crate::simulator) struct Definition {
    pub(in crate::simulator) name: &'static str,
    pub(in crate::simulator) objects: &'static [ObjectType],
    /// The protocol's number of the category.
    pub(in crate::simulator) category: i32,
    category_name: &'static str,
    subject: &'static str,
    main_mask: &'static str,
    /// Where a definition spelled out in a request must have its main mask's bit to mean this one.
    pub(in crate::simulator) mask_bit: usize,
    /// Counts since the server started, so that the value covers an interval.
    pub(in crate::simulator) is_total: bool,
    /// Changes with time alone, without anything happening to the object.
    pub(in crate::simulator) grows: bool,
}

impl Definition {
    /// The definition's text as it stands in the list of stat types.
    pub(in crate::simulator) fn text(&self) -> String {
        let objects: Vec<&str> = self.objects.iter().map(|kind| kind.name()).collect();
        format!(
            "Objects={}; Category={}; Subject={}; MainMask={}",
            objects.join(", "),
            self.category_name,
            self.subject,
            self.main_mask
        )
    }
}

const AGENT: &[ObjectType] = &[ObjectType::Agent];
const QUEUE: &[ObjectType] = &[ObjectType::Queue];
const GROUP: &[ObjectType] = &[ObjectType::GroupAgents];

macro_rules! metrics {
    ($($metric:ident $name:literal $objects:expr, $category:literal $category_name:literal,
       $subject:literal, $mask:literal bit $bit:literal, total $total:literal, grows $grows:literal;)*) => {
        impl Metric {
            pub(in crate::simulator) const ALL: &'static [Self] = &[$(Self::$metric),*];

            pub(in crate::simulator) fn definition(self) -> &'static Definition {
                match self {
                    $(Self::$metric => &Definition {
                        name: $name,
                        objects: $objects,
                        category: $category,
                        category_name: $category_name,
                        subject: $subject,
                        main_mask: $mask,
                        mask_bit: $bit,
                        is_total: $total,
                        grows: $grows,
                    },)*
                }
            }
        }
    };
}

// The mask bits follow the object type's own enumeration of actions (wire protocol, section 8).
metrics! {
    TotalLoginTime "TotalLoginTime" AGENT, 0 "TotalTime", "AgentStatus",
        "*, ~LoggedOut, ~NotMonitored" bit 4, total true, grows true;
    ExpectedWaitTime "ExpectedWaitTime" QUEUE, 33 "EstimWaitingTime", "DNAction",
        "CallWait" bit 9, total false, grows false;
    CurrNumberWaitingCalls "CurrNumberWaitingCalls" QUEUE, 12 "CurrentNumber", "DNAction",
        "CallWait" bit 9, total false, grows false;
    CurrentReadyAgents "CurrentReadyAgents"
        &[ObjectType::Queue, ObjectType::GroupAgents], 12 "CurrentNumber", "AgentStatus",
        "WaitForNextCall" bit 4, total false, grows false;
    CurrentLoggedInAgents "CurrentLoggedInAgents" GROUP, 12 "CurrentNumber", "AgentStatus",
        "*, ~LoggedOut, ~NotMonitored" bit 2, total false, grows false;
    TotalCallsEntered "Total_Calls_Entered" QUEUE, 1 "TotalNumber", "DNAction",
        "CallEntered" bit 10, total true, grows false;
    TotalCallsAnswered "Total_Calls_Answered" QUEUE, 1 "TotalNumber", "DNAction",
        "CallAnswered" bit 17, total true, grows false;
    TotalAbandoned "Total_Abandoned" QUEUE, 1 "TotalNumber", "DNAction",
        "CallAbandoned" bit 12, total true, grows false;
    CurrentAgentState "CurrentAgentState" AGENT, 10 "CurrentState", "AgentStatus",
        "*" bit 4, total false, grows false;
    TimeInCurrentState "TimeInCurrentState" AGENT, 11 "CurrentTime", "AgentStatus",
        "*" bit 4, total false, grows true;
    AverageHandlingTime "AverageHandlingTime" QUEUE, 2 "AverageTime", "DNAction",
        "CallAnswered" bit 17, total true, grows false;
    ServiceLevel "Service_Level" QUEUE, 22 "ServiceFactor1", "DNAction",
        "CallAnswered" bit 17, total true, grows false;
}

impl Metric {
    /// The stat type with this name; names are case-sensitive, as on the real server.
    pub(in crate::simulator) fn named(name: &str) -> Option<Self> {
        let mut all = Self::ALL.iter().copied();
        all.find(|metric| metric.definition().name == name)
    }

    /// Whether its values are numbers, not states.
    pub(in crate::simulator) fn is_number(self) -> bool {
        self != Self::CurrentAgentState
    }

    pub(in crate::simulator) fn applies_to(self, kind: ObjectType) -> bool {
        self.definition().objects.contains(&kind)
    }

    /// The stat type that a definition spelled out in a request comes to, if one does.
    pub(in crate::simulator) fn defined_by(
        kind: ObjectType,
        category: i32,
        main_mask: &[u8],
    ) -> Option<Self> {
        let has = |bit: usize| {
            main_mask
                .get(bit / 8)
                .is_some_and(|byte| byte >> (bit % 8) & 1 == 1)
        };
        Self::ALL.iter().copied().find(|metric| {
            let definition = metric.definition();
            metric.applies_to(kind) && definition.category == category && has(definition.mask_bit)
        })
    }
}
