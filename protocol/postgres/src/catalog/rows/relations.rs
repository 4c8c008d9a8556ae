//! Schemas, tables, indexes as relations, columns, defaults, comments.

use super::{Filler, Row, SYSTEM_SCHEMAS, Source, known, row};
use crate::catalog::{
    cell::Cell,
    facts::{self, TypeFact},
    model::Relation,
};

pub fn filler(table: &str) -> Option<Filler> {
    Some(match table {
        "pg_namespace" => namespaces,
        "pg_class" => classes,
        "pg_attribute" => attributes,
        "pg_attrdef" => defaults,
        "pg_description" => descriptions,
        "pg_tables" => tables,
        "pg_views" => views,
        "pg_stat_user_tables" | "pg_stat_all_tables" | "pg_statio_user_tables" | "pg_statio_all_tables" => {
            statistics
        }
        _ => return None,
    })
}

fn namespaces(source: &Source<'_>) -> Vec<Row> {
    let packages = source.model.schemas.iter().map(|schema| (schema.oid, schema.name.as_str()));
    SYSTEM_SCHEMAS
        .into_iter()
        .chain(packages)
        .map(|(oid, name)| row!["oid" => oid, "nspname" => name, "nspowner" => known::OWNER])
        .collect()
}

fn classes(source: &Source<'_>) -> Vec<Row> {
    let mut rows: Vec<Row> = facts::relations()
        .map(|table| {
            let schema =
                if table.schema == "pg_catalog" { known::PG_CATALOG } else { known::INFORMATION_SCHEMA };
            let mut row = class(table.oid, table.name, schema, table.kind);
            row.push(("relnatts", Cell::from(count(table.columns.len()))));
            row
        })
        .collect();
    for table in &source.model.relations {
        let mut row = class(table.oid, &table.name, table.schema_oid, "r");
        row.push(("relnatts", Cell::from(count(table.columns.len()))));
        row.push(("relhasindex", Cell::from(!table.indexes.is_empty())));
        row.push((
            "relhastriggers",
            Cell::from(table.constraints.iter().any(|constraint| constraint.kind.letter() == 'f')),
        ));
        rows.push(row);
        for index in &table.indexes {
            let mut row = class(index.oid, &index.name, table.schema_oid, "i");
            row.push(("relnatts", Cell::from(count(index.columns.len()))));
            rows.push(row);
        }
    }
    rows
}

fn class(oid: u32, name: &str, schema: u32, kind: &str) -> Row {
    let method = match kind {
        "r" => known::HEAP,
        "i" => known::BTREE,
        _ => 0,
    };
    let replica_identity = if kind == "r" { 'd' } else { 'n' };
    row![
        "oid" => oid,
        "relname" => name,
        "relnamespace" => schema,
        "relowner" => known::OWNER,
        "relam" => method,
        "relfilenode" => oid,
        // PostgreSQL's word for "never counted".
        "reltuples" => -1.0,
        "relpersistence" => 'p',
        "relkind" => kind,
        "relispopulated" => true,
        "relreplident" => replica_identity,
    ]
}

/// One column of any relation, as `pg_attribute` tells it.
struct Attribute<'a> {
    relation: u32,
    number: i16,
    name: &'a str,
    fact: Option<&'static TypeFact>,
    modifier: i32,
    not_null: bool,
    has_default: bool,
}

fn attributes(source: &Source<'_>) -> Vec<Row> {
    let mut rows = Vec::new();
    for table in facts::relations() {
        for (number, column) in (1..).zip(&table.columns) {
            let fact = facts::type_named(column.pg_type);
            rows.push(attribute(&Attribute {
                relation: table.oid,
                number,
                name: column.name,
                fact,
                modifier: -1,
                not_null: column.not_null,
                has_default: false,
            }));
        }
    }
    for table in &source.model.relations {
        rows.extend(table.columns.iter().map(|column| {
            attribute(&Attribute {
                relation: table.oid,
                number: column.number,
                name: &column.name,
                fact: facts::type_of(column.type_oid),
                modifier: column.modifier,
                not_null: column.not_null,
                has_default: column.default.is_some(),
            })
        }));
        rows.extend(index_attributes(table));
    }
    rows
}

fn index_attributes(table: &Relation) -> Vec<Row> {
    let mut rows = Vec::new();
    for index in &table.indexes {
        let columns = index.columns.iter().filter_map(|number| table.column(*number));
        for (number, column) in (1..).zip(columns) {
            rows.push(attribute(&Attribute {
                relation: index.oid,
                number,
                name: &column.name,
                fact: facts::type_of(column.type_oid),
                modifier: column.modifier,
                not_null: false,
                has_default: false,
            }));
        }
    }
    rows
}

fn attribute(column: &Attribute<'_>) -> Row {
    let of_type = |at: usize| column.fact.and_then(|fact| fact.columns.get(at).copied()).unwrap_or_default();
    let collation: u32 = of_type(18).parse().unwrap_or_default();
    row![
        "attrelid" => column.relation,
        "attname" => column.name,
        "atttypid" => column.fact.map_or(0, |fact| fact.oid),
        "attstattarget" => -1,
        "attlen" => column.fact.map_or(-1, |fact| fact.length),
        "attnum" => column.number,
        "attndims" => i32::from(column.fact.is_some_and(|fact| fact.element != 0 && fact.length == -1)),
        "attcacheoff" => -1,
        "atttypmod" => column.modifier,
        "attbyval" => of_type(3) == "t",
        "attalign" => of_type(16),
        "attstorage" => of_type(17),
        "attnotnull" => column.not_null,
        "atthasdef" => column.has_default,
        "attislocal" => true,
        "attcollation" => collation,
    ]
}

fn defaults(source: &Source<'_>) -> Vec<Row> {
    let columns = source
        .model
        .relations
        .iter()
        .flat_map(|table| table.columns.iter().map(move |column| (table, column)));
    columns
        .filter_map(|(table, column)| {
            let (oid, text) = column.default.as_ref()?;
            Some(row!["oid" => *oid, "adrelid" => table.oid, "adnum" => column.number, "adbin" => text.as_str()])
        })
        .collect()
}

fn descriptions(source: &Source<'_>) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let mut add = |object: u32, class: u32, part: i32, text: &Option<String>| {
        if let Some(text) = text {
            rows.push(row!["objoid" => object, "classoid" => class, "objsubid" => part, "description" => text.as_str()]);
        }
    };
    for schema in &source.model.schemas {
        add(schema.oid, known::PG_NAMESPACE, 0, &schema.comment);
    }
    for table in &source.model.relations {
        add(table.oid, known::PG_CLASS, 0, &table.comment);
        for column in &table.columns {
            add(table.oid, known::PG_CLASS, i32::from(column.number), &column.comment);
        }
    }
    rows
}

fn tables(source: &Source<'_>) -> Vec<Row> {
    let own = facts::relations().filter(|table| table.kind == "r").map(|table| {
        row!["schemaname" => table.schema, "tablename" => table.name, "tableowner" => known::OWNER_NAME, "hasindexes" => false,
            "hasrules" => false, "hastriggers" => false, "rowsecurity" => false]
    });
    let objects = source.model.relations.iter().map(|table| {
        row!["schemaname" => table.schema.as_str(), "tablename" => table.name.as_str(), "tableowner" => known::OWNER_NAME,
            "hasindexes" => !table.indexes.is_empty(), "hasrules" => false, "hastriggers" => false, "rowsecurity" => false]
    });
    own.chain(objects).collect()
}

fn views(_: &Source<'_>) -> Vec<Row> {
    let own = facts::relations().filter(|table| table.kind == "v");
    own.map(|table| row!["schemaname" => table.schema, "viewname" => table.name, "viewowner" => known::OWNER_NAME]).collect()
}

fn statistics(source: &Source<'_>) -> Vec<Row> {
    let objects = source.model.relations.iter();
    objects.map(|table| row!["relid" => table.oid, "schemaname" => table.schema.as_str(), "relname" => table.name.as_str()]).collect()
}

fn count(length: usize) -> i16 {
    i16::try_from(length).unwrap_or(i16::MAX)
}
