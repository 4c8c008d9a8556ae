//! The latency suite: the same questions to Quarry and to a PostgreSQL 15 of its own, in one run.
//!
//! The road: [`process::Quarry::start`] and [`process::Postgres::start`] on free loopback ports → demo records into
//! Quarry → [`load::copy`] of the same rows into PostgreSQL, with fitting indexes → every question's answers are
//! compared before it is timed → [`measure`] in turns, A B A B → a Markdown table of medians and ratios.
//!
//! `cargo run --release --workspace --bin latency -- [--scale N] [--slot-ms MS]`
#![allow(clippy::print_stdout)]

mod graphql;
mod load;
mod questions;
mod writes;

use std::time::Duration;

use anyhow::{Context, Result, bail};
use quarry_benches::{process, report::Report};

/// What was asked of the suite.
struct Options {
    scale: u32,
    slot: Duration,
}

#[tokio::main]
async fn main() -> Result<()> {
    let options = options(std::env::args().skip(1))?;
    let quarry = process::Quarry::start(options.scale)?;
    let postgres = process::Postgres::start()?;
    let subject = quarry.connect().await?;
    let peer = postgres.connect().await?;
    let rows = load::copy(&subject, &peer).await.context("the rows could not be copied to PostgreSQL")?;
    let rows: Vec<_> = rows.iter().map(|(table, rows)| format!("{rows} {table}")).collect();
    let mut report = Report::new(format!("Demo records at scale {}: {}.", options.scale, rows.join(", ")));
    for question in questions::all(&peer).await? {
        report.line(question.compare(&subject, &peer, options.slot).await?);
    }
    for question in graphql::all(&peer).await? {
        report.line(question.compare(&quarry, &peer, options.slot).await?);
    }
    report.line(writes::compare(&quarry, &postgres, options.slot).await?);
    println!("{report}");
    Ok(())
}

fn options(mut words: impl Iterator<Item = String>) -> Result<Options> {
    let mut options = Options { scale: 20, slot: Duration::from_millis(500) };
    while let Some(word) = words.next() {
        let value = words.next().with_context(|| format!("{word} needs a value"))?;
        match word.as_str() {
            "--scale" => options.scale = value.parse()?,
            "--slot-ms" => options.slot = Duration::from_millis(value.parse()?),
            _ => bail!("{word} is not known; there are --scale and --slot-ms"),
        }
    }
    Ok(options)
}
