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
    limits::REFERENCE_OBJECTS_MAX,
    model::DeleteBehavior,
    name::{PackageName, RelationName},
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
    /// One of these, record by record.
    OneOf(Vec<Target>),
}

/// One of several objects to which a reference may lead.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) reference: Located<String>,
    /// The package that adds it to a field of another.
    pub(crate) added_by: Option<PackageName>,
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
    if let Some(list) = given.filter(|value| matches!(value.content(), Content::List(_))) {
        let targets = one_of((field_type, many), list, issues)?;
        let to = To::OneOf(targets);
        let on_delete = on_delete.unwrap_or(fallback);
        return Some(LookupDefinition { to, on_delete, owned, tree: false, many, reverse_name });
    }
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
    Some(value.located(value.text(issues)?.to_owned()))
}

/// The objects to one of which a lookup leads.
fn one_of(
    (field_type, many): (FieldType, bool),
    list: &Value<'_>,
    issues: &mut Issues,
) -> Option<Vec<Target>> {
    let only = match (field_type, many) {
        (FieldType::Lookup, false) => None,
        (FieldType::Lookup, true) => Some((
            "not-supported-yet",
            "a list of references leads to records of one object; use a junction object",
        )),
        _ => Some(("not-for-this-type", "only a lookup refers to a record of one of several objects")),
    };
    if let Some((code, message)) = only {
        issues.error(&list.place(), code, message);
        return None;
    }
    let targets = references(list, issues);
    if targets.len() < 2 {
        let message = "a list names two objects or more; write the name alone for one";
        issues.error(&list.place(), "wrong-value", message);
        return None;
    }
    Some(targets)
}

/// A list of objects.
pub(crate) fn references(list: &Value<'_>, issues: &mut Issues) -> Vec<Target> {
    let items = list.list(issues).unwrap_or_default();
    if items.len() > REFERENCE_OBJECTS_MAX {
        let message = format!("a reference leads to records of at most {REFERENCE_OBJECTS_MAX} objects");
        issues.error(&list.place(), "too-many", message);
        return Vec::new();
    }
    let named = items.iter().filter_map(|item| reference(item, issues));
    named.map(|reference| Target { reference, added_by: None }).collect()
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
