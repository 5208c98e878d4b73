//! `application/x-www-form-urlencoded` bodies, read strictly: split at `&` only, so that `;` and
//! `@` stand unescaped, and with nothing replaced that cannot be decoded.

use percent_encoding::percent_decode;

use super::metrics::Limit;

/// One field of a form. Has no `Debug`: the value may be a password.
pub(super) struct Field {
    /// Decoded.
    pub(super) name: String,
    /// Decoded; `None` when the form has no `=` after the name.
    pub(super) value: Option<String>,
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
pub(super) fn parse(body: &[u8], bound: FieldBound) -> Result<Vec<Field>, FormError> {
    let mut fields = Vec::new();
    let pieces = body.split(|&byte| byte == b'&');
    for piece in pieces.filter(|piece| !piece.is_empty()) {
        if fields.len() >= bound.max {
            return Err(bound.exceeded());
        }
        fields.push(field(piece, fields.len() + 1)?);
    }
    Ok(fields)
}

fn field(piece: &[u8], position: usize) -> Result<Field, FormError> {
    let mut halves = piece.splitn(2, |&byte| byte == b'=');
    let name = decode(halves.next().unwrap_or_default(), || at(position))?;
    let value = match halves.next() {
        Some(value) => Some(decode(value, || called(&name, position))?),
        None => None,
    };
    Ok(Field { name, value })
}

fn decode(text: &[u8], label: impl Fn() -> String) -> Result<String, FormError> {
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

    fn pairs(body: &str) -> Vec<(String, Option<String>)> {
        let Ok(fields) = parse(body.as_bytes(), BOUND) else {
            panic!("no form: {body}");
        };
        fields.into_iter().map(|f| (f.name, f.value)).collect()
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

    proptest! {
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
