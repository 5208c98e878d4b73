//! A statistic type spelled out in the configuration instead of on the Stat Server: checked when it
//! is read, turned into the numbers of a request when the object type is known.

use super::enumeration::{self, ActionSet};
use super::request::Definition;
use crate::model::{ObjectType, Statistic};

/// What the configuration says of a statistic type, in the protocol's names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    category: i32,
    subject: i32,
    interval: i32,
    interval_length: Option<i32>,
    main_mask: Vec<Action>,
    relative_mask: Vec<Action>,
    time_range: Option<(i32, i32)>,
    time_range2: Option<(i32, i32)>,
}

/// The parts of a recipe as they are written.
#[derive(Debug, Clone, Copy, Default)]
pub struct RecipeText<'a> {
    /// A category's name or number.
    pub category: &'a str,
    /// A subject's name or number.
    pub subject: &'a str,
    /// An interval type's name or number.
    pub interval: &'a str,
    /// Seconds of the interval, where it has a length.
    pub interval_length: Option<i32>,
    /// Names or numbers of actions.
    pub main_mask: &'a [String],
    /// The same, of the mask that the main one is related to.
    pub relative_mask: &'a [String],
    /// `low-high` in seconds; empty for none.
    pub time_range: &'a str,
    /// The same.
    pub time_range2: &'a str,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Action {
    Named(String),
    /// A number, where a name is missing.
    Number(u16),
}

/// Why a recipe, or a statistic made by one, cannot be asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum RecipeError {
    #[error("no category is called '{0}'; a number may be given instead")]
    Category(String),
    #[error("no subject is called '{0}'; a number may be given instead")]
    Subject(String),
    #[error("no interval is called '{0}'; a number may be given instead")]
    Interval(String),
    #[error("no action is called '{0}'; a number may be given instead")]
    Action(String),
    #[error("objects of type {1} know no action '{0}'")]
    ActionOf(String, ObjectType),
    #[error("action {0} lies beyond the mask of objects of type {1}")]
    Beyond(u16, ObjectType),
    #[error("a time range is written low-high in seconds, for example 0-20; this is '{0}'")]
    TimeRange(String),
}

impl Recipe {
    /// Checks the names.
    ///
    /// # Errors
    /// The first name that means nothing.
    pub fn new(text: RecipeText<'_>) -> Result<Self, RecipeError> {
        let owned = str::to_owned;
        Ok(Self {
            category: enumeration::category(text.category)
                .ok_or_else(|| RecipeError::Category(owned(text.category)))?,
            subject: enumeration::subject(text.subject)
                .ok_or_else(|| RecipeError::Subject(owned(text.subject)))?,
            interval: enumeration::interval(text.interval)
                .ok_or_else(|| RecipeError::Interval(owned(text.interval)))?,
            interval_length: text.interval_length,
            main_mask: actions(text.main_mask)?,
            relative_mask: actions(text.relative_mask)?,
            time_range: time_range(text.time_range)?,
            time_range2: time_range(text.time_range2)?,
        })
    }

    /// The definition as a request carries it. Refinements of the statistic come before the
    /// recipe's own; time ranges have no names in such a request, so theirs are `low-high`.
    ///
    /// # Errors
    /// The recipe does not fit the statistic's object type, or a time range is no range.
    pub fn definition(&self, statistic: &Statistic) -> Result<Definition, RecipeError> {
        let object_type = statistic.object_type();
        Ok(Definition {
            category: self.category,
            subject: self.subject,
            interval: self.interval,
            interval_length: self.interval_length,
            main_mask: mask(&self.main_mask, object_type)?,
            relative_mask: mask(&self.relative_mask, object_type)?,
            time_range: time_range(statistic.time_range())?.or(self.time_range),
            time_range2: time_range(statistic.time_range2())?.or(self.time_range2),
            filter: statistic.filter().to_string(),
            time_profile: statistic.time_profile().to_string(),
        })
    }
}

fn actions(texts: &[String]) -> Result<Vec<Action>, RecipeError> {
    let action = |text: &String| match text.parse() {
        Ok(number) => Ok(Action::Number(number)),
        Err(_) if ActionSet::any_knows(text) => Ok(Action::Named(text.clone())),
        Err(_) => Err(RecipeError::Action(text.clone())),
    };
    texts.iter().map(action).collect()
}

fn mask(actions: &[Action], object_type: ObjectType) -> Result<Vec<u8>, RecipeError> {
    let set = ActionSet::of(object_type);
    let mut mask = vec![0; set.mask_len()];
    for action in actions {
        let bit = match action {
            Action::Number(number) => *number,
            Action::Named(name) => set
                .code(name)
                .ok_or_else(|| RecipeError::ActionOf(name.clone(), object_type))?,
        };
        let byte = mask
            .get_mut(usize::from(bit / 8))
            .ok_or(RecipeError::Beyond(bit, object_type))?;
        *byte |= 1 << (bit % 8);
    }
    Ok(mask)
}

fn time_range(text: &str) -> Result<Option<(i32, i32)>, RecipeError> {
    if text.is_empty() {
        return Ok(None);
    }
    let range = text.split_once('-').and_then(|(low, high)| {
        let (low, high) = (low.trim().parse().ok()?, high.trim().parse().ok()?);
        (0 <= low && low <= high).then_some((low, high))
    });
    match range {
        Some(range) => Ok(Some(range)),
        None => Err(RecipeError::TimeRange(text.to_owned())),
    }
}
