//! TPC-H: eight tables and 22 queries, which are none of our business, and so say what a general question costs.
//!
//! `package/` describes the tables as objects, `queries/` are the queries with the parameters of the standard's validation; ties that the standard
//! leaves open are broken by a key, so that answers can be compared. `tpchgen` makes the rows.

mod rows;

use std::{
    path::PathBuf,
    rc::Rc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use quarry_benches::{
    company::tables::{self, Files},
    process::{Postgres, Quarry},
    results::{Cell, Line, Section, Unit},
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    asked::{Pace, Question},
    options::Options,
    peers,
    sides::{Ask, Side, Way, frames::Frames, name, program::Program, sql::Sql},
    stage::tell,
};

/// The queries, in their order.
const QUERIES: [&str; 22] = [
    include_str!("queries/01.sql"),
    include_str!("queries/02.sql"),
    include_str!("queries/03.sql"),
    include_str!("queries/04.sql"),
    include_str!("queries/05.sql"),
    include_str!("queries/06.sql"),
    include_str!("queries/07.sql"),
    include_str!("queries/08.sql"),
    include_str!("queries/09.sql"),
    include_str!("queries/10.sql"),
    include_str!("queries/11.sql"),
    include_str!("queries/12.sql"),
    include_str!("queries/13.sql"),
    include_str!("queries/14.sql"),
    include_str!("queries/15.sql"),
    include_str!("queries/16.sql"),
    include_str!("queries/17.sql"),
    include_str!("queries/18.sql"),
    include_str!("queries/19.sql"),
    include_str!("queries/20.sql"),
    include_str!("queries/21.sql"),
    include_str!("queries/22.sql"),
];
/// Indexes of PostgreSQL: keys, and what refers to them.
const INDEXES: &str = "ALTER TABLE region ADD PRIMARY KEY (r_regionkey); ALTER TABLE nation ADD PRIMARY KEY (n_nationkey);
    ALTER TABLE supplier ADD PRIMARY KEY (s_suppkey); ALTER TABLE part ADD PRIMARY KEY (p_partkey);
    ALTER TABLE partsupp ADD PRIMARY KEY (ps_partkey, ps_suppkey); ALTER TABLE customer ADD PRIMARY KEY (c_custkey);
    ALTER TABLE orders ADD PRIMARY KEY (o_orderkey); ALTER TABLE lineitem ADD PRIMARY KEY (l_orderkey, l_linenumber);
    CREATE INDEX ON nation (n_regionkey); CREATE INDEX ON supplier (s_nationkey); CREATE INDEX ON partsupp (ps_suppkey);
    CREATE INDEX ON customer (c_nationkey); CREATE INDEX ON orders (o_custkey); CREATE INDEX ON orders (o_orderdate);
    CREATE INDEX ON lineitem (l_partkey, l_suppkey); CREATE INDEX ON lineitem (l_shipdate); VACUUM ANALYZE";

/// Everyone, loaded.
struct Stage {
    quarry: Quarry,
    postgres: Option<Postgres>,
    duckdb: Option<Rc<Program>>,
    files: Vec<Files>,
    _folder: TempDir,
    limit: Duration,
}

/// The table.
///
/// # Errors
///
/// Quarry that can't be loaded.
pub async fn section(options: &Options, troubles: &mut Vec<String>) -> Result<Section> {
    let scale = options.tpch_scale;
    tell(&format!("TPC-H at scale {scale}"));
    let stage = Stage::set(scale, options.limit, troubles).await?;
    let sides = stage.sides().await?;
    let pace = Pace { slot: options.slot / 2, turns: options.turns.min(3) };
    let mut lines = Vec::new();
    for (number, sql) in QUERIES.iter().enumerate() {
        // The standard divides it by the scale.
        let sql = sql.replace("{fraction}", &format!("{:.10}", 0.0001 / scale));
        let ask = Ask::Sql(sql.trim().to_owned());
        let asks = sides.iter().map(|side| (side.name, ask.clone())).collect();
        let name = format!("query {}", number + 1);
        let question = Question { name, asks, parameters: Vec::new(), is_ordered: true, to_reach: None };
        lines.push(question.line(&sides, pace, troubles).await);
    }
    let columns: Vec<String> = sides.iter().map(|side| side.name.to_owned()).collect();
    lines.extend(totals(&lines, &columns));
    Ok(Section {
        part: "tpch".into(),
        title: format!("TPC-H, scale {scale}"),
        text: "The 22 queries over the Postgres wire (Quarry, as an administrator: its objects are readable to all; PostgreSQL) and in process \
               (DuckDB and DataFusion, over the Parquet files). A query that has no figure on a side is in that side's total for none."
            .into(),
        command: options.command("tpch"),
        columns,
        ratio: Some((name::ADMIN.into(), name::POSTGRES.into())),
        lines,
        plots: Vec::new(),
    })
}

/// The sums of those queries that all sides answered, and of those that both wires did.
fn totals(lines: &[Line], columns: &[String]) -> Vec<Line> {
    let total = |among: &[usize], to_reach: Option<&str>| {
        let common: Vec<&Line> = lines
            .iter()
            .filter(|line| {
                among.iter().all(|column| line.cells.get(*column).and_then(Cell::figure).is_some())
            })
            .collect();
        let cell = |column: usize| {
            if !among.contains(&column) {
                return Cell::said("–");
            }
            let figures = common.iter().filter_map(|line| line.cells.get(column)?.figure());
            Cell::Once(figures.sum())
        };
        let whom: Vec<&str> =
            among.iter().filter_map(|column| columns.get(*column).map(String::as_str)).collect();
        Line {
            name: format!("total of the {} queries that {} answered", common.len(), whom.join(", ")),
            unit: Unit::Micros,
            cells: (0..columns.len()).map(cell).collect(),
            to_reach: to_reach.map(str::to_owned),
        }
    };
    let place = |name: &str| columns.iter().position(|column| column == name);
    let all: Vec<usize> = (0..columns.len()).collect();
    let wires: Vec<usize> = [name::ADMIN, name::POSTGRES].into_iter().filter_map(place).collect();
    vec![total(&wires, Some("0.3 ×")), total(&all, None)]
}

impl Stage {
    async fn set(scale: f64, limit: Duration, troubles: &mut Vec<String>) -> Result<Stage> {
        let folder = tempfile::tempdir()?;
        let mut files = Vec::new();
        for table in rows::TABLES {
            let (schema, batches) = rows::batches(table, scale)?;
            files.push(tables::write(folder.path(), table, &schema, batches)?);
        }
        let data = tempfile::tempdir()?;
        let packages = packages();
        let begin = Instant::now();
        rows::load(data.path(), packages.clone(), scale).await.context("Quarry can't be loaded")?;
        tell(&format!("Quarry is loaded ({:.1} s)", begin.elapsed().as_secs_f64()));
        let quarry = Quarry::start(data, &packages)?;
        let mut told = |name: &str, error: anyhow::Error| {
            tell(&format!("no {name}: {error:#}"));
            troubles.push(format!("TPC-H without {name}: {error:#}"));
        };
        let postgres = postgres(&files).await.map_err(|error| told(name::POSTGRES, error)).ok();
        let duckdb = duckdb(&files, limit).map_err(|error| told(name::DUCKDB, error)).ok();
        Ok(Stage { quarry, postgres, duckdb, files, _folder: folder, limit })
    }

    async fn sides(&self) -> Result<Vec<Side>> {
        let own = Way::Sql(Sql::over(self.quarry.connect().await?, self.limit).await?);
        let mut sides = vec![Side { name: name::ADMIN, way: own }];
        if let Some(postgres) = &self.postgres {
            let way = Way::Sql(Sql::over(postgres.connect().await?, self.limit).await?);
            sides.push(Side { name: name::POSTGRES, way });
        }
        if let Some(duckdb) = &self.duckdb {
            sides.push(Side { name: name::DUCKDB, way: Way::Program(Rc::clone(duckdb)) });
        }
        let frames = Frames::over(&self.files, self.limit).await?;
        sides.push(Side { name: name::DATAFUSION, way: Way::Frames(frames) });
        Ok(sides)
    }
}

/// What users and roles need, and TPC-H's own.
fn packages() -> Vec<PathBuf> {
    ["../packages/core", "suite/tpch/package"]
        .map(|path| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path))
        .to_vec()
}

async fn postgres(files: &[Files]) -> Result<Postgres> {
    let postgres = Postgres::start()?;
    let client = postgres.connect().await?;
    for file in files {
        client.batch_execute(&rows::ddl(&file.table)?).await?;
        peers::copy(&client, file).await.with_context(|| file.table.clone())?;
    }
    for statement in INDEXES.split(';') {
        client.batch_execute(statement).await?;
    }
    Ok(postgres)
}

fn duckdb(files: &[Files], limit: Duration) -> Result<Rc<Program>> {
    let cores = std::thread::available_parallelism()?.get().to_string();
    let (program, _) = peers::python(&["duckdb", &cores], limit)?;
    let path = |file: &Files| Value::String(file.parquet.to_string_lossy().into_owned());
    let tables: Value =
        files.iter().map(|file| (file.table.clone(), path(file))).collect::<serde_json::Map<_, _>>().into();
    program.call(&json!({ "do": "parquet", "tables": tables }), limit)?;
    Ok(Rc::new(program))
}
