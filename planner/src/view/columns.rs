//! The stored columns of a view on a table: worked out once, and known as long as the table is the same.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use parking_lot::Mutex;
use quarry_storage::{TableSnapshot, TableSpec};

use super::shape::Shape;
use crate::error::Result;

/// The visible columns, in the view's order.
#[derive(Debug)]
pub(super) struct Columns {
    /// Where they stand in the table.
    pub(super) positions: Vec<usize>,
    /// What becomes of each of them.
    pub(super) shapes: Vec<Shape>,
    /// What a plan has of them.
    pub(super) schema: SchemaRef,
}

impl Columns {
    /// Of columns by the names that they go by here, with their positions in the table, and how they are shown.
    pub(super) fn new(table: &TableSnapshot, named: &[(String, usize)], shapes: Vec<Shape>) -> Columns {
        let stored = table.schema();
        let shaped = |((name, position), shape): (&(String, usize), &Shape)| {
            let field = shape.field(stored.fields().get(*position)?);
            let same = field.name() == name;
            Some(if same { field } else { Arc::new(field.as_ref().clone().with_name(name)) })
        };
        let fields: Vec<Arc<Field>> = named.iter().zip(&shapes).filter_map(shaped).collect();
        let positions = named.iter().map(|(_, position)| *position).collect();
        Columns { positions, shapes, schema: Arc::new(Schema::new(fields)) }
    }
}

/// Those of the table as it was seen last.
#[derive(Debug, Default)]
pub(super) struct KnownColumns(Mutex<Option<(Arc<TableSpec>, Arc<Columns>)>>);

impl KnownColumns {
    /// Those of a table, made where it is another than before.
    ///
    /// # Errors
    ///
    /// Those of `make`.
    pub(super) fn of(
        &self,
        table: &TableSnapshot,
        make: impl FnOnce() -> Result<Columns>,
    ) -> Result<Arc<Columns>> {
        let known = self.0.lock().clone();
        if let Some((_, columns)) = known.filter(|(spec, _)| Arc::ptr_eq(spec, table.spec())) {
            return Ok(columns);
        }
        let made = Arc::new(make()?);
        let known = Some((Arc::clone(table.spec()), Arc::clone(&made)));
        *self.0.lock() = known;
        Ok(made)
    }
}
