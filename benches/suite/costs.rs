//! What it costs: loading, bytes on disk, memory, a cold start, one more tenant.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use quarry_benches::{
    company::{self, SALES, account_id, tables::TABLES},
    page::amount,
    process::{PASSWORD, Postgres, Quarry},
    resident,
    results::{Cell, Line, Section, Unit},
};
use serde_json::json;

use crate::{
    options::Options,
    peers::{self, postgres_type},
    sides::{Ask, name},
    stage::{Loading, Stage, tell},
};

const SIDES: [&str; 6] =
    [name::QUARRY, name::POSTGRES, name::DUCKDB, name::SQLITE, name::OBJECTSTACK, name::DATAFUSION];
const BY_ID: &str = "SELECT id, name, industry FROM account WHERE id = $1";
/// Longer nothing takes to start.
const START: Duration = Duration::from_secs(120);

/// The figures of one line, by side.
type Figures = Vec<(&'static str, Cell)>;

/// The table; the stage ends with it, because a cold start needs everyone to be stopped.
///
/// # Errors
///
/// Those of the servers.
pub async fn section(mut stage: Stage, options: &Options) -> Result<Section> {
    let records = stage.company.records();
    let loading: Figures =
        stage.loadings.iter().map(|of| (of.side, Cell::Once(of.time.as_secs_f64() * 1e6))).collect();
    let mut lines = vec![line(
        &format!("loading {} records", amount(records as f64, Unit::Count)),
        Unit::Micros,
        loading,
    )];
    tell("memory and disk");
    lines.push(line("memory after all questions", Unit::Bytes, memory(&stage)?));
    lines.push(line("bytes on disk", Unit::Bytes, disk(&stage).await?));
    lines.extend(tenants(&stage, options.tenants).await?);
    let how = loadings(&stage.loadings);
    tell("cold starts");
    let started = starts(&mut stage).await?;
    lines.push(line(
        "cold start: from the start of the process to the first record by its id",
        Unit::Micros,
        started,
    ));
    Ok(Section {
        part: "costs".into(),
        title: "What it costs".into(),
        text: format!(
            "Loading: {how}. Memory: what a process and all below it hold, shared pages counted in parts (`Pss`; pages of mapped files that the \
             system can take back are in it). Disk: blocks in use, with the log that is kept ready; of PostgreSQL the whole data folder. Cold start: \
             stopped in order before, the files still in the system's cache. Tenants: of Quarry a tenant with all packages, opened; of PostgreSQL \
             a database with the five tables and their indexes, made of a template. Memory that is said to be below 0 was given back meanwhile."
        ),
        command: options.command("costs"),
        columns: SIDES.map(str::to_owned).to_vec(),
        ratio: Some((name::QUARRY.into(), name::POSTGRES.into())),
        lines,
        plots: Vec::new(),
    })
}

fn line(name: &str, unit: Unit, figures: Figures) -> Line {
    let cell = |side: &&str| {
        let found = figures.iter().find(|(name, _)| name == side);
        found.map_or_else(|| Cell::said("–"), |(_, cell)| cell.clone())
    };
    Line { name: name.into(), unit, cells: SIDES.iter().map(cell).collect(), to_reach: None }
}

fn loadings(loadings: &[Loading]) -> String {
    let words: Vec<_> = loadings.iter().map(|Loading { side, how, .. }| format!("{side} by {how}")).collect();
    words.join("; ")
}

fn memory(stage: &Stage) -> Result<Figures> {
    let once = |bytes: u64| Cell::Once(bytes as f64);
    let mut figures = vec![
        (name::QUARRY, once(resident::of_tree(stage.quarry.pid())?)),
        (name::DATAFUSION, Cell::said("in the suite's process")),
    ];
    if let Some(pid) = stage.postgres.as_ref().and_then(Postgres::pid) {
        figures.push((name::POSTGRES, once(resident::of_tree(pid)?)));
    }
    let programs = [
        (name::DUCKDB, &stage.duckdb),
        (name::SQLITE, &stage.sqlite),
        (name::OBJECTSTACK, &stage.objectstack),
    ];
    for (name, program) in programs {
        if let Some(program) = program {
            figures.push((name, once(resident::of_tree(program.pid())?)));
        }
    }
    Ok(figures)
}

async fn disk(stage: &Stage) -> Result<Figures> {
    let once = |bytes: u64| Cell::Once(bytes as f64);
    let parquet: u64 =
        stage.files.iter().filter_map(|file| fs::metadata(&file.parquet).ok()).map(|file| file.len()).sum();
    let mut figures = vec![
        (name::QUARRY, once(blocks(stage.quarry.folder())?)),
        (name::DUCKDB, once(parquet)),
        (name::DATAFUSION, once(parquet)),
    ];
    if let Some(postgres) = &stage.postgres {
        postgres.connect().await?.batch_execute("CHECKPOINT").await?;
        figures.push((name::POSTGRES, once(blocks(&postgres.data())?)));
    }
    for (name, file, program) in [
        (name::SQLITE, "sqlite.db", &stage.sqlite),
        (name::OBJECTSTACK, "objectstack.db", &stage.objectstack),
    ] {
        if program.is_some() {
            figures.push((name, once(blocks(&stage.libraries().join(file))?)));
        }
    }
    Ok(figures)
}

/// Bytes that a file, or all files below a folder, take on disk.
fn blocks(path: &Path) -> Result<u64> {
    let about = fs::symlink_metadata(path).with_context(|| path.display().to_string())?;
    let mut sum = about.blocks() * 512;
    if about.is_dir() {
        for entry in fs::read_dir(path)? {
            // What a server takes away meanwhile takes nothing.
            sum += blocks(&entry?.path()).unwrap_or(0);
        }
    }
    Ok(sum)
}

async fn tenants(stage: &Stage, count: u64) -> Result<Vec<Line>> {
    tell("tenants");
    let each = |before: u64, after: u64| Cell::Once((after as f64 - before as f64) / count.max(1) as f64);
    let (quarry, mut made, mut memory, mut disk) =
        (&stage.quarry, Figures::new(), Figures::new(), Figures::new());
    let before = (resident::of_tree(quarry.pid())?, blocks(quarry.folder())?);
    let begin = Instant::now();
    for number in 0..count {
        let tenant = json!({ "name": format!("bench{number}"), "adminPassword": PASSWORD });
        quarry.ask("admin", "/api/v1/tenants", &tenant)?;
        let user = format!("admin@bench{number}");
        let found =
            quarry.ask(&user, "/api/v1/query", &json!({ "object": "account", "count": true, "limit": 0 }))?;
        ensure!(
            found.get("count").and_then(serde_json::Value::as_u64) == Some(0),
            "a new tenant has accounts: {found}"
        );
    }
    let time = begin.elapsed().as_secs_f64() * 1e6 / count.max(1) as f64;
    made.push((name::QUARRY, Cell::Once(time)));
    memory.push((name::QUARRY, each(before.0, resident::of_tree(quarry.pid())?)));
    disk.push((name::QUARRY, each(before.1, blocks(quarry.folder())?)));
    if let (Some(postgres), Some(pid)) = (&stage.postgres, stage.postgres.as_ref().and_then(Postgres::pid)) {
        let server = postgres.connect().await?;
        server.batch_execute("CREATE DATABASE empty").await?;
        let empty = postgres.connect_to("empty").await?;
        for table in TABLES {
            empty.batch_execute(&table.ddl(postgres_type)).await?;
            for index in table.index_statements() {
                empty.batch_execute(&index).await?;
            }
        }
        drop(empty);
        // A template can't be copied while somebody is in it.
        tokio::time::sleep(Duration::from_millis(500)).await;
        let before = (resident::of_tree(pid)?, blocks(&postgres.data())?);
        let begin = Instant::now();
        for number in 0..count {
            server.batch_execute(&format!("CREATE DATABASE bench{number} TEMPLATE empty")).await?;
        }
        let time = begin.elapsed().as_secs_f64() * 1e6 / count.max(1) as f64;
        made.push((name::POSTGRES, Cell::Once(time)));
        memory.push((name::POSTGRES, each(before.0, resident::of_tree(pid)?)));
        disk.push((name::POSTGRES, each(before.1, blocks(&postgres.data())?)));
    }
    Ok(vec![
        line(&format!("one of {count} tenants: made, and asked once"), Unit::Micros, made),
        line(&format!("one of {count} tenants: memory"), Unit::Bytes, memory),
        line(&format!("one of {count} tenants: on disk"), Unit::Bytes, disk),
    ])
}

async fn starts(stage: &mut Stage) -> Result<Figures> {
    let id = account_id(stage.company.accounts / 2);
    let mut figures = Figures::new();
    if let Some(postgres) = &mut stage.postgres {
        postgres.stop();
        let begin = Instant::now();
        postgres.resume()?;
        let row = loop {
            ensure!(begin.elapsed() < START, "PostgreSQL did not start");
            if let Ok(client) = postgres.connect_to("postgres").await {
                break client.query_one(BY_ID, &[&id]).await?;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        };
        ensure!(row.get::<_, &str>(0) == id, "another record");
        figures.push((name::POSTGRES, Cell::Once(begin.elapsed().as_secs_f64() * 1e6)));
    }
    figures.extend(programs(stage, &id)?);
    // A server in the place of the one that is stopped, so that the stage stays whole.
    let other = Quarry::start(tempfile::tempdir()?, &company::packages())?;
    let folder = std::mem::replace(&mut stage.quarry, other).stop()?;
    let begin = Instant::now();
    let quarry = Quarry::start(folder, &company::packages())?;
    let row = quarry.connect_as(SALES).await?.query_one(BY_ID, &[&id]).await?;
    ensure!(row.get::<_, &str>(0) == id, "another record");
    figures.push((name::QUARRY, Cell::Once(begin.elapsed().as_secs_f64() * 1e6)));
    Ok(figures)
}

/// The libraries: from the start of their interpreter.
fn programs(stage: &mut Stage, id: &str) -> Result<Figures> {
    let mut figures = Figures::new();
    if stage.duckdb.take().is_some() {
        let begin = Instant::now();
        let (program, _) = peers::python(&["duckdb", "2"], START)?;
        let account = stage.files.iter().find(|file| file.table == "account").context("no file")?;
        let sql = BY_ID.replace("account", &format!("'{}'", account.parquet.display()));
        let rows = program.answer(&Ask::Sql(sql), Some(id))?;
        ensure!(rows.len() == 1, "{} records", rows.len());
        figures.push((name::DUCKDB, Cell::Once(begin.elapsed().as_secs_f64() * 1e6)));
    }
    if stage.sqlite.take().is_some() {
        let path = stage.libraries().join("sqlite.db").to_string_lossy().into_owned();
        let begin = Instant::now();
        let (program, _) = peers::python(&["sqlite", &path], START)?;
        let rows = program.answer(&Ask::Sql(BY_ID.replace("$1", "?1")), Some(id))?;
        ensure!(rows.len() == 1, "{} records", rows.len());
        figures.push((name::SQLITE, Cell::Once(begin.elapsed().as_secs_f64() * 1e6)));
    }
    Ok(figures)
}
