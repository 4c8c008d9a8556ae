//! Fields that hold contents: a document, a picture, a recording.

use indexmap::IndexMap;

use crate::{
    definition::{mapping::Mapping, value::Value},
    issue::Issues,
    limits::{ACCEPTED_MAX, ENDING_CHARS_MAX},
    model::{ContentKind, Field, FieldKind},
    name::FieldName,
    yaml::Content,
};

/// Reads `accept`, `maxSize` and `multiple`; `family` is what the type's name says of media types.
pub(crate) fn read(
    declared: &str,
    family: Option<&'static str>,
    mapping: &Mapping<'_>,
    issues: &mut Issues,
) -> FieldKind {
    let accept = mapping.get("accept").map(|value| accept(declared, family, value, issues));
    let max_bytes = mapping.get("maxSize").and_then(|value| {
        let bytes = value.count(issues)?;
        if bytes == 0 {
            issues.error(&value.place(), "bad-range", "a content of no bytes could never hold anything");
        }
        Some(bytes)
    });
    let many = mapping.get("multiple").and_then(|value| value.flag(issues)).unwrap_or(false);
    let content = ContentKind { family, accept: accept.unwrap_or_default(), max_bytes };
    FieldKind::Composite { parts: parts(), many, content: Some(content) }
}

/// What a value tells of its content. Only the id is given by who writes it.
fn parts() -> IndexMap<FieldName, Field> {
    let part = |name: &str| {
        let (declared, kind) = match name {
            "size" => ("number", FieldKind::number(18, 0)),
            _ => ("text", FieldKind::text()),
        };
        Field::part(name, declared, kind, name == "id")
    };
    ContentKind::PARTS.into_iter().map(|name| (FieldName::from(name), part(name))).collect()
}

/// One or a list of media types, families of them and endings of names.
fn accept(declared: &str, family: Option<&str>, value: &Value<'_>, issues: &mut Issues) -> Vec<String> {
    let items = match value.content() {
        Content::Text(_) => vec![value.clone()],
        _ => value.list(issues).unwrap_or_default(),
    };
    if let Content::List(items) = value.content() {
        if items.is_empty() {
            issues.error(&value.place(), "empty", "nothing is listed; leave `accept` out for all");
        }
        if items.len() > ACCEPTED_MAX {
            issues.error(&value.place(), "too-many", format!("more than {ACCEPTED_MAX} media types"));
            return Vec::new();
        }
    }
    let mut accepted: Vec<String> = Vec::new();
    for item in items {
        let Some(text) = item.text(issues) else { continue };
        let text = text.to_ascii_lowercase();
        let fault = match &text {
            text if accepted.contains(text) => Some(format!("`{text}` is listed already")),
            text if is_ending(text) => None,
            text if !ContentKind::is_media_type(text) => Some(format!(
                "`{text}` is no media type (`application/pdf`), family of them (`image/*`) or ending of a name (`.pdf`)"
            )),
            text => family.filter(|family| !text.starts_with(&format!("{family}/"))).map(|family| {
                format!("a field of type {declared} takes `{family}/…`, and so never `{text}`; use a `file`")
            }),
        };
        match fault {
            Some(message) => issues.error(&item.place(), "wrong-value", message),
            None => accepted.push(text),
        }
    }
    accepted
}

/// `.pdf`, `.tar.gz`.
fn is_ending(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    text.starts_with('.') && (2..=ENDING_CHARS_MAX).contains(&text.len()) && text.bytes().all(allowed)
}
