//! What is the same in every database: types, functions, access methods, collations, languages.

use super::{Filler, Row, Source, known, row};
use crate::catalog::{
    cell::Cell,
    facts::{self, FUNCTIONS, RANGES, TYPES},
};

pub fn filler(table: &str) -> Option<Filler> {
    Some(match table {
        "pg_type" => types,
        "pg_proc" => functions,
        "pg_range" => ranges,
        "pg_am" => methods,
        "pg_collation" => collations,
        "pg_language" => languages,
        "pg_tablespace" => tablespaces,
        "pg_extension" => extensions,
        "pg_get_keywords" => keywords,
        _ => return None,
    })
}

fn cell(columns: &[&'static str], at: usize) -> &'static str {
    columns.get(at).copied().unwrap_or_default()
}

fn number(columns: &[&'static str], at: usize) -> Cell {
    cell(columns, at).parse::<i64>().map_or(Cell::Null, Cell::Int)
}

fn types(_: &Source<'_>) -> Vec<Row> {
    TYPES
        .iter()
        .map(|fact| {
            let columns = &fact.columns;
            row![
                "oid" => fact.oid,
                "typname" => fact.name,
                "typnamespace" => known::PG_CATALOG,
                "typowner" => known::OWNER,
                "typlen" => fact.length,
                "typbyval" => cell(columns, 3) == "t",
                "typtype" => cell(columns, 4),
                "typcategory" => cell(columns, 5),
                "typispreferred" => cell(columns, 6) == "t",
                "typisdefined" => true,
                "typdelim" => if fact.name == "box" || fact.name == "_box" { ';' } else { ',' },
                "typelem" => fact.element,
                "typarray" => fact.array,
                "typsubscript" => number(columns, 9),
                "typinput" => number(columns, 10),
                "typoutput" => number(columns, 11),
                "typreceive" => number(columns, 12),
                "typsend" => number(columns, 13),
                "typmodin" => number(columns, 14),
                "typmodout" => number(columns, 15),
                "typalign" => cell(columns, 16),
                "typstorage" => cell(columns, 17),
                "typtypmod" => -1,
                "typcollation" => number(columns, 18),
            ]
        })
        .collect()
}

fn functions(_: &Source<'_>) -> Vec<Row> {
    FUNCTIONS
        .iter()
        .map(|fact| {
            let columns = &fact.columns;
            let arguments: Vec<u32> =
                cell(columns, 7).split(' ').filter_map(|oid| oid.parse().ok()).collect();
            row![
                "oid" => fact.oid,
                "proname" => fact.name,
                "pronamespace" => known::PG_CATALOG,
                "proowner" => known::OWNER,
                "prolang" => 12,
                "procost" => 1.0,
                "prokind" => cell(columns, 2),
                "prorettype" => number(columns, 3),
                "proretset" => cell(columns, 4) == "t",
                "provolatile" => cell(columns, 5),
                "proparallel" => 's',
                "pronargs" => number(columns, 6),
                "proargtypes" => arguments,
                "prosrc" => fact.name,
            ]
        })
        .collect()
}

fn ranges(_: &Source<'_>) -> Vec<Row> {
    const COLUMNS: [&str; 7] = [
        "rngtypid",
        "rngsubtype",
        "rngmultitypid",
        "rngcollation",
        "rngsubopc",
        "rngcanonical",
        "rngsubdiff",
    ];
    RANGES
        .iter()
        .map(|cells| COLUMNS.into_iter().zip(cells.iter().map(|oid| Cell::from(*oid))).collect())
        .collect()
}

fn methods(_: &Source<'_>) -> Vec<Row> {
    [(known::HEAP, "heap", 3, 't'), (known::BTREE, "btree", 330, 'i')]
        .map(|(oid, name, handler, kind)| row!["oid" => oid, "amname" => name, "amhandler" => handler, "amtype" => kind])
        .to_vec()
}

fn collations(_: &Source<'_>) -> Vec<Row> {
    [(known::COLLATION, "default", 'd', None), (950, "C", 'c', Some("C")), (951, "POSIX", 'c', Some("POSIX"))]
        .map(|(oid, name, provider, locale)| {
            row!["oid" => oid, "collname" => name, "collnamespace" => known::PG_CATALOG, "collowner" => known::OWNER,
                "collprovider" => provider, "collisdeterministic" => true, "collencoding" => -1, "collcollate" => locale,
                "collctype" => locale]
        })
        .to_vec()
}

fn languages(_: &Source<'_>) -> Vec<Row> {
    vec![
        row!["oid" => 12, "lanname" => "internal", "lanowner" => known::OWNER],
        row!["oid" => 14, "lanname" => "sql", "lanowner" => known::OWNER],
    ]
}

fn tablespaces(_: &Source<'_>) -> Vec<Row> {
    vec![
        row!["oid" => known::TABLESPACE, "spcname" => "pg_default", "spcowner" => known::OWNER],
        row!["oid" => 1664, "spcname" => "pg_global", "spcowner" => known::OWNER],
    ]
}

/// None is there; the table is listed here so that it is not taken for one that can never have a row.
fn extensions(_: &Source<'_>) -> Vec<Row> {
    Vec::new()
}

fn keywords(_: &Source<'_>) -> Vec<Row> {
    facts::keywords()
        .into_iter()
        .map(|word| row!["word" => word, "catcode" => 'R', "barelabel" => true, "catdesc" => "reserved"])
        .collect()
}
