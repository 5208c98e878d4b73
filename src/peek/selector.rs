//! Which statistics somebody wants to see, and which of them that somebody may see.

use std::collections::HashSet;

use wildmatch::WildMatch;

use super::view::{PublicId, Standing, View};
use crate::model::{Statistic, StatisticId, StatisticPattern};

/// A choice of statistics. Whatever is left out admits everything.
#[derive(Debug, Clone, Default)]
pub struct Selector {
    /// A glob over the tenant's name.
    pub tenant: Option<WildMatch>,
    /// A glob over the object type's name.
    pub object_type: Option<WildMatch>,
    /// A glob over the object's id.
    pub object_id: Option<WildMatch>,
    /// A glob over the metric's name.
    pub metric: Option<WildMatch>,
    /// A glob over the whole text form.
    pub text: Option<WildMatch>,
    /// What any of these match.
    pub patterns: Option<Vec<StatisticPattern>>,
    /// Any of these.
    pub standings: Option<Vec<Standing>>,
    /// Just these.
    pub ids: Option<HashSet<PublicId>>,
    /// The tenants that the user is bound to.
    pub tenants: Option<Vec<String>>,
}

impl Selector {
    /// The numbers that `ids` stand for.
    pub(super) fn numbers(&self) -> Option<HashSet<StatisticId>> {
        let ids = self.ids.as_ref()?;
        Some(ids.iter().map(|id| id.id).collect())
    }

    /// Whether the statistic itself is one of those chosen.
    #[must_use]
    pub fn means(&self, statistic: &Statistic) -> bool {
        let matches = |glob: &Option<WildMatch>, text: &str| {
            glob.as_ref().is_none_or(|glob| glob.matches(text))
        };
        let tenant_is_theirs = self
            .tenants
            .as_ref()
            .is_none_or(|tenants| tenants.iter().any(|tenant| **tenant == *statistic.tenant()));
        let patterns = self.patterns.as_ref();
        tenant_is_theirs
            && patterns
                .is_none_or(|patterns| patterns.iter().any(|pattern| pattern.matches(statistic)))
            && matches(&self.tenant, statistic.tenant())
            && matches(&self.object_type, statistic.object_type().name())
            && matches(&self.object_id, statistic.object_id())
            && matches(&self.metric, statistic.metric())
            && self
                .text
                .as_ref()
                .is_none_or(|glob| glob.matches(&statistic.to_string()))
    }

    /// Whether what is theirs is shown to them also where it needs a tenant's password.
    pub(super) fn may_see(&self, is_protected: bool) -> bool {
        !is_protected || self.tenants.is_some()
    }

    /// Whether the statistic as it is now is one of those chosen. What needs a tenant's password is
    /// shown only to users who are bound to that tenant.
    #[must_use]
    pub fn admits(&self, view: &View) -> bool {
        let standings = self.standings.as_ref();
        self.means(&view.statistic)
            && self.may_see(view.is_protected)
            && standings.is_none_or(|standings| standings.contains(&view.standing))
            && self.ids.as_ref().is_none_or(|ids| ids.contains(&view.id))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::{ObjectType, Revision};

    fn view(tenant: &str, is_protected: bool) -> View {
        let statistic = Statistic::new("Wait", ObjectType::Queue, "9001@SIP", tenant);
        View {
            id: PublicId::of(StatisticId(1), &statistic),
            statistic: Arc::new(statistic),
            mode: None,
            standing: Standing::Waiting,
            refusal: None,
            last: None,
            revision: Revision::default(),
            is_protected,
        }
    }

    #[test]
    fn globs_standing_and_names_narrow_the_choice() {
        let all = Selector::default();
        let glob = |text| Some(WildMatch::new(text));
        let pattern = |text| StatisticPattern::new(text).unwrap();
        assert!(all.admits(&view("A", false)));
        for (selector, admitted) in [
            (
                Selector {
                    metric: glob("W*"),
                    ..all.clone()
                },
                true,
            ),
            (
                Selector {
                    text: glob("Wait;Queue;9*;A"),
                    ..all.clone()
                },
                true,
            ),
            (
                Selector {
                    text: glob("Wait;Queue"),
                    ..all.clone()
                },
                false,
            ),
            (
                Selector {
                    object_type: glob("queue"),
                    ..all.clone()
                },
                false,
            ),
            (
                Selector {
                    object_id: glob("900?@*"),
                    ..all.clone()
                },
                true,
            ),
            (
                Selector {
                    patterns: Some(vec![pattern("X"), pattern("Wait;*;9001*")]),
                    ..all.clone()
                },
                true,
            ),
            (
                Selector {
                    patterns: Some(vec![pattern("Wait;Agent")]),
                    ..all.clone()
                },
                false,
            ),
            (
                Selector {
                    tenant: glob("B"),
                    ..all.clone()
                },
                false,
            ),
            (
                Selector {
                    standings: Some(vec![Standing::Good]),
                    ..all.clone()
                },
                false,
            ),
            (
                Selector {
                    ids: Some(HashSet::new()),
                    ..all.clone()
                },
                false,
            ),
            (
                Selector {
                    ids: Some(HashSet::from([view("A", false).id])),
                    ..all
                },
                true,
            ),
        ] {
            assert_eq!(selector.admits(&view("A", false)), admitted, "{selector:?}");
        }
    }

    #[test]
    fn what_needs_a_password_is_for_users_of_its_tenant_alone() {
        let bound = Selector {
            tenants: Some(vec!["A".to_owned()]),
            ..Selector::default()
        };
        let unbound = Selector::default();
        assert!(bound.admits(&view("A", true)) && !bound.admits(&view("B", false)));
        assert!(unbound.admits(&view("B", false)) && !unbound.admits(&view("A", true)));
    }
}
