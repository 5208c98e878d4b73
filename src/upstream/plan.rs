//! How each statistic is to be asked for, as the configuration says: kept open or fetched, how
//! coarsely it notifies, and what a metric means that is spelled out here instead of on the server.

use std::collections::HashMap;
use std::sync::Arc;

use crate::model::{Policy, Rules, Statistic};
use crate::wire::{Definition, Recipe, RecipeError};

/// How one statistic is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manner {
    /// Whether it stays open; else each live value is fetched and nothing stays open.
    pub keep_open: bool,
    /// How much the value must change to be told, if set.
    pub insensitivity: Option<i32>,
    /// Seconds between notifications, if set.
    pub frequency: Option<i32>,
    /// What it means, where the request must say so itself.
    pub spelled_out: Option<SpelledOut>,
}

/// A definition that goes into the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpelledOut {
    /// The definition, in numbers.
    pub definition: Definition,
    /// The name of the pair that opens it.
    pub server: Arc<str>,
}

impl Default for Manner {
    fn default() -> Self {
        Self::of(Policy::default())
    }
}

impl Manner {
    fn of(policy: Policy) -> Self {
        Self {
            keep_open: policy.keep_open,
            insensitivity: policy.insensitivity,
            frequency: policy.frequency,
            spelled_out: None,
        }
    }
}

/// What the configuration says of asking for statistics.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    rules: Rules,
    /// By metric; each with the name of the pair that opens it.
    recipes: HashMap<String, (Recipe, Arc<str>)>,
    /// Shared by all statistics that nothing special is said of.
    ordinary: Arc<Manner>,
}

impl Plan {
    /// A plan of these rules, and of the metrics that are spelled out here, each with the name of
    /// the pair that opens it.
    #[must_use]
    pub fn new(rules: Rules, recipes: HashMap<String, (Recipe, Arc<str>)>) -> Self {
        Self {
            rules,
            recipes,
            ordinary: Arc::default(),
        }
    }

    /// How this statistic is treated.
    #[must_use]
    pub fn policy(&self, statistic: &Statistic) -> Policy {
        self.rules.policy(statistic)
    }

    /// How this statistic is asked for.
    ///
    /// # Errors
    /// Its metric is spelled out here and does not fit its object type or its time range.
    pub fn manner(&self, statistic: &Statistic) -> Result<Arc<Manner>, RecipeError> {
        let policy = self.rules.policy(statistic);
        let recipe = self.recipes.get(statistic.metric());
        let mut manner = Manner::of(policy);
        // The value before the return to zero is told by notification only.
        manner.keep_open |= statistic.reset();
        if let Some((recipe, server)) = recipe {
            manner.spelled_out = Some(SpelledOut {
                definition: recipe.definition(statistic)?,
                server: server.clone(),
            });
        }
        Ok(if manner == *self.ordinary {
            self.ordinary.clone()
        } else {
            Arc::new(manner)
        })
    }
}
