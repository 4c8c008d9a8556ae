//! Many new rows from CSV: by the store's bulk load, and by `COPY` into PostgreSQL, with all indexes in place.

use std::{
    io::{BufWriter, Read, Write},
    path::Path,
    sync::mpsc,
    thread,
    time::Instant,
};

use anyhow::{Context, Result, bail, ensure};
use arrow::{
    compute::kernels::cast_utils::{Parser, parse_decimal},
    datatypes::{Date32Type, Decimal128Type, TimestampMicrosecondType},
};
use futures::{SinkExt, pin_mut};
use quarry_benches::{
    measure::{Line, Timing, Unit},
    process::Postgres,
};
use quarry_storage::{ColumnType, CommitInfo, Row, StoreOptions, TableName, Value};
use tokio_postgres::Client;

use crate::wide;

const TURNS: usize = 3;
/// Rows that are handed on at once, and how many times as many are parsed ahead.
const BATCH_ROWS: usize = 1_000;
const BATCHES: usize = 8;
/// Bytes sent at once.
const CHUNK: usize = 256 << 10;

/// Both load the same bytes, in turns.
pub async fn beside_copy(rows: u64) -> Result<Line> {
    let folder = tempfile::tempdir()?;
    let csv = folder.path().join("deal.csv");
    let mut out = BufWriter::new(std::fs::File::create(&csv)?);
    for number in 0..rows {
        out.write_all(wide::line(number).as_bytes())?;
    }
    out.into_inner()?.sync_all()?;
    let postgres = Postgres::start()?;
    let peer = postgres.connect().await?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        ours.push(bulk_load(&csv, rows)?);
        theirs.push(copy(&peer, &csv, rows).await?);
    }
    Ok(Line {
        name: "bulk load from CSV, with indexes (COPY into PostgreSQL 15 with the same)",
        subject: Timing::of(ours),
        peer: Timing::of(theirs),
        targets: ("1 ×", "0.3 ×"),
        unit: Unit::Micros,
    })
}

/// Microseconds until the rows are durable.
fn bulk_load(csv: &Path, rows: u64) -> Result<f64> {
    let folder = tempfile::tempdir()?;
    let store = wide::open(folder.path(), StoreOptions::default())?;
    let begin = Instant::now();
    let name: TableName = wide::TABLE.into();
    let mut load = store.bulk_load();
    let (sender, receiver) = mpsc::sync_channel(BATCHES);
    let parsed = thread::scope(|scope| -> Result<()> {
        let parser = scope.spawn(|| parse(csv, sender));
        for rows in receiver {
            rows.into_iter().try_for_each(|row| load.add(&name, row))?;
        }
        parser.join().map_err(|_| anyhow::anyhow!("the parser panicked"))?
    });
    parsed?;
    load.commit(CommitInfo::default())?;
    let time = begin.elapsed().as_secs_f64() * 1e6;
    let loaded = store.snapshot().table(wide::TABLE)?.statistics().rows;
    ensure!(loaded == rows, "{loaded} of {rows} rows are there");
    Ok(time)
}

/// Sends the rows on, some at a time.
fn parse(csv: &Path, rows: mpsc::SyncSender<Vec<Row>>) -> Result<()> {
    let spec = wide::table();
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_path(csv)?;
    let mut record = csv::StringRecord::new();
    let mut batch = Vec::with_capacity(BATCH_ROWS);
    while reader.read_record(&mut record)? {
        ensure!(record.len() == spec.columns.len(), "a line of {} cells", record.len());
        let cells = spec.columns.iter().zip(&record);
        let values: Result<Vec<Value>> =
            cells.map(|(column, cell)| value(column.column_type, cell)).collect();
        batch.push(Row(values?.into()));
        if batch.len() == BATCH_ROWS {
            rows.send(std::mem::replace(&mut batch, Vec::with_capacity(BATCH_ROWS)))?;
        }
    }
    Ok(rows.send(batch)?)
}

/// A cell; an empty one is null.
fn value(kind: ColumnType, cell: &str) -> Result<Value> {
    if cell.is_empty() {
        return Ok(Value::Null);
    }
    Ok(match kind {
        ColumnType::Text => Value::text(cell),
        ColumnType::Int => Value::Int(cell.parse()?),
        ColumnType::Float => Value::Float(cell.parse()?),
        ColumnType::Bool => Value::Bool(cell.parse()?),
        ColumnType::Decimal { precision, scale } => {
            Value::Decimal(parse_decimal::<Decimal128Type>(cell, precision, scale)?)
        }
        ColumnType::Date => Value::Date(Date32Type::parse(cell).context("not a date")?),
        ColumnType::Timestamp => {
            Value::Timestamp(TimestampMicrosecondType::parse(cell).context("not an instant")?)
        }
        other => bail!("no column is {other:?}"),
    })
}

/// Microseconds until the rows are durable, in a table of its own.
async fn copy(peer: &Client, csv: &Path, rows: u64) -> Result<f64> {
    peer.batch_execute(&format!("DROP TABLE IF EXISTS {}", wide::TABLE)).await?;
    peer.batch_execute(&wide::ddl()?).await?;
    for index in wide::indexes() {
        peer.batch_execute(&index).await?;
    }
    peer.batch_execute("CHECKPOINT").await?;
    let begin = Instant::now();
    let mut file = std::fs::File::open(csv)?;
    let sink = peer.copy_in(&format!("COPY {} FROM STDIN (FORMAT csv)", wide::TABLE)).await?;
    pin_mut!(sink);
    loop {
        let mut chunk = vec![0; CHUNK];
        let count = file.read(&mut chunk)?;
        if count == 0 {
            break;
        }
        chunk.truncate(count);
        sink.send(bytes::Bytes::from(chunk)).await?;
    }
    let copied = sink.finish().await?;
    let time = begin.elapsed().as_secs_f64() * 1e6;
    ensure!(copied == rows, "{copied} of {rows} rows were copied");
    Ok(time)
}
