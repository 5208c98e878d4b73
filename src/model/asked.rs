//! A statistic as it is asked for: its parts where they stand in the request, not copied.

use std::borrow::Cow;
use std::fmt;

use super::statistic::{escape_of, is_control_in, write_key};
use super::{FIELD_LEN_MAX, ObjectType, ParseStatisticError, Statistic};

/// A [`Statistic`] whose parts are borrowed wherever they stand as they are meant.
#[derive(Clone, PartialEq, Eq)]
pub struct AskedStatistic<'a> {
    /// As [`Statistic::metric`].
    pub metric: Cow<'a, str>,
    /// As [`Statistic::object_type`].
    pub object_type: ObjectType,
    /// As [`Statistic::object_id`].
    pub object_id: Cow<'a, str>,
    /// As [`Statistic::tenant`].
    pub tenant: Cow<'a, str>,
    /// Filter, time profile, two time ranges; empty ones equal absent ones.
    pub refinements: [Cow<'a, str>; 4],
    /// As [`Statistic::reset`].
    pub reset: bool,
}

impl fmt::Debug for AskedStatistic<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.to_statistic(), f)
    }
}

impl<'a> AskedStatistic<'a> {
    /// Reads the text form; what it yields is checked.
    ///
    /// # Errors
    /// As of [`Statistic`]'s text form.
    pub fn read(text: &'a str) -> Result<Self, ParseStatisticError> {
        // One more than the most there may be, so that one part too many shows.
        let mut parts = [""; 10];
        let mut count = 0;
        for part in text.split(';') {
            if let Some(place) = parts.get_mut(count) {
                *place = part;
            }
            count += 1;
        }
        let [
            metric,
            object_type,
            object_id,
            tenant,
            refinements @ ..,
            ninth,
            _,
        ] = parts;
        let reset = match (count, ninth) {
            (4 | 8, _) => false,
            (9, "Reset") => true,
            (9, _) => return Err(ParseStatisticError::Ninth),
            _ => return Err(ParseStatisticError::PartCount(count)),
        };
        let asked = Self {
            metric: read_part(metric),
            object_type: object_type
                .parse()
                .map_err(|()| ParseStatisticError::ObjectType)?,
            object_id: read_part(object_id),
            tenant: read_part(tenant),
            refinements: refinements.map(read_part),
            reset,
        };
        asked.check()?;
        Ok(asked)
    }

    /// Checks what every way in must check: mandatory fields present, nothing over
    /// [`FIELD_LEN_MAX`], no control characters.
    ///
    /// # Errors
    /// Names the first field at fault.
    pub fn check(&self) -> Result<(), ParseStatisticError> {
        let mandatory = [
            ("metric", &*self.metric),
            ("objectId", &*self.object_id),
            ("tenant", &*self.tenant),
        ];
        for (name, field) in mandatory {
            if field.is_empty() {
                return Err(ParseStatisticError::Empty(name));
            }
        }
        let [filter, time_profile, time_range, time_range2] = &self.refinements;
        let optional = [
            ("filter", &**filter),
            ("timeProfile", &**time_profile),
            ("timeRange", &**time_range),
            ("timeRange2", &**time_range2),
        ];
        for (name, field) in mandatory.into_iter().chain(optional) {
            if field.len() > FIELD_LEN_MAX {
                return Err(ParseStatisticError::TooLong(name));
            }
            if is_control_in(field) {
                return Err(ParseStatisticError::ControlCharacter(name));
            }
        }
        Ok(())
    }

    /// The statistic, on its own.
    #[must_use]
    pub fn to_statistic(&self) -> Statistic {
        let [filter, time_profile, time_range, time_range2] =
            self.refinements.each_ref().map(|part| &**part);
        let texts = [
            &*self.metric,
            &*self.object_id,
            &*self.tenant,
            filter,
            time_profile,
            time_range,
            time_range2,
        ];
        Statistic::of(self.object_type, texts, self.reset)
    }

    /// Appends what [`Statistic::key`] would tell.
    pub fn write_key(&self, key: &mut Vec<u8>) {
        let fields = [&self.metric, &self.object_id, &self.tenant];
        let fields = fields.into_iter().chain(&self.refinements);
        let fields = fields.map(|field| &**field);
        write_key(self.object_type, fields, self.reset, key);
    }
}

impl Statistic {
    /// The same, to be compared or checked as it is asked for.
    #[must_use]
    pub fn as_asked(&self) -> AskedStatistic<'_> {
        AskedStatistic {
            metric: Cow::Borrowed(self.metric()),
            object_type: self.object_type(),
            object_id: Cow::Borrowed(self.object_id()),
            tenant: Cow::Borrowed(self.tenant()),
            refinements: self.refinements().map(Cow::Borrowed),
            reset: self.reset(),
        }
    }
}

/// A part of the text form, without its escapes.
pub(super) fn read_part(part: &str) -> Cow<'_, str> {
    if !part.contains('%') {
        return Cow::Borrowed(part);
    }
    let mut out = String::with_capacity(part.len());
    let mut rest = part;
    while let Some(at) = rest.find('%') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        if let Some(character) = escape_of(from) {
            out.push(character);
            rest = from.get(3..).unwrap_or_default();
        } else {
            out.push('%');
            rest = from.get(1..).unwrap_or_default();
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_asked_for_has_the_key_of_what_it_is(text in "[aQ]{1,2};(queue|Agent);[a%3B;é]{1,9};t(;;;r;(;Reset)?)?") {
            if let Ok(asked) = AskedStatistic::read(&text) {
                let statistic: Statistic = text.parse().unwrap();
                prop_assert_eq!(&asked.to_statistic(), &statistic);
                prop_assert_eq!(&asked, &statistic.as_asked());
                let mut asked_key = Vec::new();
                asked.write_key(&mut asked_key);
                prop_assert_eq!(&*asked_key, statistic.key());
            }
        }

        #[test]
        fn keys_are_equal_where_statistics_are(
            [a, b] in prop::array::uniform2("[ab]{1,2};(Queue|Agent);[ab]{1,2};t(;a?;b?;;(;Reset)?)?"),
        ) {
            let (a, b): (Statistic, Statistic) = (a.parse().unwrap(), b.parse().unwrap());
            prop_assert_eq!(a.key() == b.key(), a.to_string() == b.to_string());
        }
    }
}
