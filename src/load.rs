//! `quarry import` and `quarry demo`: records brought in, or made up.

use std::{process::ExitCode, sync::Arc};

use anyhow::{Context, Result};
use futures::StreamExt;
use quarry_engine::{Engine, Query, SessionOptions, World};
use serde_json::json;
use tokio::runtime::Handle;

use crate::{
    command::{Demo, Import},
    demo::{self, DemoOptions},
    import::{
        self, ImportOptions,
        target::{Embedded, Served, Target},
    },
    reach::Records,
    settings::Settings,
};

/// Brings files in by a mapping; fails when a row was refused or left incomplete.
///
/// # Errors
///
/// A mapping with findings, files that can't be read, a target that fails.
pub fn import(settings: &Settings, asked: &Import) -> Result<ExitCode> {
    let mut options = ImportOptions::new(&asked.mapping, &asked.sources);
    options.dry_run = asked.dry_run;
    if let Some(findings) = &asked.findings {
        options.findings = findings.clone();
    }
    let records = Records::open(settings, &asked.reach)?;
    let report = into(records, |target| import::run(&options, target))?;
    print!("{report}");
    Ok(if report.is_complete() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Writes made-up records around today.
///
/// # Errors
///
/// A scale out of range, a target that refuses.
pub fn demo(settings: &Settings, demo: &Demo) -> Result<()> {
    let options = DemoOptions { seed: demo.seed, scale: demo.scale, today: today() };
    let bar = indicatif::ProgressBar::new_spinner().with_message("records");
    let records = Records::open(settings, &demo.reach)?;
    let report = into(records, |target| demo::load(options, target, |written| bar.set_position(written)))?;
    bar.finish_and_clear();
    println!("{report}");
    Ok(())
}

/// Writes demo records at scale 1 unless there are accounts already; completes those that a broken start left behind.
///
/// # Errors
///
/// Packages without the demo's objects, a full disk.
pub async fn demo_at_first_start(engine: &Arc<Engine>) -> Result<()> {
    let session = engine.session(engine.operator()?, SessionOptions::default());
    let any = Query::parse(&json!({ "object": "account", "fields": ["id"], "limit": 1 }))
        .map_err(quarry_engine::Error::from)?;
    let mut answer = session.query(&any).await.context("the demo is about the crm package")?;
    let mut has_accounts = false;
    while let Some(batch) = answer.batches.next().await {
        has_accounts |= batch.map_err(anyhow::Error::new)?.num_rows() > 0;
    }
    let target = Embedded { session, runtime: Handle::current() };
    let options = DemoOptions { seed: 1, scale: 1, today: today() };
    let report = tokio::task::spawn_blocking(move || demo::complete(options, &target, has_accounts))
        .await
        .context("writing demo records broke off")??;
    if let Some(report) = report {
        tracing::info!("demo: {report}");
    }
    Ok(())
}

fn into<T>(records: Records, work: impl FnOnce(&dyn Target) -> Result<T>) -> Result<T> {
    match records {
        Records::Remote(server) => work(&Served(server)),
        Records::Local(local) => {
            let runtime = local.runtime.handle().clone();
            let done = work(&Embedded { session: local.session.clone(), runtime });
            local.engine.close()?;
            done
        }
    }
}

fn today() -> chrono::NaiveDate {
    let micros = World::real().clock.now_micros();
    chrono::DateTime::from_timestamp_micros(micros).unwrap_or_default().date_naive()
}
