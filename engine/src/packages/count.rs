//! Counts the records that a change of the model concerns, on one snapshot.

use std::cmp::Ordering;

use arrow::{
    array::{Array, ArrayRef, AsArray},
    datatypes::{Decimal128Type, Int64Type},
};
use quarry_metadata::{
    Object,
    evolution::{Concerned, Records},
};
use quarry_planner::lower;
use quarry_storage::{ScanRequest, Snapshot};

use crate::{decimal::Exact, error::Result};

/// Counts in the records of a snapshot.
pub(super) struct Counter {
    pub(super) snapshot: Snapshot,
}

impl Records for Counter {
    fn count(&self, object: &Object, concerned: &Concerned<'_>) -> Option<u64> {
        // What can't be counted is not known, and nothing is allowed on that ground.
        self.try_count(object, concerned).ok().flatten()
    }
}

impl Counter {
    /// All records of a table.
    pub(super) fn records(&self, table: &str) -> u64 {
        self.snapshot.table(table).map_or(0, |table| table.statistics().rows)
    }

    fn try_count(&self, object: &Object, concerned: &Concerned<'_>) -> Result<Option<u64>> {
        let table = self.snapshot.table(object.table())?;
        let field = match concerned {
            Concerned::All => return self.scan(object, 0, |array, _| array.len()).map(Some),
            Concerned::Deleted => return Ok(Some(self.records(&lower::bin_table(object)))),
            Concerned::Empty(field) | Concerned::Filled(field) => field,
            Concerned::Option(field, _) | Concerned::Above(field, _) | Concerned::Below(field, _) => field,
        };
        let column = object.field(field.as_str()).and_then(|field| table.spec().position(field.column()));
        let Some(column) = column else { return Ok(None) };
        match concerned {
            Concerned::All | Concerned::Deleted => Ok(None),
            Concerned::Empty(_) => self.scan(object, column, |array, _| array.null_count()).map(Some),
            Concerned::Filled(_) => {
                self.scan(object, column, |array, _| array.len() - array.null_count()).map(Some)
            }
            Concerned::Option(_, value) => {
                self.scan(object, column, |array, at| holds(array, at, value)).map(Some)
            }
            Concerned::Above(_, bound) => self.beyond(object, column, bound, Ordering::Greater),
            Concerned::Below(_, bound) => self.beyond(object, column, bound, Ordering::Less),
        }
    }

    fn beyond(&self, object: &Object, column: usize, bound: &str, side: Ordering) -> Result<Option<u64>> {
        let Some(bound) = Exact::parse(bound) else { return Ok(None) };
        let count = |array: &ArrayRef, _| {
            (0..array.len())
                .filter(|at| measure(array, *at).is_some_and(|value| value.cmp(&bound) == side))
                .count()
        };
        self.scan(object, column, count).map(Some)
    }

    fn scan(&self, object: &Object, column: usize, count: impl Fn(&ArrayRef, usize) -> usize) -> Result<u64> {
        let table = self.snapshot.table(object.table())?;
        let request = ScanRequest { projection: Some(vec![column]), ..ScanRequest::default() };
        let mut found = 0u64;
        for part in table.scan(request)? {
            for batch in part {
                let batch = batch?;
                let Some(array) = batch.columns().first() else { continue };
                found = found.saturating_add(u64::try_from(count(array, array.len())).unwrap_or(u64::MAX));
            }
        }
        Ok(found)
    }
}

/// The values that are this option, or lists with it.
fn holds(array: &ArrayRef, length: usize, option: &str) -> usize {
    let is_it = |at: &usize| {
        if array.is_null(*at) {
            return false;
        }
        if let Some(texts) = array.as_string_view_opt() {
            return texts.value(*at) == option;
        }
        let list = array.as_list_opt::<i32>().map(|lists| lists.value(*at));
        list.is_some_and(|list| {
            list.as_string_opt::<i32>().is_some_and(|texts| texts.iter().any(|t| t == Some(option)))
        })
    };
    (0..length).filter(is_it).count()
}

/// A number as it is, a text by its characters.
fn measure(array: &ArrayRef, at: usize) -> Option<Exact> {
    if array.is_null(at) {
        return None;
    }
    if let Some(texts) = array.as_string_view_opt() {
        return Exact::of(i128::try_from(texts.value(at).chars().count()).ok()?, 0);
    }
    if let Some(numbers) = array.as_primitive_opt::<Int64Type>() {
        return Exact::of(numbers.value(at).into(), 0);
    }
    let numbers = array.as_primitive_opt::<Decimal128Type>()?;
    Exact::of(numbers.value(at), numbers.scale().into())
}
