//! The one place where an object becomes a table.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field as ArrowField, Fields};
use indexmap::IndexMap;
use quarry_metadata::{
    Field, FieldKind, FieldName, Labels, Object, ObjectName, Registry, Relation, RelationKind, RelationName,
    rules::{Check, Is, Requirement, Unique},
};
use quarry_storage::{
    ColumnName, ColumnSpec, ColumnType, Condition, ConditionIs, IndexSpec, ReferenceSpec, TableSpec,
};

/// An integer of so many digits fits an Int64.
const INT_DIGITS_MAX: u8 = 18;

/// The table of an object: same name, one column per field that is stored in the object's order (`id` first), lookups, unique and
/// indexed fields indexed, searchable fields searchable.
///
/// Table and columns go by the first names of the object and its fields, which no renaming changes.
pub fn table_spec(object: &Object, registry: &Registry) -> TableSpec {
    TableSpec {
        name: object.table().into(),
        columns: object.stored_fields().map(|field| column_spec(object, field)).collect(),
        unique: unique_constraints(object).into_iter().chain(unique_rules(object, registry)).collect(),
        references: references(object, registry),
    }
}

/// How a field's values are stored, or would be if it were not computed.
pub fn column_type(field: &Field) -> ColumnType {
    match field.kind.of_values() {
        FieldKind::Number { precision, scale: 0, .. } if *precision <= INT_DIGITS_MAX => ColumnType::Int,
        FieldKind::Number { precision, scale, .. }
        | FieldKind::Currency { precision, scale, .. }
        | FieldKind::Percent { precision, scale, .. } => {
            ColumnType::Decimal { precision: *precision, scale: *scale }
        }
        FieldKind::Float { .. } => ColumnType::Float,
        FieldKind::Boolean => ColumnType::Bool,
        FieldKind::Date => ColumnType::Date,
        FieldKind::DateTime => ColumnType::Timestamp,
        FieldKind::Time => ColumnType::Time,
        FieldKind::MultiSelect { .. } | FieldKind::References { .. } => ColumnType::TextList,
        FieldKind::Vector { .. } => ColumnType::Bytes,
        FieldKind::Id
        | FieldKind::Text { .. }
        | FieldKind::Select { .. }
        | FieldKind::Lookup { .. }
        | FieldKind::AutoNumber { .. }
        | FieldKind::Json
        | FieldKind::Formula { .. }
        | FieldKind::Composite { .. }
        | FieldKind::Password { .. } => ColumnType::Text,
    }
}

/// What a field is in a plan: as it is stored, but composites with declared parts are structs (or lists of structs), and
/// vectors lists of floats.
pub fn arrow_type(field: &Field) -> DataType {
    match &field.kind {
        FieldKind::Composite { parts, many, .. } if !parts.is_empty() => {
            let parts: Fields = parts.values().map(|part| arrow_field(part.name.as_str(), part)).collect();
            match many {
                true => DataType::new_list(DataType::Struct(parts), true),
                false => DataType::Struct(parts),
            }
        }
        FieldKind::Vector { dimensions } => {
            let dimensions = i32::try_from(*dimensions).unwrap_or(i32::MAX);
            DataType::new_fixed_size_list(DataType::Float32, dimensions, true)
        }
        _ => column_type(field).arrow(),
    }
}

/// How a field stands in an answer under `name`. JSON is text that is marked as Arrow's canonical `arrow.json`.
pub fn arrow_field(name: &str, field: &Field) -> ArrowField {
    let column = ArrowField::new(name, arrow_type(field), true);
    match &field.kind {
        kind if is_free_json(kind) => {
            let mark = [("ARROW:extension:name", "arrow.json"), ("ARROW:extension:metadata", "")];
            column.with_metadata(mark.map(|(key, value)| (key.to_owned(), value.to_owned())).into())
        }
        _ => column,
    }
}

/// Whether a field holds JSON of any shape (or any object, or any list).
pub fn is_free_json(kind: &FieldKind) -> bool {
    match kind {
        FieldKind::Json => true,
        FieldKind::Composite { parts, .. } => parts.is_empty(),
        _ => false,
    }
}

fn column_spec(object: &Object, field: &Field) -> ColumnSpec {
    let column_type = column_type(field);
    let leads_index = object.indexes.iter().any(|index| index.fields.first() == Some(&field.name));
    let indexed = field.index
        || field.unique
        || field.external_id
        || leads_index
        || matches!(field.kind, FieldKind::Lookup { .. } | FieldKind::Id);
    let searchable =
        column_type == ColumnType::Text && (field.searchable || object.searchable.contains(&field.name));
    ColumnSpec { name: field.column().into(), column_type, indexed, searchable }
}

/// Declared unique indexes first; a unique field that no index names gets one of its own.
fn unique_constraints(object: &Object) -> Vec<IndexSpec> {
    let mut unique: Vec<IndexSpec> = object
        .indexes
        .iter()
        .filter(|index| index.unique)
        .map(|index| IndexSpec {
            name: index.name.as_str().into(),
            columns: index.fields.iter().map(|field| column(object, field)).collect(),
            conditions: Vec::new(),
        })
        .collect();
    for field in object.fields.values().filter(|field| field.unique || field.external_id) {
        let alone: [ColumnName; 1] = [field.column().into()];
        let named = unique.iter().any(|index| index.columns == alone);
        if !named && !matches!(field.kind, FieldKind::Id) {
            let name: Arc<str> = format!("{}_{}_key", object.table(), field.column()).into();
            unique.push(IndexSpec { name, columns: alone.into(), conditions: Vec::new() });
        }
    }
    unique
}

/// What begins the name of a table of deleted records; no object's name may begin so, and in an entry of the log it stands
/// behind the table that its records came from.
pub const BIN: &str = "~bin_";
/// What deleted records are asked for by, before the object's name.
pub const BIN_VIEW: &str = "recycle_bin.";
/// Which deletion a deleted record went with, by the id that it was given: a column that no view has.
pub const DELETION: &str = "~deletion";
/// When a record was deleted, and by whom.
pub const DELETED_AT: &str = "deleted_at";
/// See [`DELETED_AT`].
pub const DELETED_BY: &str = "deleted_by";

/// The table of an object's deleted records.
pub fn bin_table(object: &Object) -> String {
    bin_table_of(object.table())
}

/// The table of the deleted records of another.
pub fn bin_table_of(table: &str) -> String {
    format!("{BIN}{table}")
}

/// The deleted records of an object as an object of their own: the same fields, and who deleted them and when. The ways from
/// them lead to records that are there.
pub fn bin_of(object: &Object) -> Object {
    let plain = |field: &Field| Field {
        kind: always_computed(&field.kind),
        unique: false,
        index: false,
        searchable: false,
        external_id: false,
        readonly: true,
        ..field.clone()
    };
    let mut fields: IndexMap<FieldName, Field> =
        object.fields.iter().map(|(name, field)| (name.clone(), plain(field))).collect();
    let like = |name: &str, pattern: &str, label: &str| {
        let field = object.field(pattern).map(plain)?;
        let label = Labels([("en".to_owned(), label.to_owned())].into());
        Some((FieldName::from(name), Field { name: FieldName::from(name), label, ..field }))
    };
    fields.extend(like(DELETED_AT, "created_at", "Deleted At"));
    fields.extend(like(DELETED_BY, "created_by", "Deleted By"));
    let is_to_one = |relation: &&Relation| !matches!(relation.kind, RelationKind::ToMany { .. });
    let mut relations: IndexMap<RelationName, Relation> = object
        .relations
        .values()
        .filter(is_to_one)
        .map(|relation| (relation.name.clone(), relation.clone()))
        .collect();
    if let Some(created_by) = object.relation("created_by") {
        let (name, field) = (RelationName::from(DELETED_BY), FieldName::from(DELETED_BY));
        let kind = RelationKind::ToOne { field };
        let way = Relation { alias: Vec::new(), name: name.clone(), kind, target: created_by.target.clone() };
        relations.insert(name, way);
    }
    Object {
        name: ObjectName::from(format!("{BIN_VIEW}{}", object.name).as_str()),
        alias: vec![ObjectName::from(bin_table(object).as_str())],
        fields,
        relations,
        indexes: Vec::new(),
        searchable: Vec::new(),
        recycle_bin: false,
        ..object.clone()
    }
}

/// A formula that got its column when records were in the bin already has no values there.
fn always_computed(kind: &FieldKind) -> FieldKind {
    match kind.clone() {
        FieldKind::Formula { returns, expression, .. } => {
            FieldKind::Formula { returns, expression, stored: false }
        }
        kind => kind,
    }
}

/// The table of an object's deleted records: the columns of the object, found by their key and by what they went with and
/// when, and neither unique nor referring to anything.
pub fn bin_spec(object: &Object) -> TableSpec {
    let bin = bin_of(object);
    let plain = |field: &Field| ColumnSpec {
        name: field.column().into(),
        column_type: column_type(field),
        indexed: [DELETED_AT, "id"].contains(&field.name.as_str()),
        searchable: false,
    };
    let deletion =
        ColumnSpec { name: DELETION.into(), column_type: ColumnType::Text, indexed: true, searchable: false };
    let deleted = [DELETED_AT, DELETED_BY].iter().filter_map(|name| bin.field(name));
    TableSpec {
        name: bin.table().into(),
        columns: object.stored_fields().chain(deleted).map(plain).chain([deletion]).collect(),
        unique: Vec::new(),
        references: Vec::new(),
    }
}

/// What `unique` rules keep, among the records that they count.
pub fn unique_rules(object: &Object, registry: &Registry) -> Vec<IndexSpec> {
    let rules = registry.rules.get(&object.name).into_iter().flat_map(|rules| &rules.validations);
    let unique = rules.filter_map(|rule| match &rule.check {
        Check::Unique(unique) => Some(unique),
        Check::Broken(_) => None,
    });
    let constraint = |unique: &Unique| IndexSpec {
        name: unique.constraint.as_str().into(),
        columns: unique.fields.iter().map(|field| column(object, field)).collect(),
        conditions: unique.when.iter().map(|when| condition(object, when)).collect(),
    };
    unique.map(constraint).collect()
}

fn condition(object: &Object, Requirement { field, is }: &Requirement) -> Condition {
    let texts = |texts: &[String]| texts.iter().map(|text| text.as_str().into()).collect();
    let is = match is {
        Is::Empty => ConditionIs::Null,
        Is::Filled => ConditionIs::NotNull,
        Is::Bool(flag) => ConditionIs::Bool(*flag),
        Is::Int(number) => ConditionIs::Int(*number),
        Is::AnyOf(values) => ConditionIs::AnyOf(texts(values)),
        Is::NoneOf(values) => ConditionIs::NoneOf(texts(values)),
    };
    Condition { column: column(object, field), is }
}

fn column(object: &Object, field: &FieldName) -> ColumnName {
    object.field(field.as_str()).map_or_else(|| field.as_str(), Field::column).into()
}

fn references(object: &Object, registry: &Registry) -> Vec<ReferenceSpec> {
    let target = |field: &Field| match &field.kind {
        FieldKind::Lookup { target, .. } => {
            let table = registry.get(target.as_str()).map_or(target.as_str(), |target| target.table());
            Some(ReferenceSpec { column: field.column().into(), target: table.into() })
        }
        _ => None,
    };
    object.fields.values().filter_map(target).collect()
}
