//! How the columns that storage gives become the columns that the plan wants, past the guard.

use std::sync::Arc;

use arrow::{
    array::{RecordBatch, RecordBatchOptions},
    datatypes::SchemaRef,
};
use datafusion::{
    common::{DataFusionError, Result},
    execution::memory_pool::MemoryPool,
};

use super::ScanTable;
use crate::{
    policy::Guard,
    view::{Columns, shape::Shape},
};

/// The columns of a scan.
#[derive(Clone)]
pub(super) struct Layout {
    /// Positions in the stored table, in the order asked of storage. Never empty: rows are counted by the key.
    pub(super) stored: Vec<usize>,
    /// For each wanted column its position in a stored batch (`_score` stands behind the stored columns).
    pub(super) output: Vec<usize>,
    /// What becomes of each wanted column.
    shapes: Vec<Shape>,
    /// The wanted columns.
    pub(super) schema: SchemaRef,
    /// Decides by the columns from a place on, which stand behind those that are wanted.
    guard: Option<(Arc<Guard>, usize)>,
    /// Columns, by their positions in the table, whose values are not shown as they are.
    altered: Vec<usize>,
    /// An index was asked for such values: how many it found is not told.
    pub(super) is_loose: bool,
    /// Not all rows may be seen: how many there are is not told.
    pub(super) hides: bool,
    /// An index or a search chose rows; not, where what is not seen was left out of all of them.
    pub(super) is_chosen: bool,
}

impl Layout {
    pub(super) fn new(table: &ScanTable, wanted: &[usize], guard: Option<Arc<Guard>>) -> Result<Layout> {
        let ScanTable { columns, schema, guarded, .. } = table;
        let Columns { positions: columns, shapes, .. } = &**columns;
        let mut stored: Vec<usize> = wanted.iter().filter_map(|index| columns.get(*index).copied()).collect();
        let mut next = 0..stored.len();
        if stored.is_empty() {
            stored.push(0);
        }
        let from = stored.len();
        stored.extend(guard.iter().flat_map(|guard| guard.reads().iter().copied()));
        let score = stored.len();
        let output: Vec<usize> = wanted
            .iter()
            .map(|index| if *index < columns.len() { next.next().unwrap_or(score) } else { score })
            .collect();
        let shapes = wanted.iter().map(|index| shapes.get(*index).cloned().unwrap_or_default()).collect();
        let altered = guarded.iter().flat_map(|guarded| guarded.altered.keys().copied()).collect();
        let hides = guard.as_ref().is_some_and(|guard| guard.restricts());
        let guard = guard.map(|guard| (guard, from));
        Ok(Layout {
            stored,
            output,
            shapes,
            schema: Arc::new(schema.project(wanted)?),
            guard,
            altered,
            is_loose: false,
            hides,
            is_chosen: true,
        })
    }

    /// Whether rows that storage gives may be left out.
    pub(super) fn leaves_out(&self) -> bool {
        self.guard.as_ref().is_some_and(|(guard, _)| guard.leaves_out())
    }

    /// Says where the memory is counted that the guard takes.
    pub(super) fn account(&self, pool: &Arc<dyn MemoryPool>) {
        if let Some((guard, _)) = &self.guard {
            guard.account(pool);
        }
    }

    /// The position in the table of a wanted column whose values are shown as they are.
    pub(super) fn plain(&self, wanted: usize) -> Option<usize> {
        let position = *self.stored.get(*self.output.get(wanted)?)?;
        (!self.altered.contains(&position)).then_some(position)
    }

    /// The rows that are seen, with the wanted columns. Blocks.
    ///
    /// # Errors
    ///
    /// Those of storage.
    pub(super) fn apply(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let gone = || DataFusionError::Internal("storage gave fewer columns than were asked".into());
        let external = |error: crate::error::Error| DataFusionError::External(Box::new(error));
        let seen = match &self.guard {
            Some((guard, from)) => &guard.seen(batch.clone(), *from).map_err(external)?,
            None => batch,
        };
        let mut columns = Vec::with_capacity(self.output.len());
        for (index, shape) in self.output.iter().zip(&self.shapes) {
            let stored = seen.columns().get(*index).ok_or_else(gone)?;
            columns.push(match (&self.guard, self.stored.get(*index)) {
                (Some((guard, from)), Some(position)) => {
                    shape.apply(&guard.shown((*position, stored), seen, *from).map_err(external)?)?
                }
                _ => shape.apply(stored)?,
            });
        }
        let options = RecordBatchOptions::new().with_row_count(Some(seen.num_rows()));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?)
    }
}
