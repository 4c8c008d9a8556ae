//! A record by its id, asked for by one client without a pause: alone, and while two reports over all records run all the while.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Result;
use quarry_benches::{
    company::LEAD,
    measure::Timing,
    process::{Postgres, Quarry},
    report::magnitude,
};
use tokio_postgres::Client;

use super::questions::{JOIN, MONTHS, by_id, ids};

/// The table.
pub async fn all(quarry: &Quarry, postgres: &Postgres, quiet: Duration) -> Result<String> {
    let ids = ids(&quarry.connect_as(LEAD).await?).await?;
    let mut lines = vec![
        format!(
            "99th percentile of a record by its id ({} s each; median in parentheses), and beside two reports.\n",
            quiet.as_secs()
        ),
        "| by whom | alone | beside two reports | ratio | to reach | reports done |".to_owned(),
        "|---|---|---|---|---|---|".to_owned(),
    ];
    let reports = || async { anyhow::Ok([quarry.connect().await?, quarry.connect().await?]) };
    let admin = (quarry.connect().await?, reports().await?);
    lines.push(beside("Quarry, admin", admin, &ids, quiet, "5 ×").await?);
    let lead = (quarry.connect_as(LEAD).await?, reports().await?);
    lines.push(beside("Quarry, restricted (reports by an administrator)", lead, &ids, quiet, "5 ×").await?);
    let peer = (postgres.connect().await?, [postgres.connect().await?, postgres.connect().await?]);
    lines.push(beside("PostgreSQL 15", peer, &ids, quiet, "–").await?);
    Ok(lines.join("\n"))
}

async fn beside(
    name: &str,
    (client, reporters): (Client, [Client; 2]),
    ids: &[String],
    quiet: Duration,
    to_reach: &str,
) -> Result<String> {
    look_up(&client, ids, quiet / 10).await?;
    let alone = look_up(&client, ids, quiet).await?;
    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let running: Vec<_> = reporters
        .into_iter()
        .zip([JOIN, MONTHS])
        .map(|(client, report)| tokio::spawn(run(client, report, (stop.clone(), done.clone()))))
        .collect();
    let busy = look_up(&client, ids, quiet).await;
    let finished = done.load(Ordering::Relaxed);
    stop.store(true, Ordering::Relaxed);
    for report in running {
        report.await??;
    }
    let busy = busy?;
    let cell = |timing: &Timing| format!("{} ({})", magnitude(timing.p99), magnitude(timing.p50));
    Ok(format!(
        "| {name} | {} | {} | {:.2} × | {to_reach} | {finished} |",
        cell(&alone),
        cell(&busy),
        busy.p99 / alone.p99
    ))
}

/// A report again and again.
async fn run(client: Client, report: &str, (stop, done): (Arc<AtomicBool>, Arc<AtomicU64>)) -> Result<()> {
    while !stop.load(Ordering::Relaxed) {
        client.query(report, &[]).await?;
        done.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

async fn look_up(client: &Client, ids: &[String], time: Duration) -> Result<Timing> {
    let statement = client.prepare(&by_id()).await?;
    let begin = Instant::now();
    let mut times = Vec::new();
    for id in ids.iter().cycle() {
        if begin.elapsed() >= time {
            break;
        }
        let start = Instant::now();
        client.query_one(&statement, &[id]).await?;
        times.push(start.elapsed().as_secs_f64() * 1e6);
    }
    Ok(Timing::of(times))
}
