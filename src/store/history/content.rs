//! A value as history keeps it. Texts and states stay what they are in a chunk's dictionary until
//! somebody wants more of them: a merge never does, and a scan of numbers neither.

use std::sync::Arc;

use super::decimal;
use crate::model::{State, Value};
use crate::store::codec::Fault;
use crate::store::error::Error;

/// A value as history keeps it.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::store) enum Content {
    /// A whole number.
    Integer(i64),
    /// A decimal: its digits without the point, and how many of them come after it.
    Decimal(i64, i64),
    /// A decimal whose digits do not come back from two numbers.
    Digits(Arc<str>),
    /// A text that is no number.
    Text(Arc<str>),
    /// The state of an object, as JSON.
    State(Arc<str>),
    /// As it came, not packed yet.
    Fresh(Value),
}

/// A value where it lies in history.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ContentRef<'a> {
    /// A whole number.
    Integer(i64),
    /// A decimal: its digits without the point, and how many of them come after it.
    Decimal(i64, i64),
    /// A decimal whose digits do not come back from two numbers.
    Digits(&'a Arc<str>),
    /// A text that is no number.
    Text(&'a Arc<str>),
    /// The state of an object, as JSON.
    State(&'a Arc<str>),
    /// As it came, not packed yet.
    Fresh(&'a Value),
}

impl ContentRef<'_> {
    /// The value itself; a state is parsed.
    ///
    /// # Errors
    /// The state is none that this program knows.
    pub fn value(self) -> Result<Value, Error> {
        self.read().map_err(Error::Engine)
    }

    pub(super) fn read(self) -> Result<Value, Fault> {
        Ok(match self {
            Self::Integer(number) => Value::Integer(number),
            Self::Decimal(mantissa, scale) => {
                let digits = decimal::join(mantissa, scale);
                Value::Decimal(digits.ok_or("a decimal is out of range")?.into())
            }
            Self::Digits(digits) => Value::Decimal((&**digits).into()),
            Self::Text(text) => Value::Text((&**text).into()),
            Self::State(json) => {
                let state = serde_json::from_str::<State>(json);
                let state = state.map_err(|error| format!("a state cannot be read: {error}"))?;
                Value::State(Arc::new(state))
            }
            Self::Fresh(value) => value.clone(),
        })
    }

    /// The content on its own.
    pub(super) fn into_owned(self) -> Content {
        match self {
            Self::Integer(number) => Content::Integer(number),
            Self::Decimal(mantissa, scale) => Content::Decimal(mantissa, scale),
            Self::Digits(digits) => Content::Digits(Arc::clone(digits)),
            Self::Text(text) => Content::Text(Arc::clone(text)),
            Self::State(json) => Content::State(Arc::clone(json)),
            Self::Fresh(value) => Content::Fresh(value.clone()),
        }
    }
}

impl Content {
    /// The content as it lies here.
    pub(super) const fn as_ref(&self) -> ContentRef<'_> {
        match self {
            Self::Integer(number) => ContentRef::Integer(*number),
            Self::Decimal(mantissa, scale) => ContentRef::Decimal(*mantissa, *scale),
            Self::Digits(digits) => ContentRef::Digits(digits),
            Self::Text(text) => ContentRef::Text(text),
            Self::State(json) => ContentRef::State(json),
            Self::Fresh(value) => ContentRef::Fresh(value),
        }
    }

    /// The form in which it is written.
    pub(super) fn packed(self) -> Self {
        match self {
            Self::Fresh(Value::Integer(number)) => Self::Integer(number),
            Self::Fresh(Value::Decimal(digits)) => match decimal::split(&digits) {
                Some((mantissa, scale)) => Self::Decimal(mantissa, scale),
                None => Self::Digits(digits.into()),
            },
            Self::Fresh(Value::Text(text)) => Self::Text(text.into()),
            Self::Fresh(Value::State(state)) => Self::State(state.to_json().into()),
            packed => packed,
        }
    }
}

impl From<Value> for Content {
    fn from(value: Value) -> Self {
        match value {
            Value::Integer(number) => Self::Integer(number),
            value => Self::Fresh(value),
        }
    }
}
