//! Keys, references and indexes.

use quarry_metadata::DeleteBehavior;

use super::{Filler, Row, Source, known, row};
use crate::catalog::{
    cell::Cell,
    model::{Constraint, ConstraintKind, IndexRelation, Relation},
};

/// `pg_operator`: `=` on text, which every lookup and id is.
const TEXT_EQUAL: u32 = 98;

pub fn filler(table: &str) -> Option<Filler> {
    Some(match table {
        "pg_constraint" => constraints,
        "pg_index" => indexes,
        "pg_indexes" => index_texts,
        "pg_stat_user_indexes" | "pg_stat_all_indexes" => statistics,
        _ => return None,
    })
}

fn constraints(source: &Source<'_>) -> Vec<Row> {
    let all = source
        .model
        .relations
        .iter()
        .flat_map(|table| table.constraints.iter().map(move |constraint| (table, constraint)));
    all.map(|(table, constraint)| constraint_row(table, constraint)).collect()
}

fn constraint_row(table: &Relation, constraint: &Constraint) -> Row {
    let mut row = row![
        "oid" => constraint.oid,
        "conname" => constraint.name.as_str(),
        "connamespace" => table.schema_oid,
        "contype" => constraint.kind.letter(),
        "convalidated" => true,
        "conrelid" => table.oid,
        "conindid" => constraint.index_oid,
        "conislocal" => true,
        "connoinherit" => true,
        "conkey" => constraint.columns.clone(),
        "confupdtype" => ' ',
        "confdeltype" => ' ',
        "confmatchtype" => ' ',
    ];
    if let ConstraintKind::Foreign { target, target_column, on_delete } = constraint.kind {
        let action = match on_delete {
            DeleteBehavior::Restrict => 'r',
            DeleteBehavior::SetNull => 'n',
            DeleteBehavior::Cascade => 'c',
        };
        row.retain(|(name, _)| !name.starts_with("conf"));
        row.extend(row![
            "confrelid" => target,
            "confkey" => vec![target_column],
            "confupdtype" => 'a',
            "confdeltype" => action,
            "confmatchtype" => 's',
            "conpfeqop" => vec![TEXT_EQUAL],
            "conppeqop" => vec![TEXT_EQUAL],
            "conffeqop" => vec![TEXT_EQUAL],
        ]);
    }
    row
}

fn all_indexes<'a>(source: &'a Source<'_>) -> impl Iterator<Item = (&'a Relation, &'a IndexRelation)> {
    source.model.relations.iter().flat_map(|table| table.indexes.iter().map(move |index| (table, index)))
}

fn indexes(source: &Source<'_>) -> Vec<Row> {
    all_indexes(source).map(|(table, index)| index_row(table, index)).collect()
}

fn index_row(table: &Relation, index: &IndexRelation) -> Row {
    let columns: Vec<_> = index.columns.iter().filter_map(|number| table.column(*number)).collect();
    let classes: Vec<u32> = columns.iter().map(|column| operator_class(column.type_oid)).collect();
    let collations: Vec<u32> = columns.iter().map(|column| collation(column.type_oid)).collect();
    let count = i16::try_from(index.columns.len()).unwrap_or(i16::MAX);
    row![
        "indexrelid" => index.oid,
        "indrelid" => table.oid,
        "indnatts" => count,
        "indnkeyatts" => count,
        "indisunique" => index.unique,
        "indisprimary" => index.primary,
        "indimmediate" => true,
        "indisvalid" => true,
        "indisready" => true,
        "indislive" => true,
        "indkey" => index.columns.clone(),
        "indcollation" => collations,
        "indclass" => classes,
        "indoption" => vec![0_i16; index.columns.len()],
    ]
}

fn index_texts(source: &Source<'_>) -> Vec<Row> {
    all_indexes(source)
        .map(|(table, index)| {
            row![
                "schemaname" => table.schema.as_str(),
                "tablename" => table.name.as_str(),
                "indexname" => index.name.as_str(),
                "tablespace" => Cell::Null,
                "indexdef" => index.definition.as_str(),
            ]
        })
        .collect()
}

fn statistics(source: &Source<'_>) -> Vec<Row> {
    all_indexes(source)
        .map(|(table, index)| {
            row!["relid" => table.oid, "indexrelid" => index.oid, "schemaname" => table.schema.as_str(),
                "relname" => table.name.as_str(), "indexrelname" => index.name.as_str()]
        })
        .collect()
}

/// The default btree operator class of a type, by PostgreSQL's oids.
fn operator_class(type_oid: u32) -> u32 {
    match type_oid {
        16 => 10003,
        20 => 3124,
        1082 => 3122,
        1083 => 10038,
        1184 => 3127,
        1700 => 3125,
        1009 => 10000,
        3802 => 10088,
        _ => 3126,
    }
}

fn collation(type_oid: u32) -> u32 {
    if matches!(type_oid, 25 | 1009 | 1043) { known::COLLATION } else { 0 }
}
