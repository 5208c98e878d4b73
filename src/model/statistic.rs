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
///
/// Kept in one piece, since there are very many: two bytes for the object type and whether it is
/// reset, then each text, ended by a byte that no UTF-8 text has.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Statistic {
    key: Box<[u8]>,
}

/// Ends each text of a key. In no UTF-8 text, so that no text can run into the next.
pub(super) const END: u8 = 0xff;

impl Statistic {
    /// A statistic without refinements.
    #[must_use]
    pub fn new(metric: &str, object_type: ObjectType, object_id: &str, tenant: &str) -> Self {
        let texts = [metric, object_id, tenant, "", "", "", ""];
        Self::of(object_type, texts, false)
    }

    /// A statistic of all its parts; the texts are metric, object, tenant, and the refinements in
    /// the order of the text form.
    #[must_use]
    pub fn of(object_type: ObjectType, texts: [&str; 7], reset: bool) -> Self {
        let size = 2 + texts.iter().map(|text| text.len() + 1).sum::<usize>();
        let mut key = Vec::with_capacity(size);
        write_key(object_type, texts, reset, &mut key);
        Self { key: key.into() }
    }

    /// The same with these refinements in place of its own.
    #[must_use]
    pub fn refined(&self, refinements: [&str; 4], reset: bool) -> Self {
        let [filter, profile, range, range2] = refinements;
        let texts = [
            self.metric(),
            self.object_id(),
            self.tenant(),
            filter,
            profile,
            range,
            range2,
        ];
        Self::of(self.object_type(), texts, reset)
    }

    /// Appends the key of a statistic without refinements; the texts are metric, object and tenant,
    /// in UTF-8.
    pub fn write_key_of(object_type: ObjectType, texts: [&[u8]; 3], key: &mut Vec<u8>) {
        key.reserve(16 + texts.iter().map(|text| text.len()).sum::<usize>());
        key.extend_from_slice(&[object_type.code(), 0]);
        for text in texts {
            key.extend_from_slice(text);
            key.push(END);
        }
        // Four refinements, all of them empty.
        key.extend_from_slice(&[END; 4]);
    }

    /// The statistic's identity in one piece: two keys are equal when the statistics are. Made to
    /// be looked up by; lives no longer than the process.
    #[must_use]
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    /// The stat type's name on the Stat Server, for example `TotalLoginTime`.
    #[must_use]
    pub fn metric(&self) -> &str {
        self.text(0)
    }

    /// The kind of object.
    #[must_use]
    pub fn object_type(&self) -> ObjectType {
        let code = self.key.first().copied().unwrap_or_default();
        // Made of one, and never of anything else.
        ObjectType::from_code(code).unwrap_or(ObjectType::Agent)
    }

    /// The object: an employee id, `number@switch`, or a name.
    #[must_use]
    pub fn object_id(&self) -> &str {
        self.text(1)
    }

    /// The tenant's name.
    #[must_use]
    pub fn tenant(&self) -> &str {
        self.text(2)
    }

    /// The name of a filter, or empty.
    #[must_use]
    pub fn filter(&self) -> &str {
        self.text(3)
    }

    /// The name of a time profile, or empty.
    #[must_use]
    pub fn time_profile(&self) -> &str {
        self.text(4)
    }

    /// The name of a time range, or empty.
    #[must_use]
    pub fn time_range(&self) -> &str {
        self.text(5)
    }

    /// The name of a second time range, or empty.
    #[must_use]
    pub fn time_range2(&self) -> &str {
        self.text(6)
    }

    /// Whether the value is the one just before the return to zero (notification mode `Reset`).
    #[must_use]
    pub fn reset(&self) -> bool {
        self.key.get(1).is_some_and(|flag| *flag != 0)
    }

    /// The refinements in the order of the text form: filter, time profile, two time ranges.
    #[must_use]
    pub fn refinements(&self) -> [&str; 4] {
        let [_, _, _, refinements @ ..] = self.texts();
        refinements
    }

    /// All texts: metric, object, tenant, and the refinements.
    #[must_use]
    pub fn texts(&self) -> [&str; 7] {
        let mut texts = [""; 7];
        let body = self.key.get(2..).unwrap_or_default();
        for (text, bytes) in texts.iter_mut().zip(body.split(|byte| *byte == END)) {
            *text = std::str::from_utf8(bytes).unwrap_or_default();
        }
        texts
    }

    fn text(&self, number: usize) -> &str {
        let body = self.key.get(2..).unwrap_or_default();
        let bytes = body.split(|byte| *byte == END).nth(number);
        std::str::from_utf8(bytes.unwrap_or_default()).unwrap_or_default()
    }
}

/// Appends the key of the statistic of these parts.
pub(super) fn write_key<'a>(
    object_type: ObjectType,
    texts: impl IntoIterator<Item = &'a str>,
    reset: bool,
    key: &mut Vec<u8>,
) {
    key.extend([object_type.code(), u8::from(reset)]);
    for text in texts {
        key.extend_from_slice(text.as_bytes());
        key.push(END);
    }
}

impl fmt::Debug for Statistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text form, `metric;objectType;objectId;tenant[;filter;timeProfile;timeRange;timeRange2[;Reset]]`.
///
/// Inside a part `;` is written `%3B`, and `%` before `3B` or `25` is written `%25`.
impl fmt::Display for Statistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_part(f, self.metric())?;
        write!(f, ";{};", self.object_type())?;
        write_part(f, self.object_id())?;
        f.write_str(";")?;
        write_part(f, self.tenant())?;
        if self.reset() || self.refinements().iter().any(|part| !part.is_empty()) {
            for part in self.refinements() {
                f.write_str(";")?;
                write_part(f, part)?;
            }
        }
        if self.reset() {
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

    /// Whether a text may stand in any field: as [`Statistic::check`], but for what is missing.
    #[must_use]
    pub fn may_hold(text: &str) -> bool {
        text.len() <= FIELD_LEN_MAX && !is_control_in(text)
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

    /// Bytes beside the texts: a site has 1.2 million of them, so growth is to be a decision.
    const STATISTIC_SIZE: usize = 16;

    #[test]
    fn what_a_statistic_costs_is_known() {
        assert_eq!(size_of::<Statistic>(), STATISTIC_SIZE);
        let short = Statistic::new("abc", ObjectType::Queue, "de", "f");
        assert_eq!(short.key().len(), 2 + 6 + 7);
        let mut key = Vec::new();
        Statistic::write_key_of(ObjectType::Queue, [b"abc", b"de", b"f"], &mut key);
        assert_eq!(short.key(), key);
    }

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
        assert!(refined.reset());
        assert_eq!(refined.time_profile(), "Shift");
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
            let object_type = ObjectType::from_code(kind).unwrap();
            let texts = parts.each_ref().map(String::as_str);
            let statistic = Statistic::of(object_type, texts, reset);
            prop_assert_eq!(statistic.object_type(), object_type);
            prop_assert_eq!(statistic.reset(), reset);
            prop_assert_eq!(statistic.texts(), texts);
            let [metric, object_id, tenant, refinements @ ..] = texts;
            prop_assert_eq!(statistic.metric(), metric);
            prop_assert_eq!(statistic.object_id(), object_id);
            prop_assert_eq!(statistic.tenant(), tenant);
            prop_assert_eq!(statistic.refinements(), refinements);
            let single = [
                statistic.filter(), statistic.time_profile(),
                statistic.time_range(), statistic.time_range2(),
            ];
            prop_assert_eq!(single, refinements);
            prop_assert_eq!(statistic.refined(refinements, reset), statistic.clone());
            prop_assert_eq!(statistic.to_string().parse(), Ok(statistic));
        }
    }
}
