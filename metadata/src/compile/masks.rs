//! Masked fields: a mask fits what it hides, and nothing else shows it.
//!
//! A field that names records, or by which imports and upserts find them, has no mask: its value is told to everyone who sees or
//! writes such a record. A unique field may have one: that a value is taken is told only to who may write it.

use crate::{
    compile::{Draft, Drafts},
    definition::sharing::mask_name,
    expression::{Path, Root},
    issue::Issues,
    model::{Field, FieldKind, Object, TextFormat},
    name::FieldName,
    permissions::Mask,
};

/// Reports masks that do not fit, and formulas that show what is masked.
pub(super) fn check(drafts: &Drafts<'_>, issues: &mut Issues) {
    for draft in drafts.values() {
        for field in draft.object.fields.values() {
            mask(draft, field, issues);
            shown(draft, field, drafts, issues);
        }
    }
}

fn mask(draft: &Draft<'_>, field: &Field, issues: &mut Issues) {
    let written = draft.definition.fields.get(&field.name).and_then(|written| written.mask.as_ref());
    let Some(written) = written else { return };
    let refused = match field {
        _ if !fits(written.value, field.kind.of_values()) => {
            format!("`{}` says nothing about a field of type {}", mask_name(written.value), field.declared)
        }
        field if field.external_id => {
            format!(
                "imports and upserts find records by `{}`: masked, it would be told to whoever tries",
                field.name
            )
        }
        field if draft.object.name_field == field.name => {
            format!(
                "`{}` names the record wherever it is referred to; let another field name it (`nameField`)",
                field.name
            )
        }
        _ => return,
    };
    issues.error(&written.place, "not-for-this-type", refused);
}

/// Whether a mask makes something of such values.
fn fits(mask: Mask, kind: &FieldKind) -> bool {
    let format = match kind {
        FieldKind::Text { format, .. } => Some(*format),
        _ => None,
    };
    match mask {
        Mask::Email => matches!(format, Some(TextFormat::Email | TextFormat::Text)),
        Mask::Phone => matches!(format, Some(TextFormat::Phone | TextFormat::Text)),
        Mask::Last4 => matches!(format, Some(TextFormat::Text | TextFormat::Phone | TextFormat::Code)),
        Mask::Name => format == Some(TextFormat::Text),
        Mask::Year => matches!(kind, FieldKind::Date | FieldKind::DateTime),
        Mask::All => true,
    }
}

/// A formula without a mask that reads a field with one.
fn shown(draft: &Draft<'_>, field: &Field, drafts: &Drafts<'_>, issues: &mut Issues) {
    let (FieldKind::Formula { expression, .. }, None) = (&field.kind, field.mask) else { return };
    let needs = expression.needs();
    let masked = needs.of(&Root::Record).find_map(|(path, _)| masked(&draft.object, path, drafts));
    let place = draft.definition.fields.get(&field.name).map(|written| &written.place);
    if let (Some(masked), Some(place)) = (masked, place) {
        let message =
            format!("`{}` shows what the mask of `{masked}` hides; give it `maskAs` too", field.name);
        issues.warning(place, "mask-shown", message);
    }
}

/// The masked field at the end of a path.
fn masked<'d>(from: &'d Object, path: &Path, drafts: &'d Drafts<'_>) -> Option<&'d FieldName> {
    let object = match path.steps.last() {
        Some(last) => &drafts.get(&last.target)?.object,
        None => from,
    };
    object.fields.get(&path.field).filter(|field| field.mask.is_some()).map(|field| &field.name)
}
