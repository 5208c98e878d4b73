//! A value in sixteen bytes, short texts and decimals included: two thirds of what it takes elsewhere,
//! and nothing beside it.

use crate::model::{Value, write_json_text};

/// A value as a slot keeps it.
#[derive(Debug, Default)]
pub(super) enum Kept {
    /// There never was one.
    #[default]
    None,
    /// A whole number.
    Integer(i64),
    /// A decimal of a few digits.
    Decimal(Short),
    /// A text of a few bytes.
    Text(Short),
    /// Anything else.
    Other(Box<Value>),
}

/// The longest text that is kept in place, in bytes.
const SHORT_MAX: usize = 14;

/// A text that fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Short {
    len: u8,
    bytes: [u8; SHORT_MAX],
}

impl Short {
    fn of(text: &str) -> Option<Self> {
        let mut bytes = [0; SHORT_MAX];
        bytes
            .get_mut(..text.len())?
            .copy_from_slice(text.as_bytes());
        let len = u8::try_from(text.len()).ok()?;
        Some(Self { len, bytes })
    }

    fn as_str(&self) -> &str {
        let text = self.bytes.get(..usize::from(self.len));
        std::str::from_utf8(text.unwrap_or_default()).unwrap_or_default()
    }
}

impl Kept {
    /// A value to keep.
    pub(super) fn of(value: &Value) -> Self {
        let short = match value {
            Value::Integer(number) => return Self::Integer(*number),
            Value::Decimal(digits) => Short::of(digits).map(Self::Decimal),
            Value::Text(text) => Short::of(text).map(Self::Text),
            Value::State(_) => None,
        };
        short.unwrap_or_else(|| Self::Other(Box::new(value.clone())))
    }

    /// Whether there is none.
    pub(super) const fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    /// Whether it is this value.
    pub(super) fn is(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Integer(kept), Value::Integer(number)) => kept == number,
            (Self::Decimal(kept), Value::Decimal(text)) | (Self::Text(kept), Value::Text(text)) => {
                kept.as_str() == &**text
            }
            (Self::Other(kept), value) => **kept == *value,
            _ => false,
        }
    }

    /// The value, if there is one.
    pub(super) fn get(&self) -> Option<Value> {
        Some(match self {
            Self::None => return None,
            Self::Integer(number) => Value::Integer(*number),
            Self::Decimal(digits) => Value::Decimal(digits.as_str().into()),
            Self::Text(text) => Value::Text(text.as_str().into()),
            Self::Other(value) => (**value).clone(),
        })
    }

    /// Appends it as compact JSON. `None` where there is none, or where that takes work that is worth
    /// being done once: then it is to be had from [`Kept::get`].
    pub(super) fn write_json(&self, out: &mut String) -> Option<()> {
        match self {
            Self::Integer(number) => Value::Integer(*number).write_json(out),
            Self::Decimal(digits) => out.push_str(digits.as_str()),
            Self::Text(text) => write_json_text(text.as_str(), out),
            Self::Other(value) if !matches!(**value, Value::State(_)) => value.write_json(out),
            Self::Other(_) | Self::None => return None,
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::model::State;

    #[test]
    fn it_takes_sixteen_bytes() {
        assert_eq!(size_of::<Kept>(), 16);
        assert!(Kept::default().is_none() && Kept::default().get().is_none());
        assert!(!Kept::default().is(&Value::Integer(0)));
        let raw = || Value::State(Arc::new(State::Raw { raw: vec![1, 2] }));
        let state = Kept::of(&raw());
        assert!(state.is(&raw()) && state.write_json(&mut String::new()).is_none());
        assert_eq!(state.get(), Some(raw()));
    }

    proptest! {
        #[test]
        fn any_value_comes_back(
            text in "[-0-9a-z.\"é]{0,18}",
            other in "[-0-9.]{0,3}",
        ) {
            let value = Value::from_text(&text);
            let kept = Kept::of(&value);
            prop_assert_eq!(kept.get(), Some(value.clone()));
            prop_assert!(kept.is(&value) && !kept.is_none());
            let other = Value::from_text(&other);
            prop_assert_eq!(kept.is(&other), other == value);
            // What looks the same and is something else.
            prop_assert_eq!(kept.is(&Value::Text(text.clone().into())), value == Value::Text(text.into()));
            let mut out = String::new();
            prop_assert_eq!(kept.write_json(&mut out), Some(()));
            prop_assert_eq!(out, value.to_json());
        }
    }
}
