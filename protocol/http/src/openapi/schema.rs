//! A field as a JSON Schema (2020-12), in the form of each of its uses.

use quarry_metadata::{Default_, Field, FieldKind, FieldName, SelectOption, TextFormat};
use serde_json::{Map, Number, Value, json};

/// Digits of a whole number that is a JSON number in answers; longer ones and decimals are text.
const INTEGER_DIGITS_MAX: u8 = 18;
/// What an exact number looks like as a text.
const DECIMAL: &str = r"^-?[0-9]+(\.[0-9]+)?$";
/// A time of day.
const TIME: &str = r"^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?$";

/// What a schema is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// As answers have it.
    Read,
    /// As a new record takes it.
    Create,
    /// As a change of a record takes it.
    Update,
}

/// A field with its label, type and what is to be known of it.
pub(super) fn field(field: &Field, usage: Use, locale: &str) -> Value {
    let mut told = Map::new();
    let label = field.label.get(locale);
    if !label.is_empty() {
        told.insert("title".into(), label.into());
    }
    let help = field.help.get(locale);
    let described = field.description.as_deref().unwrap_or(help);
    if !described.is_empty() {
        told.insert("description".into(), described.into());
    }
    told.extend(kind(field.kind.of_values(), usage, locale));
    if is_nullable(field, usage) {
        or_null(&mut told);
    }
    if usage == Use::Read && !field.is_client_written() {
        told.insert("readOnly".into(), true.into());
    }
    if field.is_write_only() {
        told.insert("writeOnly".into(), true.into());
    }
    if field.deprecated.is_some() {
        told.insert("deprecated".into(), true.into());
    }
    if let (Use::Create, Some(Default_::Value(value))) = (usage, &field.default) {
        told.insert("default".into(), value.clone());
    }
    told.insert("x-type".into(), field.declared.into());
    let flags =
        [("x-unique", field.unique), ("x-write-once", field.write_once), ("x-searchable", field.searchable)];
    told.extend(flags.into_iter().filter(|(_, set)| *set).map(|(name, _)| (name.to_owned(), true.into())));
    for (name, clause) in field.conditions.iter().flat_map(|conditions| conditions.each()) {
        told.insert(format!("x-{name}"), clause.source.as_str().into());
    }
    Value::Object(told)
}

/// Whether a new record must give it.
pub(super) fn is_needed(field: &Field) -> bool {
    field.is_always_required() && field.default.is_none() && !field.system && field.is_client_written()
}

/// Answers have null where a record need not have a value; a record that must have one can't be given null.
fn is_nullable(field: &Field, usage: Use) -> bool {
    let is_id = matches!(field.kind, FieldKind::Id);
    let is_kept = matches!(field.kind, FieldKind::AutoNumber { .. });
    match usage {
        Use::Read => {
            matches!(field.kind, FieldKind::Formula { .. })
                || !(field.is_always_required() || is_id || is_kept)
        }
        Use::Create | Use::Update => !field.is_always_required() && !is_id,
    }
}

/// The same, or null.
fn or_null(told: &mut Map<String, Value>) {
    match told.get_mut("type") {
        Some(Value::Array(types)) => types.push("null".into()),
        Some(one) => *one = json!([one.clone(), "null"]),
        None => {
            let reference = told.shift_remove("$ref").map(|to| json!([{ "$ref": to }]));
            if let Some(forms) = reference {
                told.insert("anyOf".into(), forms);
            }
            if let Some(Value::Array(forms)) = told.get_mut("anyOf") {
                forms.push(json!({ "type": "null" }));
            }
        }
    }
    if let Some(Value::Array(values)) = told.get_mut("enum") {
        values.push(Value::Null);
    }
}

fn kind(kind: &FieldKind, usage: Use, locale: &str) -> Map<String, Value> {
    let told = match kind {
        FieldKind::Id => json!({ "type": "string", "maxLength": 64 }),
        FieldKind::Text { .. } => text(kind),
        FieldKind::Password { min_length, max_length } => {
            json!({ "type": "string", "format": "password", "minLength": min_length, "maxLength": max_length })
        }
        FieldKind::Number { .. }
        | FieldKind::Percent { .. }
        | FieldKind::Currency { .. }
        | FieldKind::Float { .. } => number(kind, usage),
        FieldKind::Boolean => json!({ "type": "boolean" }),
        FieldKind::Date => json!({ "type": "string", "format": "date" }),
        FieldKind::DateTime => json!({ "type": "string", "format": "date-time" }),
        FieldKind::Time => json!({ "type": "string", "pattern": TIME }),
        FieldKind::Select { options } => choice(options, usage, locale),
        FieldKind::MultiSelect { options } => {
            json!({ "type": "array", "items": choice(options, usage, locale), "uniqueItems": true })
        }
        FieldKind::Lookup { target, .. } => json!({ "type": "string", "x-reference": target.as_str() }),
        FieldKind::References { target, .. } => {
            let mut told = json!({ "type": "array", "items": { "type": "string" }, "uniqueItems": true });
            set(&mut told, "x-reference", Some(target.as_str().into()));
            told
        }
        FieldKind::AutoNumber { format, .. } => json!({ "type": "string", "x-format": format }),
        FieldKind::Json => json!({}),
        FieldKind::Composite { parts, many, content } => {
            let one = match (content, usage) {
                (Some(_), Use::Read) => content_told(),
                (Some(_), _) => {
                    json!({ "anyOf": [{ "type": "string", "description": "The id of an upload." }, content_told()] })
                }
                (None, _) if parts.is_empty() && *many => json!({}),
                (None, _) => parts_told(parts.iter(), usage, locale),
            };
            if *many { json!({ "type": "array", "items": one }) } else { one }
        }
        FieldKind::Vector { dimensions } => {
            json!({ "type": "array", "items": { "type": "number" }, "minItems": dimensions, "maxItems": dimensions })
        }
        // A formula is told as what it gives.
        FieldKind::Formula { returns, .. } => Value::Object(self::kind(returns, usage, locale)),
    };
    match told {
        Value::Object(told) => told,
        _ => Map::new(),
    }
}

fn text(kind: &FieldKind) -> Value {
    let mut told = json!({ "type": "string" });
    let FieldKind::Text { format, min_length, max_length, pattern } = kind else { return told };
    let format = match format {
        TextFormat::Email => Some("email"),
        TextFormat::Url => Some("uri"),
        _ => None,
    };
    set(&mut told, "format", format.map(Value::from));
    set(&mut told, "minLength", min_length.map(Value::from));
    set(&mut told, "maxLength", max_length.map(Value::from));
    set(&mut told, "x-pattern", pattern.as_ref().map(|pattern| pattern.as_str().into()));
    told
}

fn number(kind: &FieldKind, usage: Use) -> Value {
    match kind {
        FieldKind::Number { precision, scale, min, max, step } => {
            exact((*precision, *scale), [min, max, step], usage)
        }
        FieldKind::Percent { precision, scale, min, max, step } => {
            decimal((*precision, *scale), [min, max, step], usage)
        }
        FieldKind::Currency { precision, scale, min, max, step, currency } => {
            let mut told = decimal((*precision, *scale), [min, max, step], usage);
            set(&mut told, "x-currency", currency.code.as_deref().map(Value::from));
            set(&mut told, "x-currency-field", currency.field.as_ref().map(|name| name.as_str().into()));
            told
        }
        FieldKind::Float { min, max } => {
            let mut told = json!({ "type": "number", "format": "double" });
            range(&mut told, [min, max]);
            told
        }
        _ => json!({ "type": "number" }),
    }
}

/// A whole number that fits JSON's, or a decimal.
fn exact((precision, scale): (u8, i8), [min, max, step]: [&Option<String>; 3], usage: Use) -> Value {
    if scale != 0 || precision > INTEGER_DIGITS_MAX {
        return decimal((precision, scale), [min, max, step], usage);
    }
    let mut told = match usage {
        Use::Read => json!({ "type": "integer", "format": "int64" }),
        // Text with the digits is taken too.
        Use::Create | Use::Update => json!({ "type": ["integer", "string"], "pattern": DECIMAL }),
    };
    range(&mut told, [min, max]);
    set(&mut told, "x-step", step.as_deref().map(Value::from));
    told
}

/// Answers have decimals as text, so that no digit is lost; numbers are taken too.
fn decimal((precision, scale): (u8, i8), [min, max, step]: [&Option<String>; 3], usage: Use) -> Value {
    let mut told = match usage {
        Use::Read => json!({ "type": "string", "format": "decimal", "pattern": DECIMAL }),
        Use::Create | Use::Update => json!({ "type": ["string", "number"], "pattern": DECIMAL }),
    };
    set(&mut told, "x-precision", Some(precision.into()));
    set(&mut told, "x-scale", Some(scale.into()));
    if usage == Use::Read {
        set(&mut told, "x-minimum", min.as_deref().map(Value::from));
        set(&mut told, "x-maximum", max.as_deref().map(Value::from));
    } else {
        range(&mut told, [min, max]);
    }
    set(&mut told, "x-step", step.as_deref().map(Value::from));
    told
}

fn range(told: &mut Value, [min, max]: [&Option<String>; 2]) {
    let number = |text: &Option<String>| text.as_deref().and_then(|text| text.parse::<Number>().ok());
    set(told, "minimum", number(min).map(Value::Number));
    set(told, "maximum", number(max).map(Value::Number));
}

/// The options; those that are not offered any more stand in records that have them.
fn choice(options: &[SelectOption], usage: Use, locale: &str) -> Value {
    let offered = |option: &&SelectOption| option.active || usage == Use::Read;
    let values: Vec<&str> = options.iter().filter(offered).map(|option| option.value.as_str()).collect();
    let labels: Map<String, Value> = options
        .iter()
        .filter(offered)
        .map(|option| (option.value.clone(), option.label.get(locale).into()))
        .collect();
    json!({ "type": "string", "enum": values, "x-labels": labels })
}

/// An object of the declared parts; of any shape where none are.
fn parts_told<'a>(
    parts: impl ExactSizeIterator<Item = (&'a FieldName, &'a Field)>,
    usage: Use,
    locale: &str,
) -> Value {
    if parts.len() == 0 {
        return json!({ "type": "object" });
    }
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for (name, part) in parts {
        properties.insert(name.to_string(), field(part, usage, locale));
        if usage == Use::Read || part.required {
            required.push(Value::from(name.as_str()));
        }
    }
    let mut told = json!({ "type": "object", "properties": properties, "additionalProperties": false });
    set(&mut told, "required", Some(required).filter(|names| !names.is_empty()).map(Value::from));
    told
}

/// What a field tells of a content.
fn content_told() -> Value {
    json!({ "$ref": "#/components/schemas/Content" })
}

fn set(told: &mut Value, name: &str, value: Option<Value>) {
    if let (Some(told), Some(value)) = (told.as_object_mut(), value) {
        told.insert(name.to_owned(), value);
    }
}
