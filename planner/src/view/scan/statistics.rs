//! What is known of a scan's rows and columns before it is read.

use std::fmt;

use datafusion::common::{ColumnStatistics, Statistics, stats::Precision};
use quarry_storage::TableSnapshot;

use crate::view::narrow;

pub(super) fn known_columns(
    table: &TableSnapshot,
    columns: &[usize],
) -> quarry_storage::Result<Vec<ColumnStatistics>> {
    let known = table.column_statistics(columns)?;
    let kinds =
        columns.iter().filter_map(|at| table.spec().columns.get(*at)).map(|column| column.column_type);
    Ok(known.into_iter().zip(kinds).map(|(known, kind)| column_statistics(&known, kind)).collect())
}

fn column_statistics(
    known: &quarry_storage::ColumnStatistics,
    kind: quarry_storage::ColumnType,
) -> ColumnStatistics {
    let value = |value: &Option<quarry_storage::Value>| {
        let value = value.as_ref().and_then(|value| narrow::scalar_of(value, kind));
        value.map_or(Precision::Absent, |value| precision(value, known.exact))
    };
    let count = |count: Option<u64>, exact: bool| {
        let count = count.and_then(|count| usize::try_from(count).ok());
        count.map_or(Precision::Absent, |count| precision(count, exact))
    };
    ColumnStatistics {
        null_count: count(known.nulls, known.exact),
        min_value: value(&known.min),
        max_value: value(&known.max),
        distinct_count: count(known.distinct, false),
        ..ColumnStatistics::new_unknown()
    }
}

fn precision<T: fmt::Debug + Clone + PartialEq + Eq + PartialOrd>(value: T, exact: bool) -> Precision<T> {
    if exact { Precision::Exact(value) } else { Precision::Inexact(value) }
}

pub(super) fn statistics(columns: usize, rows: u64, exact: bool) -> Statistics {
    let rows = usize::try_from(rows).unwrap_or(usize::MAX);
    Statistics {
        num_rows: precision(rows, exact),
        total_byte_size: Precision::Absent,
        column_statistics: vec![ColumnStatistics::new_unknown(); columns],
    }
}
