//! A form of one statistic, read in one go where it is asked as usual.

use super::marks::Marks;
use crate::model::{FIELD_LEN_MAX, ObjectType, Statistic};

/// What the form asks for, beside the key.
pub(super) struct Asked<'a> {
    pub(super) tenant: &'a str,
    /// Empty for none.
    pub(super) tenant_password: &'a str,
}

/// The fields that are asked for as usual; the password may be missing.
const FIELDS: usize = 5;

/// Reads a form of the usual fields, each once, with nothing to be decoded, no control character and
/// nothing too long; appends the key of its statistic to `key`. `None` for every other form, good ones
/// included, and then nothing is appended.
pub(super) fn read<'a>(form: &'a [u8], fields_max: usize, key: &mut Vec<u8>) -> Option<Asked<'a>> {
    let text = std::str::from_utf8(form).ok()?;
    let mut values: [Option<&str>; FIELDS] = [None; FIELDS];
    let mut marks = Marks::of(form);
    let (mut begin, mut count) = (0, 0);
    while begin < form.len() {
        let equals = marks.next()?;
        let end = marks.next().unwrap_or(form.len());
        let is_piece = form.get(equals) == Some(&b'=')
            && form.get(end).is_none_or(|mark| *mark == b'&')
            && end - begin <= FIELD_LEN_MAX;
        if !is_piece {
            return None;
        }
        let value = text.get(equals + 1..end)?;
        let place = values.get_mut(place_of(form.get(begin..equals)?)?)?;
        if place.replace(value).is_some() {
            return None;
        }
        count += 1;
        begin = end + 1;
    }
    let [
        Some(object_id),
        Some(object_type),
        Some(tenant),
        password,
        Some(metric),
    ] = values
    else {
        return None;
    };
    let texts = [metric, object_id, tenant].map(str::as_bytes);
    if count > fields_max || texts.iter().any(|text| text.is_empty()) {
        return None;
    }
    let kind = ObjectType::from_name(object_type.as_bytes())?;
    Statistic::write_key_of(kind, texts, key);
    Some(Asked {
        tenant,
        tenant_password: password.unwrap_or_default(),
    })
}

/// The place of the value among [`FIELDS`].
fn place_of(name: &[u8]) -> Option<usize> {
    Some(match name {
        b"objectId" => 0,
        b"objectType" => 1,
        b"tenant" => 2,
        b"tenantPassword" => 3,
        b"metric" => 4,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::api::form::{self, FieldBound};
    use crate::api::metrics::Limit;
    use crate::api::question;
    use crate::model::NotificationMode;

    const BOUND: FieldBound = FieldBound {
        max: 5,
        limit: Limit::Fields,
    };

    /// Key, tenant, password, mode.
    type Read = (Vec<u8>, String, String, NotificationMode);

    fn at_once(form: &[u8]) -> Option<Read> {
        let mut key = Vec::new();
        let Some(asked) = read(form, BOUND.max, &mut key) else {
            assert_eq!(key, b"");
            return None;
        };
        let (tenant, password) = (asked.tenant.into(), asked.tenant_password.into());
        Some((key, tenant, password, NotificationMode::Immediate))
    }

    fn as_the_routes_do(form: &[u8]) -> Option<Read> {
        let question = question::read_single(form::fields(form, BOUND)).ok()?;
        let mut key = Vec::new();
        question.statistic.write_key(&mut key);
        let tenant = question.statistic.tenant.into_owned();
        let password = question.tenant_password.into_owned();
        Some((key, tenant, password, question.mode))
    }

    #[test]
    fn the_usual_form_is_read() {
        let form = b"objectId=K@S&objectType=agent&tenant=E E&tenantPassword=&metric=T";
        let read = at_once(form).unwrap();
        assert_eq!((&*read.1, &*read.2), ("E E", ""));
        assert_eq!(Some(read), as_the_routes_do(form));
    }

    #[test]
    fn what_is_not_usual_is_left_alone() {
        let usual = "objectId=K&objectType=Agent&tenant=E&tenantPassword=p&metric=T";
        for (from, to) in [
            ("K", "%4B"),
            ("K", "a+b"),
            ("K", "\u{e9}"),
            ("K", "a\u{7f}"),
            ("K", ""),
            ("Agent", "Planet"),
            ("&tenant=E", ""),
            ("&tenant=E", "&tenant"),
            ("&tenant=E", "&tenant=E&tenant=E"),
            ("&tenant=E", "&tenant=E&notificationMode=Reset"),
            ("K", &"k".repeat(FIELD_LEN_MAX)),
            ("tenantPassword=p", "a=&b="),
        ] {
            let form = usual.replacen(from, to, 1);
            assert_eq!(at_once(form.as_bytes()), None, "{form}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_at_once_is_what_the_routes_read(
            pieces in prop::collection::vec(
                "(objectId|objectId|objectType|tenant|tenant|tenantPassword|metric|metric|statisticType|x|)=?(Agent|queue|Agent|K@S|E|\\+|%20|;|=|é|\"|\u{7f}|)",
                0..6,
            ),
        ) {
            let form = pieces.join("&");
            let routes = as_the_routes_do(form.as_bytes());
            if let Some(read) = at_once(form.as_bytes()) {
                prop_assert_eq!(Some(read), routes, "{}", form);
            }
        }

        #[test]
        fn usual_fields_are_read_in_any_order(
            (texts, order) in (
                prop::array::uniform4("[!#$'-*,-:<>-\\[\\]-~ ]{1,70}"),
                Just([0, 1, 2, 3, 4]).prop_shuffle(),
            ),
        ) {
            let names = ["objectId", "tenant", "tenantPassword", "metric"];
            let mut fields: Vec<String> = names.iter().zip(&texts).map(|(name, text)| format!("{name}={text}")).collect();
            fields.push("objectType=Queue".to_owned());
            let form = order.map(|at: usize| fields[at].clone()).join("&");
            let read = at_once(form.as_bytes());
            prop_assert!(read.is_some(), "{}", form);
            prop_assert_eq!(read, as_the_routes_do(form.as_bytes()), "{}", form);
        }
    }
}
