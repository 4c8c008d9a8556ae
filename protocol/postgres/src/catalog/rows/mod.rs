//! The rows of the catalog tables. A table that nothing here fills is empty, with PostgreSQL's columns and types.

mod constraints;
mod fixed;
mod relations;
mod session;
mod standard;

use std::{collections::HashMap, sync::Arc};

use arrow::{array::RecordBatch, datatypes::Schema};
use datafusion::error::{DataFusionError, Result};

use super::{cell::Cell, column, facts::TableFact, model::Model};

/// One row: its columns by name, in any order; what isn't named is null, or zero, false, '' where null can't be.
type Row = Vec<(&'static str, Cell)>;

/// PostgreSQL's own oids for its schemas, its first role and its catalog relations.
mod known {
    /// `pg_catalog`.
    pub const PG_CATALOG: u32 = 11;
    /// `information_schema`.
    pub const INFORMATION_SCHEMA: u32 = 13207;
    /// `pg_toast`.
    pub const PG_TOAST: u32 = 99;
    /// The role that owns everything.
    pub const OWNER: u32 = 10;
    /// Its name.
    pub const OWNER_NAME: &str = "quarry";
    /// `pg_default`.
    pub const TABLESPACE: u32 = 1663;
    /// `heap`.
    pub const HEAP: u32 = 2;
    /// `btree`.
    pub const BTREE: u32 = 403;
    /// `pg_class`.
    pub const PG_CLASS: u32 = 1259;
    /// `pg_namespace`.
    pub const PG_NAMESPACE: u32 = 2615;
    /// The default collation.
    pub const COLLATION: u32 = 100;
}

pub use known::{OWNER, OWNER_NAME};
pub use session::role_oid;

/// PostgreSQL's own schemas.
pub const SYSTEM_SCHEMAS: [(u32, &str); 3] = [
    (known::PG_CATALOG, "pg_catalog"),
    (known::PG_TOAST, "pg_toast"),
    (known::INFORMATION_SCHEMA, "information_schema"),
];

/// What rows are made from.
pub struct Source<'a> {
    /// The model.
    pub model: &'a Model,
    /// The session.
    pub session: &'a super::CatalogSession,
}

/// Whether a table's rows change within a session.
pub fn is_live(table: &TableFact) -> bool {
    matches!(table.name, "pg_settings" | "pg_stat_activity")
}

/// Whether no row will ever be in a table: nothing fills it.
pub fn is_always_empty(table: &TableFact) -> bool {
    filler(table.schema, table.name).is_none()
}

/// The rows of a table as one batch.
///
/// # Errors
///
/// Internal when a row names a column that the table has not.
pub fn batch(table: &TableFact, source: &Source<'_>) -> Result<RecordBatch> {
    let rows = filler(table.schema, table.name).map(|fill| fill(source)).unwrap_or_default();
    let places: HashMap<&str, usize> =
        table.columns.iter().enumerate().map(|(place, column)| (column.name, place)).collect();
    let missing = |shape: column::Shape, not_null: bool| if not_null { shape.zero() } else { Cell::Null };
    let mut columns: Vec<Vec<Cell>> =
        table.columns.iter().map(|column| vec![missing(column.shape, column.not_null); rows.len()]).collect();
    for (at, row) in rows.into_iter().enumerate() {
        for (name, cell) in row {
            let slot = places
                .get(name)
                .and_then(|place| columns.get_mut(*place))
                .and_then(|cells| cells.get_mut(at));
            *slot
                .ok_or_else(|| DataFusionError::Internal(format!("{} has no column {name}", table.name)))? =
                cell;
        }
    }
    let fields: Vec<_> =
        table.columns.iter().map(|column| column::field(column.name, column.pg_type)).collect();
    let arrays = table
        .columns
        .iter()
        .zip(&columns)
        .map(|(column, cells)| column.shape.build(cells))
        .collect::<Result<Vec<_>>>()?;
    let options = arrow::array::RecordBatchOptions::new().with_row_count(columns.first().map(Vec::len));
    Ok(RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)?)
}

type Filler = fn(&Source<'_>) -> Vec<Row>;

fn filler(schema: &str, table: &str) -> Option<Filler> {
    match schema {
        "pg_catalog" => relations::filler(table)
            .or_else(|| constraints::filler(table))
            .or_else(|| fixed::filler(table))
            .or_else(|| session::filler(table)),
        _ => standard::filler(table),
    }
}

/// A row from `"column" => value` pairs.
macro_rules! row {
    ($($name:literal => $value:expr),* $(,)?) => {
        vec![$(($name, $crate::catalog::cell::Cell::from($value))),*]
    };
}

use row;
