//! What is typed to find statistics.

use wildmatch::WildMatch;

/// A part of the text form, or a glob over all of it.
pub(super) enum Filter {
    Glob(WildMatch),
    Part(String),
}

impl Filter {
    pub(super) fn new(text: &str) -> Self {
        if text.contains(['*', '?']) {
            Self::Glob(WildMatch::new_case_insensitive(text))
        } else {
            Self::Part(text.to_lowercase())
        }
    }

    pub(super) fn matches(&self, text: &str) -> bool {
        match self {
            Self::Glob(glob) => glob.matches(text),
            Self::Part(part) => part.is_empty() || text.to_lowercase().contains(part),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_or_a_glob_in_any_case() {
        let text = "Wait;Queue;Ärger;E";
        for (filter, is_found) in [
            ("", true),
            ("queue", true),
            ("WAIT;queue;ä", true),
            ("*;queue;*", true),
            ("wait*", true),
            ("ait*", false),
            ("????", false),
            ("agent", false),
        ] {
            assert_eq!(Filter::new(filter).matches(text), is_found, "{filter}");
        }
    }
}
