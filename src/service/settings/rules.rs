//! The second reading of how statistics are treated: `[[rule]]` and `[[definition]]`.

use std::collections::HashMap;
use std::sync::Arc;

use super::super::file::{Definition, File, Rule, Silence, Word};
use super::check::Check;
use crate::model::{Policy, Rules, StatisticPattern};
use crate::wire::{Recipe, RecipeText};

impl Check<'_> {
    pub(super) fn rules(&mut self, file: &File) -> Rules {
        let mut rules = Vec::new();
        for rule in &file.rule {
            match StatisticPattern::new(rule.pattern.get_ref()) {
                Ok(pattern) => rules.push((pattern, policy(rule))),
                Err(error) => self.fault(&rule.pattern, error.to_string()),
            }
        }
        Rules::new(rules)
    }

    /// By name; each with the name of the pair that opens it.
    pub(super) fn definitions(&mut self, file: &File) -> HashMap<String, (Recipe, Arc<str>)> {
        let first = file.stat_server.first();
        let first = first.map_or("", |server| server.name.get_ref().as_str());
        let mut recipes = HashMap::new();
        for definition in &file.definition {
            let server = definition.server.as_ref();
            if let Some(server) = server
                && !file
                    .stat_server
                    .iter()
                    .any(|known| known.name.get_ref() == server.get_ref())
            {
                self.fault(server, "no [[stat_server]] has this name".to_owned());
            }
            let server = server.map_or(first, |server| server.get_ref().as_str());
            let name = definition.name.get_ref();
            match recipe(definition) {
                _ if name.is_empty() || recipes.contains_key(name) => {
                    let text = "a definition's name must be unique and not empty";
                    self.fault(&definition.name, text.to_owned());
                }
                Ok(recipe) => {
                    recipes.insert(name.clone(), (recipe, server.into()));
                }
                Err(error) => self.fault(&definition.name, format!("{name}: {error}")),
            }
        }
        recipes
    }
}

fn policy(rule: &Rule) -> Policy {
    Policy {
        silence_is_unchanged: rule.silence == Silence::Unchanged,
        keep_open: rule.keep_open,
        insensitivity: rule.insensitivity,
        frequency: rule.frequency,
        retention: rule.retention,
    }
}

fn recipe(definition: &Definition) -> Result<Recipe, crate::wire::RecipeError> {
    let words = |words: &[Word]| words.iter().map(Word::text).collect::<Vec<_>>();
    Recipe::new(RecipeText {
        category: &definition.category.text(),
        subject: &definition.subject.text(),
        interval: &definition.interval.text(),
        interval_length: definition.interval_length,
        main_mask: &words(&definition.main_mask),
        relative_mask: &words(&definition.relative_mask),
        time_range: &definition.time_range,
        time_range2: &definition.time_range2,
    })
}
