//! The columns that expressions are evaluated on, and a batch of them made from rows.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use arrow::{
    array::{
        ArrayRef, BooleanBuilder, Date32Builder, Decimal128Builder, DurationMicrosecondBuilder,
        Float64Builder, Int64Builder, ListArray, ListBuilder, RecordBatch, RecordBatchOptions, StringArray,
        StringBuilder, StringViewArray, StringViewBuilder, StructArray, Time64MicrosecondBuilder,
        TimestampMicrosecondArray, TimestampMicrosecondBuilder,
    },
    buffer::OffsetBuffer,
    datatypes::{DataType, Field, Fields, Schema, SchemaRef},
};
use datafusion::{
    common::DFSchema,
    logical_expr::{Expr, ident},
};
use quarry_metadata::{
    FieldName,
    expression::{Children, Expression, Needs, Path, Root, Type, UserList},
};
use quarry_storage::Value;

use super::{
    compile::{Leaf, Leaves, record_type},
    data_type::arrow,
};
use crate::{
    coerce::Clock,
    error::{Error, Result},
};

/// One thing to be brought along for each record.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// A field of the record, of what it was before, of the user or of a named record; or of a record that a lookup there
    /// leads to. Null where there is none.
    Field {
        /// Whose.
        root: Root,
        /// The way to it.
        path: Path,
        /// Its type.
        type_: Type,
    },
    /// The records of a child relation, with these fields of each.
    Children {
        /// The relation.
        children: Children,
        /// The fields, in order; `id` is always the first.
        members: Vec<(Path, Type)>,
    },
}

/// What is the same for all records of a batch.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// The transaction's instant, microseconds UTC.
    pub now_micros: i64,
    /// Where days begin at midnight.
    pub time_zone: chrono_tz::Tz,
    /// What is a list of the user's; those that are not here are empty.
    pub lists: BTreeMap<UserList, Vec<Arc<str>>>,
}

/// Where the values of a batch come from.
pub trait Source {
    /// The value of [`Input::Field`] number `input` for a row.
    fn value(&self, input: usize, row: usize) -> Cow<'_, Value>;

    /// The records of [`Input::Children`] number `input` for a row: a value for each member, in order.
    fn children(&self, input: usize, row: usize) -> Vec<Vec<Value>>;
}

/// The columns of a batch: everything that some expressions read, each thing once.
#[derive(Clone, Debug)]
pub struct Inputs {
    inputs: Vec<Input>,
    leaves: Vec<Leaf>,
    schema: SchemaRef,
    df_schema: Arc<DFSchema>,
}

impl Inputs {
    /// What these expressions read, together: a batch serves all of them.
    ///
    /// # Errors
    ///
    /// `Internal`.
    pub fn of<'a>(expressions: impl IntoIterator<Item = &'a Expression>) -> Result<Inputs> {
        let mut needs = Needs::default();
        for expression in expressions {
            needs.add(expression.needs());
        }
        let mut inputs = Vec::new();
        let mut columns: Vec<(Leaf, DataType)> = Vec::new();
        for ((root, path), type_) in needs.fields {
            columns.push((Leaf::Field(root.clone(), path.clone()), arrow(&type_)));
            inputs.push(Input::Field { root, path, type_ });
        }
        for (children, paths) in needs.children {
            let id = Path::field(FieldName::from("id"));
            let others = paths.into_iter().filter(|(path, _)| *path != id);
            let members: Vec<_> = [(id.clone(), Type::Text)].into_iter().chain(others).collect();
            columns.push((Leaf::Children(children.clone()), DataType::new_list(record_type(&members), true)));
            inputs.push(Input::Children { children, members });
        }
        for list in needs.lists {
            columns.push((Leaf::UserList(list), arrow(&Type::List(Box::new(Type::Text)))));
        }
        let surrounding = [
            (needs.now, Leaf::Now, Type::DateTime),
            (needs.today, Leaf::Today, Type::Date),
            (needs.zone, Leaf::Zone, Type::Text),
        ];
        for (_, leaf, type_) in surrounding.into_iter().filter(|(needed, ..)| *needed) {
            columns.push((leaf, arrow(&type_)));
        }
        let fields = columns
            .iter()
            .enumerate()
            .map(|(at, (_, data_type))| Field::new(name(at), data_type.clone(), true));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let df_schema = Arc::new(DFSchema::try_from(Arc::clone(&schema))?);
        Ok(Inputs { inputs, leaves: columns.into_iter().map(|(leaf, _)| leaf).collect(), schema, df_schema })
    }

    /// What a [`Source`] is asked for, by number.
    pub fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    pub(super) fn df_schema(&self) -> &DFSchema {
        &self.df_schema
    }

    /// A batch of `rows` records.
    ///
    /// # Errors
    ///
    /// `Internal` when a value is not of its field's type.
    pub fn batch(&self, rows: usize, source: &dyn Source, around: &Surroundings) -> Result<RecordBatch> {
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.leaves.len());
        for (at, input) in self.inputs.iter().enumerate() {
            columns.push(match input {
                Input::Field { type_, .. } => array(type_, (0..rows).map(|row| source.value(at, row)))?,
                Input::Children { members, .. } => {
                    children(members, (0..rows).map(|row| source.children(at, row)).collect())?
                }
            });
        }
        for leaf in self.leaves.iter().skip(self.inputs.len()) {
            columns.push(surrounding(leaf, rows, around)?);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?)
    }
}

impl Inputs {
    /// A batch of columns as a scan gives them, one for each input in order: for expressions that look at fields alone.
    ///
    /// # Errors
    ///
    /// `Internal` when they look at something else too, or a column is not of its field's type.
    pub fn of_columns(&self, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch> {
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?)
    }
}

fn name(at: usize) -> String {
    format!("i{at}")
}

/// Reads the columns of a batch.
pub(super) struct Columns<'a>(pub(super) &'a Inputs);

impl Leaves for Columns<'_> {
    fn leaf(&mut self, leaf: &Leaf, _: &Type) -> Result<Expr> {
        let at = self.0.leaves.iter().position(|known| known == leaf);
        let at = at.ok_or_else(|| Error::internal(format!("{leaf:?} is not among the inputs")))?;
        Ok(ident(name(at)))
    }

    fn members(&self, wanted: &Children) -> Vec<(Path, Type)> {
        let members = self.0.inputs.iter().find_map(|input| match input {
            Input::Children { children, members } if children == wanted => Some(members.clone()),
            _ => None,
        });
        members.unwrap_or_default()
    }
}

fn surrounding(leaf: &Leaf, rows: usize, around: &Surroundings) -> Result<ArrayRef> {
    let clock = Clock { now_micros: around.now_micros, zone: around.time_zone };
    Ok(match leaf {
        Leaf::Now => {
            let instants = TimestampMicrosecondArray::from(vec![around.now_micros; rows]);
            Arc::new(instants.with_timezone("UTC"))
        }
        Leaf::Today => {
            let day = clock.today().and_then(crate::coerce::days_of);
            let day = day.ok_or_else(|| Error::internal("the clock shows no day"))?;
            Arc::new(arrow::array::Date32Array::from(vec![day; rows]))
        }
        Leaf::Zone => Arc::new(StringViewArray::from(vec![around.time_zone.name(); rows])),
        Leaf::UserList(list) => {
            let items = around.lists.get(list).map(Vec::as_slice).unwrap_or_default();
            let mut builder = ListBuilder::new(StringBuilder::new());
            for _ in 0..rows {
                items.iter().for_each(|item| builder.values().append_value(item));
                builder.append(true);
            }
            Arc::new(builder.finish())
        }
        _ => return Err(Error::internal(format!("{leaf:?} is no matter of the surroundings"))),
    })
}

fn children(members: &[(Path, Type)], rows: Vec<Vec<Vec<Value>>>) -> Result<ArrayRef> {
    let offsets = OffsetBuffer::from_lengths(rows.iter().map(Vec::len));
    let records: Vec<Vec<Value>> = rows.into_iter().flatten().collect();
    let mut columns = Vec::with_capacity(members.len());
    for (at, (_, type_)) in members.iter().enumerate() {
        let value = |record: &'_ Vec<Value>| Cow::Owned(record.get(at).cloned().unwrap_or(Value::Null));
        columns.push(array(type_, records.iter().map(value))?);
    }
    let structure = record_type(members);
    let DataType::Struct(fields) = &structure else { return Err(Error::internal("records are structs")) };
    let fields: Fields = fields.clone();
    let records = StructArray::try_new(fields, columns, None)?;
    let field = Arc::new(Field::new_list_field(structure, true));
    Ok(Arc::new(ListArray::try_new(field, offsets, Arc::new(records), None)?))
}

/// An array of values as storage keeps them.
pub(super) fn array<'v>(
    type_: &Type,
    values: impl ExactSizeIterator<Item = Cow<'v, Value>>,
) -> Result<ArrayRef> {
    let rows = values.len();
    macro_rules! built {
        ($builder:expr, $variant:ident($value:ident) => $given:expr) => {{
            let mut builder = $builder;
            for value in values {
                match &*value {
                    Value::$variant($value) => builder.append_value($given),
                    Value::Null => builder.append_null(),
                    other => return Err(wrong(other, type_)),
                }
            }
            Arc::new(builder.finish())
        }};
    }
    Ok(match (type_, arrow(type_)) {
        (Type::Bool, _) => built!(BooleanBuilder::with_capacity(rows), Bool(value) => *value),
        (Type::Int, _) => built!(Int64Builder::with_capacity(rows), Int(value) => *value),
        (Type::Double, _) => built!(Float64Builder::with_capacity(rows), Float(value) => *value),
        (Type::Decimal { .. }, data_type) => {
            built!(Decimal128Builder::with_capacity(rows).with_data_type(data_type), Decimal(value) => *value)
        }
        (Type::Text | Type::Json, _) => built!(StringViewBuilder::with_capacity(rows), Text(text) => text),
        (Type::Date, _) => built!(Date32Builder::with_capacity(rows), Date(value) => *value),
        (Type::DateTime, data_type) => {
            built!(TimestampMicrosecondBuilder::with_capacity(rows).with_data_type(data_type), Timestamp(value) => *value)
        }
        (Type::Time, _) => built!(Time64MicrosecondBuilder::with_capacity(rows), Time(value) => *value),
        (Type::Duration, _) => built!(DurationMicrosecondBuilder::with_capacity(rows), Int(value) => *value),
        (Type::List(item), _) if **item == Type::Text => {
            let mut builder = ListBuilder::new(StringBuilder::new());
            for value in values {
                match &*value {
                    Value::TextList(items) => {
                        items.iter().for_each(|item| builder.values().append_value(item));
                        builder.append(true);
                    }
                    Value::Null => builder.append(false),
                    other => return Err(wrong(other, type_)),
                }
            }
            Arc::new(builder.finish())
        }
        (Type::Null, _) => Arc::new(StringArray::new_null(rows)),
        (Type::List(_) | Type::Record(_), _) => {
            return Err(Error::internal(format!("no column holds a {type_}")));
        }
    })
}

fn wrong(value: &Value, type_: &Type) -> Error {
    Error::internal(format!("{value:?} where a {type_} is read"))
}
