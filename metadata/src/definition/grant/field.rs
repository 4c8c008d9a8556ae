//! What a grant says of fields: `{salary: none, name: read, '*': {update: false}}`.

use crate::{
    definition::{
        Located,
        mapping::{Keys, Mapping},
        value::Value,
    },
    issue::{Issues, Place},
    limits::FIELDS_MAX,
    name::FieldName,
    nearest::did_you_mean,
    permissions::{FieldGrant, FieldRead},
    yaml::Content,
};

/// What a grant says of fields.
#[derive(Clone, Debug, Default)]
pub(crate) struct FieldGrants {
    /// Of these.
    pub(crate) each: Vec<(Located<FieldName>, FieldGrantDefinition)>,
    /// Of all others (`*`).
    pub(crate) others: Option<FieldGrant>,
}

/// What it says of one field.
#[derive(Clone, Debug)]
pub(crate) struct FieldGrantDefinition {
    pub(crate) grant: FieldGrant,
    /// Where it says in so many words that the field may be written.
    pub(crate) written: Option<Place>,
    /// Where it says that the field is not masked.
    pub(crate) unmasked: Option<Place>,
}

/// What stands for all fields that are not named.
const OTHERS: &str = "*";

const KEYS: Keys = Keys {
    of: "what is granted of a field",
    known: &[("read", &[]), ("update", &["edit"]), ("mask", &[]), ("readable", &[]), ("editable", &[])],
    later: &[],
};

/// The short forms, each with what it stands for.
const SHORT: [(&str, FieldGrant); 3] = [
    ("none", FieldGrant::NONE),
    ("read", FieldGrant { read: FieldRead::AsDeclared, update: false }),
    ("edit", FieldGrant { read: FieldRead::AsDeclared, update: true }),
];

impl FieldGrants {
    /// Reads `fields`.
    pub(crate) fn read(value: &Value<'_>, issues: &mut Issues) -> Self {
        let mut grants = Self::default();
        let entries = value.entries(issues).unwrap_or_default();
        if entries.len() > FIELDS_MAX {
            issues.error(&value.place(), "too-many", format!("more than {FIELDS_MAX} fields"));
            return grants;
        }
        for (name, value) in entries {
            let Some(grant) = FieldGrantDefinition::read(&value, issues) else { continue };
            if name != OTHERS {
                grants.each.push((value.located(FieldName::from(name)), grant));
                continue;
            }
            if let Some(place) = &grant.unmasked {
                let message = "each field that is shown in clear is named; `*` takes no `mask`";
                issues.error(place, "wrong-value", message);
            }
            grants.others = Some(grant.grant);
        }
        grants
    }
}

impl FieldGrantDefinition {
    /// Reads what is granted of one field: a word, or a mapping.
    pub(crate) fn read(value: &Value<'_>, issues: &mut Issues) -> Option<Self> {
        let Content::Text(word) = value.content() else {
            return Self::of(&Mapping::read(value, &KEYS, issues)?, issues);
        };
        let Some((_, grant)) = SHORT.iter().find(|(known, _)| known == word) else {
            let near = did_you_mean(word, SHORT.iter().map(|(known, _)| *known));
            let message = format!("`{word}` is neither `none`, `read` nor `edit`{near}");
            issues.error(&value.place(), "wrong-value", message);
            return None;
        };
        let written = (*word == "edit").then(|| value.place());
        Some(Self { grant: *grant, written, unmasked: None })
    }

    fn of(mapping: &Mapping<'_>, issues: &mut Issues) -> Option<Self> {
        let said = |key: &str| mapping.get(key);
        let newest = said("readable").or(said("editable"));
        if let (Some(value), true) = (newest, said("read").or(said("update")).is_some()) {
            let message = "`read` and `update`, or `readable` and `editable`: keep to one of them";
            issues.error(&value.place(), "duplicate-key", message);
            return None;
        }
        if mapping.iter().next().is_none() {
            issues.error(mapping.place(), "empty", "nothing is said of the field; take it out");
            return None;
        }
        // There, what is not said to be editable is not.
        let (read, update) = match newest {
            Some(_) => ("readable", "editable"),
            None => ("read", "update"),
        };
        let mut flag = |key: &str| said(key).and_then(|value| value.flag(issues));
        let (reads, updates, masks) = (flag(read), flag(update), flag("mask"));
        let reads = reads.unwrap_or(true);
        let refused = match (reads, updates, masks) {
            (false, Some(true), _) => {
                said(update).map(|value| (value, "what can't be read can't be written"))
            }
            (false, _, Some(_)) => said("mask").map(|value| (value, "what can't be read is not masked")),
            _ => None,
        };
        if let Some((value, message)) = refused {
            issues.error(&value.place(), "contradicts-itself", message);
            return None;
        }
        let read = match (reads, masks) {
            (false, _) => FieldRead::Hidden,
            (true, Some(false)) => FieldRead::Clear,
            (true, _) => FieldRead::AsDeclared,
        };
        Some(Self {
            grant: FieldGrant { read, update: reads && updates.unwrap_or(newest.is_none()) },
            written: said(update).filter(|_| updates == Some(true)).map(Value::place),
            unmasked: said("mask").filter(|_| masks == Some(false)).map(Value::place),
        })
    }
}
