//! One entry of `fields`: a field as its author wrote it.

use crate::{
    definition::{
        Located, autonumber,
        default::{self, DefaultDefinition},
        formula::{FormulaDefinition, read_formula},
        identifier::{NameOf, aliases, check},
        kind::FieldType,
        mapping::{Keys, Mapping},
        number, options,
        value::Value,
    },
    issue::{Issues, Place},
    model::{DeleteBehavior, FieldKind, Labels, TextFormat},
    name::{FieldName, PackageName, RelationName},
    nearest::did_you_mean,
};

/// A field as its author wrote it.
#[derive(Debug)]
pub(crate) struct FieldDefinition {
    pub(crate) place: Place,
    /// The names that it had, oldest first.
    pub(crate) alias: Vec<Located<FieldName>>,
    pub(crate) deprecated: bool,
    /// The package that adds it to an object of another.
    pub(crate) added_by: Option<PackageName>,
    pub(crate) kind: KindDefinition,
    pub(crate) label: Option<Labels>,
    pub(crate) description: Option<String>,
    pub(crate) help: Option<Labels>,
    pub(crate) required: bool,
    pub(crate) unique: bool,
    pub(crate) index: Option<bool>,
    pub(crate) readonly: bool,
    pub(crate) hidden: bool,
    pub(crate) searchable: bool,
    pub(crate) external_id: bool,
    pub(crate) default: Option<Located<DefaultDefinition>>,
}

/// A field's type; a lookup's target is still a name.
#[derive(Debug)]
pub(crate) enum KindDefinition {
    Plain(FieldKind),
    Lookup(LookupDefinition),
    Formula(FormulaDefinition),
}

/// A lookup as its author wrote it.
#[derive(Debug)]
pub(crate) struct LookupDefinition {
    pub(crate) reference: Located<String>,
    pub(crate) on_delete: DeleteBehavior,
    pub(crate) owned: bool,
    pub(crate) reverse_name: Option<Located<RelationName>>,
}

const KEYS: Keys = Keys {
    of: "a field",
    known: &[
        ("type", &[]),
        ("alias", &["aliases"]),
        ("deprecated", &[]),
        ("label", &[]),
        ("description", &[]),
        ("help", &["inlineHelpText", "helpText"]),
        ("required", &[]),
        ("unique", &[]),
        ("index", &["indexed"]),
        ("readonly", &["readOnly"]),
        ("hidden", &[]),
        ("externalId", &[]),
        ("searchable", &[]),
        ("default", &["defaultValue"]),
        ("minLength", &[]),
        ("maxLength", &[]),
        ("min", &[]),
        ("max", &[]),
        ("precision", &[]),
        ("scale", &[]),
        ("options", &[]),
        ("multiple", &[]),
        ("reference", &["referenceTo"]),
        ("deleteBehavior", &[]),
        ("reverseName", &[]),
        ("format", &["autonumberFormat"]),
        ("expression", &["formula"]),
        ("returnType", &["dataType"]),
    ],
    later: &[
        "accept",
        "ai_context",
        "allowCreate",
        "currencyConfig",
        "dependsOn",
        "descriptionField",
        "dimensions",
        "displayField",
        "encrypted",
        "encryption",
        "filterable",
        "group",
        "inlineAmountField",
        "inlineColumns",
        "inlineEdit",
        "inlineTitle",
        "internal",
        "language",
        "lookupColumns",
        "lookupFilters",
        "lookupPageSize",
        "maskAs",
        "maskingRule",
        "maxSize",
        "pattern",
        "placeholder",
        "readonlyWhen",
        "referenceVia",
        "requiredPermissions",
        "requiredWhen",
        "rows",
        "sortable",
        "step",
        "storage",
        "summaryOperations",
        "system",
        "trackHistory",
        "useGrouping",
        "validation",
        "valueDomain",
        "visibleWhen",
        "widget",
        "writeOnce",
    ],
};

impl FieldDefinition {
    /// Reads a field. Without a known type nothing can be said of the rest, and there is no field.
    pub(crate) fn read(name: &str, value: &Value<'_>, issues: &mut Issues) -> Option<Self> {
        let mapping = Mapping::read(value, &KEYS, issues)?;
        let field_type = mapping.must_get("type", issues).and_then(|value| FieldType::read(value, issues))?;
        for (key, value) in mapping.iter().filter(|(key, _)| !field_type.takes(key)) {
            let message =
                format!("`{key}` says nothing about fields of type {}; take it out", field_type.name());
            issues.error(&value.place(), "not-for-this-type", message);
        }
        let kind = kind(field_type, &mapping, issues)?;
        let mut flag = |key: &str| mapping.get(key).filter(|_| field_type.takes(key))?.flag(issues);
        let external_id = flag("externalId").unwrap_or(false);
        let computed = field_type == FieldType::Formula;
        let numbered = field_type == FieldType::AutoNumber;
        let (required, unique, readonly) = (flag("required"), flag("unique"), flag("readonly"));
        let deprecated = flag("deprecated").unwrap_or(false);
        let (index, hidden, searchable) = (flag("index"), flag("hidden"), flag("searchable"));
        let owned = field_type == FieldType::MasterDetail;
        if let (true, Some(false), Some(value)) = (owned, required, mapping.get("required")) {
            let message =
                "a master_detail is always required; use a lookup for a record that can stand alone";
            issues.error(&value.place(), "wrong-value", message);
        }
        let default = mapping.get("default").filter(|_| field_type.takes("default"));
        let default = default.and_then(|value| default::read(value, &kind, issues));
        let field = Self {
            place: value.place(),
            alias: aliases(mapping.get("alias"), NameOf::Field, issues),
            deprecated,
            added_by: None,
            kind,
            label: mapping.get("label").and_then(|value| value.labels(issues)),
            description: mapping.get("description").and_then(|value| value.text(issues)).map(str::to_owned),
            help: mapping.get("help").and_then(|value| value.labels(issues)),
            required: owned || required.unwrap_or(false),
            unique: external_id || unique.unwrap_or(numbered),
            index,
            readonly: computed || readonly.unwrap_or(numbered),
            hidden: hidden.unwrap_or(false),
            searchable: searchable.unwrap_or(false),
            external_id,
            default,
        };
        if field.required && field.readonly && !numbered && mapping.get("default").is_none() {
            let message =
                format!("`{name}` is required and readonly without a default: no record could be made");
            issues.error(&field.place, "never-writable", message);
        }
        if let (true, false, Some(value)) = (numbered, field.readonly, mapping.get("readonly")) {
            let message = "an autonumber is numbered by the engine; it is always readonly";
            issues.error(&value.place(), "wrong-value", message);
        }
        Some(field)
    }
}

fn kind(field_type: FieldType, mapping: &Mapping<'_>, issues: &mut Issues) -> Option<KindDefinition> {
    let kind = match field_type {
        FieldType::Text(format) => text(format, mapping, issues),
        FieldType::Number | FieldType::Currency | FieldType::Percent => {
            number::read(field_type, mapping, issues)
        }
        FieldType::Boolean => FieldKind::Boolean,
        FieldType::Date => FieldKind::Date,
        FieldType::DateTime => FieldKind::DateTime,
        FieldType::Time => FieldKind::Time,
        FieldType::Select => {
            let options = options::read(mapping.must_get("options", issues)?, issues)?;
            match mapping.get("multiple").and_then(|value| value.flag(issues)) {
                Some(true) => FieldKind::MultiSelect { options },
                _ => FieldKind::Select { options },
            }
        }
        FieldType::MultiSelect => {
            FieldKind::MultiSelect { options: options::read(mapping.must_get("options", issues)?, issues)? }
        }
        FieldType::Lookup | FieldType::MasterDetail => return lookup(field_type, mapping, issues),
        FieldType::AutoNumber => {
            FieldKind::AutoNumber { format: autonumber::read(mapping.get("format"), issues) }
        }
        FieldType::Formula => return read_formula(mapping, issues).map(KindDefinition::Formula),
        FieldType::Json => FieldKind::Json,
    };
    Some(KindDefinition::Plain(kind))
}

fn text(format: TextFormat, mapping: &Mapping<'_>, issues: &mut Issues) -> FieldKind {
    let min_length = mapping.get("minLength").and_then(|value| value.count(issues));
    let max_length = mapping.get("maxLength").and_then(|value| value.count(issues));
    if let (Some(max), Some(value)) = (max_length, mapping.get("maxLength")) {
        if max == 0 {
            issues.error(&value.place(), "bad-range", "a text of no characters could never hold anything");
        } else if min_length.is_some_and(|min| min > max) {
            issues.error(&value.place(), "bad-range", "`maxLength` is below `minLength`: no text would fit");
        }
    }
    FieldKind::Text { format, min_length, max_length }
}

fn lookup(field_type: FieldType, mapping: &Mapping<'_>, issues: &mut Issues) -> Option<KindDefinition> {
    let owned = field_type == FieldType::MasterDetail;
    let on_delete =
        mapping.get("deleteBehavior").filter(|_| !owned).and_then(|value| delete_behavior(value, issues));
    let fallback = if owned { DeleteBehavior::Cascade } else { DeleteBehavior::SetNull };
    let reverse_name = mapping.get("reverseName").and_then(|value| {
        let name = value.text(issues)?;
        check(name, NameOf::Relation, &value.place(), issues).then(|| value.located(RelationName::from(name)))
    });
    let reference = mapping.must_get("reference", issues)?;
    Some(KindDefinition::Lookup(LookupDefinition {
        reference: reference.located(reference.text(issues)?.to_owned()),
        on_delete: on_delete.unwrap_or(fallback),
        owned,
        reverse_name,
    }))
}

fn delete_behavior(value: &Value<'_>, issues: &mut Issues) -> Option<DeleteBehavior> {
    match value.text(issues)? {
        "restrict" => Some(DeleteBehavior::Restrict),
        "set_null" => Some(DeleteBehavior::SetNull),
        "cascade" => Some(DeleteBehavior::Cascade),
        other => {
            let near = did_you_mean(other, ["restrict", "set_null", "cascade"]);
            let message = format!("`{other}` is not one of `restrict`, `set_null`, `cascade`{near}");
            issues.error(&value.place(), "wrong-value", message);
            None
        }
    }
}
