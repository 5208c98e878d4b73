//! What a statistic is: its identity, field by field, and its text form.

use std::fmt;
use std::str::FromStr;

use super::{AskedStatistic, ObjectType};

/// A statistic's stable number: given when it is first seen, kept over restarts, never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StatisticId(pub u32);

/// The longest field of a statistic, in bytes.
pub const FIELD_LEN_MAX: usize = 4096;

/// One statistic: a metric of an object of a tenant, with its optional refinements.
///
/// Two statistics are the same when all fields are; the joined text is never compared. Empty
/// refinements equal absent ones.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Statistic {
    /// The stat type's name on the Stat Server, for example `TotalLoginTime`.
    pub metric: Box<str>,
    /// The kind of object.
    pub object_type: ObjectType,
    /// The object: an employee id, `number@switch`, or a name.
    pub object_id: Box<str>,
    /// The tenant's name.
    pub tenant: Box<str>,
    /// The name of a filter, or empty.
    pub filter: Box<str>,
    /// The name of a time profile, or empty.
    pub time_profile: Box<str>,
    /// The name of a time range, or empty.
    pub time_range: Box<str>,
    /// The name of a second time range, or empty.
    pub time_range2: Box<str>,
    /// Whether the value is the one just before the return to zero (notification mode `Reset`).
    pub reset: bool,
}

impl Statistic {
    /// A statistic without refinements.
    #[must_use]
    pub fn new(metric: &str, object_type: ObjectType, object_id: &str, tenant: &str) -> Self {
        Self {
            metric: metric.into(),
            object_type,
            object_id: object_id.into(),
            tenant: tenant.into(),
            filter: "".into(),
            time_profile: "".into(),
            time_range: "".into(),
            time_range2: "".into(),
            reset: false,
        }
    }

    /// The refinements in the order of the text form: filter, time profile, two time ranges.
    #[must_use]
    pub fn refinements(&self) -> [&str; 4] {
        [
            &self.filter,
            &self.time_profile,
            &self.time_range,
            &self.time_range2,
        ]
    }
}

/// The text form, `metric;objectType;objectId;tenant[;filter;timeProfile;timeRange;timeRange2[;Reset]]`.
///
/// Inside a part `;` is written `%3B`, and `%` before `3B` or `25` is written `%25`.
impl fmt::Display for Statistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_part(f, &self.metric)?;
        write!(f, ";{};", self.object_type)?;
        write_part(f, &self.object_id)?;
        f.write_str(";")?;
        write_part(f, &self.tenant)?;
        if self.reset || self.refinements().iter().any(|part| !part.is_empty()) {
            for part in self.refinements() {
                f.write_str(";")?;
                write_part(f, part)?;
            }
        }
        if self.reset {
            f.write_str(";Reset")
        } else {
            Ok(())
        }
    }
}

/// Why a text is no statistic.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum ParseStatisticError {
    #[error(
        "a statistic has 4, 8 or 9 parts separated by ';' \
         (metric;objectType;objectId;tenant[;filter;timeProfile;timeRange;timeRange2[;Reset]]), \
         this one has {0}"
    )]
    PartCount(usize),
    #[error("{0} is empty")]
    Empty(&'static str),
    #[error("{0} is longer than {FIELD_LEN_MAX} bytes")]
    TooLong(&'static str),
    #[error("{0} holds a control character")]
    ControlCharacter(&'static str),
    #[error("objectType is not one of the known object types (Agent, Queue, GroupAgents, ...)")]
    ObjectType,
    #[error("the ninth part of a statistic can only be 'Reset'")]
    Ninth,
}

impl FromStr for Statistic {
    type Err = ParseStatisticError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        AskedStatistic::read(text).map(|asked| asked.to_statistic())
    }
}

impl Statistic {
    /// Checks what every way in must check: mandatory fields present, nothing over
    /// [`FIELD_LEN_MAX`], no control characters.
    ///
    /// # Errors
    /// Names the first field at fault.
    pub fn check(&self) -> Result<(), ParseStatisticError> {
        self.as_asked().check()
    }
}

/// Whether a text holds a control character; quick where all of it is ASCII.
pub(super) fn is_control_in(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_control())
        || (!text.is_ascii() && text.chars().any(char::is_control))
}

fn write_part(f: &mut fmt::Formatter<'_>, part: &str) -> fmt::Result {
    let mut rest = part;
    while let Some(at) = rest.find([';', '%']) {
        let (before, from) = rest.split_at(at);
        f.write_str(before)?;
        if from.starts_with(';') {
            f.write_str("%3B")?;
        } else if escape_of(from).is_some() {
            f.write_str("%25")?;
        } else {
            f.write_str("%")?;
        }
        rest = from.get(1..).unwrap_or_default();
    }
    f.write_str(rest)
}

/// What the escape at the start of `text` stands for, if there is one.
pub(super) fn escape_of(text: &str) -> Option<char> {
    match text.get(..3) {
        Some("%3B" | "%3b") => Some(';'),
        Some("%25") => Some('%'),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_text_form_reads_and_writes() {
        let text = "ExpectedWaitTime;Queue;9001@SIP_Switch;Environment";
        let statistic: Statistic = text.parse().unwrap();
        assert_eq!(
            statistic,
            Statistic::new(
                "ExpectedWaitTime",
                ObjectType::Queue,
                "9001@SIP_Switch",
                "Environment"
            )
        );
        assert_eq!(statistic.to_string(), text);

        let refined: Statistic = "T;agent;K;E;;Shift;;;Reset".parse().unwrap();
        assert!(refined.reset);
        assert_eq!(&*refined.time_profile, "Shift");
        assert_eq!(refined.to_string(), "T;Agent;K;E;;Shift;;;Reset");
    }

    #[test]
    fn separators_inside_a_part_are_escaped() {
        let statistic = Statistic::new("a;b", ObjectType::Agent, "100%25;%3B%", "t%");
        assert_eq!(statistic.to_string(), "a%3Bb;Agent;100%2525%3B%253B%;t%");
        assert_eq!(statistic.to_string().parse(), Ok(statistic));
    }

    #[test]
    fn what_is_wrong_is_named() {
        use ParseStatisticError as E;
        for (text, error) in [
            ("", E::PartCount(1)),
            ("a;Agent;b", E::PartCount(3)),
            ("a;Agent;b;c;d", E::PartCount(5)),
            ("a;Agent;b;c;;;;;Immediate", E::Ninth),
            ("a;Planet;b;c", E::ObjectType),
            (";Agent;b;c", E::Empty("metric")),
            ("a;Agent;;c", E::Empty("objectId")),
            ("a;Agent;b;", E::Empty("tenant")),
            ("a;Agent;b\n;c", E::ControlCharacter("objectId")),
        ] {
            assert_eq!(text.parse::<Statistic>(), Err(error), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn every_statistic_survives_its_text_form(
            parts in prop::array::uniform7("[;%35Bb2a-zé ]{1,12}"),
            kind in 0u8..17,
            reset: bool,
        ) {
            let [metric, object_id, tenant, filter, time_profile, time_range, time_range2] =
                parts.map(String::into_boxed_str);
            let object_type = ObjectType::from_code(kind).unwrap();
            let statistic = Statistic {
                metric, object_type, object_id, tenant,
                filter, time_profile, time_range, time_range2, reset,
            };
            prop_assert_eq!(statistic.to_string().parse(), Ok(statistic));
        }
    }
}
