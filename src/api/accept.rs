//! `Accept`: which of the types that can be written here a client likes best (RFC 9110, section
//! 12.5.1).

/// What a media range names, from the vaguest to the most telling.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    Everything,
    Kind,
    Exactly,
}

/// The offered type with the greatest weight; of several the one whose range stands first in the
/// list, and then the one that is offered first. `None` when none of them is accepted. Without a
/// list everything is. Parameters other than `q` make no difference; a weight that cannot be read
/// counts as none.
pub(super) fn preferred<'a, T: Copy>(
    lines: impl Iterator<Item = &'a str>,
    offered: &[(&str, T)],
) -> Option<T> {
    let ranges: Vec<(&str, u16)> = lines
        .flat_map(|line| line.split(','))
        .filter_map(range)
        .collect();
    if ranges.is_empty() {
        return offered.first().map(|(_, one)| *one);
    }
    let mut best: Option<(u16, usize, T)> = None;
    for (name, one) in offered {
        let matching = ranges.iter().enumerate();
        let matching = matching
            .filter_map(|(place, (range, weight))| Some((reach(range, name)?, *weight, place)));
        // The most telling range decides, whatever a vaguer one says.
        let Some((_, weight, place)) =
            matching.max_by_key(|(reach, weight, place)| (*reach, *weight, usize::MAX - place))
        else {
            continue;
        };
        let is_better = best
            .as_ref()
            .is_none_or(|(known, at, _)| weight > *known || (weight == *known && place < *at));
        if weight > 0 && is_better {
            best = Some((weight, place, *one));
        }
    }
    best.map(|(_, _, one)| one)
}

/// A media range without its parameters, and its weight in thousandths.
fn range(element: &str) -> Option<(&str, u16)> {
    let mut parts = element.split(';').map(str::trim);
    let name = parts.next().filter(|name| !name.is_empty())?;
    let weight = parts.find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim_end().eq_ignore_ascii_case("q").then_some(value)
    });
    let weight = weight.map_or(1000, |text| thousandths(text.trim()).unwrap_or(0));
    Some((name, weight))
}

fn thousandths(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = format!("{whole}{fraction:0<3}");
    let is_weight = digits.len() == 4 && whole.len() == 1;
    if !is_weight || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok().filter(|weight| *weight <= 1000)
}

/// How exactly a range names a type, if it does.
fn reach(range: &str, name: &str) -> Option<Reach> {
    if range == "*/*" {
        return Some(Reach::Everything);
    }
    if range.eq_ignore_ascii_case(name) {
        return Some(Reach::Exactly);
    }
    let kind = range.strip_suffix("/*")?;
    let (own, _) = name.split_once('/')?;
    kind.eq_ignore_ascii_case(own).then_some(Reach::Kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greatest_weight_wins_then_the_first_in_the_list() {
        let offered = [
            ("application/json", "json"),
            ("text/csv", "csv"),
            ("application/x-ndjson", "lines"),
        ];
        for (line, expected) in [
            ("", Some("json")),
            (" , ", Some("json")),
            ("*/*", Some("json")),
            ("text/*", Some("csv")),
            ("TEXT/CSV", Some("csv")),
            ("text/csv, application/json", Some("csv")),
            ("application/json;q=0.5, text/csv;q=0.9", Some("csv")),
            (
                "application/json;q=0.5, text/csv; header=present ; Q=0.9",
                Some("csv"),
            ),
            ("text/csv;q=0.1, */*;q=0.2", Some("json")),
            ("*/*, application/json;q=0", Some("csv")),
            ("application/*;q=0.3, application/json;q=0.1", Some("lines")),
            ("text/csv;q=0", None),
            ("text/html, image/*", None),
            ("text/csv;q=0.0001", None),
            ("text/csv;q=2", None),
            ("text/csv;q=x, application/json;q=0.001", Some("json")),
            ("text/csv;q=1.000", Some("csv")),
            ("text/csv;q=+.5", None),
        ] {
            let found = preferred(std::iter::once(line), &offered);
            assert_eq!(found, expected, "{line}");
        }
        assert_eq!(preferred(std::iter::empty(), &offered), Some("json"));
    }
}
