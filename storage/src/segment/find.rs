//! Which rows of a segment: by key, by the terms of an index, by a range of values. Rows replaced since are among them.

use std::ops::{Bound, Range};

use arrow::array::{Array, AsArray, StringViewArray};
use roaring::RoaringBitmap;

use super::Segment;
use crate::{
    catalog::{Indexed, Table},
    columns,
    error::{Error, Result},
    range::ValueRange,
    term::{Term, term},
    text::{Source, TextPart},
    value::{Key, Value},
};

impl Segment {
    /// The number of the row with this key.
    pub fn find(&self, key: &str) -> Result<Option<u32>> {
        let groups = &self.meta.groups;
        let number = groups.partition_point(|group| &*group.last_key < key);
        if groups.get(number).is_none_or(|group| &*group.first_key > key) {
            return Ok(None);
        }
        let keys = self.keys(number)?;
        let at = partition_point(&keys, |other| other < key);
        if at < keys.len() && keys.value(at) == key {
            return Ok(u32::try_from(at).ok().map(|at| self.rows_before(number) + at));
        }
        Ok(None)
    }

    /// The least and the greatest key, of each row group.
    pub fn key_spans(&self) -> impl Iterator<Item = (&Key, &Key)> {
        self.meta.groups.iter().map(|group| (&group.first_key, &group.last_key))
    }

    /// The keys of a row group.
    pub fn keys_of(&self, group: usize) -> Result<Vec<Key>> {
        let keys = self.keys(group)?;
        Ok((0..keys.len()).map(|at| Key::from(keys.value(at))).collect())
    }

    /// Is there a row group that may have keys between these two?
    pub fn may_have_keys(&self, first: &str, last: &str) -> bool {
        let groups = &self.meta.groups;
        let number = groups.partition_point(|group| &*group.last_key < first);
        groups.get(number).is_some_and(|group| &*group.first_key <= last)
    }

    /// Rows that an index has under one of these terms.
    pub fn lookup(&self, table: &Table, index: &Indexed, terms: &[Term]) -> Result<RoaringBitmap> {
        if !self.keeps(index) {
            return Ok(if self.has_nulls_for(index, terms) { self.all() } else { RoaringBitmap::new() });
        }
        self.index(table)?.lookup(index, terms)?.ok_or_else(|| no_index(table, index))
    }

    /// How many rows [`Self::lookup`] finds.
    pub fn count_terms(&self, table: &Table, index: &Indexed, terms: &[Term]) -> Result<u64> {
        if !self.keeps(index) {
            return Ok(if self.has_nulls_for(index, terms) { u64::from(self.meta.rows) } else { 0 });
        }
        self.index(table)?.count(index, terms)
    }

    /// Rows whose column, the key or one with an index, is in a range.
    pub fn range(&self, table: &Table, column: usize, range: &ValueRange<'_>) -> Result<RoaringBitmap> {
        if column == 0 {
            return Ok(RoaringBitmap::from_iter(self.key_range(range)?));
        }
        if column >= self.columns_kept() {
            return Ok(RoaringBitmap::new());
        }
        let (index, part) = self.must_index(table, column)?;
        let terms = range.terms();
        let mut found = RoaringBitmap::new();
        if let Some(certain) = &terms.certain {
            found |= part.range(index, certain)?.ok_or_else(|| no_index(table, index))?;
        }
        for edge in &terms.edges {
            let doubtful = part.range(index, edge)?.ok_or_else(|| no_index(table, index))?;
            found |= self.rechecked(table, column, range, &doubtful)?;
        }
        Ok(found)
    }

    /// About how many rows [`Self::range`] finds.
    pub fn count_range(&self, table: &Table, column: usize, range: &ValueRange<'_>) -> Result<u64> {
        if column == 0 {
            let rows = self.key_range(range)?;
            return Ok(u64::from(rows.end - rows.start));
        }
        if column >= self.columns_kept() {
            return Ok(0);
        }
        let (index, part) = self.must_index(table, column)?;
        let terms = range.terms();
        let mut sum = 0;
        for range in terms.certain.iter().chain(&terms.edges) {
            sum += part.count_range(index, range)?;
        }
        Ok(sum)
    }

    /// What it has of an index, to be read in the order of its values.
    pub fn source(&self, table: &Table, index: &Indexed) -> Result<Source> {
        if self.keeps(index) {
            self.index(table).map(Source::Index)
        } else {
            Ok(Source::Nulls(self.meta.rows))
        }
    }

    /// How many terms an index has, if it was opened before: opening one reads all of it.
    pub fn terms_if_open(&self, index: &Indexed) -> Result<Option<u64>> {
        if !self.keeps(index) {
            return Ok(Some(1));
        }
        self.open_index().map(|part| part.terms(index)).transpose()
    }

    /// Rows are sorted by key: a range of keys is one of rows.
    fn key_range(&self, range: &ValueRange<'_>) -> Result<Range<u32>> {
        let start = match range.lower {
            Bound::Unbounded => 0,
            Bound::Included(Value::Text(key)) => self.rows_while(|other| other < &**key)?,
            Bound::Excluded(Value::Text(key)) => self.rows_while(|other| other <= &**key)?,
            _ => self.meta.rows,
        };
        let end = match range.upper {
            Bound::Unbounded => self.meta.rows,
            Bound::Included(Value::Text(key)) => self.rows_while(|other| other <= &**key)?,
            Bound::Excluded(Value::Text(key)) => self.rows_while(|other| other < &**key)?,
            _ => 0,
        };
        Ok(start..end.max(start))
    }

    /// How many rows there are up to the first whose key does not go before something.
    fn rows_while(&self, goes_before: impl Fn(&str) -> bool) -> Result<u32> {
        let number = self.meta.groups.partition_point(|group| goes_before(&group.last_key));
        let Some(group) = self.meta.groups.get(number) else { return Ok(self.meta.rows) };
        let within =
            if goes_before(&group.first_key) { partition_point(&self.keys(number)?, goes_before) } else { 0 };
        let within = u32::try_from(within).map_err(|_| Error::Internal("a row group too large".into()))?;
        Ok(self.rows_before(number) + within)
    }

    fn rows_before(&self, group: usize) -> u32 {
        self.meta.groups.iter().take(group).map(|group| group.rows).sum()
    }

    fn keys(&self, group: usize) -> Result<StringViewArray> {
        let column = self.decoded(group, 0)?;
        column.as_string_view_opt().cloned().ok_or_else(|| Error::Internal("keys are no texts".into()))
    }

    /// Those of the rows whose value is in the range.
    fn rechecked(
        &self,
        table: &Table,
        column: usize,
        range: &ValueRange<'_>,
        rows: &RoaringBitmap,
    ) -> Result<RoaringBitmap> {
        let spec = table.spec.columns.get(column);
        let kind = spec.ok_or_else(|| Error::Internal(format!("no column {column}")))?.column_type;
        let mut found = RoaringBitmap::new();
        for (group, places) in self.groups().into_iter().enumerate() {
            let chosen: Vec<u32> = rows.range(places.clone()).collect();
            if chosen.is_empty() {
                continue;
            }
            let offsets: Vec<u32> = chosen.iter().map(|row| row - places.start).collect();
            let values = self.sparse(table, group, &[column], &offsets)?.pop();
            let values = values.ok_or_else(|| Error::Internal("a column short".into()))?;
            for (at, row) in chosen.into_iter().enumerate() {
                if range.holds(&columns::cell(kind, &values, at)?) {
                    found.insert(row);
                }
            }
        }
        Ok(found)
    }

    fn must_index<'t>(
        &self,
        table: &'t Table,
        column: usize,
    ) -> Result<(&'t Indexed, std::sync::Arc<TextPart>)> {
        let index = table.column_index(column);
        let index = index.ok_or_else(|| Error::Internal(format!("no index of column {column}")))?;
        Ok((index, self.index(table)?))
    }

    /// Were all columns of the index there when the segment was written?
    pub fn keeps(&self, index: &Indexed) -> bool {
        index.columns.iter().all(|at| *at < self.columns_kept())
    }

    /// A column that came later is null in every row; of several, no row counts then.
    fn has_nulls_for(&self, index: &Indexed, terms: &[Term]) -> bool {
        index.single().is_some() && terms.contains(&term(&Value::Null))
    }

    fn all(&self) -> RoaringBitmap {
        RoaringBitmap::from_iter(0..self.meta.rows)
    }
}

/// How many keys go before something; they are in order.
fn partition_point(keys: &StringViewArray, goes_before: impl Fn(&str) -> bool) -> usize {
    let (mut low, mut high) = (0, keys.len());
    while low < high {
        let middle = low.midpoint(high);
        if goes_before(keys.value(middle)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

fn no_index(table: &Table, index: &Indexed) -> Error {
    Error::Internal(format!("{:?} has no index {:?}", table.spec.name, index.name))
}
