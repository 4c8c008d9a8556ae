//! Constraints in `information_schema`.

use quarry_metadata::DeleteBehavior;

use super::database;
use crate::catalog::{
    cell::Cell,
    model::{Constraint, ConstraintKind, Relation},
    rows::{Row, Source, row},
};

/// Every constraint with its table.
fn all<'a>(source: &'a Source<'_>) -> impl Iterator<Item = (&'a Relation, &'a Constraint)> {
    source
        .model
        .relations
        .iter()
        .flat_map(|table| table.constraints.iter().map(move |constraint| (table, constraint)))
}

/// The name of a constraint and the table it stands on.
fn named(source: &Source<'_>, table: &Relation, constraint: &Constraint) -> Row {
    row![
        "constraint_catalog" => database(source),
        "constraint_schema" => table.schema.as_str(),
        "constraint_name" => constraint.name.as_str(),
    ]
}

fn on_table(source: &Source<'_>, table: &Relation) -> Row {
    row!["table_catalog" => database(source), "table_schema" => table.schema.as_str(), "table_name" => table.name.as_str()]
}

pub fn table_constraints(source: &Source<'_>) -> Vec<Row> {
    all(source)
        .map(|(table, constraint)| {
            let kind = match constraint.kind {
                ConstraintKind::Primary => "PRIMARY KEY",
                ConstraintKind::Unique => "UNIQUE",
                ConstraintKind::Foreign { .. } => "FOREIGN KEY",
            };
            let mut row = named(source, table, constraint);
            row.extend(on_table(source, table));
            row.extend(row!["constraint_type" => kind, "is_deferrable" => "NO", "initially_deferred" => "NO", "enforced" => "YES"]);
            if constraint.kind == ConstraintKind::Unique {
                row.push(("nulls_distinct", Cell::from("YES")));
            }
            row
        })
        .collect()
}

pub fn key_column_usage(source: &Source<'_>) -> Vec<Row> {
    let mut rows = Vec::new();
    for (table, constraint) in all(source) {
        let columns = constraint.columns.iter().filter_map(|number| table.column(*number));
        for (place, column) in (1..).zip(columns) {
            let mut row = named(source, table, constraint);
            row.extend(on_table(source, table));
            row.extend(row!["column_name" => column.name.as_str(), "ordinal_position" => place]);
            if matches!(constraint.kind, ConstraintKind::Foreign { .. }) {
                row.push(("position_in_unique_constraint", Cell::from(place)));
            }
            rows.push(row);
        }
    }
    rows
}

pub fn referential_constraints(source: &Source<'_>) -> Vec<Row> {
    all(source)
        .filter_map(|(table, constraint)| {
            let ConstraintKind::Foreign { target, on_delete, .. } = constraint.kind else {
                return None;
            };
            let target = source.model.relation(target)?;
            let key = target.constraints.iter().find(|key| key.kind == ConstraintKind::Primary)?;
            let mut row = named(source, table, constraint);
            row.extend(row![
                "unique_constraint_catalog" => database(source),
                "unique_constraint_schema" => target.schema.as_str(),
                "unique_constraint_name" => key.name.as_str(),
                "match_option" => "NONE",
                "update_rule" => "NO ACTION",
                "delete_rule" => match on_delete {
                    DeleteBehavior::Restrict => "RESTRICT",
                    DeleteBehavior::SetNull => "SET NULL",
                    DeleteBehavior::Cascade => "CASCADE",
                },
            ]);
            Some(row)
        })
        .collect()
}

/// The table and columns that a constraint uses: those of a foreign key are the other table's.
fn used<'a>(
    source: &'a Source<'_>,
    table: &'a Relation,
    constraint: &'a Constraint,
) -> Option<(&'a Relation, Vec<i16>)> {
    match constraint.kind {
        ConstraintKind::Foreign { target, target_column, .. } => {
            Some((source.model.relation(target)?, vec![target_column]))
        }
        _ => Some((table, constraint.columns.clone())),
    }
}

pub fn constraint_column_usage(source: &Source<'_>) -> Vec<Row> {
    let mut rows = Vec::new();
    for (table, constraint) in all(source) {
        let Some((owner, numbers)) = used(source, table, constraint) else {
            continue;
        };
        for column in numbers.iter().filter_map(|number| owner.column(*number)) {
            let mut row = named(source, table, constraint);
            row.extend(on_table(source, owner));
            row.push(("column_name", Cell::from(column.name.as_str())));
            rows.push(row);
        }
    }
    rows
}

pub fn constraint_table_usage(source: &Source<'_>) -> Vec<Row> {
    all(source)
        .filter(|(_, constraint)| matches!(constraint.kind, ConstraintKind::Foreign { .. }))
        .filter_map(|(table, constraint)| {
            let (owner, _) = used(source, table, constraint)?;
            let mut row = named(source, table, constraint);
            row.extend(on_table(source, owner));
            Some(row)
        })
        .collect()
}
