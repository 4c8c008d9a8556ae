//! The fields that stand in the format of an autonumber, by their first names, so that a renaming changes no format.

use std::sync::Arc;

use crate::{
    compile::{Drafts, summaries::value_of},
    definition::field::FieldDefinition,
    expression::{Expression, Type},
    issue::Issues,
    model::{Field, FieldKind, Object, TextFormat},
    name::{FieldName, ObjectName},
    nearest::did_you_mean,
};

/// Resolves the formats of all objects.
pub(super) fn settle(drafts: &mut Drafts<'_>, issues: &mut Issues) {
    let mut settled: Vec<(ObjectName, FieldName, FieldKind)> = Vec::new();
    for (name, draft) in drafts.iter() {
        for (field, written) in &draft.definition.fields {
            let held = draft.object.fields.get(field).map(|field| &field.kind);
            let Some(FieldKind::AutoNumber { format, fields }) = held else { continue };
            if fields.is_empty() {
                continue;
            }
            let broken = &draft.definition.broken_fields;
            let mut made = (format.clone(), Vec::new());
            for (token, _) in fields {
                let Some(found) = draft.object.field(token.as_str()) else {
                    if !broken.contains(token.as_str()) {
                        unknown(&draft.object, token, written, issues);
                    }
                    continue;
                };
                if let Some(expression) = part(found, written, issues) {
                    made.0 = made.0.replace(&format!("{{{token}}}"), &format!("{{{}}}", found.column()));
                    made.1.push((FieldName::from(found.column()), Arc::new(expression)));
                }
            }
            let kind = FieldKind::AutoNumber { format: made.0, fields: made.1 };
            settled.push((name.clone(), field.clone(), kind));
        }
    }
    for (object, field, kind) in settled {
        let field = drafts.get_mut(&object).and_then(|draft| draft.object.fields.get_mut(&field));
        if let Some(field) = field {
            field.kind = kind;
        }
    }
}

fn unknown(object: &Object, token: &FieldName, written: &FieldDefinition, issues: &mut Issues) {
    let near = did_you_mean(token.as_str(), object.fields.keys().map(FieldName::as_str));
    let message = format!("`{{{token}}}`: `{token}` is not a field of `{}`{near}", object.name);
    issues.error(&written.place, "unknown-field", message);
}

/// What a field puts into a number: a short text, an option, a whole number.
fn part(field: &Field, written: &FieldDefinition, issues: &mut Issues) -> Option<Expression> {
    use TextFormat::{Html, Markdown, RichText, TextArea};
    let of = field.kind.of_values();
    let long = matches!(of, FieldKind::Text { format: TextArea | Markdown | Html | RichText, .. });
    let fits = matches!(of, FieldKind::Text { .. } | FieldKind::Select { .. }) && !long
        || (matches!(of, FieldKind::Number { .. }) && Type::of(of) == Some(Type::Int));
    let kept = field.system || field.summary.is_some();
    if kept || !fits {
        let why = match kept {
            true => "is kept by the engine",
            false => "is no short text, option or whole number",
        };
        let message = format!("`{{{}}}` ({}) {why}, and can't stand in a number", field.name, field.declared);
        issues.error(&written.place, "not-for-this-type", message);
        return None;
    }
    value_of(field)
}
