//! How statistics are treated, by pattern: whether they are kept open, what silence means, how
//! coarsely they notify, how long their history is kept.

use std::time::Duration;

use wildmatch::WildMatch;

use super::Statistic;

/// How one statistic is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Whether silence on a living link says that the value has not changed. Not so for totals that
    /// grow below their insensitivity.
    pub silence_is_unchanged: bool,
    /// Whether the statistic stays open on the Stat Server; else each live value is fetched by a
    /// request that leaves nothing open.
    pub keep_open: bool,
    /// How much the value must change to be told, if set.
    pub insensitivity: Option<i32>,
    /// Seconds between notifications, if set.
    pub frequency: Option<i32>,
    /// How long history is kept, where that differs from the store's setting.
    pub retention: Option<Duration>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            silence_is_unchanged: false,
            keep_open: true,
            insensitivity: None,
            frequency: None,
            retention: None,
        }
    }
}

/// Policies by pattern; the first match wins.
#[derive(Debug, Clone, Default)]
pub struct Rules(Vec<(StatisticPattern, Policy)>);

impl Rules {
    /// Rules in their order of precedence.
    #[must_use]
    pub fn new(rules: Vec<(StatisticPattern, Policy)>) -> Self {
        Self(rules)
    }

    /// How this statistic is treated.
    #[must_use]
    pub fn policy(&self, statistic: &Statistic) -> Policy {
        let first = self
            .0
            .iter()
            .find(|(pattern, _)| pattern.matches(statistic));
        first.map_or_else(Policy::default, |(_, policy)| *policy)
    }
}

/// The parts of the text form that a pattern can speak of.
const PARTS_MAX: usize = 8;

/// Globs over the parts of a statistic's text form: `*` stands for any text, `?` for any character.
/// Parts that are left out match everything.
#[derive(Debug, Clone, PartialEq)]
pub struct StatisticPattern(Vec<WildMatch>);

/// Why a text is no pattern of statistics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a pattern has 1 to 8 parts separated by ';', each a glob \
     (metric;objectType;objectId;tenant;filter;timeProfile;timeRange;timeRange2), this one has {0}"
)]
pub struct PatternError(usize);

impl StatisticPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// It has too many parts, or says nothing.
    pub fn new(text: &str) -> Result<Self, PatternError> {
        let globs: Vec<WildMatch> = text
            .split(';')
            .map(|part| WildMatch::new(&super::asked::read_part(part)))
            .collect();
        if text.is_empty() || globs.len() > PARTS_MAX {
            return Err(PatternError(if text.is_empty() { 0 } else { globs.len() }));
        }
        Ok(Self(globs))
    }

    /// Whether every glob matches its part.
    #[must_use]
    pub fn matches(&self, statistic: &Statistic) -> bool {
        let [filter, time_profile, time_range, time_range2] = statistic.refinements();
        let parts: [&str; PARTS_MAX] = [
            statistic.metric(),
            statistic.object_type().name(),
            statistic.object_id(),
            statistic.tenant(),
            filter,
            time_profile,
            time_range,
            time_range2,
        ];
        let mut globs = self.0.iter().zip(parts);
        globs.all(|(glob, part)| glob.matches(part))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statistic(text: &str) -> Statistic {
        text.parse().unwrap()
    }

    #[test]
    fn each_part_is_matched_by_its_own_glob() {
        let login = statistic("TotalLoginTime;Agent;KSippola;Resources");
        let shift = statistic("TotalLoginTime;Agent;KSippola;Resources;;Shift;;");
        for (pattern, plain, refined) in [
            ("Total*;*;*;*", true, true),
            ("Total*", true, true),
            ("*;Agent", true, true),
            ("*;*;K?ippola;Res*", true, true),
            ("*;Queue;*;*", false, false),
            ("*;*;*;*;;Shift", false, true),
            ("*;*;*;*;;;;", true, false),
            // A glob never crosses into the next part.
            ("*KSippola", false, false),
        ] {
            let pattern = StatisticPattern::new(pattern).unwrap();
            assert_eq!(pattern.matches(&login), plain, "{pattern:?}");
            assert_eq!(pattern.matches(&shift), refined, "{pattern:?}");
        }
        let odd = Statistic::new("a;b", super::super::ObjectType::Queue, "q", "t");
        assert!(StatisticPattern::new("a%3Bb;*;*;*").unwrap().matches(&odd));
        assert_eq!(StatisticPattern::new(""), Err(PatternError(0)));
        assert_eq!(
            StatisticPattern::new("*;*;*;*;*;*;*;*;Reset"),
            Err(PatternError(9))
        );
    }

    #[test]
    fn the_first_rule_that_matches_wins() {
        let pattern = |text| StatisticPattern::new(text).unwrap();
        let closed = Policy {
            keep_open: false,
            ..Policy::default()
        };
        let coarse = Policy {
            insensitivity: Some(5),
            ..Policy::default()
        };
        let rules = Rules::new(vec![
            (pattern("Total*"), coarse),
            (pattern("*;Agent"), closed),
        ]);
        assert_eq!(rules.policy(&statistic("TotalX;Agent;a;t")), coarse);
        assert_eq!(rules.policy(&statistic("State;Agent;a;t")), closed);
        assert_eq!(
            rules.policy(&statistic("Wait;Queue;a;t")),
            Policy::default()
        );
    }
}
