//! The fields of a grant: each is there, and what is said of it says something.

use indexmap::IndexMap;

use crate::{
    compile::Draft,
    definition::{
        Located,
        grant::{FieldGrantDefinition, FieldGrants},
    },
    issue::Issues,
    model::{Field, Object},
    name::FieldName,
    nearest::did_you_mean,
    permissions::FieldGrant,
};

/// What is said of fields, by their names.
type Fields = IndexMap<FieldName, FieldGrant>;

/// Resolves what is granted of fields, by their present names. A reference to one of several objects is granted as a whole.
pub(super) fn fields(draft: &Draft<'_>, written: &FieldGrants, issues: &mut Issues) -> Fields {
    let mut fields = Fields::new();
    for (name, said) in &written.each {
        let Some(field) = named(draft, name, issues) else { continue };
        if !is_meant(&draft.object, field, name, said, issues) {
            continue;
        }
        if fields.insert(field.name.clone(), said.grant).is_some() {
            let message =
                format!("`{}` is another name of `{}`, which is granted already", name.value, field.name);
            issues.error(&name.place, "duplicate-grant", message);
        }
        let parts = draft.object.polymorphic(field.name.as_str());
        let parts = parts.into_iter().flat_map(|several| {
            several.members.iter().map(|member| &member.field).chain([&several.type_field])
        });
        fields.extend(parts.map(|part| (part.clone(), said.grant)));
    }
    fields.sort_keys();
    fields
}

fn named<'d>(draft: &'d Draft<'_>, name: &Located<FieldName>, issues: &mut Issues) -> Option<&'d Field> {
    let found = draft.object.field(name.value.as_str());
    if found.is_none() && !draft.definition.broken_fields.contains(name.value.as_str()) {
        let declared = draft.object.fields.values().filter(|field| !field.system);
        let near = did_you_mean(name.value.as_str(), declared.map(|field| field.name.as_str()));
        let message = format!("`{}` is not a field of `{}`{near}", name.value, draft.object.name);
        issues.error(&name.place, "unknown-field", message);
    }
    found
}

/// Whether what is said of a field means something; an issue where it does not.
fn is_meant(
    object: &Object,
    field: &Field,
    name: &Located<FieldName>,
    said: &FieldGrantDefinition,
    issues: &mut Issues,
) -> bool {
    if field.system {
        let message = match field.name.as_str() {
            "owner" => {
                "whoever reads a record sees its owner, and `transfer` lets him give it away".to_owned()
            }
            other => format!(
                "the engine keeps `{other}`: it is read wherever its record is, and written by nobody"
            ),
        };
        issues.error(&name.place, "wrong-value", message);
        return false;
    }
    let several = object.polymorphic(field.name.as_str()).filter(|several| several.field != field.name);
    if let Some(several) = several {
        let message = format!("`{}` is a part of `{}`; grant that as a whole", field.name, several.field);
        issues.error(&name.place, "wrong-value", message);
        return false;
    }
    if let (Some(place), None) = (&said.unmasked, field.mask) {
        let message = format!("`{}` has no mask (`maskAs`)", field.name);
        issues.error(place, "contradicts-itself", message);
    }
    let is_written = field.is_client_written() || object.polymorphic(field.name.as_str()).is_some();
    if let (Some(place), false) = (&said.written, is_written) {
        let message = format!("nobody writes `{}`: it is {}", field.name, made_by(field));
        issues.error(place, "contradicts-itself", message);
    }
    true
}

fn made_by(field: &Field) -> &'static str {
    use crate::model::FieldKind::{AutoNumber, Formula};
    match field.kind {
        Formula { .. } => "computed",
        AutoNumber { .. } => "numbered by the engine",
        _ if field.summary.is_some() => "summed up",
        _ => "readonly",
    }
}
