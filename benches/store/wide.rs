//! A table of 30 columns as a CRM has them, and the same in PostgreSQL.

use std::{fmt::Write as _, path::Path, sync::Arc};

use anyhow::Result;
use quarry_storage::{
    ColumnSpec, ColumnType, CommitInfo, IndexSpec, ResourceOptions, Resources, Row, Store, StoreOptions,
    TableName, TableSpec, Value, World, WriteSet,
};

/// The table's name on both sides.
pub const TABLE: &str = "deal";
/// The position of `amount`.
pub const AMOUNT: usize = 6;
/// The position of `probability`.
pub const PROBABILITY: usize = 7;
/// Rows of one transaction while loading.
const CHUNK: u64 = 10_000;

const STAGES: [&str; 6] =
    ["prospecting", "qualification", "proposal", "negotiation", "closed_won", "closed_lost"];
const WORDS: [&str; 12] = [
    "north", "retail", "cloud", "prime", "harbor", "signal", "summit", "vector", "lumen", "orbit", "cedar",
    "delta",
];

/// Key, code (unique), owner, account and stage (indexed), a date, amounts, and the rest.
const COLUMNS: [(&str, ColumnType, bool); 14] = [
    ("id", ColumnType::Text, false),
    ("code", ColumnType::Text, false),
    ("owner_id", ColumnType::Text, true),
    ("account_id", ColumnType::Text, true),
    ("stage", ColumnType::Text, true),
    ("close_date", ColumnType::Date, false),
    ("amount", ColumnType::Decimal { precision: 18, scale: 2 }, false),
    ("probability", ColumnType::Int, false),
    ("is_won", ColumnType::Bool, false),
    ("score", ColumnType::Float, false),
    ("created_at", ColumnType::Timestamp, false),
    ("updated_at", ColumnType::Timestamp, false),
    ("name", ColumnType::Text, false),
    ("description", ColumnType::Text, false),
];
const TEXTS: usize = 10;
const INTS: usize = 6;

/// The table.
pub fn table() -> TableSpec {
    let column = |(name, column_type, indexed): (&str, ColumnType, bool)| ColumnSpec {
        name: name.into(),
        column_type,
        indexed,
        searchable: false,
    };
    let mut columns: Vec<ColumnSpec> = COLUMNS.into_iter().map(column).collect();
    columns.extend((0..TEXTS).map(|at| column((&format!("text_{at}"), ColumnType::Text, false))));
    columns.extend((0..INTS).map(|at| column((&format!("int_{at}"), ColumnType::Int, false))));
    let unique =
        vec![IndexSpec { name: "code_once".into(), columns: vec!["code".into()], conditions: Vec::new() }];
    TableSpec { name: TABLE.into(), columns, unique, references: vec![] }
}

/// The same table for PostgreSQL.
pub fn ddl() -> Result<String> {
    let mut sql = format!("CREATE TABLE {TABLE} (");
    for (at, column) in table().columns.iter().enumerate() {
        let kind = match column.column_type {
            ColumnType::Date => "date",
            ColumnType::Decimal { .. } => "numeric(18, 2)",
            ColumnType::Int => "bigint",
            ColumnType::Bool => "boolean",
            ColumnType::Float => "double precision",
            ColumnType::Timestamp => "timestamptz",
            _ => "text",
        };
        let key = if at == 0 { " PRIMARY KEY" } else { ", " };
        write!(sql, "{}{} {kind}{}", if at == 1 { ", " } else { "" }, column.name, key)?;
    }
    Ok(sql.trim_end_matches(", ").to_string() + ")")
}

/// The same indexes for PostgreSQL.
pub fn indexes() -> [String; 4] {
    let index = |column| format!("CREATE INDEX ON {TABLE} ({column})");
    let unique = format!("CREATE UNIQUE INDEX ON {TABLE} (code)");
    [unique, index("owner_id"), index("account_id"), index("stage")]
}

/// A number that looks random, the same in every run.
fn mixed(number: u64, salt: u64) -> u64 {
    let mut x =
        number.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(salt.wrapping_mul(0xBF58_476D_1CE4_E5B9));
    x ^= x >> 31;
    x = x.wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 29)
}

fn pick<'a>(words: &[&'a str], number: u64) -> &'a str {
    let count = u64::try_from(words.len()).unwrap_or(1);
    usize::try_from(number % count).ok().and_then(|at| words.get(at)).copied().unwrap_or("")
}

fn signed(number: u64, below: u64) -> i64 {
    i64::try_from(number % below).unwrap_or(0)
}

/// The key of a row.
pub fn key(number: u64) -> String {
    format!("{number:026}")
}

/// How many numbers below `rows` begin with these two digits.
pub fn numbers_beginning_with(digits: u64, rows: u64) -> u64 {
    let begin_at = (0..18).map(|zeros| 10_u64.pow(zeros));
    begin_at.map(|one| rows.min((digits + 1) * one) - rows.min(digits * one)).sum()
}

/// A row.
pub fn row(number: u64) -> Row {
    let at = |salt| mixed(number, salt);
    let words = |salt: u64, count: u64| {
        let word = |shift| pick(&WORDS, at(salt * 64 + shift));
        (0..count).map(word).collect::<Vec<_>>().join(" ")
    };
    let mut values = vec![
        Value::text(key(number)),
        Value::text(format!("C-{number}")),
        Value::text(format!("{:026}", at(1) % 500)),
        Value::text(format!("{:026}", at(2) % 100_000)),
        Value::text(pick(&STAGES, at(3))),
        Value::Date(i32::try_from(at(4) % 3_650).unwrap_or(0) + 17_000),
        Value::Decimal(i128::from(at(5) % 10_000_000)),
        Value::Int(signed(at(6), 101)),
        Value::Bool(at(7).is_multiple_of(5)),
        Value::Float(f64::from(u32::try_from(at(8) % 100_000).unwrap_or(0)) / 100.0),
        Value::Timestamp(1_700_000_000_000_000 + signed(number, 1 << 40) * 1_000_000),
        Value::Timestamp(1_700_000_000_000_000 + signed(at(9), 1 << 40)),
        Value::text(words(10, 3)),
        Value::text(words(11, 12)),
    ];
    values.extend(
        (0..10).map(|text| Value::text(format!("{} {}", pick(&WORDS, at(20 + text)), at(30 + text) % 1_000))),
    );
    values.extend((0..6).map(|int| {
        if at(40 + int).is_multiple_of(4) { Value::Null } else { Value::Int(signed(at(50 + int), 1_000_000)) }
    }));
    Row(values.into())
}

/// A row of its own, all of whose values but key and code are copies of a template's: it costs little to make.
pub fn copied(template: &Row, number: u64) -> Row {
    let copy = |value: &Value| match value {
        Value::Text(text) => Value::text(&**text),
        other => other.clone(),
    };
    let own = [Value::text(key(number)), Value::text(format!("C-{number}"))];
    Row(own.into_iter().chain(template.0.iter().skip(2).map(copy)).collect())
}

/// A row as a line of CSV that `COPY` reads.
pub fn line(number: u64) -> String {
    let cells: Vec<String> = row(number).0.iter().map(cell).collect();
    cells.join(",") + "\n"
}

fn cell(value: &Value) -> String {
    match value {
        Value::Text(text) => format!("\"{text}\""),
        Value::Int(number) => number.to_string(),
        Value::Decimal(unscaled) => format!("{}.{:02}", unscaled / 100, unscaled % 100),
        Value::Bool(flag) => flag.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Date(days) => format!("\"{}\"", day(i64::from(*days))),
        Value::Timestamp(micros) => format!("\"{}\"", instant(*micros)),
        _ => String::new(),
    }
}

fn day(days: i64) -> String {
    chrono::DateTime::from_timestamp(days * 86_400, 0)
        .map(|at| at.format("%F").to_string())
        .unwrap_or_default()
}

fn instant(micros: i64) -> String {
    chrono::DateTime::from_timestamp_micros(micros).map(|at| at.to_rfc3339()).unwrap_or_default()
}

/// A store in a folder, with the table; encrypted where `QUARRY_BENCH_ENCRYPTED` is set.
pub fn open(folder: &Path, options: StoreOptions) -> Result<Arc<Store>> {
    let mut world = World::real();
    if std::env::var_os("QUARRY_BENCH_ENCRYPTED").is_some() {
        let key = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
        world.keys = Some(quarry_engine::master_keys(key, world.ids.clone())?);
    }
    let store = Store::open(folder, options, world, &Resources::new(ResourceOptions::default()))?;
    store.define_tables(vec![table()])?;
    Ok(store)
}

/// Commits the rows of these numbers as one transaction.
pub fn insert(store: &Store, numbers: impl Iterator<Item = u64>) -> Result<()> {
    insert_rows(store, numbers.map(row))
}

/// Commits these rows as one transaction.
pub fn insert_rows(store: &Store, rows: impl Iterator<Item = Row>) -> Result<()> {
    let name: TableName = TABLE.into();
    let mut writes = WriteSet::new(store.snapshot().csn());
    for row in rows {
        writes.insert(&name, row)?;
    }
    store.commit(writes, CommitInfo::default())?;
    Ok(())
}

/// Loads the rows `0..rows` by plain transactions, and folds.
pub fn load(store: &Store, rows: u64) -> Result<()> {
    for from in (0..rows).step_by(10_000) {
        insert(store, from..rows.min(from + CHUNK))?;
    }
    store.fold()?;
    Ok(())
}
