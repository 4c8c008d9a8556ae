//! Unique values and references, in the newest state.

use std::sync::Arc;

use super::{Bench, Report, chain::Chain};
use crate::{
    catalog::{Catalog, Table},
    check, columns,
    delta::Gauge,
    error::Result,
    past::{Replay, state_over},
    scan::ScanRequest,
    snapshot::Snapshot,
    state::State,
    value::Row,
};

/// Gives the newest state, unless something is damaged.
pub(super) fn check(bench: &Bench, chain: &Chain, report: &mut Report) -> Result<Option<Snapshot>> {
    if !report.is_sound() {
        report.notes.push("unique values and references were not checked: something is damaged".into());
        return Ok(None);
    }
    let newest = bench.manifests.last().cloned().unwrap_or_default();
    let segments = bench.retained.segments(&bench.ground, &newest)?;
    let catalog = Arc::new(Catalog::new(chain.tables.clone(), &bench.shapes)?);
    let state = state_over(&newest, segments, catalog, bench.archive.clone(), &Gauge::default());
    let replay = Replay { until_micros: i64::MAX, bytes_max: u64::MAX, applies: true };
    let csns = newest.folded_csn + 1..=chain.csn;
    let (state, _) = replay.follow(Arc::new(state), (&bench.retained, &bench.ground), csns)?;
    let snapshot = Snapshot::new(state.clone(), chain.csn);
    for table in state.catalog.tables() {
        for part in snapshot.table(&table.spec.name)?.scan(ScanRequest::default())? {
            for batch in part {
                rows(&state, table, &columns::rows(&table.spec, &batch?)?, report);
            }
        }
    }
    Ok(Some(snapshot))
}

/// All at once; one by one where something is wrong.
fn rows(state: &State, table: &Arc<Table>, rows: &[Row], report: &mut Report) {
    if check::rows(state, table, rows).is_ok() {
        return;
    }
    for row in rows {
        if let Err(error) = check::rows(state, table, std::slice::from_ref(row)) {
            report.add_error(&table.spec.name, error);
        }
    }
}
