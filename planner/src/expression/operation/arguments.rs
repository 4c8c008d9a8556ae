//! What an operation is given: columns, and constants that are read as columns of one row.

use arrow::{
    array::{
        Array, ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, ListArray, PrimitiveArray,
        StringViewArray,
    },
    datatypes::DataType,
};
use datafusion::{
    common::{DataFusionError, Result},
    logical_expr::ColumnarValue,
};

/// The arguments of one call on a batch.
pub(in crate::expression) struct Arguments {
    columns: Vec<Column>,
    /// Rows to compute: one when all is constant.
    pub(in crate::expression) rows: usize,
}

struct Column {
    array: ArrayRef,
    constant: bool,
}

/// The cells of one argument.
pub(in crate::expression) struct Cells<'a, A> {
    pub(in crate::expression) array: &'a A,
    constant: bool,
}

impl Arguments {
    pub(in crate::expression) fn new(given: Vec<ColumnarValue>, rows: usize) -> Result<Arguments> {
        let column = |value: ColumnarValue| {
            Ok(match value {
                ColumnarValue::Array(array) => Column { array, constant: false },
                ColumnarValue::Scalar(scalar) => {
                    Column { array: scalar.to_array_of_size(1)?, constant: true }
                }
            })
        };
        let columns = given.into_iter().map(column).collect::<Result<Vec<_>>>()?;
        let constant = columns.iter().all(|column| column.constant);
        Ok(Arguments { columns, rows: if constant { 1 } else { rows } })
    }

    /// Whether one value stands for all rows.
    pub(in crate::expression) fn are_constant(&self) -> bool {
        self.columns.iter().all(|column| column.constant)
    }

    pub(in crate::expression) fn len(&self) -> usize {
        self.columns.len()
    }

    fn column(&self, at: usize) -> Result<&Column> {
        self.columns.get(at).ok_or_else(|| DataFusionError::Internal(format!("argument {at} is missing")))
    }

    pub(in crate::expression) fn data_type(&self, at: usize) -> Result<&DataType> {
        Ok(self.column(at)?.array.data_type())
    }

    /// The array of an argument, and whether its one row stands for all.
    pub(in crate::expression) fn array(&self, at: usize) -> Result<(&ArrayRef, bool)> {
        self.column(at).map(|column| (&column.array, column.constant))
    }

    fn cells<'a, A>(
        &'a self,
        at: usize,
        read: impl Fn(&'a ArrayRef) -> Option<&'a A>,
    ) -> Result<Cells<'a, A>> {
        let column = self.column(at)?;
        let array = read(&column.array).ok_or_else(|| {
            DataFusionError::Internal(format!(
                "argument {at} is a {}, which was not expected",
                column.array.data_type()
            ))
        })?;
        Ok(Cells { array, constant: column.constant })
    }

    pub(in crate::expression) fn primitive<T: ArrowPrimitiveType>(
        &self,
        at: usize,
    ) -> Result<Cells<'_, PrimitiveArray<T>>> {
        self.cells(at, |array| array.as_primitive_opt::<T>())
    }

    pub(in crate::expression) fn text(&self, at: usize) -> Result<Cells<'_, StringViewArray>> {
        self.cells(at, |array| array.as_string_view_opt())
    }

    pub(in crate::expression) fn boolean(&self, at: usize) -> Result<Cells<'_, BooleanArray>> {
        self.cells(at, |array| array.as_boolean_opt())
    }

    pub(in crate::expression) fn list(&self, at: usize) -> Result<Cells<'_, ListArray>> {
        self.cells(at, |array| array.as_list_opt::<i32>())
    }
}

impl<'a, A: Array> Cells<'a, A> {
    /// The place of a row's value; none where it is null.
    fn place(&self, row: usize) -> Option<usize> {
        let row = if self.constant { 0 } else { row };
        self.array.is_valid(row).then_some(row)
    }
}

impl<T: ArrowPrimitiveType> Cells<'_, PrimitiveArray<T>> {
    pub(in crate::expression) fn get(&self, row: usize) -> Option<T::Native> {
        self.place(row).map(|row| self.array.value(row))
    }
}

impl<'a> Cells<'a, StringViewArray> {
    pub(in crate::expression) fn get(&self, row: usize) -> Option<&'a str> {
        self.place(row).map(|row| self.array.value(row))
    }
}

impl Cells<'_, BooleanArray> {
    pub(in crate::expression) fn get(&self, row: usize) -> Option<bool> {
        self.place(row).map(|row| self.array.value(row))
    }
}

impl Cells<'_, ListArray> {
    pub(in crate::expression) fn get(&self, row: usize) -> Option<ArrayRef> {
        self.place(row).map(|row| self.array.value(row))
    }
}
