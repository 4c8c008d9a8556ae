//! Conditions of policies: made once for those who ask with the same values, which a large list of the user's makes dear.

use std::{
    hash::{Hash, Hasher},
    sync::Arc,
};

use arrow::{
    array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchOptions, new_null_array},
    datatypes::{Field as ArrowField, Schema, SchemaRef},
};
use datafusion::{
    common::{DFSchema, ScalarValue},
    logical_expr::{
        Expr, execution_props::ExecutionProps, ident, lit, physical_planning_context::PhysicalPlanningContext,
    },
    physical_expr::{PhysicalExpr, create_physical_expr},
};
use quarry_metadata::{
    ObjectName,
    expression::{Children, Expression, Path, Root, Type, UserList},
};
use quarry_storage::{Fingerprint, TableSnapshot, Value};

use super::{
    far::followed,
    prepare::{Preparing, own},
    test::column,
    viewer::Viewer,
};
use crate::{
    coerce::{Clock, days_of},
    error::{Error, Result},
    expression::{Leaf, Leaves, Mode, arrow, lowered},
};

/// Bytes of a condition, and of an id in it: as a literal, as a value of a set, as an expression of it.
const CONDITION_BYTES: usize = 4 << 10;
const LITERAL_BYTES: usize = 512;
/// Bytes of an item of a list beside its text.
const ITEM_BYTES: usize = 32;

/// A condition over columns of the row and of records that it leads to.
pub(super) struct Condition {
    pub(super) compiled: Arc<Compiled>,
    /// Where the columns come from, in their order.
    pub(super) inputs: Vec<Input>,
}

/// Where a column of a condition comes from.
pub(super) struct Input {
    /// The row's own column.
    pub(super) at: usize,
    /// Tables to go to by its key, with the column there.
    pub(super) hops: Vec<(TableSnapshot, usize)>,
}

/// A condition with the user's values in it.
pub(super) struct Compiled {
    /// By the names of stored columns; those of other records have names that no column has.
    pub(super) logical: Expr,
    physical: Arc<dyn PhysicalExpr>,
    schema: SchemaRef,
    /// What is read for each column.
    pub(super) paths: Vec<Path>,
    /// It is true of a record that has no values.
    pub(super) holds_of_nothing: bool,
    /// What it is made of; none where that is more, and where nothing is remembered.
    pub(super) origin: Option<Arc<Origin>>,
    /// What it takes, about.
    pub(super) bytes: usize,
}

/// What a condition is made of: of the same comes the same.
#[derive(PartialEq, Eq, Hash)]
pub(super) struct Origin {
    /// The object whose records it is about, and the condition.
    pub(super) object: ObjectName,
    pub(super) expression: Expression,
    /// At the end of so many lookups it sees them.
    pub(super) followed: usize,
    pub(super) given: Given,
}

/// What a condition takes of the one who asks: who gives the same gets the same.
#[derive(PartialEq, Eq, Hash)]
pub(super) struct Given {
    /// Of the user's lists, which may be long.
    lists: Vec<Fingerprint>,
    values: Vec<Exact>,
    day: Option<i32>,
    zone: Option<chrono_tz::Tz>,
}

/// A value of the user's, which is the same to the last bit: −0.0 lies below 0.0 where a condition compares them, and NaN is NaN.
struct Exact(Value);

impl PartialEq for Exact {
    fn eq(&self, other: &Exact) -> bool {
        match (&self.0, &other.0) {
            (Value::Float(one), Value::Float(other)) => one.to_bits() == other.to_bits(),
            (one, other) => one == other,
        }
    }
}

impl Eq for Exact {}

impl Hash for Exact {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match &self.0 {
            Value::Null => {}
            Value::Bool(value) => value.hash(state),
            Value::Int(value) | Value::Time(value) | Value::Timestamp(value) => value.hash(state),
            Value::Float(value) => value.to_bits().hash(state),
            Value::Decimal(value) => value.hash(state),
            Value::Text(value) => value.hash(state),
            Value::Date(value) => value.hash(state),
            Value::TextList(value) => value.hash(state),
            Value::Bytes(value) => value.hash(state),
        }
    }
}

impl Origin {
    /// What it takes, about.
    pub(super) fn bytes(&self) -> usize {
        let value = |Exact(value): &Exact| match value {
            Value::Text(text) => text.len(),
            Value::TextList(items) => items.iter().map(|item| item.len() + ITEM_BYTES).sum(),
            Value::Bytes(bytes) => bytes.len(),
            _ => 0,
        };
        CONDITION_BYTES + self.given.values.iter().map(value).sum::<usize>()
    }
}

impl Given {
    /// What an expression takes; none where it depends on the instant too, or on what no policy reads.
    ///
    /// # Errors
    ///
    /// Those of finding out about the user.
    pub(super) fn of(expression: &Expression, viewer: &Viewer) -> Result<Option<Given>> {
        let needs = expression.needs();
        if needs.now || !needs.children.is_empty() {
            return Ok(None);
        }
        let lists =
            needs.lists.iter().map(|list| Ok(viewer.list(*list)?.fingerprint())).collect::<Result<_>>()?;
        let values =
            needs.of(&Root::User).map(|(path, _)| viewer.value(path).map(Exact)).collect::<Result<_>>()?;
        let clock = Clock { now_micros: viewer.now_micros(), zone: viewer.time_zone() };
        let day = if needs.today { clock.today().and_then(days_of) } else { None };
        Ok(Some(Given { lists, values, day, zone: needs.zone.then_some(clock.zone) }))
    }
}

impl Compiled {
    /// An expression about records of an object, with what is known of the one who asks. Blocks.
    ///
    /// # Errors
    ///
    /// Those of finding out about the user; `Internal`.
    pub(super) fn new(preparing: &Preparing<'_>, expression: &Expression) -> Result<Compiled> {
        let mut leaves = PolicyLeaves { preparing, columns: Vec::new(), paths: Vec::new() };
        let logical = lowered(&expression.node, &mut leaves, Mode::Lenient)?;
        let PolicyLeaves { columns, paths, .. } = leaves;
        let schema = Arc::new(Schema::new(columns));
        let names = DFSchema::try_from(Arc::clone(&schema))?;
        let (props, planning) = (ExecutionProps::new(), PhysicalPlanningContext::default());
        let physical = create_physical_expr(&logical, &names, &props, &planning)?;
        let holds_of_nothing = holds_of_nothing(&*physical, &schema)?;
        let mut ids = 0;
        for list in &expression.needs().lists {
            ids += preparing.seeing.viewer().list(*list)?.ids().len();
        }
        let bytes = CONDITION_BYTES + ids * LITERAL_BYTES;
        Ok(Compiled { logical, physical, schema, paths, holds_of_nothing, origin: None, bytes })
    }
}

/// Whether a condition is true of a record that has no values.
fn holds_of_nothing(physical: &dyn PhysicalExpr, schema: &SchemaRef) -> Result<bool> {
    let arrays = schema.fields().iter().map(|field| new_null_array(field.data_type(), 1)).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(1));
    let batch = RecordBatch::try_new_with_options(Arc::clone(schema), arrays, &options)?;
    let value = physical.evaluate(&batch)?.into_array(1)?;
    Ok(value.as_boolean_opt().is_none_or(|value| value.is_valid(0) && value.value(0)))
}

impl Condition {
    /// Whether it is true of each row; null is not. Blocks.
    ///
    /// # Errors
    ///
    /// Those of storage.
    pub(super) fn of(&self, columns: &[ArrayRef], rows: usize) -> Result<BooleanArray> {
        let mut arrays = Vec::with_capacity(self.inputs.len());
        for Input { at, hops } in &self.inputs {
            let mut array = Arc::clone(column(columns, *at)?);
            for (table, column) in hops {
                array = followed(table, &array, *column)?;
            }
            arrays.push(array);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.compiled.schema), arrays, &options)?;
        let values = self.compiled.physical.evaluate(&batch)?.into_array(rows)?;
        let values =
            values.as_boolean_opt().ok_or_else(|| Error::internal("a policy that is no condition"))?;
        // Null is false.
        Ok(match values.nulls() {
            Some(nulls) => BooleanArray::new(values.values() & nulls.inner(), None),
            None => values.clone(),
        })
    }
}

/// What a condition reads: columns of the row, of what it leads to, and what is known of the user.
struct PolicyLeaves<'a> {
    preparing: &'a Preparing<'a>,
    columns: Vec<ArrowField>,
    paths: Vec<Path>,
}

impl PolicyLeaves<'_> {
    fn field(&mut self, path: &Path, type_: &Type) -> Result<Expr> {
        let Preparing { object, followed, .. } = *self.preparing;
        let steps = path.steps.get(followed..).unwrap_or_default();
        let first = steps.first().map_or(&path.field, |step| &step.lookup);
        let first = own(object, first)?;
        let name = match steps.is_empty() {
            true => first.column().to_owned(),
            // No stored column has such a name.
            false => format!("~{path}"),
        };
        if self.columns.iter().any(|known| *known.name() == name) {
            return Ok(ident(name));
        }
        self.paths.push(path.clone());
        self.columns.push(ArrowField::new(&name, arrow(type_), true));
        Ok(ident(name))
    }
}

impl Leaves for PolicyLeaves<'_> {
    fn leaf(&mut self, leaf: &Leaf, type_: &Type) -> Result<Expr> {
        let viewer = self.preparing.seeing.viewer();
        let clock = Clock { now_micros: viewer.now_micros(), zone: viewer.time_zone() };
        Ok(match leaf {
            Leaf::Field(Root::Record, path) => self.field(path, type_)?,
            Leaf::Field(Root::User, path) => lit(literal(&viewer.value(path)?, type_)?),
            Leaf::UserList(list) => {
                let items: Vec<ScalarValue> = viewer
                    .list(*list)?
                    .ids()
                    .iter()
                    .map(|item| ScalarValue::Utf8(Some(item.to_string())))
                    .collect();
                let item = arrow::datatypes::DataType::Utf8;
                lit(ScalarValue::List(ScalarValue::new_list(&items, &item, true)))
            }
            Leaf::Now => lit(ScalarValue::TimestampMicrosecond(Some(clock.now_micros), Some("UTC".into()))),
            Leaf::Today => lit(ScalarValue::Date32(clock.today().and_then(days_of))),
            Leaf::Zone => lit(ScalarValue::Utf8View(Some(clock.zone.name().to_owned()))),
            other => return Err(Error::internal(format!("a policy that reads {other:?}"))),
        })
    }

    fn members(&self, _: &Children) -> Vec<(Path, Type)> {
        Vec::new()
    }

    fn items(&self, list: UserList) -> Result<Option<Vec<String>>> {
        let items = self.preparing.seeing.viewer().list(list)?;
        Ok(Some(items.ids().iter().map(|item| item.to_string()).collect()))
    }
}

/// A value of the user's record, as expressions have it.
fn literal(value: &Value, type_: &Type) -> Result<ScalarValue> {
    let data_type = arrow(type_);
    Ok(match (value, &data_type) {
        (Value::Bool(value), _) => ScalarValue::Boolean(Some(*value)),
        (Value::Int(value), _) => ScalarValue::Int64(Some(*value)),
        (Value::Float(value), _) => ScalarValue::Float64(Some(*value)),
        (Value::Decimal(value), arrow::datatypes::DataType::Decimal128(precision, scale)) => {
            ScalarValue::Decimal128(Some(*value), *precision, *scale)
        }
        (Value::Text(value), _) => ScalarValue::Utf8View(Some(value.to_string())),
        (Value::Date(value), _) => ScalarValue::Date32(Some(*value)),
        (Value::Time(value), _) => ScalarValue::Time64Microsecond(Some(*value)),
        (Value::Timestamp(value), _) => ScalarValue::TimestampMicrosecond(Some(*value), Some("UTC".into())),
        (Value::TextList(items), _) => {
            let items: Vec<ScalarValue> =
                items.iter().map(|item| ScalarValue::Utf8(Some(item.to_string()))).collect();
            ScalarValue::List(ScalarValue::new_list(&items, &arrow::datatypes::DataType::Utf8, true))
        }
        (Value::Null, data_type) => ScalarValue::try_from(data_type)?,
        (other, _) => return Err(Error::internal(format!("{other:?} where a {type_} is read of the user"))),
    })
}

#[cfg(test)]
mod tests;
