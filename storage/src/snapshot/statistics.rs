//! What is known of a table and its columns without reading rows.

use super::TableSnapshot;
use crate::{
    error::{Error, Result},
    scan::{self, Extent},
    schema::ColumnType,
    value::Value,
};

/// What is known of a table without reading it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TableStatistics {
    /// Rows, exact where cheap.
    pub rows: u64,
    /// `rows` is exact.
    pub exact: bool,
    /// Bytes of the columns in memory, roughly.
    pub bytes: u64,
}

/// What is known of a column without reading it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ColumnStatistics {
    /// No value is less. `None` where not known, or where there is no value.
    pub min: Option<Value>,
    /// No value is greater.
    pub max: Option<Value>,
    /// Rows without a value; where not `exact`, about so many.
    pub nulls: Option<u64>,
    /// `min` and `max` are values that are there, and `nulls` is the number of nulls.
    pub exact: bool,
    /// How many different values, about.
    pub distinct: Option<u64>,
}

impl TableSnapshot {
    /// What is known of it without reading. The number of rows is kept with every commit: it is always exact.
    pub fn statistics(&self) -> TableStatistics {
        let mut rows = self.view.parts.rows();
        if let Some(overlay) = &self.view.overlay {
            rows = (rows + overlay.put()).saturating_sub(overlay.masked.len());
        }
        let width: u64 = self.spec().columns.iter().map(|column| scan::width_guess(column.column_type)).sum();
        TableStatistics { rows, exact: true, bytes: rows.saturating_mul(width) }
    }

    /// What is known of these columns, by position: from the footers of segments, which are read when first asked for,
    /// and from what deltas keep. It is exact only where no row was changed since the last fold.
    ///
    /// # Errors
    ///
    /// `UnknownColumn`; `Damaged`, `Io`.
    pub fn column_statistics(&self, columns: &[usize]) -> Result<Vec<ColumnStatistics>> {
        let is_settled = self.is_settled();
        let rows = self.statistics().rows;
        let of = |at: &usize| {
            let Some(column) = self.spec().columns.get(*at) else {
                let table = self.spec().name.to_string();
                return Err(Error::UnknownColumn { table, column: format!("#{at}") });
            };
            let Extent { nulls, min, max, exact, .. } = self.extent(*at)?;
            let distinct = self.distinct(*at, column.column_type, rows.saturating_sub(nulls.unwrap_or(0)));
            // Minus zero and NaN have no place of their own in the order of values.
            let is_told = column.column_type != ColumnType::Float;
            Ok(ColumnStatistics {
                min: min.filter(|_| is_told),
                max: max.filter(|_| is_told),
                nulls,
                exact: exact && is_settled && is_told,
                distinct: distinct?,
            })
        };
        columns.iter().map(of).collect()
    }

    /// Is every row of every segment current, and there are no others?
    fn is_settled(&self) -> bool {
        let parts = &self.view.parts;
        self.view.overlay.is_none()
            && parts.deltas.iter().all(|delta| delta.len() == 0)
            && parts.segments.iter().all(|part| parts.deleted(part).is_empty())
    }

    fn extent(&self, column: usize) -> Result<Extent> {
        let parts = &self.view.parts;
        let mut all = Extent::empty();
        for part in parts.segments.iter() {
            for extent in part.segment.extents(&parts.table, column)?.iter() {
                all = all.with(extent);
            }
        }
        for delta in &parts.deltas {
            all = all.with(&delta.extent(column));
        }
        if let Some(overlay) = &self.view.overlay {
            all = all.with(&overlay.extent(column));
        }
        Ok(all)
    }

    /// Values that occur in few rows each are taken as different ones in each segment, others as the same.
    fn distinct(&self, at: usize, kind: ColumnType, values: u64) -> Result<Option<u64>> {
        let table = &self.view.parts.table;
        if at == 0 || table.unique.iter().any(|unique| unique.index.single() == Some(at)) {
            return Ok(Some(values));
        }
        if kind == ColumnType::Bool {
            return Ok(Some(values.min(2)));
        }
        let Some(index) = table.column_index(at) else { return Ok(None) };
        let (mut sum, mut most, mut rows) = (0, 0, 0);
        for part in self.view.parts.segments.iter() {
            let Some(terms) = part.segment.terms_if_open(index)? else { return Ok(None) };
            sum += terms;
            most = most.max(terms);
            rows += u64::from(part.segment.rows());
        }
        let is_rare = sum.saturating_mul(10) > rows;
        Ok(Some(if is_rare { sum } else { most }.min(values)))
    }
}
