//! The nearest known name, for errors.

/// Names less alike than this are not offered.
const LIKENESS_MIN: f64 = 0.75;

/// `, did you mean "stage"?`, or nothing when no name is near.
pub(crate) fn hint<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let wrong = wrong.to_lowercase();
    let likeness = |name: &'a str| (strsim::jaro_winkler(&wrong, &name.to_lowercase()), name);
    let best = known.into_iter().map(likeness).max_by(|a, b| a.0.total_cmp(&b.0));
    match best {
        Some((likeness, name)) if likeness >= LIKENESS_MIN => format!(", did you mean {name:?}?"),
        _ => String::new(),
    }
}
