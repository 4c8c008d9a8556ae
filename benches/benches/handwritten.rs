//! Three questions in ObjectQL, beside the same plans written by hand in DataFusion over the same rows.
//!
//! A session's views are the only way for DataFusion to a snapshot, so it gets the rows in two other ways: all of them
//! decoded in memory, as the snapshot's scan gives them (which is more than any store can do for it), and as the Parquet
//! files that the snapshot reads. Its plan is made once; each time it is optimized, made physical and run, as Quarry's is planned from the question's tree on.
#![allow(clippy::print_stdout)]

mod deals;

use std::{
    hint::black_box,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use arrow::{array::RecordBatch, util::display::array_value_to_string};
use criterion::{Criterion, criterion_group, criterion_main};
use datafusion::{
    dataframe::DataFrame,
    datasource::MemTable,
    execution::{context::SessionContext, options::ParquetReadOptions},
    prelude::SessionConfig,
};
use deals::{Bench, bench};
use futures::TryStreamExt;
use quarry_benches::measure;
use quarry_planner::Query;
use quarry_storage::ScanRequest;
use serde_json::{Value as Json, json};

/// Threads of either side.
const THREADS: usize = 2;
/// How long each side is asked at a time.
const SLOT: Duration = Duration::from_millis(300);
const TABLES: [&str; 2] = ["deal", "client"];

/// A question, the same in SQL, and a column that both answers are compared by.
struct Question {
    name: &'static str,
    asked: Json,
    sql: &'static str,
    compared: &'static str,
}

fn questions() -> [Question; 3] {
    let list = Question {
        name: "list of 50 with parent",
        asked: json!({"object": "deal", "fields": ["opportunity_id", "close_value", "account.account"],
                      "where": {"deal_stage": "Won"}, "orderBy": ["-close_value"], "limit": 50}),
        sql: "SELECT d.id, d.opportunity_id, d.close_value, c.account FROM deal d LEFT JOIN client c ON c.id = d.account
              WHERE d.deal_stage = 'Won' ORDER BY d.close_value DESC NULLS LAST, d.id LIMIT 50",
        compared: "opportunity_id",
    };
    let group = Question {
        name: "month × stage",
        asked: json!({"object": "deal", "groupBy": ["deal_stage", {"field": "close_date", "granularity": "month"}],
                      "aggregations": [{"function": "sum", "field": "close_value", "as": "won"}, {"function": "count", "as": "n"}]}),
        sql: "SELECT deal_stage, date_trunc('month', close_date) AS month, sum(close_value) AS won, count(*) AS n
              FROM deal GROUP BY 1, 2 ORDER BY 1, 2",
        compared: "won",
    };
    let join = Question {
        name: "join, group, top 10",
        asked: json!({"object": "deal", "groupBy": ["account.account"], "orderBy": ["-won"], "limit": 10,
                      "aggregations": [{"function": "sum", "field": "close_value", "as": "won"}, {"function": "count", "as": "n"}]}),
        sql: "SELECT c.account, sum(d.close_value) AS won, count(*) AS n FROM deal d LEFT JOIN client c ON c.id = d.account
              GROUP BY 1 ORDER BY 2 DESC NULLS LAST, 1 LIMIT 10",
        compared: "won",
    };
    [list, group, join]
}

/// DataFusion with the rows decoded in memory.
fn in_memory(bench: &Bench) -> Result<SessionContext> {
    let context = session();
    for table in TABLES {
        let parts = bench.context.snapshot.table(table)?.scan(ScanRequest::default())?;
        let batches: Vec<RecordBatch> =
            parts.into_iter().flatten().collect::<Result<_, quarry_storage::Error>>()?;
        let schema = batches.first().context("no rows")?.schema();
        let halves = batches.chunks(batches.len().div_ceil(THREADS)).map(<[_]>::to_vec).collect();
        context.register_table(table, Arc::new(MemTable::try_new(schema, halves)?))?;
    }
    Ok(context)
}

/// DataFusion with the Parquet files of the snapshot.
async fn over_files(folder: &Path) -> Result<SessionContext> {
    let context = session();
    let mut files = Vec::new();
    parquet_files(folder, &mut files)?;
    for table in TABLES {
        let own = if table == "deal" { "close_value" } else { "sector" };
        let mut found = None;
        for file in &files {
            let file = file.to_str().context("a path that is no text")?;
            let frame = context.read_parquet(file, ParquetReadOptions::default()).await?;
            if frame.schema().has_column_with_unqualified_name(own) {
                ensure!(found.is_none(), "{table} has more than one file");
                found = Some(frame);
            }
        }
        let frame = found.with_context(|| format!("{table} has no file"))?;
        context.register_table(table, frame.into_view())?;
    }
    Ok(context)
}

fn session() -> SessionContext {
    SessionContext::new_with_config(SessionConfig::new().with_target_partitions(THREADS))
}

fn parquet_files(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            parquet_files(&path, found)?;
        } else if path.ends_with("columns.parquet") {
            found.push(path);
        }
    }
    Ok(())
}

/// One question, ready to be asked of all three.
struct Asked<'a> {
    bench: &'a Bench,
    query: Query,
    frames: [DataFrame; 2],
}

impl Asked<'_> {
    async fn run(&self, side: usize) -> Result<Vec<RecordBatch>> {
        match side.checked_sub(1).and_then(|side| self.frames.get(side)) {
            Some(frame) => Ok(frame.clone().collect().await?),
            None => {
                let answer = self.bench.planner.query(&self.bench.context, &self.query).await?;
                Ok(answer.batches.try_collect().await?)
            }
        }
    }
}

const SIDES: [&str; 3] = ["Quarry", "DataFusion, in memory", "DataFusion, Parquet"];

fn handwritten(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let bench = bench(folder.path()).unwrap_or_else(|error| panic!("{error}"));
    let all =
        bench.runtime.block_on(asked(&bench, folder.path())).unwrap_or_else(|error| panic!("{error:#}"));
    let mut group = criterion.benchmark_group("ObjectQL beside DataFusion, 100,000 deals");
    for (name, asked) in &all {
        for (side, who) in SIDES.iter().enumerate() {
            group.bench_function(format!("{name}: {who}"), |bencher| {
                bencher.to_async(&bench.runtime).iter(|| async {
                    black_box(asked.run(side).await.unwrap_or_else(|error| panic!("{error:#}")))
                });
            });
        }
    }
    group.finish();
    println!("| question | {} | ratio to memory (to reach 1.3 ×) | ratio to Parquet |", SIDES.join(" | "));
    println!("|---|---|---|---|---|---|");
    for (name, asked) in &all {
        let times = measure::all_in_turn::<_, 3>(SLOT, async |side| asked.run(side).await);
        let [ours, memory, files] = bench
            .runtime
            .block_on(times)
            .unwrap_or_else(|error| panic!("{error:#}"))
            .map(|side| side.timing.p50);
        let ratios = format!("{:.2} × | {:.2} ×", ours / memory, ours / files);
        println!("| {name} | {ours:.0} µs | {memory:.0} µs | {files:.0} µs | {ratios} |");
    }
}

/// All questions; their answers are the same.
async fn asked<'a>(bench: &'a Bench, folder: &Path) -> Result<Vec<(&'static str, Asked<'a>)>> {
    let contexts = [in_memory(bench)?, over_files(folder).await?];
    let mut all = Vec::new();
    for Question { name, asked, sql, compared } in questions() {
        let [memory, files] = &contexts;
        let frames = [memory.sql(sql).await?, files.sql(sql).await?];
        let asked = Asked { bench, query: Query::parse(&asked)?, frames };
        let ours = column(&asked.run(0).await?, compared)?;
        for side in [1, 2] {
            let theirs = column(&asked.run(side).await?, compared)?;
            ensure!(ours == theirs, "{name}: {ours:?} here, {theirs:?} there");
        }
        all.push((name, asked));
    }
    Ok(all)
}

/// The texts of a column, sorted.
fn column(batches: &[RecordBatch], name: &str) -> Result<Vec<String>> {
    let mut texts = Vec::new();
    for batch in batches {
        let column = batch.column_by_name(name).with_context(|| format!("no column {name}"))?;
        for row in 0..batch.num_rows() {
            texts.push(array_value_to_string(column, row)?);
        }
    }
    texts.sort();
    Ok(texts)
}

criterion_group!(benches, handwritten);
criterion_main!(benches);
