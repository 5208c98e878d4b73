//! What a statistic can be: a number, a text, or the state of an object.

use std::sync::Arc;

use super::State;

/// A statistic's value.
///
/// Numbers keep the digits the Stat Server sent: `42.50` stays `42.50`, only a fraction of nothing
/// but zeros is dropped, so that `42.0` is the integer 42.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A whole number that fits 64 bits.
    Integer(i64),
    /// Any other text in JSON's number grammar, digits as sent.
    Decimal(Box<str>),
    /// A text that is no number.
    Text(Box<str>),
    /// The state of an agent, place, queue or the like.
    State(Arc<State>),
}

impl Value {
    /// The value that a Stat Server's text stands for: a number when the text is one in JSON's
    /// grammar (no leading zeros, no `NaN`), else a text.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        let Some(number) = JsonNumber::read(text) else {
            return Self::Text(text.into());
        };
        let digits = if number.exponent || !number.zero_fraction {
            text
        } else {
            number.integer
        };
        match digits.parse::<i64>() {
            // "-0" is a number of its own in JSON; as an integer it would lose its sign.
            Ok(integer) if digits != "-0" => Self::Integer(integer),
            _ => Self::Decimal(digits.into()),
        }
    }

    /// Appends the value as compact JSON.
    pub fn write_json(&self, out: &mut String) {
        match self {
            Self::Integer(number) => out.push_str(itoa::Buffer::new().format(*number)),
            Self::Decimal(digits) => out.push_str(digits),
            Self::Text(text) => write_json_text(text, out),
            Self::State(state) => out.push_str(&state.to_json()),
        }
    }

    /// The value as compact JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        self.write_json(&mut out);
        out
    }
}

/// Appends a text as a JSON string.
pub fn write_json_text(text: &str, out: &mut String) {
    let needs_escape = |byte| matches!(byte, 0..0x20 | b'"' | b'\\');
    if text.bytes().any(needs_escape) {
        out.push_str(&serde_json::Value::from(text).to_string());
    } else {
        out.extend(["\"", text, "\""]);
    }
}

/// The parts of a text that is a number in JSON's grammar (RFC 8259, section 6).
struct JsonNumber<'a> {
    integer: &'a str,
    zero_fraction: bool,
    exponent: bool,
}

impl<'a> JsonNumber<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let sign = text.len() - unsigned.len();
        let whole = leading_digits(unsigned);
        if whole == 0 || (whole > 1 && unsigned.starts_with('0')) {
            return None;
        }
        let (integer, mut rest) = text.split_at_checked(sign + whole)?;
        let mut zero_fraction = true;
        if let Some(after_point) = rest.strip_prefix('.') {
            let (fraction, tail) = after_point.split_at_checked(leading_digits(after_point))?;
            if fraction.is_empty() {
                return None;
            }
            zero_fraction = fraction.bytes().all(|digit| digit == b'0');
            rest = tail;
        }
        let exponent = rest.strip_prefix(['e', 'E']);
        if let Some(exponent) = exponent {
            let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            rest = digits.get(leading_digits(digits)..)?;
            if digits.is_empty() {
                return None;
            }
        }
        rest.is_empty().then_some(Self {
            integer,
            zero_fraction,
            exponent: exponent.is_some(),
        })
    }
}

fn leading_digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_in_json_number_grammar_are_numbers_with_their_digits() {
        for (text, json) in [
            ("1025", "1025"),
            ("-7", "-7"),
            ("42.50", "42.50"),
            ("42.0", "42"),
            ("-3.000", "-3"),
            ("0", "0"),
            ("-0", "-0"),
            ("-0.0", "-0"),
            ("1e5", "1e5"),
            ("1.0E+5", "1.0E+5"),
            ("99999999999999999999", "99999999999999999999"),
            ("9223372036854775807", "9223372036854775807"),
        ] {
            assert_eq!(Value::from_text(text).to_json(), json, "{text}");
            assert!(!matches!(Value::from_text(text), Value::Text(_)), "{text}");
        }
    }

    proptest! {
        #[test]
        fn texts_are_written_as_the_json_library_does(text in "[\\x00-\\x7fé\u{2028}]{0,9}") {
            let mut out = String::new();
            write_json_text(&text, &mut out);
            prop_assert_eq!(out, serde_json::Value::from(text).to_string());
        }
    }

    #[test]
    fn anything_else_is_a_text() {
        for text in [
            "", "007", "NaN", "1.", ".5", "+1", "1e", "1e+", "1 ", "0x1", "--1", "1.5.2",
        ] {
            let value = Value::from_text(text);
            assert_eq!(value, Value::Text(text.into()));
            assert_eq!(value.to_json(), format!("\"{text}\""));
        }
        assert_eq!(Value::from_text("a\"b\n").to_json(), r#""a\"b\n""#);
    }
}
