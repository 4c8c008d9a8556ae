//! An expression that can be evaluated on a batch.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, AsArray, RecordBatch},
    compute::filter_record_batch,
    datatypes::{
        DataType, Date32Type, Decimal128Type, Float64Type, Int64Type, Time64MicrosecondType,
        TimestampMicrosecondType,
    },
};
use datafusion::{
    common::DataFusionError,
    logical_expr::execution_props::ExecutionProps,
    logical_expr::physical_planning_context::PhysicalPlanningContext,
    physical_expr::{PhysicalExpr, create_physical_expr},
};
use quarry_metadata::expression::{Expression, Type};
use quarry_storage::Value;

use super::{
    compile::{Mode, lowered, may_fail},
    fault::Fault,
    inputs::{Columns, Inputs},
};
use crate::error::{Error, Result};

/// An expression compiled against the columns of a batch; made once per registry, evaluated without planning.
#[derive(Debug)]
pub struct Compiled {
    type_: Type,
    lenient: Arc<dyn PhysicalExpr>,
    /// The same where what can't be computed ends the evaluation; none when there is no such thing in it.
    strict: Option<Arc<dyn PhysicalExpr>>,
}

/// What an expression gives for each row of a batch.
#[derive(Debug)]
pub struct Evaluated {
    type_: Type,
    values: ArrayRef,
    /// Rows that have no value because it could not be computed, in order, and why.
    pub faults: Vec<(usize, Fault)>,
}

impl Compiled {
    /// Compiles an expression that is among those that `inputs` were made of.
    ///
    /// # Errors
    ///
    /// `Internal` when it is not.
    pub fn new(expression: &Expression, inputs: &Inputs) -> Result<Compiled> {
        let physical = |mode: Mode| -> Result<Arc<dyn PhysicalExpr>> {
            let expr = lowered(&expression.node, &mut Columns(inputs), mode)?;
            let (props, planning) = (ExecutionProps::new(), PhysicalPlanningContext::default());
            Ok(create_physical_expr(&expr, inputs.df_schema(), &props, &planning)?)
        };
        let strict = may_fail(&expression.node).then(|| physical(Mode::Strict)).transpose()?;
        Ok(Compiled { type_: expression.type_().clone(), lenient: physical(Mode::Lenient)?, strict })
    }

    /// Evaluates it on a batch that [`Inputs::batch`] made.
    ///
    /// # Errors
    ///
    /// `Internal`.
    pub fn evaluate(&self, batch: &RecordBatch) -> Result<Evaluated> {
        let values = self.lenient.evaluate(batch)?.into_array(batch.num_rows())?;
        let mut faults = Vec::new();
        if let Some(strict) = self.strict.as_ref().filter(|_| values.null_count() > 0) {
            let null = arrow::compute::is_null(&values)?;
            // Mostly something was null before: all such rows are tried at once.
            if fault(strict, &filter_record_batch(batch, &null)?)?.is_some() {
                for row in (0..batch.num_rows()).filter(|row| values.is_null(*row)) {
                    faults.extend(fault(strict, &batch.slice(row, 1))?.map(|fault| (row, fault)));
                }
            }
        }
        Ok(Evaluated { type_: self.type_.clone(), values, faults })
    }
}

/// What could not be computed in a batch, first of all.
fn fault(strict: &Arc<dyn PhysicalExpr>, batch: &RecordBatch) -> Result<Option<Fault>> {
    let Err(error) = strict.evaluate(batch) else { return Ok(None) };
    match error.find_root() {
        DataFusionError::External(inner) => match inner.downcast_ref::<Fault>() {
            Some(fault) => Ok(Some(*fault)),
            None => Err(error.into()),
        },
        _ => Err(error.into()),
    }
}

impl Evaluated {
    /// The values as an array.
    pub fn array(&self) -> &ArrayRef {
        &self.values
    }

    /// Why a row has no value, where it could not be computed.
    pub fn fault(&self, row: usize) -> Option<&Fault> {
        let place = self.faults.binary_search_by_key(&row, |(faulty, _)| *faulty).ok()?;
        self.faults.get(place).map(|(_, fault)| fault)
    }

    /// A condition's answer for a row; none where it is null.
    pub fn condition(&self, row: usize) -> Option<bool> {
        let answers = self.values.as_boolean_opt()?;
        answers.is_valid(row).then(|| answers.value(row))
    }

    /// The value of a row, as storage keeps it.
    ///
    /// # Errors
    ///
    /// `Internal` for a type that storage does not keep (a duration, a list of numbers).
    pub fn value(&self, row: usize) -> Result<Value> {
        value_at(&self.values, row)
            .ok_or_else(|| Error::internal(format!("no column holds a {}", self.type_)))
    }
}

/// A cell of an array as storage keeps it; none for a type that it does not keep.
pub fn value_at(array: &ArrayRef, row: usize) -> Option<Value> {
    if array.is_null(row) {
        return Some(Value::Null);
    }
    Some(match array.data_type() {
        DataType::Boolean => Value::Bool(array.as_boolean_opt()?.value(row)),
        DataType::Int64 => Value::Int(array.as_primitive_opt::<Int64Type>()?.value(row)),
        DataType::Float64 => Value::Float(array.as_primitive_opt::<Float64Type>()?.value(row)),
        DataType::Decimal128(..) => Value::Decimal(array.as_primitive_opt::<Decimal128Type>()?.value(row)),
        DataType::Utf8View => Value::text(array.as_string_view_opt()?.value(row)),
        DataType::Date32 => Value::Date(array.as_primitive_opt::<Date32Type>()?.value(row)),
        DataType::Time64(_) => Value::Time(array.as_primitive_opt::<Time64MicrosecondType>()?.value(row)),
        DataType::Timestamp(..) => {
            Value::Timestamp(array.as_primitive_opt::<TimestampMicrosecondType>()?.value(row))
        }
        DataType::List(_) => {
            let items = array.as_list_opt::<i32>()?.value(row);
            let texts = items.as_string_opt::<i32>()?.iter().flatten().map(Arc::from).collect::<Vec<_>>();
            Value::TextList(texts.into())
        }
        _ => return None,
    })
}
