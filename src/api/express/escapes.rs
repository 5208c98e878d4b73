//! Undoes beforehand what most clients escape in a form without need: `;` and `@`, and blanks.

use super::marks::Marks;

/// The form with the escapes undone that stand for nothing that separates, that begins an escape or
/// that could be part of one: whoever reads it reads the same. `plain` is where it is written, if
/// there is anything to be undone.
pub(super) fn undone<'a>(form: &'a [u8], plain: &'a mut Vec<u8>) -> &'a [u8] {
    // All bytes, whatever was found: so many are compared at once.
    let is_escape = |byte: u8| u8::from(byte == b'%') | u8::from(byte == b'+');
    let escapes = form.iter().fold(0, |found, byte| found | is_escape(*byte));
    if escapes == 0 {
        return form;
    }
    plain.clear();
    let mut begin = 0;
    for place in Marks::of(form) {
        let rest = form.get(place..).unwrap_or_default();
        let (stands_for, length) = match rest {
            [b'+', ..] => (b' ', 1),
            [b'%', high, low, ..] => match character(*high, *low) {
                Some(character) => (character, 3),
                None => continue,
            },
            _ => continue,
        };
        plain.extend_from_slice(form.get(begin..place).unwrap_or_default());
        plain.push(stands_for);
        begin = place + length;
    }
    if begin == 0 {
        return form;
    }
    plain.extend_from_slice(form.get(begin..).unwrap_or_default());
    plain
}

/// What these two digits stand for, if that may be undone.
fn character(high: u8, low: u8) -> Option<u8> {
    Some(match (high, low) {
        (b'2', b'0') => b' ',
        (b'2', b'C' | b'c') => b',',
        (b'2', b'F' | b'f') => b'/',
        (b'3', b'A' | b'a') => b':',
        (b'3', b'B' | b'b') => b';',
        (b'4', b'0') => b'@',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::api::form::{self, FieldBound};
    use crate::api::metrics::Limit;

    const BOUND: FieldBound = FieldBound {
        max: 9,
        limit: Limit::StatisticsPerRequest,
    };

    fn read(form: &[u8]) -> Option<Vec<(String, Option<String>)>> {
        let fields = form::parse(form, BOUND).ok()?.into_iter();
        let owned = |field: form::Field<'_>| {
            let value = field.value.map(std::borrow::Cow::into_owned);
            (field.name.into_owned(), value)
        };
        Some(fields.map(owned).collect())
    }

    #[test]
    fn what_need_not_be_escaped_is_undone() {
        let mut plain = Vec::new();
        let mut undo = |form: &str| {
            let undone = undone(form.as_bytes(), &mut plain);
            String::from_utf8(undone.to_vec()).unwrap()
        };
        assert_eq!(undo("a=E;Q;1@S;T"), "a=E;Q;1@S;T");
        assert_eq!(undo("a=E%3BQ%3b1%40S+x%20y%3BT"), "a=E;Q;1@S x y;T");
        assert_eq!(undo("a=%26%3D%253B%2B%4"), "a=%26%3D%253B%2B%4");
    }

    proptest! {
        #[test]
        fn whoever_reads_it_reads_the_same(
            form in "(%3B|%40|%20|\\+|%25|%26|%3D|%|[a23B0;=&@]|é){0,30}",
        ) {
            let mut plain = Vec::new();
            let undone = undone(form.as_bytes(), &mut plain);
            prop_assert_eq!(read(undone), read(form.as_bytes()));
        }
    }
}
