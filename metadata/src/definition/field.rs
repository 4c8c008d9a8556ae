//! One entry of `fields`: a field as its author wrote it.

use crate::{
    definition::{
        Located, autonumber,
        conditions::ConditionsDefinition,
        content,
        default::{self, DefaultDefinition},
        formula::{FormulaDefinition, read_formula},
        hints,
        identifier::{NameOf, aliases},
        kind::{FieldType, part_takes},
        mapping::{Keys, Mapping},
        number, options,
        reference::{self, LookupDefinition, To},
        sharing, structure,
        summary::{SummaryDefinition, read_summary},
        text,
        value::Value,
    },
    issue::{Issues, Place},
    model::{Field, FieldKind, Hints, Labels},
    name::{FieldName, PackageName},
    naming::{relation_of_lookup, title_case},
    permissions::Mask,
};

/// A field as its author wrote it.
#[derive(Clone, Debug)]
pub(crate) struct FieldDefinition {
    pub(crate) place: Place,
    /// The names that it had, oldest first.
    pub(crate) alias: Vec<Located<FieldName>>,
    /// The package that adds it to an object of another.
    pub(crate) added_by: Option<PackageName>,
    /// The type by the name that its author gave it.
    pub(crate) declared: &'static str,
    pub(crate) kind: KindDefinition,
    pub(crate) label: Option<Labels>,
    pub(crate) description: Option<String>,
    pub(crate) help: Option<Labels>,
    pub(crate) required: bool,
    /// Of what is no draft, in an object that keeps drafts.
    pub(crate) required_of_submitted: bool,
    pub(crate) unique: bool,
    pub(crate) index: Option<bool>,
    pub(crate) readonly: bool,
    pub(crate) write_once: bool,
    pub(crate) hidden: bool,
    pub(crate) searchable: bool,
    pub(crate) external_id: bool,
    pub(crate) mask: Option<Located<Mask>>,
    pub(crate) deprecated: Option<String>,
    pub(crate) depends_on: Option<Located<FieldName>>,
    pub(crate) hints: Hints,
    pub(crate) default: Option<Located<DefaultDefinition>>,
    pub(crate) conditions: ConditionsDefinition,
    /// When options of it are offered, by their values.
    pub(crate) option_conditions: Vec<(String, Located<String>)>,
}

/// A field's type; a lookup's target is still a name.
#[derive(Clone, Debug)]
pub(crate) enum KindDefinition {
    Plain(FieldKind),
    Lookup(LookupDefinition),
    Formula(FormulaDefinition),
    Summary(Box<SummaryDefinition>),
}

/// Where a field stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Within {
    Object,
    /// In another field, which stands in so many less one.
    Field(usize),
}

pub(crate) const KEYS: Keys = Keys {
    of: "a field",
    known: &[
        ("type", &[]),
        ("alias", &["aliases"]),
        ("label", &[]),
        ("description", &[]),
        ("help", &["inlineHelpText", "helpText"]),
        ("required", &[]),
        ("unique", &[]),
        ("index", &["indexed"]),
        ("readonly", &["readOnly"]),
        ("writeOnce", &[]),
        ("hidden", &[]),
        ("externalId", &[]),
        ("searchable", &[]),
        ("deprecated", &[]),
        ("trackHistory", &[]),
        ("group", &[]),
        ("placeholder", &[]),
        ("rows", &[]),
        ("widget", &[]),
        ("useGrouping", &[]),
        ("language", &[]),
        ("default", &["defaultValue"]),
        ("minLength", &[]),
        ("maxLength", &[]),
        ("pattern", &[]),
        ("min", &[]),
        ("max", &[]),
        ("step", &[]),
        ("precision", &[]),
        ("scale", &[]),
        ("dataType", &[]),
        ("currencyConfig", &[]),
        ("currencyField", &[]),
        ("options", &[]),
        ("multiple", &[]),
        ("dependsOn", &[]),
        ("reference", &["referenceTo"]),
        ("deleteBehavior", &[]),
        ("reverseName", &[]),
        ("format", &["autonumberFormat"]),
        ("fields", &[]),
        ("dimensions", &[]),
        ("accept", &[]),
        ("maxSize", &[]),
        ("expression", &["formula"]),
        ("returnType", &[]),
        ("summaryOperations", &[]),
        ("summaryObject", &[]),
        ("summaryField", &[]),
        ("summaryType", &[]),
        ("requiredWhen", &[]),
        ("readonlyWhen", &[]),
        ("visibleWhen", &[]),
        ("maskAs", &[]),
    ],
    later: &[
        "ai_context",
        "allowCreate",
        "descriptionField",
        "displayField",
        "encrypted",
        "encryption",
        "filterable",
        "inlineAmountField",
        "inlineColumns",
        "inlineEdit",
        "inlineTitle",
        "internal",
        "lookupColumns",
        "lookupFilters",
        "lookupPageSize",
        "maskingRule",
        "referenceVia",
        "requiredPermissions",
        "sortable",
        "storage",
        "system",
        "validation",
        "valueDomain",
    ],
};

impl FieldDefinition {
    /// Reads a field. Without a known type nothing can be said of the rest, and there is no field.
    pub(crate) fn read(name: &str, value: &Value<'_>, within: Within, issues: &mut Issues) -> Option<Self> {
        let mapping = Mapping::read(value, &KEYS, issues)?;
        let (declared, field_type) =
            mapping.must_get("type", issues).and_then(|value| FieldType::read(value, issues))?;
        let takes = |key: &str| field_type.takes(key) && (within == Within::Object || part_takes(key));
        check_keys(declared, field_type, &mapping, within, issues);
        let (kind, chosen) = kind((declared, field_type), &mapping, within, issues)?;
        let mut flag = |key: &str| mapping.get(key).filter(|_| takes(key))?.flag(issues);
        let external_id = flag("externalId").unwrap_or(false);
        let computed = matches!(field_type, FieldType::Formula | FieldType::Summary);
        let numbered = field_type == FieldType::AutoNumber;
        let (required, unique, readonly) = (flag("required"), flag("unique"), flag("readonly"));
        let (index, hidden, searchable) = (flag("index"), flag("hidden"), flag("searchable"));
        let write_once = flag("writeOnce").unwrap_or(false);
        let owned = field_type == FieldType::MasterDetail;
        if let (true, Some(false), Some(value)) = (owned, required, mapping.get("required")) {
            let message =
                "a master_detail is always required; use a lookup for a record that can stand alone";
            issues.error(&value.place(), "wrong-value", message);
        }
        let default = mapping.get("default").filter(|_| takes("default"));
        if let (Some(value), Some(_)) = (default, &chosen) {
            issues.error(
                &value.place(),
                "duplicate-key",
                "an option says `default: true` already; say it once",
            );
        }
        let default = default.and_then(|value| default::read(value, &kind, issues)).or(chosen);
        let depends_on = mapping.get("dependsOn").filter(|_| takes("dependsOn"));
        let depends_on = depends_on.and_then(|value| Some(value.located(value.text(issues)?.into())));
        let option_conditions = mapping.get("options").filter(|_| takes("options"));
        let option_conditions = option_conditions.map(|options| options::conditions(options, issues));
        let field = Self {
            place: value.place(),
            alias: aliases(mapping.get("alias"), NameOf::Field, issues),
            added_by: None,
            declared,
            kind,
            label: mapping.get("label").and_then(|value| value.labels(issues)),
            description: mapping.get("description").and_then(|value| value.text(issues)).map(str::to_owned),
            help: mapping.get("help").and_then(|value| value.labels(issues)),
            required: owned || required.unwrap_or(false),
            required_of_submitted: false,
            unique: external_id || unique.unwrap_or(numbered),
            index,
            readonly: computed || readonly.unwrap_or(numbered),
            write_once,
            hidden: hidden.unwrap_or(false),
            searchable: searchable.unwrap_or(false),
            external_id,
            mask: mapping
                .get("maskAs")
                .filter(|_| takes("maskAs"))
                .and_then(|value| sharing::mask(value, issues)),
            deprecated: hints::deprecated(&mapping, issues),
            depends_on,
            hints: hints::read(&mapping, issues),
            default,
            conditions: ConditionsDefinition::read(&mapping, takes, issues),
            option_conditions: option_conditions.unwrap_or_default(),
        };
        if within != Within::Object {
            field.without_conditions("a field that stands in another", issues);
        }
        field.check(name, numbered, &mapping, issues);
        Some(field)
    }

    /// Reports conditions of options, where nothing asks for them.
    pub(crate) fn without_conditions(&self, of: &str, issues: &mut Issues) {
        for (option, condition) in &self.option_conditions {
            let message = format!("the option `{option}` of {of} is offered always; take `visibleWhen` out");
            issues.error(&condition.place, "not-for-this-type", message);
        }
    }

    /// Reports what can't hold together.
    fn check(&self, name: &str, numbered: bool, mapping: &Mapping<'_>, issues: &mut Issues) {
        if self.required
            && self.readonly
            && !numbered
            && self.default.is_none()
            && mapping.get("default").is_none()
        {
            let message =
                format!("`{name}` is required and readonly without a default: no record could be made");
            issues.error(&self.place, "never-writable", message);
        }
        if let (true, false, Some(value)) = (numbered, self.readonly, mapping.get("readonly")) {
            let message = "an autonumber is numbered by the engine; it is always readonly";
            issues.error(&value.place(), "wrong-value", message);
        }
        let many = matches!(&self.kind, KindDefinition::Lookup(lookup) if lookup.many)
            || matches!(self.kind, KindDefinition::Plain(FieldKind::MultiSelect { .. }));
        for key in ["unique", "index"] {
            let asked = (key == "unique" && self.unique) || (key == "index" && self.index == Some(true));
            if let (true, true, Some(value)) = (many, asked, mapping.get(key)) {
                let message = format!("`{key}` says nothing about a field with several values; take it out");
                issues.error(&value.place(), "not-for-this-type", message);
            }
        }
        let is_one_of =
            matches!(&self.kind, KindDefinition::Lookup(lookup) if matches!(lookup.to, To::OneOf(_)));
        if let (true, Some(value)) = (is_one_of, mapping.get("default")) {
            let message = "a reference to one of several objects has no default; let a trigger set one";
            issues.error(&value.place(), "not-for-this-type", message);
        }
        // The log keeps the history of every field, whatever this says.
        mapping.get("trackHistory").and_then(|value| value.flag(issues));
    }

    /// What holds of the field, now that its kind is known.
    pub(crate) fn resolve(&self, name: &FieldName, kind: FieldKind) -> Field {
        let is_lookup = matches!(kind, FieldKind::Lookup { .. });
        let mut label = self.label.clone().unwrap_or_default();
        label.0.entry("en".to_owned()).or_insert_with(|| {
            title_case(if is_lookup { relation_of_lookup(name.as_str()) } else { name.as_str() })
        });
        Field {
            name: name.clone(),
            alias: self.alias.iter().map(|alias| alias.value.clone()).collect(),
            added_by: self.added_by.clone(),
            label,
            description: self.description.clone(),
            help: self.help.clone().unwrap_or_default(),
            declared: self.declared,
            kind,
            required: self.required,
            unique: self.unique,
            index: self.unique || self.index.unwrap_or(is_lookup),
            readonly: self.readonly,
            write_once: self.write_once,
            searchable: self.searchable,
            external_id: self.external_id,
            hidden: self.hidden,
            mask: self.mask.as_ref().map(|mask| mask.value),
            deprecated: self.deprecated.clone(),
            depends_on: self.depends_on.as_ref().map(|field| field.value.clone()),
            hints: self.hints.clone(),
            default: self.default.as_ref().map(|default| default.value.resolve()),
            conditions: None,
            summary: None,
            system: false,
        }
    }
}

/// Reports properties that say nothing about fields of this type, or of a field that stands in another.
fn check_keys(
    declared: &str,
    field_type: FieldType,
    mapping: &Mapping<'_>,
    within: Within,
    issues: &mut Issues,
) {
    for (key, value) in mapping.iter() {
        if !field_type.takes(key) {
            let message = format!("`{key}` says nothing about fields of type {declared}; take it out");
            issues.error(&value.place(), "not-for-this-type", message);
        } else if within != Within::Object && !part_takes(key) {
            let message = format!("`{key}` says nothing about a field that stands in another; take it out");
            issues.error(&value.place(), "not-for-this-type", message);
        }
    }
}

/// A kind, and the default that options say they are.
type KindAndDefault = (KindDefinition, Option<Located<DefaultDefinition>>);

fn kind(
    (declared, field_type): (&str, FieldType),
    mapping: &Mapping<'_>,
    within: Within,
    issues: &mut Issues,
) -> Option<KindAndDefault> {
    let depth = match within {
        Within::Object => 0,
        Within::Field(depth) => depth,
    };
    let kind = match field_type {
        FieldType::Text(format) => text::read(format, mapping, issues),
        FieldType::Number
        | FieldType::Rating
        | FieldType::Slider
        | FieldType::Progress
        | FieldType::Currency
        | FieldType::Percent => number::read(field_type, mapping, issues),
        FieldType::Boolean => FieldKind::Boolean,
        FieldType::Date => FieldKind::Date,
        FieldType::DateTime => FieldKind::DateTime,
        FieldType::Time => FieldKind::Time,
        FieldType::Select | FieldType::MultiSelect => return choice(field_type, mapping, issues),
        FieldType::Lookup | FieldType::MasterDetail | FieldType::Tree | FieldType::User => {
            let lookup = reference::read(field_type, mapping, issues)?;
            return Some((KindDefinition::Lookup(lookup), None));
        }
        FieldType::AutoNumber => autonumber::read(mapping.get("format"), issues),
        FieldType::Formula => {
            return read_formula(mapping, issues).map(|formula| (KindDefinition::Formula(formula), None));
        }
        FieldType::Summary => {
            let summary = read_summary(mapping, issues)?;
            return Some((KindDefinition::Summary(Box::new(summary)), None));
        }
        FieldType::Json => FieldKind::Json,
        FieldType::Object | FieldType::Array | FieldType::Address | FieldType::Location => {
            structure::read(field_type, mapping, depth, issues)
        }
        FieldType::Password => text::password(mapping, issues),
        FieldType::Vector => structure::vector(mapping, issues)?,
        FieldType::Content(family) => content::read(declared, family, mapping, issues),
    };
    Some((KindDefinition::Plain(kind), None))
}

fn choice(field_type: FieldType, mapping: &Mapping<'_>, issues: &mut Issues) -> Option<KindAndDefault> {
    let read = options::read(mapping.must_get("options", issues)?, issues)?;
    let many = match field_type {
        FieldType::MultiSelect => true,
        _ => mapping.get("multiple").and_then(|value| value.flag(issues)).unwrap_or(false),
    };
    if let (None, Some(place)) = (mapping.get("dependsOn"), &read.dependent) {
        let message = "`when` lists values of the field that `dependsOn` names, which is missing";
        issues.error(place, "missing-property", message);
    }
    let chosen = default::of_options(&read, many, issues);
    let options = read.options;
    let kind = if many { FieldKind::MultiSelect { options } } else { FieldKind::Select { options } };
    Some((KindDefinition::Plain(kind), chosen))
}
