//! The questions over millions of records, by an administrator, by two users with a restricted role, and to PostgreSQL 15.
//!
//! 1. [`quarry_benches::company::load`]: accounts, a contact for each, and opportunities go through the pipeline in process
//!    ([`quarry_engine::Bulk`]); then the store is folded.
//! 2. [`engine::all`]: small questions in process, without a door.
//! 3. The `quarry` beside this program serves the same folder, and all rows are copied out of it into PostgreSQL, with
//!    fitting indexes.
//! 4. [`questions::all`]: each question to all four in turn, its answers compared before.
//! 5. [`crowd::all`]: single records, alone and beside two reports that run all the while.
//!
//! PostgreSQL has no row security here: it answers as the administrator is answered.

mod crowd;
mod engine;
mod questions;
mod table;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use quarry_benches::{
    company::{self, Company},
    process::{Postgres, Quarry},
};

use crate::load;

/// How many records there are.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// Accounts, and contacts.
    pub accounts: u64,
    /// Opportunities.
    pub opportunities: u64,
}

impl Sizes {
    /// The company of this size: a contact for each account, and some accounts of strangers.
    fn company(self) -> Company {
        let Sizes { accounts, opportunities } = self;
        Company { accounts, contacts: accounts, opportunities, activities: 0, strangers: true }
    }
}

/// The questions in process alone, over a folder that is loaded first where there is none: what is looked at with a profiler.
pub async fn in_process(folder: &Path, sizes: Sizes, slot: Duration) -> Result<String> {
    let begin = Instant::now();
    if !folder.exists() {
        company::load::load(folder, sizes.company()).await.context("the records could not be loaded")?;
        tell(begin, "loaded and folded");
    }
    Ok(table::Table(engine::all(folder, sizes.company(), slot).await?).to_string())
}

/// Both tables.
pub async fn measure(sizes: Sizes, slot: Duration, quiet: Duration) -> Result<String> {
    let folder = tempfile::tempdir()?;
    let begin = Instant::now();
    let (Sizes { accounts, opportunities }, company) = (sizes, sizes.company());
    company::load::load(folder.path(), company).await.context("the records could not be loaded")?;
    tell(begin, "loaded and folded");
    let mut rows = engine::all(folder.path(), company, slot).await?;
    let quarry = Quarry::start(folder, &company::packages())?;
    let postgres = Postgres::start()?;
    let (admin, peer) = (quarry.connect().await?, postgres.connect().await?);
    let copied = load::copy(&admin, &peer).await.context("the rows could not be copied to PostgreSQL")?;
    questions::index(&peer).await?;
    tell(begin, "copied to PostgreSQL");
    rows.extend(questions::all(&quarry, &peer, slot).await?);
    let crowd = crowd::all(&quarry, &postgres, quiet).await?;
    let copied: Vec<_> = copied.iter().map(|(table, rows)| format!("{rows} {table}")).collect();
    Ok(format!(
        "`latency -- --big --accounts {accounts} --opportunities {opportunities}`: {}.\n\n{}\n{crowd}",
        copied.join(", "),
        table::Table(rows)
    ))
}

#[allow(clippy::print_stderr)]
fn tell(begin: Instant, what: &str) {
    eprintln!("{:8.1} s: {what}", begin.elapsed().as_secs_f64());
}
