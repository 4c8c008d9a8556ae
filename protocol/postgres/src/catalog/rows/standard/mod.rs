//! `information_schema`, as the SQL standard wants it and PostgreSQL fills it.

mod columns;
mod keys;

use super::{Filler, Row, Source, known, row};
use crate::catalog::{cell::Cell, facts};

pub fn filler(table: &str) -> Option<Filler> {
    Some(match table {
        "information_schema_catalog_name" => catalog_name,
        "schemata" => schemata,
        "tables" => tables,
        "table_privileges" | "role_table_grants" => table_privileges,
        "character_sets" => character_sets,
        "enabled_roles" => enabled_roles,
        "columns" => columns::columns,
        "column_privileges" | "role_column_grants" => columns::privileges,
        "table_constraints" => keys::table_constraints,
        "key_column_usage" => keys::key_column_usage,
        "referential_constraints" => keys::referential_constraints,
        "constraint_column_usage" => keys::constraint_column_usage,
        "constraint_table_usage" => keys::constraint_table_usage,
        _ => return None,
    })
}

fn yes_or_no(value: bool) -> Cell {
    Cell::from(if value { "YES" } else { "NO" })
}

fn database(source: &Source<'_>) -> Cell {
    Cell::from(source.session.database.as_str())
}

fn catalog_name(source: &Source<'_>) -> Vec<Row> {
    vec![vec![("catalog_name", database(source))]]
}

fn schemata(source: &Source<'_>) -> Vec<Row> {
    let packages = source.model.schemas.iter().map(|schema| schema.name.as_str());
    ["information_schema", "pg_catalog"]
        .into_iter()
        .chain(packages)
        .map(|name| row!["catalog_name" => database(source), "schema_name" => name, "schema_owner" => known::OWNER_NAME])
        .collect()
}

fn tables(source: &Source<'_>) -> Vec<Row> {
    let table = |schema: &str, name: &str, base: bool, written: bool| {
        row![
            "table_catalog" => database(source),
            "table_schema" => schema,
            "table_name" => name,
            "table_type" => if base { "BASE TABLE" } else { "VIEW" },
            "is_insertable_into" => if written { "YES" } else { "NO" },
            "is_typed" => "NO",
        ]
    };
    let own =
        facts::relations().map(|fact| table(fact.schema, fact.name, fact.kind == "r", fact.kind == "r"));
    let relations = source.model.relations.iter();
    let objects =
        relations.map(|relation| table(&relation.schema, &relation.name, true, !relation.only_read));
    own.chain(objects).collect()
}

fn table_privileges(source: &Source<'_>) -> Vec<Row> {
    let mut rows = Vec::new();
    for relation in &source.model.relations {
        for privilege in &relation.grants {
            rows.push(row![
                "grantor" => known::OWNER_NAME,
                "grantee" => source.session.user.as_str(),
                "table_catalog" => database(source),
                "table_schema" => relation.schema.as_str(),
                "table_name" => relation.name.as_str(),
                "privilege_type" => *privilege,
                "is_grantable" => "NO",
                "with_hierarchy" => if *privilege == "SELECT" { "YES" } else { "NO" },
            ]);
        }
    }
    rows
}

fn character_sets(source: &Source<'_>) -> Vec<Row> {
    vec![row![
        "character_set_name" => "UTF8",
        "character_repertoire" => "UCS",
        "form_of_use" => "UTF8",
        "default_collate_catalog" => database(source),
        "default_collate_schema" => "pg_catalog",
        "default_collate_name" => "C.utf8",
    ]]
}

fn enabled_roles(source: &Source<'_>) -> Vec<Row> {
    vec![row!["role_name" => source.session.user.as_str()]]
}
