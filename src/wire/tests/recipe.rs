//! Definitions out of the configuration.

use crate::model::{ObjectType, Statistic};
use crate::wire::{Recipe, RecipeError, RecipeText};

fn waiting_now(mask: &[String]) -> RecipeText<'_> {
    RecipeText {
        category: "CurrentNumber",
        subject: "DNAction",
        interval: "GrowingWindow",
        main_mask: mask,
        ..RecipeText::default()
    }
}

#[test]
fn action_names_get_the_numbers_of_the_object_type_asked_for() {
    let mask = ["CallWait".to_owned(), "1".to_owned()];
    let recipe = Recipe::new(waiting_now(&mask)).unwrap();
    let of = |object_type| {
        let statistic = Statistic::new("Waiting_Now", object_type, "x", "Environment");
        recipe.definition(&statistic).unwrap()
    };
    let queue = of(ObjectType::Queue);
    assert_eq!((queue.category, queue.subject, queue.interval), (12, 0, 0));
    // Action 9 and action 1, of twelve bytes.
    assert_eq!(queue.main_mask[..2], [0b10, 0b10]);
    assert_eq!(queue.main_mask.len(), 12);
    assert_eq!(queue.relative_mask, [0; 12]);
    // Action 79 there: bit 7 of byte 9.
    let agent = of(ObjectType::Agent);
    assert_eq!(
        (agent.main_mask.len(), agent.main_mask[9]),
        (27, 0b1000_0000)
    );
}

#[test]
fn what_a_recipe_cannot_mean_is_named() {
    let unknown = |text: RecipeText<'_>| Recipe::new(text).unwrap_err();
    let waits = ["CallWait".to_owned()];
    let good = waiting_now(&waits);
    let category = RecipeText {
        category: "Sum",
        ..good
    };
    assert_eq!(unknown(category), RecipeError::Category("Sum".into()));
    let mask = ["CallVanished".to_owned()];
    let action = RecipeText {
        relative_mask: &mask,
        ..good
    };
    assert_eq!(unknown(action), RecipeError::Action("CallVanished".into()));
    for range in ["20", "20-5", "a-b", "-1-5"] {
        let text = RecipeText {
            time_range: range,
            ..good
        };
        assert_eq!(unknown(text), RecipeError::TimeRange(range.into()));
    }
    let recipe = Recipe::new(good).unwrap();
    let staging = Statistic::new("Waiting_Now", ObjectType::StagingArea, "x", "Environment");
    assert_eq!(
        recipe.definition(&staging),
        Err(RecipeError::ActionOf(
            "CallWait".into(),
            ObjectType::StagingArea
        ))
    );
    let mask = ["100".to_owned()];
    let recipe = Recipe::new(waiting_now(&mask)).unwrap();
    let queue = Statistic::new("Waiting_Now", ObjectType::Queue, "x", "Environment");
    assert_eq!(
        recipe.definition(&queue),
        Err(RecipeError::Beyond(100, ObjectType::Queue))
    );
}

#[test]
fn a_statistics_own_refinements_come_before_the_recipes() {
    let waits = ["CallWait".to_owned()];
    let recipe = Recipe::new(RecipeText {
        time_range: "0-20",
        time_range2: "0-60",
        interval_length: Some(900),
        ..waiting_now(&waits)
    })
    .unwrap();
    let statistic: Statistic = "W;Queue;q;E;Vip;Shift;5-30;".parse().unwrap();
    let definition = recipe.definition(&statistic).unwrap();
    assert_eq!(definition.time_range, Some((5, 30)));
    assert_eq!(definition.time_range2, Some((0, 60)));
    assert_eq!(definition.interval_length, Some(900));
    assert_eq!(
        (definition.filter.as_str(), definition.time_profile.as_str()),
        ("Vip", "Shift")
    );
}
