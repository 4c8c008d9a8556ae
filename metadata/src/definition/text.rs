//! Lengths and patterns of texts and passwords.

use crate::{
    definition::mapping::Mapping,
    issue::Issues,
    limits::{PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN},
    model::{FieldKind, TextFormat},
    pattern::Pattern,
};

/// Reads `minLength`, `maxLength`, `pattern`.
pub(crate) fn read(format: TextFormat, mapping: &Mapping<'_>, issues: &mut Issues) -> FieldKind {
    let (min_length, max_length) = lengths(mapping, issues);
    let pattern = mapping.get("pattern").and_then(|value| {
        let text = value.text(issues)?;
        Pattern::parse(text)
            .inspect_err(|fault| {
                let message = format!("`{text}` is not a pattern: {fault}");
                issues.error(&value.place(), "bad-format", message);
            })
            .ok()
    });
    FieldKind::Text { format, min_length, max_length, pattern }
}

/// Reads the lengths of a password.
pub(crate) fn password(mapping: &Mapping<'_>, issues: &mut Issues) -> FieldKind {
    let (min_length, max_length) = lengths(mapping, issues);
    if let (Some(value), Some(length)) = (mapping.get("maxLength"), max_length)
        && !(PASSWORD_CHARS_MIN..=PASSWORD_CHARS_MAX).contains(&length)
    {
        let message = format!("a password has {PASSWORD_CHARS_MIN} to {PASSWORD_CHARS_MAX} characters");
        issues.error(&value.place(), "bad-range", message);
    }
    if let (Some(value), Some(..PASSWORD_CHARS_MIN)) = (mapping.get("minLength"), min_length) {
        let message = format!("a password of fewer than {PASSWORD_CHARS_MIN} characters is none");
        issues.error(&value.place(), "bad-range", message);
    }
    FieldKind::Password {
        min_length: min_length.unwrap_or(PASSWORD_CHARS_MIN),
        max_length: max_length.unwrap_or(PASSWORD_CHARS_MAX),
    }
}

fn lengths(mapping: &Mapping<'_>, issues: &mut Issues) -> (Option<u32>, Option<u32>) {
    let min_length = mapping.get("minLength").and_then(|value| value.count(issues));
    let max_length = mapping.get("maxLength").and_then(|value| value.count(issues));
    if let (Some(max), Some(value)) = (max_length, mapping.get("maxLength")) {
        if max == 0 {
            issues.error(&value.place(), "bad-range", "a text of no characters could never hold anything");
        } else if min_length.is_some_and(|min| min > max) {
            issues.error(&value.place(), "bad-range", "`maxLength` is below `minLength`: no text would fit");
        }
    }
    (min_length, max_length)
}
