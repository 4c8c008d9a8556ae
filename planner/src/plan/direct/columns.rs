//! What a small question reads and tells, worked out once: a question that is asked again looks up no name.

use std::sync::{Arc, OnceLock};

use arrow::{
    array::{ArrayRef, RecordBatch, RecordBatchOptions},
    datatypes::{Field, FieldRef, Schema, SchemaRef},
};
use datafusion::{
    common::{Column, DFSchema, Result as PlanResult},
    logical_expr::Expr,
};

use super::{Making, ROOT};
use crate::{
    error::{Error, Result},
    view::ObjectView,
};

/// The columns of a view that are read.
#[derive(Debug)]
pub(crate) struct Read {
    names: Vec<String>,
    /// Where they stand in the view.
    places: Vec<usize>,
}

impl Read {
    /// Columns of a view by their names.
    ///
    /// # Errors
    ///
    /// `Internal` for one that is not there.
    pub(crate) fn new(view: &ObjectView, names: Vec<String>) -> Result<Arc<Read>> {
        let places =
            view.places(&names).ok_or_else(|| Error::internal("a column that is not in the view"))?;
        Ok(Arc::new(Read { names, places }))
    }

    pub(super) fn places(&self) -> &[usize] {
        &self.places
    }

    /// Where a column of the object itself stands among those that are read.
    pub(super) fn position(&self, column: &Column) -> Option<usize> {
        self.position_near(column, 0)
    }

    /// As [`Self::position`]; mostly it is the one that is guessed.
    fn position_near(&self, column: &Column, guessed: usize) -> Option<usize> {
        if column.relation.as_ref().is_some_and(|of| of.table() != ROOT) {
            return None;
        }
        let is_it = |name: &String| *name == column.name;
        match self.names.get(guessed).is_some_and(is_it) {
            true => Some(guessed),
            false => self.names.iter().position(is_it),
        }
    }
}

/// A column of what is told.
#[derive(Clone, Debug)]
pub(crate) enum Told {
    /// One of those that are read, as it is.
    Read(usize),
    /// What is made of them.
    Made(Expr),
}

impl Told {
    /// Columns of what is told.
    pub(crate) fn all(read: &Read, columns: &[Expr]) -> Arc<[Told]> {
        let mut next = 0;
        let told = columns.iter().map(|expr| match expr {
            Expr::Column(column) => match read.position_near(column, next) {
                Some(place) => {
                    next = place + 1;
                    Told::Read(place)
                }
                None => Told::Made(expr.clone()),
            },
            _ => Told::Made(expr.clone()),
        });
        told.collect()
    }

    /// What is made.
    pub(crate) fn made(&self) -> Option<&Expr> {
        match self {
            Told::Read(_) => None,
            Told::Made(expr) => Some(expr),
        }
    }

    fn of(&self, made: &Making<'_>, rows: &RecordBatch) -> PlanResult<(FieldRef, ArrayRef)> {
        if let Told::Read(place) = self
            && let Some((field, column)) =
                rows.schema_ref().fields().get(*place).zip(rows.columns().get(*place))
        {
            return Ok((Arc::clone(field), Arc::clone(column)));
        }
        let Told::Made(expr) = self else {
            return datafusion::common::internal_err!("a column that was not read");
        };
        let column = made.column(expr, rows)?;
        Ok((Arc::new(Field::new("made", column.data_type().clone(), true)), column))
    }

    /// The rows with what is told of them; columns are known by their places there, not by names.
    ///
    /// # Errors
    ///
    /// Those of the expressions.
    pub(super) fn batch(told: &[Told], made: &Making<'_>, rows: &RecordBatch) -> Result<RecordBatch> {
        let (mut fields, mut columns) = (Vec::with_capacity(told.len()), Vec::with_capacity(told.len()));
        for each in told {
            let (field, column) = each.of(made, rows)?;
            fields.push(field);
            columns.push(column);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        Ok(RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)?)
    }
}

/// By which names the columns of rows are known.
pub(super) struct Names {
    rows: SchemaRef,
    /// As expressions are made by; of rows of the object alone it is made when it is asked for.
    qualified: OnceLock<DFSchema>,
}

impl Names {
    /// Of rows of the object itself.
    pub(super) fn own(rows: SchemaRef) -> Names {
        Names { rows, qualified: OnceLock::new() }
    }

    /// Of rows of several objects, or of none.
    pub(super) fn of(schema: DFSchema) -> Names {
        Names { rows: Arc::clone(schema.inner()), qualified: OnceLock::from(schema) }
    }

    /// The columns with what qualifies them.
    ///
    /// # Errors
    ///
    /// Two columns of one name.
    pub(super) fn qualified(&self) -> PlanResult<&DFSchema> {
        if let Some(known) = self.qualified.get() {
            return Ok(known);
        }
        let made = DFSchema::try_from_qualified_schema(ROOT, &self.rows)?;
        Ok(self.qualified.get_or_init(|| made))
    }
}
