//! What a lookup, a tree, a user or a list of references points to.

use crate::{
    definition::{
        Located,
        identifier::{NameOf, check},
        kind::FieldType,
        mapping::Mapping,
        value::Value,
    },
    issue::Issues,
    model::DeleteBehavior,
    name::RelationName,
    nearest::did_you_mean,
    yaml::Content,
};

/// A lookup as its author wrote it.
#[derive(Clone, Debug)]
pub(crate) struct LookupDefinition {
    pub(crate) to: To,
    pub(crate) on_delete: DeleteBehavior,
    /// `master_detail`.
    pub(crate) owned: bool,
    /// `tree`.
    pub(crate) tree: bool,
    /// Several records.
    pub(crate) many: bool,
    pub(crate) reverse_name: Option<Located<RelationName>>,
}

/// The other object, which is still a name.
#[derive(Clone, Debug)]
pub(crate) enum To {
    /// What `reference` says.
    Named(Located<String>),
    /// The object that declares the field; `reference` may say so too.
    Itself(Option<Located<String>>),
    /// The user; `reference` may say so too.
    User(Option<Located<String>>),
}

/// Reads `reference`, `deleteBehavior`, `reverseName`, `multiple`.
pub(crate) fn read(
    field_type: FieldType,
    mapping: &Mapping<'_>,
    issues: &mut Issues,
) -> Option<LookupDefinition> {
    let owned = field_type == FieldType::MasterDetail;
    let many = mapping.get("multiple").filter(|_| field_type.takes("multiple"));
    let many = many.and_then(|value| value.flag(issues)).unwrap_or(false);
    let on_delete = mapping.get("deleteBehavior").filter(|_| !owned);
    let on_delete = on_delete.and_then(|value| delete_behavior(value, many, issues));
    let fallback = if owned { DeleteBehavior::Cascade } else { DeleteBehavior::SetNull };
    let reverse_name = mapping.get("reverseName").and_then(|value| {
        let name = value.text(issues)?;
        if many {
            let message = "a list of references makes no way back; take `reverseName` out";
            issues.error(&value.place(), "not-for-this-type", message);
            return None;
        }
        check(name, NameOf::Relation, &value.place(), issues).then(|| value.located(RelationName::from(name)))
    });
    let given = match field_type {
        FieldType::Tree | FieldType::User => mapping.get("reference"),
        _ => Some(mapping.must_get("reference", issues)?),
    };
    let given = match given {
        Some(value) => Some(reference(value, issues)?),
        None => None,
    };
    let to = match (field_type, given) {
        (FieldType::Tree, given) => To::Itself(given),
        (FieldType::User, given) => To::User(given),
        (_, given) => To::Named(given?),
    };
    Some(LookupDefinition {
        to,
        on_delete: on_delete.unwrap_or(fallback),
        owned,
        tree: field_type == FieldType::Tree,
        many,
        reverse_name,
    })
}

fn reference(value: &Value<'_>, issues: &mut Issues) -> Option<Located<String>> {
    if matches!(value.content(), Content::List(_)) {
        let message =
            "a reference to one of several objects can't be kept yet; use a lookup for each of them";
        issues.error(&value.place(), "not-supported-yet", message);
        return None;
    }
    Some(value.located(value.text(issues)?.to_owned()))
}

fn delete_behavior(value: &Value<'_>, many: bool, issues: &mut Issues) -> Option<DeleteBehavior> {
    match value.text(issues)? {
        "restrict" => Some(DeleteBehavior::Restrict),
        "set_null" => Some(DeleteBehavior::SetNull),
        "cascade" if many => {
            let message =
                "a record that refers to several can't go with one of them; write `set_null` or `restrict`";
            issues.error(&value.place(), "wrong-value", message);
            None
        }
        "cascade" => Some(DeleteBehavior::Cascade),
        other => {
            let near = did_you_mean(other, ["restrict", "set_null", "cascade"]);
            let message = format!("`{other}` is not one of `restrict`, `set_null`, `cascade`{near}");
            issues.error(&value.place(), "wrong-value", message);
            None
        }
    }
}
