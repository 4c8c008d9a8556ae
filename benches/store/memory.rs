//! A large table in little memory, with the limits a server has unless told otherwise: loaded, opened, asked on every
//! access path, changed and folded. What it takes is told after each step.

use std::{ops::Bound, path::Path, sync::Arc};

use anyhow::{Context, Result, ensure};
use quarry_benches::{
    measure::{Line, Timing, Unit},
    resident::{Resident, Watch},
};
use quarry_storage::{
    CommitInfo, Row, RowSet, ScanRequest, Store, StoreOptions, TableName, TableSnapshot, Value, WriteSet,
};

use crate::{alone, wide};

/// The word that makes this program the one that is measured.
pub const CHILD: &str = "--in-little-memory";

const BUDGET_BYTES: u64 = 2 << 30;
/// Rows that are asked for one by one, and rows that are changed.
const PROBES: u64 = 20_000;
/// Rows changed in one transaction.
const CHUNK: usize = 100;

/// The most that a process takes for so many rows.
pub fn budget(rows: u64) -> Result<Vec<Line>> {
    let (own, all) = alone::run(CHILD, rows)?;
    let line = |name, bytes| Line {
        name,
        subject: Timing::once(bytes),
        peer: Timing::once(BUDGET_BYTES as f64),
        targets: ("1 ×", "–"),
        unit: Unit::Bytes,
    };
    Ok(vec![
        line("memory at most (budget: 2 GiB)", own),
        line("memory at most, with pages of mapped files", all),
    ])
}

/// All steps.
pub fn child(rows: u64, folder: &Path) -> Result<()> {
    let watch = Watch::start();
    let mut most = 0;
    let mut tell = |what: &str| -> Result<()> {
        most = most.max(watch.tell(what)?);
        Ok(())
    };
    let store = wide::open(folder, StoreOptions::default())?;
    tell("an empty store")?;
    load(&store, rows, &mut tell)?;
    drop(store);
    tell("closed")?;
    let store = wide::open(folder, StoreOptions::default())?;
    tell("opened")?;
    find(&store, rows, &mut tell)?;
    scan(&store, rows, &mut tell)?;
    change(&store, rows, &mut tell)?;
    alone::answer(most, Resident::now()?.highest);
    Ok(())
}

type Tell<'a> = &'a mut dyn FnMut(&str) -> Result<()>;

fn load(store: &Arc<Store>, rows: u64, tell: Tell<'_>) -> Result<()> {
    let name: TableName = wide::TABLE.into();
    let mut load = store.bulk_load();
    for number in 0..rows {
        load.add(&name, wide::row(number))?;
        if (number + 1).is_multiple_of((rows / 5).max(1)) {
            tell(&format!("{} rows added", number + 1))?;
        }
    }
    load.commit(CommitInfo::default())?;
    tell("loaded")?;
    store.fold()?;
    tell("folded")
}

/// Every `step`th row, so that there are about [`PROBES`] of them, beginning with one.
fn probes(rows: u64, from: u64) -> impl Iterator<Item = u64> {
    (from..rows).step_by(usize::try_from(rows / PROBES).unwrap_or(1).max(1))
}

fn find(store: &Store, rows: u64, tell: Tell<'_>) -> Result<()> {
    let table = store.snapshot().table(wide::TABLE)?;
    for number in probes(rows, 0) {
        ensure!(table.get(&wide::key(number))?.as_ref() == Some(&wide::row(number)), "row {number} differs");
    }
    tell("rows got by their keys")?;
    for number in probes(rows, 1) {
        let found = table.lookup("code", &[wide::row(number).get(1).clone()])?;
        ensure!(found.len() == 1, "code {number} is there {} times", found.len());
    }
    tell("rows found by a unique value")?;
    let mut found = 0;
    for owner in 0..500 {
        found += table.lookup("owner_id", &[Value::text(format!("{owner:026}"))])?.len();
    }
    ensure!(found == rows, "{found} rows have an owner");
    tell("all rows found by an indexed value")?;
    let (lower, upper) = (Value::text("C-10"), Value::text("C-11"));
    let found = table.range("code", Bound::Included(&lower), Bound::Excluded(&upper))?;
    let wanted = wide::numbers_beginning_with(10, rows);
    ensure!(found.len() == wanted, "{} codes in a range, not {wanted}", found.len());
    ensure!(read(&table, Some(found))? == wanted, "rows of a range are missing");
    tell(&format!("{wanted} rows in a range of an index read"))?;
    let (lower, upper) = (Value::text(wide::key(rows / 2)), Value::text(wide::key(rows / 2 + rows / 100)));
    let found = table.range("id", Bound::Included(&lower), Bound::Excluded(&upper))?;
    ensure!(read(&table, Some(found))? == rows / 100, "rows of a range of keys are missing");
    tell("a range of keys read")
}

fn scan(store: &Store, rows: u64, tell: Tell<'_>) -> Result<()> {
    let table = store.snapshot().table(wide::TABLE)?;
    ensure!(read(&table, None)? == rows, "rows are missing");
    tell("all columns of all rows read")?;
    for round in ["first", "second"] {
        crate::scans::sum(store)?;
        tell(&format!("two columns of all rows summed, the {round} time"))?;
    }
    Ok(())
}

/// All columns of some rows; how many there are.
fn read(table: &TableSnapshot, rows: Option<RowSet>) -> Result<u64> {
    let mut seen = 0;
    for part in table.scan(ScanRequest { rows, ..ScanRequest::default() })? {
        for batch in part {
            seen += u64::try_from(batch?.num_rows())?;
        }
    }
    Ok(seen)
}

fn change(store: &Store, rows: u64, tell: Tell<'_>) -> Result<()> {
    let gone: Vec<u64> = probes(rows, 0).collect();
    in_chunks(store, &gone, |writes, name, old| Ok(writes.delete(name, old)?))?;
    tell("rows deleted")?;
    store.fold()?;
    tell("folded")?;
    for round in 1..=5 {
        let some: Vec<u64> = probes(rows, round).collect();
        in_chunks(store, &some, |writes, name, old| {
            let mut new = old.0.to_vec();
            new.swap(14, 15);
            Ok(writes.update(name, old, Row(new.into()))?)
        })?;
        store.fold()?;
        tell(&format!("rows updated all over the table, folded, round {round}"))?;
    }
    let left = rows - u64::try_from(gone.len())?;
    let table = store.snapshot().table(wide::TABLE)?;
    ensure!(table.statistics().rows == left, "{} rows are left, not {left}", table.statistics().rows);
    for number in gone {
        ensure!(table.get(&wide::key(number))?.is_none(), "row {number} is still there");
    }
    ensure!(read(&table, None)? == left, "rows are missing");
    tell("all columns of all rows read again")
}

fn in_chunks(
    store: &Store,
    numbers: &[u64],
    mut change: impl FnMut(&mut WriteSet, &TableName, Row) -> Result<()>,
) -> Result<()> {
    let name: TableName = wide::TABLE.into();
    for some in numbers.chunks(CHUNK) {
        let snapshot = store.snapshot();
        let table = snapshot.table(wide::TABLE)?;
        let mut writes = snapshot.writes();
        for number in some {
            let old = table.get(&wide::key(*number))?.context("a row is missing")?;
            change(&mut writes, &name, old)?;
        }
        store.commit(writes, CommitInfo::default())?;
    }
    Ok(())
}
