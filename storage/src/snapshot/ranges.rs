//! Ranges, and how many rows an index would find: what a planner asks before it chooses between index and scan.

use std::ops::Bound;

use super::TableSnapshot;
use crate::{
    error::{Error, Result},
    range::{ValueRange, behind_prefix},
    rowset::RowSet,
    schema::ColumnType,
    term::{Term, term},
    value::Value,
};

impl TableSnapshot {
    /// The rows whose `column`, an indexed one or the key, is in a range. Null is in no range, and a range that begins or
    /// ends at null has no row. The order is that of the values: numbers as numbers with NaN behind all others, −0 equal to
    /// 0, texts and bytes byte by byte (which for texts is the order of code points).
    ///
    /// # Errors
    ///
    /// `UnknownColumn`; `Invalid` when the column is neither indexed nor the key, can't hold a bound, or is a list of texts,
    /// which has no order; `Damaged`, `Io`.
    pub fn range(&self, column: &str, lower: Bound<&Value>, upper: Bound<&Value>) -> Result<RowSet> {
        let Some((at, range)) = self.must_range(column, lower, upper)? else { return Ok(RowSet::default()) };
        let mut rows = self.view.unmasked(self.view.parts.range(at, &range)?);
        if let Some(overlay) = &self.view.overlay {
            rows.add(self.view.overlay_part(), overlay.matching(|row| range.holds(row.get(at))));
        }
        Ok(rows)
    }

    /// The rows whose `column`, an indexed text or the key, begins with `prefix`; case matters.
    ///
    /// # Errors
    ///
    /// As [`Self::range`].
    pub fn prefix(&self, column: &str, prefix: &str) -> Result<RowSet> {
        let (lower, upper) = prefix_bounds(prefix);
        self.range(column, Bound::Included(&lower), upper.as_ref().map_or(Bound::Unbounded, Bound::Excluded))
    }

    /// The rows that have these values in the columns of a unique constraint, in its order, and meet its condition: at most
    /// one, unless own writes break it. None where one of the values is null.
    ///
    /// # Errors
    ///
    /// `Invalid` when there is no such constraint, it has another number of columns, or one of them can't hold its value;
    /// `Damaged`, `Io`.
    pub fn lookup_unique(&self, constraint: &str, values: &[Value]) -> Result<RowSet> {
        let table = &self.view.parts.table;
        let spec = self.spec();
        let named = table.unique.iter().find(|unique| &*unique.name == constraint);
        let unique = named.filter(|unique| unique.index.columns.len() == values.len()).ok_or_else(|| {
            Error::Invalid(format!(
                "{:?} has no unique constraint {constraint:?} of {} columns",
                spec.name,
                values.len()
            ))
        })?;
        for (at, value) in unique.index.columns.iter().zip(values) {
            self.must_fit(*at, value)?;
        }
        if values.iter().any(Value::is_null) {
            return Ok(RowSet::default());
        }
        if let Some(Value::Text(key)) =
            unique.index.columns.iter().position(|at| *at == 0).and_then(|at| values.get(at))
        {
            let same =
                |row: &crate::Row| unique.index.columns.iter().zip(values).all(|(at, v)| row.get(*at) == v);
            let is_held = self.get(key)?.is_some_and(|row| same(&row) && unique.index.term(&row).is_some());
            return if is_held { self.keys(std::slice::from_ref(key)) } else { Ok(RowSet::default()) };
        }
        let Some(term) = unique.index.term_of(&values.iter().collect::<Vec<_>>()) else {
            return Ok(RowSet::default());
        };
        self.lookup_terms(&unique.index, &[term])
    }

    /// About how many rows [`Self::lookup`] finds: what the indexes count, rows replaced since and all own writes included.
    /// It reads no rows.
    ///
    /// # Errors
    ///
    /// As [`Self::lookup`].
    pub fn estimate_lookup(&self, column: &str, values: &[Value]) -> Result<u64> {
        let at = self.must_position(column)?;
        values.iter().try_for_each(|value| self.must_fit(at, value))?;
        if at == 0 {
            return Ok(u64::try_from(values.len()).unwrap_or(u64::MAX));
        }
        let terms: Vec<Term> = values.iter().map(term).collect();
        Ok(self.view.parts.count_terms(self.must_index(at)?, &terms)? + self.own_rows())
    }

    /// About how many rows [`Self::range`] finds: exact counts where few values are in the range, else by a sample of
    /// them; rows replaced since and all own writes included. It reads no rows, but may read keys for a range of keys.
    ///
    /// # Errors
    ///
    /// As [`Self::range`].
    pub fn estimate_range(&self, column: &str, lower: Bound<&Value>, upper: Bound<&Value>) -> Result<u64> {
        let Some((at, range)) = self.must_range(column, lower, upper)? else { return Ok(0) };
        Ok(self.view.parts.count_range(at, &range)? + self.own_rows())
    }

    /// About how many rows [`Self::prefix`] finds.
    ///
    /// # Errors
    ///
    /// As [`Self::range`].
    pub fn estimate_prefix(&self, column: &str, prefix: &str) -> Result<u64> {
        let (lower, upper) = prefix_bounds(prefix);
        let upper = upper.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
        self.estimate_range(column, Bound::Included(&lower), upper)
    }

    fn own_rows(&self) -> u64 {
        self.view.overlay.as_ref().map_or(0, |overlay| overlay.put())
    }

    /// The column and the range, checked; `None` where nothing can be in it.
    fn must_range<'v>(
        &self,
        column: &str,
        lower: Bound<&'v Value>,
        upper: Bound<&'v Value>,
    ) -> Result<Option<(usize, ValueRange<'v>)>> {
        let at = self.must_position(column)?;
        let kind = self.spec().columns.get(at).map(|column| column.column_type);
        if kind == Some(ColumnType::TextList) {
            let table = &self.spec().name;
            return Err(Error::Invalid(format!(
                "column {column:?} of {table:?} is a list and has no ranges"
            )));
        }
        if at > 0 {
            self.must_index(at)?;
        }
        for bound in [lower, upper] {
            if let Bound::Included(value) | Bound::Excluded(value) = bound {
                self.must_fit(at, value)?;
                if value.is_null() {
                    return Ok(None);
                }
            }
        }
        Ok(Some((at, ValueRange { lower, upper })))
    }
}

/// From the prefix itself to what follows all texts that begin with it.
fn prefix_bounds(prefix: &str) -> (Value, Option<Value>) {
    (Value::text(prefix), behind_prefix(prefix).map(Value::text))
}
