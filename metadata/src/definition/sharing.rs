//! Whose an object's records are for everyone, and what is shown of a masked value, as their author wrote it.

use crate::{
    definition::{Located, mapping::Mapping, value::Value},
    issue::Issues,
    name::FieldName,
    naming::camel_case,
    nearest::did_you_mean,
    permissions::Mask,
};

/// `sharingModel`, with the lookup that it is controlled by.
#[derive(Clone, Debug)]
pub(crate) struct SharingDefinition {
    pub(crate) model: Located<SharingModel>,
    pub(crate) controlled_by: Option<Located<FieldName>>,
}

/// Whose records are for everyone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SharingModel {
    Private,
    PublicRead,
    PublicReadWrite,
    ControlledByParent,
}

const MODELS: [(&str, &str, SharingModel); 4] = [
    ("private", "private", SharingModel::Private),
    ("public_read", "publicRead", SharingModel::PublicRead),
    ("public_read_write", "publicReadWrite", SharingModel::PublicReadWrite),
    ("controlled_by_parent", "controlledByParent", SharingModel::ControlledByParent),
];

const MASKS: [(&str, Mask); 6] = [
    ("email", Mask::Email),
    ("phone", Mask::Phone),
    ("name", Mask::Name),
    ("last4", Mask::Last4),
    ("year", Mask::Year),
    ("all", Mask::All),
];

impl SharingDefinition {
    /// Reads `sharingModel` and `controlledBy`.
    pub(crate) fn read(mapping: &Mapping<'_>, issues: &mut Issues) -> Option<Self> {
        let controlled_by = mapping.get("controlledBy");
        let Some(value) = mapping.get("sharingModel") else {
            if let Some(value) = controlled_by {
                let message = "`controlledBy` says something with `sharingModel: controlled_by_parent` only";
                issues.error(&value.place(), "missing-property", message);
            }
            return None;
        };
        let model = model(value, issues)?;
        if let (Some(value), true) = (controlled_by, model != SharingModel::ControlledByParent) {
            let message = "no parent is looked at; take `controlledBy` out, or say `controlled_by_parent`";
            issues.error(&value.place(), "contradicts-itself", message);
            return None;
        }
        let controlled_by = match controlled_by {
            Some(value) => Some(value.located(FieldName::from(value.text(issues)?))),
            None => None,
        };
        Some(Self { model: value.located(model), controlled_by })
    }
}

fn model(value: &Value<'_>, issues: &mut Issues) -> Option<SharingModel> {
    let name = value.text(issues)?;
    let known = MODELS.iter().find(|(snake, camel, _)| [*snake, *camel].contains(&name));
    if known.is_none() {
        let near = did_you_mean(name, MODELS.iter().map(|(snake, ..)| *snake));
        issues.error(&value.place(), "wrong-value", format!("`{name}` is not a sharing model{near}"));
    }
    known.map(|(.., model)| *model)
}

/// Reads `maskAs`.
pub(crate) fn mask(value: &Value<'_>, issues: &mut Issues) -> Option<Located<Mask>> {
    let name = value.text(issues)?;
    let known = MASKS.iter().find(|(known, _)| *known == camel_case(name));
    if known.is_none() {
        let near = did_you_mean(name, MASKS.iter().map(|(known, _)| *known));
        issues.error(&value.place(), "wrong-value", format!("`{name}` is not a mask{near}"));
    }
    known.map(|(_, mask)| value.located(*mask))
}

/// What a mask is called.
pub(crate) fn mask_name(mask: Mask) -> &'static str {
    MASKS.iter().find(|(_, known)| *known == mask).map_or("", |(name, _)| name)
}
