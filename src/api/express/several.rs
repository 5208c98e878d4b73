//! A form of several statistics, read in one go where it is asked as usual.

use std::borrow::Cow;

use super::marks::Marks;
use crate::api::form::{self, FieldBound};
use crate::api::question;
use crate::model::{FIELD_LEN_MAX, NotificationMode, ObjectType, Statistic};

/// One field of the form.
pub(super) struct Asked<'a> {
    /// The client's own name.
    pub(super) name: Cow<'a, str>,
    /// In UTF-8.
    pub(super) tenant: Cow<'a, [u8]>,
    pub(super) mode: NotificationMode,
}

/// Something about the form is wrong; the routes say what.
pub(super) struct Wrong;

/// The fields of a form, in the order sent.
pub(super) struct Several<'a> {
    form: &'a str,
    marks: Marks<'a>,
    /// Where the next field begins; `None` after the last.
    begin: Option<usize>,
    count: usize,
    bound: FieldBound,
}

/// What stands between two `&`.
enum Piece<'a> {
    /// `name=metric;type;object;tenant`, each as it is meant; all of it ASCII.
    Plain {
        name: &'a str,
        kind: &'a [u8],
        /// Metric, object, tenant.
        texts: [&'a [u8]; 3],
    },
    /// Anything else.
    Other(&'a str),
}

impl<'a> Several<'a> {
    /// `None` for what only the routes can tell to be a form or not.
    pub(super) fn read(form: &'a [u8], bound: FieldBound) -> Option<Self> {
        Some(Self {
            form: std::str::from_utf8(form).ok()?,
            marks: Marks::of(form),
            begin: Some(0),
            count: 0,
            bound,
        })
    }

    /// The next field, with the key of its statistic appended to `key`.
    #[inline]
    pub(super) fn next(&mut self, key: &mut Vec<u8>) -> Option<Result<Asked<'a>, Wrong>> {
        loop {
            match self.piece()? {
                Piece::Other("") => {}
                _ if self.count >= self.bound.max => return Some(Err(Wrong)),
                Piece::Plain { name, kind, texts } => {
                    self.count += 1;
                    return Some(plainly(name, kind, texts, key).ok_or(Wrong));
                }
                Piece::Other(piece) => {
                    self.count += 1;
                    return Some(thoroughly(piece, self.count, key).ok_or(Wrong));
                }
            }
        }
    }

    #[inline]
    fn piece(&mut self) -> Option<Piece<'a>> {
        let begin = self.begin?;
        let form = self.form.as_bytes();
        let mut ends = [begin; 5];
        for (place, expected) in ends.iter_mut().zip(*b"=;;;&") {
            // The form's end is as good as another field's begin.
            let end = self.marks.next().unwrap_or(form.len());
            *place = end;
            if form.get(end).is_some_and(|found| *found != expected)
                || (end == form.len() && expected != b'&')
            {
                return self.other(begin, end);
            }
        }
        let [name, metric, kind, object, tenant] = ends;
        self.begin = (tenant < form.len()).then_some(tenant + 1);
        if tenant - begin > FIELD_LEN_MAX {
            return Some(Piece::Other(self.form.get(begin..tenant)?));
        }
        Some(Piece::Plain {
            name: self.form.get(begin..name)?,
            kind: form.get(metric + 1..kind)?,
            texts: [
                form.get(name + 1..metric)?,
                form.get(kind + 1..object)?,
                form.get(object + 1..tenant)?,
            ],
        })
    }

    /// The piece up to the next `&` from `mark` on.
    #[cold]
    fn other(&mut self, begin: usize, mark: usize) -> Option<Piece<'a>> {
        let form = self.form.as_bytes();
        let is_end = |place: &usize| form.get(*place) == Some(&b'&');
        let end = if is_end(&mark) {
            mark
        } else {
            self.marks.find(is_end).unwrap_or(form.len())
        };
        self.begin = (end < form.len()).then_some(end + 1);
        Some(Piece::Other(self.form.get(begin..end)?))
    }
}

/// The same as [`thoroughly`], of what has nothing to be decoded, no control character and no field
/// that is too long.
#[inline]
fn plainly<'a>(
    name: &'a str,
    kind: &[u8],
    texts: [&'a [u8]; 3],
    key: &mut Vec<u8>,
) -> Option<Asked<'a>> {
    if name.is_empty() || texts.iter().any(|text| text.is_empty()) {
        return None;
    }
    let kind = ObjectType::from_name(kind)?;
    Statistic::write_key_of(kind, texts, key);
    let [_, _, tenant] = texts;
    Some(Asked {
        name: Cow::Borrowed(name),
        tenant: Cow::Borrowed(tenant),
        mode: NotificationMode::Immediate,
    })
}

#[cold]
fn thoroughly<'a>(piece: &'a str, position: usize, key: &mut Vec<u8>) -> Option<Asked<'a>> {
    let field = form::field(piece.as_bytes(), position).ok()?;
    let statistic = question::one_of_several(&field, position).ok()?;
    statistic.write_key(key);
    let mode = question::mode_of_several(&statistic);
    let tenant = Cow::Owned(statistic.tenant.into_owned().into_bytes());
    Some(Asked {
        name: field.name,
        tenant,
        mode,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::api::metrics::Limit;

    const BOUND: FieldBound = FieldBound {
        max: 3,
        limit: Limit::StatisticsPerRequest,
    };

    /// Names, keys, tenants and modes; `None` where something is wrong.
    type Read = Option<Vec<(String, Vec<u8>, Vec<u8>, NotificationMode)>>;

    fn read(form: &[u8]) -> Read {
        let mut fields = Several::read(form, BOUND)?;
        let (mut key, mut all) = (Vec::new(), Vec::new());
        while let Some(asked) = fields.next(&mut key) {
            let Asked { name, tenant, mode } = asked.ok()?;
            all.push((name.into(), std::mem::take(&mut key), tenant.into(), mode));
        }
        Some(all)
    }

    fn plainly_read(form: &[u8]) -> Read {
        let fields = form::parse(form, BOUND).ok()?;
        let one = |(at, field): (usize, &form::Field<'_>)| {
            let asked = question::one_of_several(field, at + 1).ok()?;
            let mode = question::mode_of_several(&asked);
            let (name, tenant) = (field.name.clone().into(), asked.tenant.as_bytes().to_vec());
            let key = asked.to_statistic().key().to_vec();
            Some((name, key, tenant, mode))
        };
        fields.iter().enumerate().map(one).collect()
    }

    proptest! {
        #[test]
        fn it_reads_what_the_routes_read(
            pieces in prop::collection::vec(
                "(s[0-9]?|\"|\\\\| )?=?(Wait|a%3Bb|%253B|é|\u{7f})?;(queue|Agent|x)?;(9001@S|K|=|%20)?;(T|\\+)?(;;;r;(;Reset)?)?",
                0..5,
            ),
        ) {
            let form = pieces.join("&");
            prop_assert_eq!(read(form.as_bytes()), plainly_read(form.as_bytes()), "{}", form);
        }

        #[test]
        fn usual_forms_are_read_alike_however_long(
            pieces in prop::collection::vec("[a-z]{1,20}=[A-Z]{1,30};Queue;[0-9]{1,40};[A-Z]{1,9}", 1..4),
        ) {
            let form = pieces.join("&");
            let found = read(form.as_bytes());
            prop_assert_eq!(found.as_ref().map(Vec::len), Some(pieces.len()));
            prop_assert_eq!(found, plainly_read(form.as_bytes()));
        }
    }
}
