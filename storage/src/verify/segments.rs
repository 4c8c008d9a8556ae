//! Every segment that a manifest names.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use roaring::RoaringBitmap;

use super::{Bench, Report};
use crate::{
    catalog::{Catalog, TableId},
    error::Result,
    manifest::{self, Manifest},
    segment::{Ground, Segment, SegmentId},
};

pub(super) fn check(bench: &Bench, report: &mut Report) -> Result<()> {
    let Some(newest) = bench.manifests.last() else { return Ok(()) };
    let catalog = Catalog::new(newest.catalog.clone(), &bench.shapes)?;
    let mut open: BTreeMap<SegmentId, Option<Segment>> = BTreeMap::new();
    for manifest in &bench.manifests {
        let place = bench.ground.objects.place(&manifest::name(manifest.number));
        for table in &manifest.tables {
            for named in &table.segments {
                let segment = open.entry(named.id).or_insert_with(|| {
                    let opened = Segment::open(&bench.ground, table.table, named.id, named.meta_crc);
                    opened.map_err(|error| report.add_error(&place, error)).ok()
                });
                let Some(segment) = segment else { continue };
                match RoaringBitmap::deserialize_from(named.deleted.as_slice()) {
                    Ok(deleted) if deleted.max().is_none_or(|last| last < segment.rows()) => {}
                    _ => {
                        report.add(&place, 0, format!("the deleted rows of segment {} are none", named.id.0))
                    }
                }
                if segment.csn_max() > manifest.folded_csn {
                    let what = format!("segment {} has rows of later entries", named.id.0);
                    report.add(&place, 0, what);
                }
            }
        }
    }
    for (_, segment) in open {
        let Some(segment) = segment else { continue };
        let table = catalog.must_by_id(segment.table())?;
        report.segments += 1;
        report.rows += u64::from(segment.rows());
        segment.inspect(table, &mut |error| report.add_error("", error))?;
    }
    Ok(())
}

/// Rows of each table that are not deleted, as a manifest tells.
pub(super) fn live_rows(ground: &Arc<Ground>, manifest: &Manifest) -> Result<HashMap<TableId, i64>> {
    let mut rows = HashMap::new();
    for table in &manifest.tables {
        let mut sum = 0;
        for named in &table.segments {
            let segment = Segment::open(ground, table.table, named.id, named.meta_crc)?;
            let deleted = RoaringBitmap::deserialize_from(named.deleted.as_slice()).unwrap_or_default();
            sum += i64::from(segment.rows()) - i64::try_from(deleted.len()).unwrap_or(i64::MAX);
        }
        rows.insert(table.table, sum);
    }
    Ok(rows)
}
