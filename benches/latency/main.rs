//! The latency suite: the same questions to Quarry and to a PostgreSQL 15 of its own, in one run.
//!
//! The road: [`process::Quarry::with_demo`] and [`process::Postgres::start`] on free loopback ports → demo records in
//! Quarry → [`load::copy`] of the same rows into PostgreSQL, with fitting indexes → every question's answers are
//! compared before it is timed → [`measure`] in turns, A B A B → a Markdown table of medians and ratios.
//!
//! - `cargo run --release --workspace --bin latency -- [--scale N] [--slot-ms MS]`
//! - `… -- --restricted [--scale N] [--slot-ms MS]`: the same by a user with a restricted role, beside an administrator ([`restricted`]).
//! - `… -- --tenants N [--abuser-accounts N] [--quiet-s S]`: one quiet tenant of many, beside an abusive one ([`tenants`]).
//! - `… -- --big [--accounts N] [--opportunities N] [--slot-ms MS] [--quiet-s S]`: over millions, by both users and PostgreSQL ([`big`]);
//!   with `--in-process FOLDER` only the small questions without a door, over a folder that stays.
#![allow(clippy::print_stdout)]

mod big;
mod graphql;
mod load;
mod questions;
mod restricted;
mod tenants;
mod writes;

use std::{path::PathBuf, time::Duration};

use anyhow::{Context, Result, bail};
use quarry_benches::{
    process::{self, package_folders},
    report::Report,
};

/// As the server has it: what is measured in process must not wait for another allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What was asked of the suite.
struct Options {
    what: What,
    scale: u32,
    slot: Duration,
    sizes: big::Sizes,
    tenants: tenants::Sizes,
    /// How long single records are asked for, alone and beside reports.
    quiet: Duration,
    /// Where the records of [`big::in_process`] are.
    folder: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Suite,
    Restricted,
    Big,
    Tenants,
}

#[tokio::main]
async fn main() -> Result<()> {
    let options = options(std::env::args().skip(1))?;
    match options.what {
        What::Suite => println!("{}", suite(&options).await?),
        What::Restricted => {
            let packages = package_folders(Some(&restricted::package()));
            let quarry = process::Quarry::with_demo(options.scale, &packages)?;
            println!("{}", restricted::compare(&quarry, options.slot).await?);
        }
        What::Big if let Some(folder) = &options.folder => {
            println!("{}", big::in_process(folder, options.sizes, options.slot).await?);
        }
        What::Tenants => println!("{}", tenants::measure(options.tenants, options.quiet).await?),
        What::Big => println!("{}", big::measure(options.sizes, options.slot, options.quiet).await?),
    }
    Ok(())
}

async fn suite(options: &Options) -> Result<Report> {
    let quarry = process::Quarry::with_demo(options.scale, &package_folders(None))?;
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
    Ok(report)
}

fn options(mut words: impl Iterator<Item = String>) -> Result<Options> {
    let mut options = Options {
        what: What::Suite,
        scale: 20,
        slot: Duration::from_millis(500),
        sizes: big::Sizes { accounts: 1_000_000, opportunities: 5_000_000 },
        tenants: tenants::Sizes { tenants: 200, accounts: 20_000 },
        quiet: Duration::from_secs(10),
        folder: None,
    };
    while let Some(word) = words.next() {
        let mut value = || words.next().with_context(|| format!("{word} needs a value"));
        match word.as_str() {
            "--restricted" => options.what = What::Restricted,
            "--big" => options.what = What::Big,
            "--in-process" => options.folder = Some(value()?.into()),
            "--tenants" => {
                options.what = What::Tenants;
                options.tenants.tenants = value()?.parse()?;
            }
            "--abuser-accounts" => options.tenants.accounts = value()?.parse()?,
            "--scale" => options.scale = value()?.parse()?,
            "--slot-ms" => options.slot = Duration::from_millis(value()?.parse()?),
            "--accounts" => options.sizes.accounts = value()?.parse()?,
            "--opportunities" => options.sizes.opportunities = value()?.parse()?,
            "--quiet-s" => options.quiet = Duration::from_secs(value()?.parse()?),
            _ => bail!(
                "{word} is not known; there are --restricted, --big, --tenants, --abuser-accounts, --scale, --slot-ms, --accounts, --opportunities, \
                 --quiet-s and --in-process"
            ),
        }
    }
    Ok(options)
}
