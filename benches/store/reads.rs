//! One row by its key, in process, beside PostgreSQL's prepared select over its socket.

use std::time::Duration;

use anyhow::{Context, Result};
use quarry_benches::measure::{self, Line, Unit};

use crate::{disk::Both, wide};

/// Keys are taken in leaps, so that neighbours are not asked for in turn.
const LEAP: u64 = 7_919;

/// Both give the whole row.
pub async fn by_key(both: &Both, rows: u64, slot: Duration) -> Result<Line> {
    let table = both.store.snapshot().table(wide::TABLE)?;
    let statement = both.peer.prepare(&format!("SELECT * FROM {} WHERE id = $1", wide::TABLE)).await?;
    let (mut a, mut b) = (0, 0);
    let next = |at: &mut u64| {
        *at = (*at + LEAP) % rows;
        wide::key(*at)
    };
    for number in (0..rows).step_by(1_000) {
        table.get(&wide::key(number))?.context("a row is missing")?;
    }
    let (subject, peer) = measure::in_turn(
        slot,
        async || table.get(&next(&mut a))?.context("a row is missing"),
        async || Ok(both.peer.query_one(&statement, &[&next(&mut b)]).await?),
    )
    .await?;
    Ok(Line {
        name: "get by key, warm (PostgreSQL 15: prepared, over its socket)",
        subject,
        peer,
        targets: ("0.5 ×", "0.05 ×"),
        unit: Unit::Micros,
    })
}
