//! Which rows: what every access path finds, combined with and, or, minus.

use std::collections::BTreeMap;

use roaring::RoaringBitmap;

/// Which rows of a [`crate::TableSnapshot`]: a roaring bitmap per segment and delta part. Only meaningful for the
/// snapshot that made it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RowSet {
    /// By the number of the part; no bitmap is empty.
    parts: BTreeMap<u32, RoaringBitmap>,
}

impl RowSet {
    /// How many rows.
    pub fn len(&self) -> u64 {
        self.parts.values().map(RoaringBitmap::len).sum()
    }

    /// No row.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// In both.
    #[must_use]
    pub fn and(&self, other: &RowSet) -> RowSet {
        let both = self.parts.iter().filter_map(|(part, rows)| Some((*part, rows & other.parts.get(part)?)));
        RowSet::of(both)
    }

    /// In either.
    #[must_use]
    pub fn or(&self, other: &RowSet) -> RowSet {
        let mut all = self.clone();
        for (part, rows) in &other.parts {
            *all.parts.entry(*part).or_default() |= rows;
        }
        all
    }

    /// In this one but not in the other.
    #[must_use]
    pub fn minus(&self, other: &RowSet) -> RowSet {
        let left = self.parts.iter().map(|(part, rows)| match other.parts.get(part) {
            Some(without) => (*part, rows - without),
            None => (*part, rows.clone()),
        });
        RowSet::of(left)
    }

    /// The first so many of the rows, in the order of the parts, and the others.
    pub fn split(&self, rows: usize) -> (RowSet, RowSet) {
        let mut left = u64::try_from(rows).unwrap_or(u64::MAX);
        let (mut first, mut rest) = (RowSet::default(), RowSet::default());
        for (part, places) in &self.parts {
            let here = left.min(places.len());
            left -= here;
            let cut = u32::try_from(here).ok().and_then(|here| places.select(here));
            match cut {
                None => first.add(*part, places.clone()),
                Some(cut) => {
                    let mut before = places.clone();
                    before.remove_range(cut..);
                    rest.add(*part, places - &before);
                    first.add(*part, before);
                }
            }
        }
        (first, rest)
    }

    /// A set by parts.
    pub(crate) fn of(parts: impl Iterator<Item = (u32, RoaringBitmap)>) -> RowSet {
        RowSet { parts: parts.filter(|(_, rows)| !rows.is_empty()).collect() }
    }

    /// One more row.
    pub(crate) fn insert(&mut self, part: u32, row: u32) {
        self.parts.entry(part).or_default().insert(row);
    }

    /// More rows of a part.
    pub(crate) fn add(&mut self, part: u32, rows: RoaringBitmap) {
        if !rows.is_empty() {
            *self.parts.entry(part).or_default() |= rows;
        }
    }

    /// All rows of another.
    pub(crate) fn extend(&mut self, other: RowSet) {
        other.parts.into_iter().for_each(|(part, rows)| self.add(part, rows));
    }

    /// The rows of one part.
    pub(crate) fn part(&self, part: u32) -> Option<&RoaringBitmap> {
        self.parts.get(&part)
    }
}

#[cfg(test)]
mod tests;
