//! From Arrow to response bytes, in the order of the selection.
//!
//! A plan is bound to an answer's arrays once ([`BoundObject::new`]): columns are found by name and downcast. Then every
//! record is bytes appended: no value is built per cell, and nothing resolves a field.

mod cells;
mod connection;

use std::collections::HashMap;

use arrow::{
    array::{Array, ArrayRef, AsArray, Int64Array, ListArray, StructArray},
    compute::cast,
};

pub(crate) use cells::{Texts, ValueCells};
pub(crate) use connection::{BoundConnection, RootRows};

use crate::{
    compile::{COUNT, ConnectionPlan, Item, ObjectPlan, ToMany},
    error::{Failure, Fault, Result},
};

/// Numbers per parent, for the related lists that ask for them.
pub(crate) type Numbers = HashMap<usize, ParentNumbers>;

/// One related list's numbers.
pub(crate) struct ParentNumbers {
    /// One row per parent that has any.
    pub rows: StructArray,
    /// The row of each parent.
    pub by_parent: HashMap<String, usize>,
}

/// How the response grows.
pub(crate) struct Out {
    pub bytes: Vec<u8>,
    pub bytes_max: usize,
}

impl Out {
    pub fn new(bytes_max: usize) -> Self {
        Self { bytes: Vec::with_capacity(4 << 10), bytes_max }
    }

    pub fn push(&mut self, text: &[u8]) {
        self.bytes.extend_from_slice(text);
    }

    /// # Errors
    ///
    /// `Limit` when the response is larger than allowed.
    pub fn check(&self) -> Result<()> {
        if self.bytes.len() <= self.bytes_max {
            return Ok(());
        }
        let allowed = self.bytes_max;
        let message = format!("the response is larger than {allowed} bytes; ask for fewer records or fields");
        Err(Failure::new(Fault::Limit, message).with("limit", allowed))
    }

    /// Writes `{…}` out of keys and what is written behind them.
    pub fn object<K, T>(
        &mut self,
        items: &[(K, T)],
        mut write: impl FnMut(&mut Self, &T) -> Result<()>,
    ) -> Result<()>
    where
        K: AsRef<[u8]>,
    {
        self.bytes.push(b'{');
        for (index, (key, item)) in items.iter().enumerate() {
            if index > 0 {
                self.bytes.push(b',');
            }
            self.push(key.as_ref());
            write(self, item)?;
        }
        self.bytes.push(b'}');
        Ok(())
    }

    /// Writes `[…]`.
    pub fn list<T>(
        &mut self,
        items: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut Self, T) -> Result<()>,
    ) -> Result<()> {
        self.bytes.push(b'[');
        for (index, item) in items.into_iter().enumerate() {
            if index > 0 {
                self.bytes.push(b',');
            }
            write(self, item)?;
        }
        self.bytes.push(b']');
        Ok(())
    }
}

/// An object plan over the rows of an answer.
pub(crate) struct BoundObject<'a> {
    items: Vec<(&'a [u8], BoundItem<'a>)>,
}

enum BoundItem<'a> {
    Text(&'a [u8]),
    Value(ValueCells<'a>),
    Count(ValueCells<'a>),
    Inline(BoundObject<'a>),
    List(Vec<ValueCells<'a>>),
    ToOne(&'a StructArray, BoundObject<'a>),
    Each(&'a ListArray, BoundObject<'a>),
    ToMany(Box<BoundConnection<'a>>),
}

impl<'a> BoundObject<'a> {
    /// Finds the plan's columns.
    ///
    /// # Errors
    ///
    /// Internal when a column is missing or of a type that has no form here.
    pub fn new(plan: &'a ObjectPlan, rows: &'a StructArray, numbers: &'a Numbers) -> Result<Self> {
        let items =
            plan.items.iter().map(|(key, item)| Ok((key.as_slice(), BoundItem::new(item, rows, numbers)?)));
        Ok(Self { items: items.collect::<Result<_>>()? })
    }

    /// Appends one record.
    ///
    /// # Errors
    ///
    /// `Limit` when the response grows too large.
    pub fn write(&self, row: usize, out: &mut Out) -> Result<()> {
        out.object(&self.items, |out, item| item.write(row, out))
    }
}

/// Appends numbers over no records, as `rows` would hold them: counts and sums are 0, the rest is null.
pub(crate) fn write_absent(plan: &ObjectPlan, rows: &StructArray, out: &mut Out) -> Result<()> {
    out.object(&plan.items, |out, item| {
        match item {
            Item::Text(text) => out.push(text),
            Item::Count { .. } => out.push(b"0"),
            Item::Sum { column, .. } => {
                let sums = must_column(rows, column)?;
                let zero = cast(&Int64Array::from(vec![0]), sums.data_type()).map_err(Failure::internal)?;
                ValueCells::stored(&zero, false)?.write(0, &mut out.bytes);
            }
            Item::Inline(object) => return write_absent(object, rows, out),
            _ => out.push(b"null"),
        }
        Ok(())
    })
}

impl<'a> BoundItem<'a> {
    fn new(item: &'a Item, rows: &'a StructArray, numbers: &'a Numbers) -> Result<Self> {
        Ok(match item {
            Item::Text(text) => Self::Text(text),
            Item::Value { column, kind } | Item::Sum { column, kind } => {
                Self::Value(ValueCells::new(must_column(rows, column)?, kind)?)
            }
            Item::Count { column } => Self::Count(count_cells(rows, column)?),
            Item::Inline(object) => Self::Inline(BoundObject::new(object, rows, numbers)?),
            Item::List(columns) => {
                let cells =
                    columns.iter().map(|(column, kind)| ValueCells::new(must_column(rows, column)?, kind));
                Self::List(cells.collect::<Result<_>>()?)
            }
            Item::ToOne { column, object } => {
                let related = must_column(rows, column)?.as_struct_opt();
                let related = related.ok_or_else(|| Failure::internal(format!("{column} is no struct")))?;
                Self::ToOne(related, BoundObject::new(object, related, numbers)?)
            }
            Item::Each { column, object } => {
                let list = must_column(rows, column)?.as_list_opt::<i32>();
                let items = list.and_then(|list| Some((list, list.values().as_struct_opt()?)));
                let (list, items) =
                    items.ok_or_else(|| Failure::internal(format!("{column} is no list of structs")))?;
                Self::Each(list, BoundObject::new(object, items, numbers)?)
            }
            Item::ToMany(many) => Self::ToMany(Box::new(BoundConnection::nested(many, rows, numbers)?)),
        })
    }

    fn write(&self, row: usize, out: &mut Out) -> Result<()> {
        match self {
            Self::Text(text) => out.push(text),
            Self::Value(cells) => cells.write(row, &mut out.bytes),
            Self::Count(cells) => cells.write(row, &mut out.bytes),
            Self::Inline(object) => return object.write(row, out),
            Self::List(columns) => {
                return out.list(columns, |out, cells| {
                    cells.write(row, &mut out.bytes);
                    Ok(())
                });
            }
            Self::ToOne(related, _) if related.is_null(row) => out.push(b"null"),
            Self::ToOne(_, object) => return object.write(row, out),
            Self::Each(list, _) if list.is_null(row) => out.push(b"null"),
            Self::Each(list, object) => {
                let offset = |row: usize| {
                    list.value_offsets().get(row).map_or(0, |at| usize::try_from(*at).unwrap_or(0))
                };
                return out.list(offset(row)..offset(row + 1), |out, item| object.write(item, out));
            }
            Self::ToMany(connection) => return connection.write_of(row, out),
        }
        Ok(())
    }
}

/// The column of that name, if the answer has it.
pub(crate) fn column<'a>(rows: &'a StructArray, name: &str) -> Option<&'a ArrayRef> {
    rows.column_by_name(name)
}

/// # Errors
///
/// Internal when the answer does not have it.
pub(crate) fn must_column<'a>(rows: &'a StructArray, name: &str) -> Result<&'a ArrayRef> {
    column(rows, name).ok_or_else(|| Failure::internal(format!("the answer has no column {name:?}")))
}

/// The cells of a number of records.
pub(crate) fn count_cells<'a>(rows: &'a StructArray, name: &str) -> Result<ValueCells<'a>> {
    ValueCells::new(must_column(rows, name)?, &crate::model::Kind::Long)
}

/// The name of the column in which a related list's number of records comes.
pub(crate) fn count_column(list: &str) -> String {
    format!("{list}@{COUNT}")
}

/// Every related list in a plan that counts per parent, with the arrays that hold its parents' ids.
pub(crate) fn counting<'a>(
    plan: &'a ConnectionPlan,
    rows: &'a StructArray,
    found: &mut Vec<(&'a ToMany, &'a ArrayRef)>,
) -> Result<()> {
    for object in plan.objects() {
        counting_in(object, rows, found)?;
    }
    Ok(())
}

/// As [`counting`], below one object.
pub(crate) fn counting_in<'a>(
    plan: &'a ObjectPlan,
    rows: &'a StructArray,
    found: &mut Vec<(&'a ToMany, &'a ArrayRef)>,
) -> Result<()> {
    for (_, item) in &plan.items {
        match item {
            Item::ToOne { column, object } => {
                if let Some(related) = must_column(rows, column)?.as_struct_opt() {
                    counting_in(object, related, found)?;
                }
            }
            Item::Each { column, object } => {
                let list = must_column(rows, column)?.as_list_opt::<i32>().map(|list| list.values());
                if let Some(related) = list.and_then(|items| items.as_struct_opt()) {
                    counting_in(object, related, found)?;
                }
            }
            Item::ToMany(many) => {
                if let Some(parent) = &many.parent {
                    found.push((many.as_ref(), must_column(rows, parent)?));
                }
                let list = many.column.as_ref().map(|column| must_column(rows, column)).transpose()?;
                let related = list.and_then(|list| list.as_list_opt::<i32>()).map(|list| list.values());
                if let Some(related) = related.and_then(|values| values.as_struct_opt()) {
                    counting(&many.connection, related, found)?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}
