//! TPC-H's rows: as batches from `tpchgen`, as tables of PostgreSQL, as records through Quarry's pipeline.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use arrow::{
    array::RecordBatch,
    datatypes::{DataType, SchemaRef},
    util::display::{ArrayFormatter, FormatOptions},
};
use quarry_benches::company::load;
use quarry_engine::{Change, Input, Operation, Record, Session, SessionOptions};
use serde_json::Value;
use tpchgen::generators::{
    CustomerGenerator, LineItemGenerator, NationGenerator, OrderGenerator, PartGenerator, PartSuppGenerator,
    RegionGenerator, SupplierGenerator,
};
use tpchgen_arrow::{
    CustomerArrow, LineItemArrow, NationArrow, OrderArrow, PartArrow, PartSuppArrow, RegionArrow,
    SupplierArrow,
};

/// The tables, each with what it refers to before it.
pub const TABLES: [&str; 8] =
    ["region", "nation", "supplier", "part", "partsupp", "customer", "orders", "lineitem"];
/// Rows of a batch, and records that go through the pipeline together.
const BATCH: usize = 4_096;

/// A table's rows, some thousand at a time.
pub type Batches = Box<dyn Iterator<Item = Result<RecordBatch>>>;

macro_rules! made {
    ($arrow:ident, $generator:ident, $scale:expr) => {{
        let schema = $arrow::schema_ref();
        let rows = $arrow::new($generator::new($scale, 1, 1)).with_batch_size(BATCH);
        (schema, Box::new(rows.map(|batch| Ok(batch?))) as Batches)
    }};
}

/// A table's columns and rows at a scale.
///
/// # Errors
///
/// A table that is not TPC-H's.
pub fn batches(table: &str, scale: f64) -> Result<(SchemaRef, Batches)> {
    Ok(match table {
        "region" => made!(RegionArrow, RegionGenerator, scale),
        "nation" => made!(NationArrow, NationGenerator, scale),
        "supplier" => made!(SupplierArrow, SupplierGenerator, scale),
        "part" => made!(PartArrow, PartGenerator, scale),
        "partsupp" => made!(PartSuppArrow, PartSuppGenerator, scale),
        "customer" => made!(CustomerArrow, CustomerGenerator, scale),
        "orders" => made!(OrderArrow, OrderGenerator, scale),
        "lineitem" => made!(LineItemArrow, LineItemGenerator, scale),
        other => bail!("TPC-H has no table {other}"),
    })
}

/// `CREATE TABLE` for PostgreSQL.
///
/// # Errors
///
/// As [`batches`]; a column of another type than TPC-H has.
pub fn ddl(table: &str) -> Result<String> {
    let (schema, _) = batches(table, 0.01)?;
    let mut columns = Vec::new();
    for field in schema.fields() {
        let kind = match field.data_type() {
            DataType::Int64 => "bigint",
            DataType::Int32 => "integer",
            DataType::Decimal128(15, 2) => "numeric(15,2)",
            DataType::Utf8View => "text",
            DataType::Date32 => "date",
            other => bail!("{} is {other}", field.name()),
        };
        columns.push(format!("{} {kind} NOT NULL", field.name()));
    }
    Ok(format!("CREATE TABLE {table} ({})", columns.join(", ")))
}

/// Loads all tables into a new folder, and folds.
///
/// # Errors
///
/// Packages that do not compile, records that are refused.
pub async fn load(folder: &Path, packages: Vec<PathBuf>, scale: f64) -> Result<()> {
    let engine = load::open(folder, packages)?;
    let session = engine.session(engine.operator()?, SessionOptions::default());
    for table in TABLES {
        load_table(&session, table, scale).await?;
    }
    drop(session);
    engine.close()?;
    drop(engine);
    load::fold(folder)?;
    Ok(())
}

async fn load_table(session: &Session, table: &str, scale: f64) -> Result<()> {
    let mut bulk = session.bulk();
    let mut number = 0_u64;
    for batch in batches(table, scale)?.1 {
        let batch = batch?;
        let mut changes = Vec::with_capacity(batch.num_rows());
        for mut record in records(&batch)? {
            record.insert("id".into(), Input::Json(Value::String(format!("{table}_{number:010}"))));
            number += 1;
            let operation = Operation::Create(record);
            changes.push(Change { object: table.to_owned(), operation, if_revision: None });
        }
        if bulk.add(changes).await?.is_none() {
            bail!("{table} has triggers");
        }
    }
    bulk.commit().await?;
    Ok(())
}

/// The rows as records: whole numbers as such, all else as text, which fields read.
fn records(batch: &RecordBatch) -> Result<Vec<Record>> {
    let options = FormatOptions::default();
    let mut records = vec![Record::new(); batch.num_rows()];
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        let formatter = ArrayFormatter::try_new(column, &options)?;
        let is_whole = field.data_type().is_integer();
        for (row, record) in records.iter_mut().enumerate() {
            let text = formatter.value(row).to_string();
            let value =
                if is_whole { Value::Number(text.parse::<i64>()?.into()) } else { Value::String(text) };
            record.insert(field.name().clone(), Input::Json(value));
        }
    }
    Ok(records)
}
