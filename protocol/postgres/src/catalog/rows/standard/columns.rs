//! `information_schema.columns` and what may be done to them.

use super::{database, yes_or_no};
use crate::catalog::{
    cell::Cell,
    facts::{self, TypeFact},
    rows::{Row, Source, known, row},
};

/// A text of no declared length, in bytes.
const TEXT_BYTES_MAX: i32 = 1 << 30;

pub fn columns(source: &Source<'_>) -> Vec<Row> {
    let mut rows = Vec::new();
    for table in facts::relations() {
        for (number, column) in (1_i16..).zip(&table.columns) {
            let mut row = place(source, table.schema, table.name, column.name, number);
            row.push(("is_nullable", yes_or_no(!column.not_null)));
            row.push(("is_updatable", Cell::from("NO")));
            row.extend(type_cells(source, facts::type_named(column.pg_type), -1));
            rows.push(row);
        }
    }
    for table in &source.model.relations {
        for column in &table.columns {
            let mut row = place(source, &table.schema, &table.name, &column.name, column.number);
            row.push(("column_default", Cell::from(column.default.as_ref().map(|(_, text)| text.as_str()))));
            row.push(("is_nullable", yes_or_no(!column.not_null)));
            row.push(("is_updatable", yes_or_no(!column.generated)));
            row.extend(type_cells(source, facts::type_of(column.type_oid), column.modifier));
            rows.push(row);
        }
    }
    rows
}

fn place(source: &Source<'_>, schema: &str, table: &str, column: &str, number: i16) -> Row {
    row![
        "table_catalog" => database(source),
        "table_schema" => schema,
        "table_name" => table,
        "column_name" => column,
        "ordinal_position" => number,
        "dtd_identifier" => number.to_string(),
        "is_self_referencing" => "NO",
        "is_identity" => "NO",
        "identity_cycle" => "NO",
        "is_generated" => "NEVER",
    ]
}

fn type_cells(source: &Source<'_>, fact: Option<&'static TypeFact>, modifier: i32) -> Row {
    let Some(fact) = fact else {
        return Row::new();
    };
    let is_array = fact.element != 0 && fact.length == -1;
    let mut row = row![
        "data_type" => if is_array { "ARRAY" } else { fact.sql_name },
        "udt_catalog" => database(source),
        "udt_schema" => "pg_catalog",
        "udt_name" => fact.name,
    ];
    let bare = (modifier >= 4).then_some(modifier - 4);
    match fact.name {
        "varchar" | "bpchar" => {
            row.push(("character_maximum_length", Cell::from(bare)));
            row.push((
                "character_octet_length",
                Cell::from(bare.map_or(TEXT_BYTES_MAX, |length| length.saturating_mul(4))),
            ));
        }
        "text" => row.push(("character_octet_length", Cell::from(TEXT_BYTES_MAX))),
        "int2" => row.extend(number_cells(Some(16), 2, Some(0))),
        "int4" => row.extend(number_cells(Some(32), 2, Some(0))),
        "int8" => row.extend(number_cells(Some(64), 2, Some(0))),
        "float4" => row.extend(number_cells(Some(24), 2, None)),
        "float8" => row.extend(number_cells(Some(53), 2, None)),
        "numeric" => row.extend(number_cells(bare.map(|bare| bare >> 16), 10, bare.map(|bare| bare & 0x7ff))),
        "date" => row.push(("datetime_precision", Cell::from(0))),
        "time" | "timetz" | "timestamp" | "timestamptz" => row.push(("datetime_precision", Cell::from(6))),
        _ => {}
    }
    row
}

fn number_cells(precision: Option<i32>, radix: i32, scale: Option<i32>) -> Row {
    row!["numeric_precision" => precision, "numeric_precision_radix" => radix, "numeric_scale" => scale]
}

pub fn privileges(source: &Source<'_>) -> Vec<Row> {
    let mut rows = Vec::new();
    for table in &source.model.relations {
        for column in &table.columns {
            for privilege in table.grants_on(&column.name) {
                rows.push(row![
                    "grantor" => known::OWNER_NAME,
                    "grantee" => source.session.user.as_str(),
                    "table_catalog" => database(source),
                    "table_schema" => table.schema.as_str(),
                    "table_name" => table.name.as_str(),
                    "column_name" => column.name.as_str(),
                    "privilege_type" => privilege,
                    "is_grantable" => "NO",
                ]);
            }
        }
    }
    rows
}
