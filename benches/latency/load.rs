//! The same rows in PostgreSQL: every column of the demo's main objects, with the indexes that Quarry's packages
//! declare for the questions.

use anyhow::{Context, Result};
use futures::{SinkExt, StreamExt, pin_mut};
use tokio_postgres::{Client, SimpleQueryMessage, types::Type};

/// The objects that the questions are about.
const TABLES: &[&str] = &["account", "contact", "opportunity"];

/// Indexes that fit the questions.
const INDEXES: &[&str] = &[
    "CREATE INDEX ON account (owner_id)",
    "CREATE INDEX ON account (industry)",
    "CREATE UNIQUE INDEX ON account (name)",
    "CREATE INDEX ON contact (account_id)",
    "CREATE INDEX ON opportunity (account_id)",
    "CREATE INDEX ON opportunity (owner_id, close_date DESC)",
    "CREATE INDEX ON opportunity (stage)",
];

/// Copies all rows; returns how many of each table.
pub async fn copy(subject: &Client, peer: &Client) -> Result<Vec<(&'static str, u64)>> {
    // Millions of rows take their time.
    subject.batch_execute("SET statement_timeout = 0").await?;
    let mut counts = Vec::new();
    for table in TABLES {
        counts.push((*table, copy_table(subject, peer, table).await.with_context(|| (*table).to_owned())?));
    }
    for index in INDEXES {
        peer.batch_execute(index).await.with_context(|| (*index).to_owned())?;
    }
    peer.batch_execute("VACUUM ANALYZE").await?;
    Ok(counts)
}

async fn copy_table(subject: &Client, peer: &Client, table: &str) -> Result<u64> {
    let statement = subject.prepare(&format!("SELECT * FROM {table}")).await?;
    let columns: Vec<String> = statement
        .columns()
        .iter()
        .map(|c| {
            format!(
                "\"{}\" {}{}",
                c.name(),
                sql_type(c.type_()),
                if c.name() == "id" { " PRIMARY KEY" } else { "" }
            )
        })
        .collect();
    peer.batch_execute(&format!("CREATE TABLE {table} ({})", columns.join(", "))).await?;
    let sink = peer.copy_in(&format!("COPY {table} FROM STDIN (FORMAT csv)")).await?;
    pin_mut!(sink);
    let rows = subject.simple_query_raw(&format!("SELECT * FROM {table}")).await?;
    pin_mut!(rows);
    while let Some(message) = rows.next().await {
        if let SimpleQueryMessage::Row(row) = message? {
            let cells: Vec<String> =
                (0..row.len()).map(|i| row.get(i).map_or(String::new(), quoted)).collect();
            sink.send(bytes::Bytes::from(cells.join(",") + "\n")).await?;
        }
    }
    Ok(sink.finish().await?)
}

fn quoted(cell: &str) -> String {
    format!("\"{}\"", cell.replace('"', "\"\""))
}

fn sql_type(wire: &Type) -> String {
    match *wire {
        Type::VARCHAR => "text".to_owned(),
        Type::TEXT_ARRAY => "text[]".to_owned(),
        _ => wire.name().to_owned(),
    }
}
