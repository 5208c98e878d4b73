//! `application/x-www-form-urlencoded` bodies, read strictly: split at `&` only, so that `;` and
//! `@` stand unescaped, and with nothing replaced that cannot be decoded.

use std::borrow::Cow;

use percent_encoding::percent_decode;

use super::metrics::Limit;

/// One field of a form, borrowed from the body where nothing had to be decoded. Has no `Debug`: the
/// value may be a password.
pub(super) struct Field<'a> {
    /// Decoded.
    pub(super) name: Cow<'a, str>,
    /// Decoded; `None` when the form has no `=` after the name.
    pub(super) value: Option<Cow<'a, str>>,
}

/// How many fields a form may have, and which setting says so.
#[derive(Debug, Clone, Copy)]
pub(super) struct FieldBound {
    pub(super) max: usize,
    pub(super) limit: Limit,
}

/// Why a body is no form. The messages name fields and never show a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum FormError {
    #[error("the form has more than {max} fields (setting http.limits.{limit})")]
    TooMany { max: usize, limit: Limit },
    #[error("{0} has a '%' that is not followed by two hexadecimal digits")]
    Percent(String),
    #[error("{0} is not UTF-8")]
    Utf8(String),
    #[error("the multipart body is broken or breaks off in {0}")]
    Multipart(String),
}

/// The fields in the order sent, repeated ones included.
///
/// # Errors
/// Names the first field at fault.
pub(super) fn parse(body: &[u8], bound: FieldBound) -> Result<Vec<Field<'_>>, FormError> {
    fields(body, bound).collect()
}

/// As [`parse`], one after the other. What follows a fault means nothing.
pub(super) fn fields(
    body: &[u8],
    bound: FieldBound,
) -> impl Iterator<Item = Result<Field<'_>, FormError>> {
    let pieces = body.split(|&byte| byte == b'&');
    let pieces = pieces.filter(|piece| !piece.is_empty());
    pieces.enumerate().map(move |(index, piece)| {
        if index >= bound.max {
            return Err(bound.exceeded());
        }
        field(piece, index + 1)
    })
}

/// The field that stands between two `&`, at this place in the form.
///
/// # Errors
/// What is wrong with it.
pub(super) fn field(piece: &[u8], position: usize) -> Result<Field<'_>, FormError> {
    let mut halves = piece.splitn(2, |&byte| byte == b'=');
    let name = decode(halves.next().unwrap_or_default(), || at(position))?;
    let value = match halves.next() {
        Some(value) => Some(decode(value, || called(&name, position))?),
        None => None,
    };
    Ok(Field { name, value })
}

fn decode(text: &[u8], label: impl Fn() -> String) -> Result<Cow<'_, str>, FormError> {
    if !text.iter().any(|byte| matches!(byte, b'%' | b'+')) {
        let text = std::str::from_utf8(text).map_err(|_| FormError::Utf8(label()))?;
        return Ok(Cow::Borrowed(text));
    }
    if !escapes_are_whole(text) {
        return Err(FormError::Percent(label()));
    }
    let mut decoded = Vec::with_capacity(text.len());
    for (index, part) in text.split(|&byte| byte == b'+').enumerate() {
        if index > 0 {
            decoded.push(b' ');
        }
        decoded.extend(percent_decode(part));
    }
    let decoded = String::from_utf8(decoded).map_err(|_| FormError::Utf8(label()))?;
    Ok(Cow::Owned(decoded))
}

/// Whether every `%` has its two digits; the decoder itself would let a broken one through.
fn escapes_are_whole(text: &[u8]) -> bool {
    let mut after_percent = text.split(|&byte| byte == b'%').skip(1);
    after_percent.all(|rest| {
        matches!(rest, [high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit())
    })
}

impl FieldBound {
    pub(super) fn exceeded(self) -> FormError {
        FormError::TooMany {
            max: self.max,
            limit: self.limit,
        }
    }
}

/// A field in a message, by its name: shortened, and without control characters.
pub(super) fn called(name: &str, position: usize) -> String {
    const SHOWN_MAX: usize = 64;
    if name.is_empty() {
        return at(position);
    }
    let shown: String = name
        .chars()
        .take(SHOWN_MAX)
        .map(|c| if c.is_control() { '?' } else { c })
        .collect();
    format!("field '{shown}'")
}

/// A field in a message, by its place: for those whose name may be a value gone astray.
pub(super) fn at(position: usize) -> String {
    format!("field {position}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BOUND: FieldBound = FieldBound {
        max: 4,
        limit: Limit::Fields,
    };

    type Pair = (String, Option<String>);

    fn owned(fields: Vec<Field<'_>>) -> Vec<Pair> {
        fields
            .into_iter()
            .map(|f| (f.name.into_owned(), f.value.map(Cow::into_owned)))
            .collect()
    }

    fn pairs(body: &str) -> Vec<Pair> {
        let Ok(fields) = parse(body.as_bytes(), BOUND) else {
            panic!("no form: {body}");
        };
        owned(fields)
    }

    #[test]
    fn fields_are_split_at_ampersands_and_decoded() {
        let some = |name: &str, value: &str| (name.to_owned(), Some(value.to_owned()));
        assert_eq!(pairs(""), []);
        assert_eq!(
            pairs("stat1=E;Queue;9002@SIP_Switch;Env&b=1+2%2B%c3%A9&&c=d=e"),
            [
                some("stat1", "E;Queue;9002@SIP_Switch;Env"),
                some("b", "1 2+é"),
                some("c", "d=e"),
            ]
        );
        assert_eq!(
            pairs("bare&empty="),
            [("bare".into(), None), some("empty", "")]
        );
        assert_eq!(pairs("%6Fbject+Id=x"), [some("object Id", "x")]);
    }

    #[test]
    fn faults_are_named_without_their_values() {
        for (body, message) in [
            (&b"a=1&b=%zz"[..], "field 'b' has a '%' that is not"),
            (b"a=1&b=x%4", "field 'b' has a '%' that is not"),
            (b"b=%", "field 'b' has a '%' that is not"),
            (b"a=1&%=2", "field 2 has a '%' that is not"),
            (b"tenant=%ff", "field 'tenant' is not UTF-8"),
            (b"tenant=\xc3", "field 'tenant' is not UTF-8"),
            (b"secret\xff", "field 1 is not UTF-8"),
            (b"a%0a=%ff", "field 'a?' is not UTF-8"),
            (
                b"1=&2=&3=&4=&5=",
                "the form has more than 4 fields (setting",
            ),
        ] {
            let error = parse(body, BOUND).err().expect("a fault").to_string();
            assert!(error.starts_with(message), "{error}");
        }
    }

    /// The form as it was read at first: each field copied, then decoded.
    fn plainly(body: &[u8], bound: FieldBound) -> Result<Vec<Pair>, FormError> {
        fn decoded(text: &[u8], label: impl Fn() -> String) -> Result<String, FormError> {
            if !escapes_are_whole(text) {
                return Err(FormError::Percent(label()));
            }
            let spaced: Vec<u8> = text
                .iter()
                .map(|&byte| if byte == b'+' { b' ' } else { byte })
                .collect();
            let decoded: Vec<u8> = percent_decode(&spaced).collect();
            String::from_utf8(decoded).map_err(|_| FormError::Utf8(label()))
        }
        let mut pairs = Vec::new();
        let pieces = body.split(|&byte| byte == b'&');
        for piece in pieces.filter(|piece| !piece.is_empty()) {
            if pairs.len() >= bound.max {
                return Err(bound.exceeded());
            }
            let position = pairs.len() + 1;
            let mut halves = piece.splitn(2, |&byte| byte == b'=');
            let name = decoded(halves.next().unwrap_or_default(), || at(position))?;
            let value = halves.next();
            let value = value.map(|value| decoded(value, || called(&name, position)));
            pairs.push((name, value.transpose()?));
        }
        Ok(pairs)
    }

    proptest! {
        #[test]
        fn borrowing_reads_what_copying_read(
            body in prop::collection::vec(
                prop::sample::select(b"&&==%%++a2fF0c3\xc3\xa9\x00;@".to_vec()), 0..40),
        ) {
            let read = parse(&body, BOUND).map(owned);
            prop_assert_eq!(read, plainly(&body, BOUND));
        }

        #[test]
        fn nothing_a_client_sends_makes_it_panic(body: Vec<u8>) {
            parse(&body, BOUND).ok();
        }

        #[test]
        fn encoded_fields_come_back(name in "\\PC{1,20}", value in "\\PC{0,20}") {
            use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
            let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
            let body = format!("{}={}", encode(&name), encode(&value));
            prop_assert_eq!(pairs(&body), [(name, Some(value))]);
        }
    }
}
