//! Fields that are made of parts: composites and lists of them, addresses, places on earth; and vectors.

use indexmap::IndexMap;

use crate::{
    definition::{
        field::{FieldDefinition, KindDefinition, Within},
        identifier::part_fault,
        kind::FieldType,
        mapping::Mapping,
    },
    issue::{Issues, Place},
    limits::{DIMENSIONS_MAX, PARTS_DEPTH_MAX, PARTS_MAX},
    model::{Field, FieldKind, TextFormat},
    name::FieldName,
    naming::camel_case,
};

/// The parts of an address, with the characters each may have.
const ADDRESS: &[(&str, u32)] =
    &[("street", 255), ("city", 100), ("state", 100), ("postal_code", 20), ("country", 100)];
/// The parts of a location, with the degrees on either side of 0.
const LOCATION: &[(&str, &str)] = &[("lat", "90"), ("lng", "180")];

/// Reads a field that is made of parts; `depth` counts the fields it stands in.
pub(crate) fn read(
    field_type: FieldType,
    mapping: &Mapping<'_>,
    depth: usize,
    issues: &mut Issues,
) -> FieldKind {
    match field_type {
        FieldType::Address => FieldKind::Composite { parts: address(), many: false, content: None },
        FieldType::Location => FieldKind::Composite { parts: location(), many: false, content: None },
        _ => FieldKind::Composite {
            parts: parts(mapping, depth, issues),
            many: field_type == FieldType::Array,
            content: None,
        },
    }
}

fn parts(mapping: &Mapping<'_>, depth: usize, issues: &mut Issues) -> IndexMap<FieldName, Field> {
    let mut parts = IndexMap::new();
    let Some(value) = mapping.get("fields") else { return parts };
    let Some(entries) = value.entries(issues) else { return parts };
    if entries.is_empty() {
        let message = "no part is declared; leave `fields` out for parts of any name";
        issues.error(&value.place(), "empty", message);
    }
    if entries.len() > PARTS_MAX {
        issues.error(&value.place(), "too-many", format!("more than {PARTS_MAX} parts"));
        return parts;
    }
    if depth >= PARTS_DEPTH_MAX {
        let message = format!("fields stand in fields {PARTS_DEPTH_MAX} deep at most");
        issues.error(&value.place(), "too-deep", message);
        return parts;
    }
    let mut shown: Vec<(String, &str)> = Vec::new();
    for (name, value) in entries {
        if let Some(message) = part_fault(name) {
            issues.error(&value.place(), "bad-name", message);
            continue;
        }
        if let Some((_, other)) = shown.iter().find(|(camel, _)| *camel == camel_case(name)) {
            let message = format!("`{name}` and `{other}` would be one name in GraphQL; rename one");
            issues.error(&value.place(), "graphql-name-collision", message);
            continue;
        }
        shown.push((camel_case(name), name));
        if let Some(part) = FieldDefinition::read(name, &value, Within::Field(depth + 1), issues) {
            let kind = part_kind(&part, &value.place(), issues);
            parts
                .extend(kind.map(|kind| (FieldName::from(name), part.resolve(&FieldName::from(name), kind))));
        }
    }
    parts
}

/// What is found by its own column, or by another record, can't be a part.
fn part_kind(part: &FieldDefinition, place: &Place, issues: &mut Issues) -> Option<FieldKind> {
    match &part.kind {
        KindDefinition::Plain(
            FieldKind::AutoNumber { .. }
            | FieldKind::Password { .. }
            | FieldKind::Vector { .. }
            | FieldKind::Composite { content: Some(_), .. },
        )
        | KindDefinition::Lookup(_)
        | KindDefinition::Formula(_)
        | KindDefinition::Summary(_) => {
            let message = format!("a field of type {} can't stand in another field", part.declared);
            issues.error(place, "not-for-this-type", message);
            None
        }
        KindDefinition::Plain(kind) => Some(kind.clone()),
    }
}

fn address() -> IndexMap<FieldName, Field> {
    let text = |max: u32| FieldKind::Text {
        format: TextFormat::Text,
        min_length: None,
        max_length: Some(max),
        pattern: None,
    };
    let part = |(name, max): &(&str, u32)| Field::part(name, "text", text(*max), false);
    ADDRESS.iter().map(part).map(|part| (part.name.clone(), part)).collect()
}

fn location() -> IndexMap<FieldName, Field> {
    let degrees = |max: &str| FieldKind::Float { min: Some(format!("-{max}")), max: Some(max.to_owned()) };
    let part = |(name, max): &(&str, &str)| Field::part(name, "number", degrees(max), true);
    LOCATION.iter().map(part).map(|part| (part.name.clone(), part)).collect()
}

/// Reads `dimensions`.
pub(crate) fn vector(mapping: &Mapping<'_>, issues: &mut Issues) -> Option<FieldKind> {
    let value = mapping.must_get("dimensions", issues)?;
    let dimensions = value.count(issues)?;
    if dimensions == 0 || dimensions > DIMENSIONS_MAX {
        let message = format!("a vector has 1 to {DIMENSIONS_MAX} dimensions, not {dimensions}");
        issues.error(&value.place(), "bad-range", message);
        return None;
    }
    Some(FieldKind::Vector { dimensions })
}
