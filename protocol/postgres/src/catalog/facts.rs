//! What is true of every PostgreSQL 15: the columns of its catalog tables, its built-in types, the functions behind
//! them, its reserved words. Read from the text files in `facts/`, once.
//!
//! `tables.txt`: one table a line: name, oid, kind, then `column:type`, with `!` where it can't be null.
//! `pg_type.tsv`, `pg_proc.tsv`, `pg_range.tsv`: rows of those tables. `keywords.txt`: words that must be quoted as names.

use std::{
    collections::{HashMap, HashSet},
    sync::LazyLock,
};

use super::column::Shape;

/// One column of a catalog table.
#[derive(Clone, Debug)]
pub struct ColumnFact {
    /// Its name.
    pub name: &'static str,
    /// PostgreSQL's type.
    pub pg_type: &'static str,
    /// How it stands in Arrow.
    pub shape: Shape,
    /// A row always has a value.
    pub not_null: bool,
}

/// One catalog table or view.
#[derive(Debug)]
pub struct TableFact {
    /// `pg_catalog` or `information_schema`.
    pub schema: &'static str,
    /// Its name.
    pub name: &'static str,
    /// PostgreSQL's oid for it.
    pub oid: u32,
    /// `r` or `v`; `f` is a function that is read as a table.
    pub kind: &'static str,
    /// Its columns in order.
    pub columns: Vec<ColumnFact>,
}

/// One built-in type: the columns of `pg_type` that differ between types, and its name in SQL.
#[derive(Debug)]
pub struct TypeFact {
    /// Its oid.
    pub oid: u32,
    /// Its name in `pg_type`: `int8`.
    pub name: &'static str,
    /// Bytes, or -1.
    pub length: i16,
    /// Its element, for arrays.
    pub element: u32,
    /// Its array, or 0.
    pub array: u32,
    /// Its name in SQL: `bigint`.
    pub sql_name: &'static str,
    /// All columns of `pg_type.tsv` in order.
    pub columns: Vec<&'static str>,
}

/// One built-in function.
#[derive(Debug)]
pub struct FunctionFact {
    /// Its oid.
    pub oid: u32,
    /// Its name.
    pub name: &'static str,
    /// All columns of `pg_proc.tsv` in order.
    pub columns: Vec<&'static str>,
}

/// The catalog tables, sorted by schema and name.
pub static TABLES: LazyLock<Vec<TableFact>> = LazyLock::new(|| {
    let mut tables: Vec<_> = include_str!("facts/tables.txt").lines().filter_map(read_table).collect();
    tables.sort_by_key(|table| (table.schema, table.name));
    tables
});

/// The built-in types in order of oid.
pub static TYPES: LazyLock<Vec<TypeFact>> =
    LazyLock::new(|| include_str!("facts/pg_type.tsv").lines().filter_map(read_type).collect());

/// The built-in functions in order of oid.
pub static FUNCTIONS: LazyLock<Vec<FunctionFact>> =
    LazyLock::new(|| include_str!("facts/pg_proc.tsv").lines().filter_map(read_function).collect());

/// Rows of `pg_range`.
pub static RANGES: LazyLock<Vec<Vec<u32>>> = LazyLock::new(|| {
    include_str!("facts/pg_range.tsv")
        .lines()
        .map(|line| line.split('\t').filter_map(|cell| cell.parse().ok()).collect())
        .collect()
});

/// Words that PostgreSQL's `quote_ident` quotes.
static KEYWORDS: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| include_str!("facts/keywords.txt").lines().collect());

/// Columns of catalog tables by name, with their PostgreSQL type (the first table that has such a column counts).
static COLUMN_TYPES: LazyLock<HashMap<&'static str, &'static str>> = LazyLock::new(|| {
    let mut types = HashMap::new();
    for table in TABLES.iter().rev() {
        for column in &table.columns {
            types.insert(column.name, column.pg_type);
        }
    }
    types
});

/// The catalog tables and views, without the functions that are read as tables.
pub fn relations() -> impl Iterator<Item = &'static TableFact> {
    TABLES.iter().filter(|table| table.kind != "f")
}

/// The words that must be quoted as names, sorted.
pub fn keywords() -> Vec<&'static str> {
    let mut words: Vec<_> = KEYWORDS.iter().copied().collect();
    words.sort_unstable();
    words
}

/// The catalog table of that schema and name.
pub fn table(schema: &str, name: &str) -> Option<&'static TableFact> {
    let at = TABLES.binary_search_by(|table| (table.schema, table.name).cmp(&(schema, name))).ok()?;
    TABLES.get(at)
}

/// The built-in type of that oid.
pub fn type_of(oid: u32) -> Option<&'static TypeFact> {
    TYPES.iter().find(|fact| fact.oid == oid)
}

/// The built-in type of that name, as `pg_type` or as SQL has it (`int8`, `bigint`).
pub fn type_named(name: &str) -> Option<&'static TypeFact> {
    TYPES.iter().find(|fact| fact.name == name || fact.sql_name == name)
}

/// The PostgreSQL type of a catalog column by its bare name.
pub fn column_type(name: &str) -> Option<&'static str> {
    COLUMN_TYPES.get(name).copied()
}

/// A name as it must be written in SQL: quoted where it has to be.
pub fn quote_ident(name: &str) -> String {
    let mut letters = name.chars();
    let plain = letters.next().is_some_and(|first| first == '_' || first.is_ascii_lowercase())
        && letters.all(|letter| {
            letter == '_' || letter == '$' || letter.is_ascii_lowercase() || letter.is_ascii_digit()
        })
        && !KEYWORDS.contains(name);
    if plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

/// A text as a SQL literal.
pub fn quote_literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if quoted.contains('\\') { format!("E'{}'", quoted.replace('\\', "\\\\")) } else { format!("'{quoted}'") }
}

fn read_table(line: &'static str) -> Option<TableFact> {
    let mut words = line.split(' ');
    let (schema, name) = words.next()?.split_once('.')?;
    let oid = words.next()?.parse().ok()?;
    let kind = words.next()?;
    let columns = words
        .filter_map(|word| word.split_once(':'))
        .map(|(name, pg_type)| {
            let not_null = pg_type.ends_with('!');
            let pg_type = pg_type.trim_end_matches('!');
            ColumnFact { name, pg_type, shape: Shape::of(pg_type), not_null }
        })
        .collect();
    Some(TableFact { schema, name, oid, kind, columns })
}

fn read_type(line: &'static str) -> Option<TypeFact> {
    let columns: Vec<&'static str> = line.split('\t').collect();
    let cell = |at: usize| columns.get(at).copied();
    Some(TypeFact {
        oid: cell(0)?.parse().ok()?,
        name: cell(1)?,
        length: cell(2)?.parse().ok()?,
        element: cell(7)?.parse().ok()?,
        array: cell(8)?.parse().ok()?,
        sql_name: cell(19)?,
        columns,
    })
}

fn read_function(line: &'static str) -> Option<FunctionFact> {
    let columns: Vec<&'static str> = line.split('\t').collect();
    Some(FunctionFact { oid: columns.first()?.parse().ok()?, name: columns.get(1).copied()?, columns })
}
