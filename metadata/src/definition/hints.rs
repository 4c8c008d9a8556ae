//! What a field says to who draws it.

use crate::{definition::mapping::Mapping, issue::Issues, model::Hints};

/// Why a field is not to be used any more, where its author says only that.
const NO_REASON: &str = "no longer used";

/// Reads `group`, `placeholder`, `rows`, `widget`, `useGrouping`, `language`.
pub(crate) fn read(mapping: &Mapping<'_>, issues: &mut Issues) -> Hints {
    let text = |key: &str, issues: &mut Issues| Some(mapping.get(key)?.text(issues)?.to_owned());
    Hints {
        group: text("group", issues),
        placeholder: mapping.get("placeholder").and_then(|value| value.labels(issues)).unwrap_or_default(),
        rows: mapping.get("rows").and_then(|value| value.count(issues)),
        widget: text("widget", issues),
        use_grouping: mapping.get("useGrouping").and_then(|value| value.flag(issues)),
        language: text("language", issues),
    }
}

/// Reads `deprecated`: `true`, or why.
pub(crate) fn deprecated(mapping: &Mapping<'_>, issues: &mut Issues) -> Option<String> {
    let value = mapping.get("deprecated")?;
    match value.content() {
        crate::yaml::Content::Boolean(flag) => flag.then(|| NO_REASON.to_owned()),
        _ => value.text(issues).map(str::to_owned),
    }
}
