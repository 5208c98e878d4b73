//! What exists in the simulated contact centre: tenants, teams, agents and queues by name, and the
//! statistics that can be asked of them. Fixed once made; knows no values.

mod metric;

use std::collections::HashMap;

use foldhash::fast::RandomState;

pub(super) use metric::Metric;

use crate::model::{ObjectType, Statistic};

/// Agents in a team; a team serves two queues.
pub(super) const TEAM_AGENTS: u32 = 20;
/// Queues served by a team.
pub(super) const TEAM_QUEUES: u32 = 2;

const SWITCH: &str = "SIP_Switch";
const SURNAMES: [&str; 20] = [
    "Virtanen",
    "Korhonen",
    "Nieminen",
    "Laine",
    "Heikkinen",
    "Koskinen",
    "Hakala",
    "Lehtonen",
    "Saarinen",
    "Salminen",
    "Heinonen",
    "Niemi",
    "Salonen",
    "Kinnunen",
    "Turunen",
    "Salo",
    "Rantanen",
    "Karjalainen",
    "Mattila",
    "Ahonen",
];

/// One object of the contact centre, by its position among its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum ObjectRef {
    Agent(u32),
    Queue(u32),
    /// A team, seen as a group of agents.
    Group(u32),
    /// A statistic that exists only because a test scripted it.
    Scripted(u32),
}

impl ObjectRef {
    fn team(self) -> u32 {
        match self {
            Self::Agent(agent) => agent / TEAM_AGENTS,
            Self::Queue(queue) => queue / TEAM_QUEUES,
            Self::Group(team) | Self::Scripted(team) => team,
        }
    }

    pub(super) fn kind(self) -> ObjectType {
        match self {
            Self::Agent(_) | Self::Scripted(_) => ObjectType::Agent,
            Self::Queue(_) => ObjectType::Queue,
            Self::Group(_) => ObjectType::GroupAgents,
        }
    }

    /// The name by which clients know the object.
    pub(super) fn name(self) -> String {
        match self {
            Self::Agent(agent) => agent_name(agent),
            Self::Queue(queue) => format!("{}@{SWITCH}", queue_number(queue)),
            Self::Group(team) => format!("Team_{}", team + 1),
            Self::Scripted(number) => format!("scripted {number}"),
        }
    }
}

/// A tenant and what it takes to ask for its objects.
#[derive(Debug)]
pub(super) struct Tenant {
    name: String,
    password: String,
}

impl Tenant {
    pub(super) fn accepts(&self, password: &str) -> bool {
        self.password.is_empty() || self.password == password
    }
}

#[derive(Debug)]
pub(super) struct Catalogue {
    tenants: Vec<Tenant>,
    teams: u32,
    objects: HashMap<Box<str>, ObjectRef, RandomState>,
}

impl Catalogue {
    /// A contact centre of so many teams that it has at least `statistics` statistics, and at
    /// least one team for every tenant.
    pub(super) fn new(statistics: u32, tenant_passwords: &[(String, String)]) -> Self {
        let mut tenants: Vec<Tenant> = ["Environment", "Resources"]
            .map(|name| Tenant {
                name: name.to_owned(),
                password: String::new(),
            })
            .into();
        for (name, password) in tenant_passwords {
            match tenants.iter_mut().find(|tenant| tenant.name == *name) {
                Some(tenant) => tenant.password.clone_from(password),
                None => tenants.push(Tenant {
                    name: name.clone(),
                    password: password.clone(),
                }),
            }
        }
        let least = u32::try_from(tenants.len()).unwrap_or(u32::MAX);
        let teams = statistics.div_ceil(statistics_per_team()).max(least);
        let agents = (0..teams * TEAM_AGENTS).map(ObjectRef::Agent);
        let queues = (0..teams * TEAM_QUEUES).map(ObjectRef::Queue);
        let groups = (0..teams).map(ObjectRef::Group);
        let named = |object: ObjectRef| (object.name().into_boxed_str(), object);
        let objects = agents.chain(queues).chain(groups).map(named).collect();
        Self {
            tenants,
            teams,
            objects,
        }
    }

    pub(super) fn teams(&self) -> u32 {
        self.teams
    }

    pub(super) fn tenant(&self, name: &str) -> Option<&Tenant> {
        self.tenants.iter().find(|tenant| tenant.name == name)
    }

    /// The object of this kind and name, if the tenant has it.
    pub(super) fn object(&self, kind: ObjectType, name: &str, tenant: &str) -> Option<ObjectRef> {
        let object = *self.objects.get(name)?;
        (object.kind() == kind && self.tenant_of(object) == tenant).then_some(object)
    }

    /// The tenant an object belongs to: teams are dealt out in turn.
    pub(super) fn tenant_of(&self, object: ObjectRef) -> &str {
        let team = usize::try_from(object.team()).unwrap_or(0);
        let tenant = self.tenants.get(team % self.tenants.len().max(1));
        tenant.map_or("Environment", |tenant| &tenant.name)
    }

    pub(super) fn statistic(&self, metric: Metric, object: ObjectRef) -> Statistic {
        let name = metric.definition().name;
        Statistic::new(name, object.kind(), &object.name(), self.tenant_of(object))
    }

    /// Every statistic, the well-known ones first.
    pub(super) fn statistics(&self) -> impl Iterator<Item = Statistic> {
        let known = [
            (Metric::TotalLoginTime, ObjectRef::Agent(0)),
            (Metric::ExpectedWaitTime, ObjectRef::Queue(0)),
            (Metric::ExpectedWaitTime, ObjectRef::Queue(1)),
            (Metric::CurrNumberWaitingCalls, ObjectRef::Queue(0)),
            (Metric::CurrNumberWaitingCalls, ObjectRef::Queue(1)),
            (Metric::CurrentAgentState, ObjectRef::Agent(0)),
            (Metric::CurrentReadyAgents, ObjectRef::Group(0)),
        ];
        let rest = (0..self.teams).flat_map(team_statistics);
        let rest = rest.filter(move |statistic| !known.contains(statistic));
        let all = known.into_iter().chain(rest);
        all.map(|(metric, object)| self.statistic(metric, object))
    }
}

fn statistics_per_team() -> u32 {
    let count = |kind| {
        Metric::ALL
            .iter()
            .filter(|metric| metric.applies_to(kind))
            .count()
    };
    let count = |kind| u32::try_from(count(kind)).unwrap_or(u32::MAX);
    TEAM_AGENTS * count(ObjectType::Agent)
        + TEAM_QUEUES * count(ObjectType::Queue)
        + count(ObjectType::GroupAgents)
}

fn team_statistics(team: u32) -> impl Iterator<Item = (Metric, ObjectRef)> {
    let queues = (team * TEAM_QUEUES..(team + 1) * TEAM_QUEUES).map(ObjectRef::Queue);
    let agents = (team * TEAM_AGENTS..(team + 1) * TEAM_AGENTS).map(ObjectRef::Agent);
    let objects = queues.chain([ObjectRef::Group(team)]).chain(agents);
    objects.flat_map(|object| {
        let metrics = Metric::ALL.iter().copied();
        let metrics = metrics.filter(move |metric| metric.applies_to(object.kind()));
        metrics.map(move |metric| (metric, object))
    })
}

/// The queue's number on the switch.
pub(super) fn queue_number(queue: u32) -> u32 {
    9001 + queue
}

/// The agent's own number on the switch.
pub(super) fn agent_dn(agent: u32) -> (String, String) {
    ((70_001 + agent).to_string(), SWITCH.to_owned())
}

/// An initial, a surname and, once those run out, a number.
fn agent_name(agent: u32) -> String {
    if agent == 0 {
        return "KSippola".to_owned();
    }
    let initial = char::from_u32(u32::from('A') + agent % 26).unwrap_or('A');
    let surname = usize::try_from(agent / 26).unwrap_or(0) % SURNAMES.len();
    let surname = SURNAMES.get(surname).copied().unwrap_or_default();
    match agent / 520 {
        0 => format!("{initial}{surname}"),
        round => format!("{initial}{surname}{}", round + 1),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn there_are_as_many_distinct_statistics_as_asked_for() {
        for least in [1, 100, 100_000] {
            let catalogue = Catalogue::new(least, &[]);
            let statistics: Vec<Statistic> = catalogue.statistics().collect();
            assert!(statistics.len() >= usize::try_from(least).unwrap());
            let distinct: HashSet<_> = statistics.iter().collect();
            assert_eq!(distinct.len(), statistics.len());
        }
        let first = Catalogue::new(1, &[])
            .statistics()
            .next()
            .unwrap()
            .to_string();
        assert_eq!(first, "TotalLoginTime;Agent;KSippola;Environment");
    }

    #[test]
    fn every_listed_statistic_names_an_object_of_its_tenant() {
        let catalogue = Catalogue::new(5_000, &[("Third".to_owned(), "x".to_owned())]);
        for statistic in catalogue.statistics() {
            let metric = Metric::named(statistic.metric()).unwrap();
            let kind = statistic.object_type();
            let object = catalogue
                .object(kind, statistic.object_id(), statistic.tenant())
                .unwrap();
            assert_eq!(catalogue.statistic(metric, object), statistic);
        }
        assert!(!catalogue.tenant("Third").unwrap().accepts("y"));
    }
}
