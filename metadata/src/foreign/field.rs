//! A field as others declare it, in our words. What only the compiler can judge is left to it: see [`super::settle`].

use crate::{
    definition::{field::KEYS, kind::FieldType},
    foreign::{
        expression::cel,
        names::folded,
        options::{chosen, in_locale, options},
        pen::Pen,
        world::World,
    },
    yaml::{Content, Node},
};

mod digits;
mod reference;
mod value;

/// Other words for our types, folded.
const TYPES: &[(&str, &str)] = &[
    ("autonumber", "autonumber"),
    ("bigint", "integer"),
    ("bool", "boolean"),
    ("char", "text"),
    ("checkbox", "boolean"),
    ("decimal", "number"),
    ("double", "float"),
    ("dropdown", "select"),
    ("enum", "select"),
    ("float", "float"),
    ("geolocation", "location"),
    ("int", "integer"),
    ("integer", "integer"),
    ("link", "url"),
    ("longtext", "textarea"),
    ("masterdetail", "master_detail"),
    ("money", "currency"),
    ("multipicklist", "multiselect"),
    ("multiselect", "multiselect"),
    ("numeric", "number"),
    ("percentage", "percent"),
    ("picklist", "select"),
    ("richtext", "richtext"),
    ("rollup", "summary"),
    ("rollupsummary", "summary"),
    ("string", "text"),
    ("tel", "phone"),
    ("timestamp", "datetime"),
    ("uri", "url"),
    ("varchar", "text"),
];

/// Properties that say what holds of every field here.
const ALWAYS: &[&str] = &["sortable", "filterable"];
/// What older packages say of a summary, and where newer ones say it.
const SUMMARY: &[(&str, &str)] = &[
    ("summary_object", "object"),
    ("summary_type", "function"),
    ("summary_field", "field"),
    ("summary_relationship_field", "relationshipField"),
    ("summary_filters", "filter"),
    ("summary_filter", "filter"),
];
/// Properties whose value is a text for people.
const TEXTS: &[&str] = &["label", "help", "placeholder"];
/// Properties that are true or false.
const FLAGS: &[&str] = &[
    "required",
    "unique",
    "index",
    "readonly",
    "writeOnce",
    "hidden",
    "searchable",
    "externalId",
    "multiple",
];

/// A field in our words, with the names that expressions may use as they stand in the object.
pub(super) fn field(
    name: &str,
    given: &Node,
    names: &[String],
    world: &World<'_>,
    pen: &mut Pen<'_>,
) -> Node {
    let mut field = properties(name, given, world, pen);
    type_(&mut field, pen);
    spread_validation(&mut field, pen);
    if let Some(options_given) = field.remove("options") {
        let list = options(&options_given, &world.locale, pen);
        if !list.items().is_empty() {
            field.set("options", list);
        }
    }
    value::without_options(&mut field, pen);
    value::accepted(&mut field, pen);
    reference::reference(&mut field, world, pen);
    reference::summed_up(&mut field, world, pen);
    digits::digits(&mut field, pen);
    value::default(&mut field, pen);
    for key in ["expression", "visibleWhen", "requiredWhen", "readonlyWhen"] {
        let Some(given) = field.get(key).cloned() else { continue };
        match cel(&given, names.iter().map(String::as_str)) {
            Ok(written) => {
                if written.changed {
                    pen.mapped(key, &given, &format!("{:?}", written.text), "in CEL");
                }
                field.set(key, Node::of_text(given.line, written.text));
            }
            // The compiler tells what is wrong with it.
            Err(_) => field.set(key, given),
        }
    }
    never_writable(&mut field, pen);
    field
}

/// Every property by its one name, the type first; what says nothing is not there.
fn properties(name: &str, given: &Node, world: &World<'_>, pen: &mut Pen<'_>) -> Node {
    let mut field = Node::map(given.line);
    if let Some(type_) = given.get("type") {
        field.set("type", type_.clone());
    }
    for entry in given.entries() {
        let key = entry.key.as_str();
        let canonical = match key {
            "regex" => "pattern",
            "reference_via" => "referenceVia",
            "data_type" | "dataType" if given.text_of("type") == Some("formula") => "returnType",
            "type" => continue,
            // One mapping is made of them.
            _ if SUMMARY.iter().any(|(theirs, _)| *theirs == key) => key,
            "name" if entry.value.text().is_some_and(|text| folded(text) == folded(name)) => continue,
            "depends_on" | "dependsOn" if given.get("options").is_none() => key,
            key => KEYS.canonical(key).unwrap_or(key),
        };
        if says_nothing(&entry.value) {
            continue;
        }
        if ALWAYS.contains(&canonical) && entry.value.flag() == Some(true) {
            pen.mapped(key, &entry.value, "nothing to write", "it holds of every field");
            continue;
        }
        if field.get(canonical).is_some() {
            pen.left_out(key, &entry.value, &format!("`{canonical}` is given already"));
            continue;
        }
        if canonical != key {
            pen.aliased(key, entry.line, canonical);
        }
        let mut value = Node::new(entry.line, entry.value.content.clone());
        if TEXTS.contains(&canonical) {
            value = in_locale(value, &world.locale);
        } else if FLAGS.contains(&canonical) {
            value = flag(canonical, value, pen);
        }
        field.set(canonical, value);
    }
    summary(&mut field, pen);
    field
}

fn says_nothing(value: &Node) -> bool {
    match &value.content {
        Content::Null => true,
        Content::Text(text) => text.trim().is_empty(),
        Content::List(items) => items.is_empty(),
        Content::Map(entries) => entries.is_empty(),
        _ => false,
    }
}

/// `"true"`, `1` and, for `unique`, the scope in which it holds.
fn flag(key: &str, value: Node, pen: &mut Pen<'_>) -> Node {
    let said = value.said().unwrap_or_default().to_lowercase();
    let flag = match (key, said.as_str()) {
        _ if value.flag().is_some() => return value,
        ("unique", "organization" | "tenant" | "global") => true,
        (_, "true" | "1" | "yes") => true,
        (_, "false" | "0" | "no") => false,
        _ => return value,
    };
    let reason = if key == "unique" { "among the records of a tenant" } else { "true or false" };
    pen.mapped(key, &value, &flag.to_string(), reason);
    Node::new(value.line, Content::Boolean(flag))
}

/// `summary_object`, `summary_type`, `summary_field` as the one mapping that newer packages write.
fn summary(field: &mut Node, pen: &mut Pen<'_>) {
    let mut operations = None;
    for (key, part) in SUMMARY {
        if let Some(value) = field.remove(key) {
            pen.mapped(key, &value, &format!("summaryOperations.{part}"), "as newer packages write it");
            operations.get_or_insert_with(|| Node::map(value.line)).set(part, value);
        }
    }
    if let Some(operations) = operations {
        field.set("summaryOperations", operations);
    }
}

fn type_(field: &mut Node, pen: &mut Pen<'_>) {
    let Some(given) = field.get("type").cloned() else { return };
    let Some(text) = given.text() else { return };
    if FieldType::is_known(text) {
        return;
    }
    let folded = folded(text);
    let Some((_, ours)) = TYPES.iter().find(|(theirs, _)| *theirs == folded) else { return };
    let (name, extra) = match *ours {
        "integer" => ("number", Some(("scale", Content::Number("0".to_owned())))),
        "float" => ("number", Some(("dataType", Content::Text("float".to_owned())))),
        name => (name, None),
    };
    let told = extra.as_ref().map_or_else(|| name.to_owned(), |(key, _)| format!("{name} with `{key}`"));
    pen.mapped("type", &given, &told, "");
    field.set("type", Node::of_text(given.line, name));
    if let Some((key, content)) = extra
        && field.get(key).is_none()
    {
        field.set(key, Node::new(given.line, content));
    }
}

/// `validation: {min, max, pattern, format, message}` of a field as properties of their own.
fn spread_validation(field: &mut Node, pen: &mut Pen<'_>) {
    if !field.get("validation").is_some_and(Node::is_map) {
        return;
    }
    let Some(given) = field.remove("validation") else { return };
    let type_ = field.text_of("type").unwrap_or_default().to_owned();
    for entry in given.entries() {
        let property = format!("validation.{}", entry.key);
        let key = match entry.key.as_str() {
            "regex" => "pattern",
            "format" if entry.value.text() == Some(type_.as_str()) => {
                pen.mapped(&property, &entry.value, &format!("type: {type_}"), "the type says it");
                continue;
            }
            key => KEYS.canonical(key).unwrap_or(key),
        };
        if !["min", "max", "minLength", "maxLength", "pattern"].contains(&key) || field.get(key).is_some() {
            let reason = match key {
                "message" => "what is wrong with a single field is told in our own words",
                _ => "it is not known here, or said already",
            };
            pen.left_out(&property, &entry.value, reason);
            continue;
        }
        pen.mapped(&property, &entry.value, key, "");
        field.set(key, entry.value.clone());
    }
}

/// Required, readonly and without a default: nobody but code could make a record.
fn never_writable(field: &mut Node, pen: &mut Pen<'_>) {
    let is = |key: &str| field.get(key).and_then(Node::flag) == Some(true);
    let numbered = matches!(field.text_of("type"), Some("autonumber" | "formula" | "summary"));
    let asks = is("required") && is("readonly") && !numbered && field.get("default").is_none();
    if let Some(required) = asks.then(|| field.remove("required")).flatten() {
        pen.left_out(
            "required",
            &required,
            "clients can't write what is readonly, so no record could be made",
        );
    }
}

/// The option that is meant where it can be told.
pub(super) fn option_of(text: &str, field: &Node) -> Option<String> {
    chosen(text, field.get("options")?).map(str::to_owned)
}
