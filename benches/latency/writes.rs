//! Single-row inserts from 32 clients, each commit durable.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Result;
use tokio_postgres::Client;

use quarry_benches::{
    measure::{Line, Timing, Unit},
    process::{Postgres, Quarry},
};

const CLIENTS: usize = 32;
const INSERT: &str = "INSERT INTO contact (id, last_name, email) VALUES ($1, $2, $3)";

/// Commits a second on both, in turn.
pub async fn compare(quarry: &Quarry, postgres: &Postgres, slot: Duration) -> Result<Line> {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..CLIENTS {
        ours.push(Arc::new(quarry.connect().await?));
        theirs.push(Arc::new(postgres.connect().await?));
    }
    let slot = slot * 4;
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for round in 0..3 {
        a.push(rate(&ours, slot, round).await?);
        b.push(rate(&theirs, slot, round).await?);
    }
    let median = |mut rates: Vec<f64>| {
        rates.sort_by(f64::total_cmp);
        rates.get(rates.len() / 2).copied().unwrap_or(f64::NAN)
    };
    Ok(Line {
        name: "single-row insert, 32 clients, commits/s",
        subject: Timing::once(median(a)),
        peer: Timing::once(median(b)),
        targets: ("1.5 ×", "4 ×"),
        unit: Unit::PerSecond,
    })
}

async fn rate(clients: &[Arc<Client>], slot: Duration, round: usize) -> Result<f64> {
    let done = Arc::new(AtomicU64::new(0));
    let begin = Instant::now();
    let tasks: Vec<_> = clients
        .iter()
        .enumerate()
        .map(|(number, client)| {
            let (client, done) = (Arc::clone(client), Arc::clone(&done));
            tokio::spawn(async move {
                let statement = client.prepare(INSERT).await?;
                let mut serial = 0_u64;
                while begin.elapsed() < slot {
                    let id = format!("bench_{round}_{number}_{serial}");
                    client.execute(&statement, &[&id, &"Bench", &format!("{id}@example.com")]).await?;
                    serial += 1;
                    done.fetch_add(1, Ordering::Relaxed);
                }
                anyhow::Ok(())
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    Ok(done.load(Ordering::Relaxed) as f64 / begin.elapsed().as_secs_f64())
}
