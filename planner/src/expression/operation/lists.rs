//! Operations on lists, and those that choose among values of any type.

use std::{cmp::Ordering, sync::Arc};

use arrow::{
    array::{Array, ArrayRef, AsArray, ListArray, new_null_array},
    buffer::OffsetBuffer,
    compute::{cast, concat, interleave, take},
    datatypes::{DataType, Decimal128Type, Float64Type, Int64Type},
};
use datafusion::common::{DataFusionError, Result};
use quarry_metadata::expression::{Function, Type};

use super::{
    Arguments, Cells,
    numbers::{decimals, ints},
    texts::{booleans, texts},
};
use crate::expression::{compile::Mode, data_type::in_list, fault::Fault};

/// A value that can be compared with others of its type.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Comparable<'a> {
    Whole(i128),
    Double(f64),
    Text(&'a str),
}

/// The value in a row; none where it is null, or of a type that is not compared.
fn comparable(array: &dyn Array, row: usize) -> Option<Comparable<'_>> {
    if array.is_null(row) {
        return None;
    }
    Some(match array.data_type() {
        DataType::Boolean => Comparable::Whole(i128::from(array.as_boolean_opt()?.value(row))),
        DataType::Utf8View => Comparable::Text(array.as_string_view_opt()?.value(row)),
        DataType::Utf8 => Comparable::Text(array.as_string_opt::<i32>()?.value(row)),
        DataType::Decimal128(..) => Comparable::Whole(array.as_primitive_opt::<Decimal128Type>()?.value(row)),
        DataType::Float64 => Comparable::Double(array.as_primitive_opt::<Float64Type>()?.value(row)),
        DataType::Int64 => Comparable::Whole(array.as_primitive_opt::<Int64Type>()?.value(row).into()),
        _ => Comparable::Whole(moment(array, row)?.into()),
    })
}

fn moment(array: &dyn Array, row: usize) -> Option<i64> {
    use arrow::datatypes as types;
    Some(match array.data_type() {
        DataType::Date32 => array.as_primitive_opt::<types::Date32Type>()?.value(row).into(),
        DataType::Time64(_) => array.as_primitive_opt::<types::Time64MicrosecondType>()?.value(row),
        DataType::Timestamp(..) => array.as_primitive_opt::<types::TimestampMicrosecondType>()?.value(row),
        DataType::Duration(_) => array.as_primitive_opt::<types::DurationMicrosecondType>()?.value(row),
        _ => return None,
    })
}

/// Whether a list holds a value: null when it does not, but holds a null.
pub(super) fn contains(arguments: &Arguments) -> Result<ArrayRef> {
    let (items, constant) = arguments.array(0)?;
    let lists = arguments.list(1)?;
    Ok(booleans(arguments, |row| {
        let wanted = comparable(items, if constant { 0 } else { row })?;
        let list = lists.get(row)?;
        let found = (0..list.len()).any(|at| comparable(&list, at) == Some(wanted));
        if found || list.null_count() == 0 { Some(found) } else { None }
    }))
}

/// A list of computed values.
pub(super) fn made(returns: &Type, arguments: &Arguments) -> Result<ArrayRef> {
    let Type::List(item) = returns else {
        return Err(DataFusionError::Internal(format!("a list can't become a {returns}")));
    };
    let item_type = in_list(item);
    let width = arguments.len();
    let mut columns = Vec::with_capacity(width);
    let mut constants = Vec::with_capacity(width);
    for at in 0..width {
        let (array, constant) = arguments.array(at)?;
        columns.push(cast(array, &item_type)?);
        constants.push(constant);
    }
    let columns: Vec<&dyn Array> = columns.iter().map(|column| column.as_ref()).collect();
    let cells = (0..arguments.rows).flat_map(|row| {
        constants.iter().enumerate().map(move |(at, constant)| (at, if *constant { 0 } else { row }))
    });
    let values = interleave(&columns, &cells.collect::<Vec<_>>())?;
    let offsets = OffsetBuffer::from_repeated_length(width, arguments.rows);
    let field = Arc::new(arrow::datatypes::Field::new_list_field(item_type, true));
    Ok(Arc::new(ListArray::try_new(field, offsets, values, None)?))
}

pub(super) fn called(
    function: Function,
    returns: &Type,
    arguments: &Arguments,
    mode: Mode,
) -> Result<ArrayRef> {
    use Function as F;
    if matches!(arguments.data_type(0)?, DataType::List(_)) {
        let lists = arguments.list(0)?;
        return match function {
            F::Size => ints(arguments, mode, |row| Ok(lists.get(row).map(|list| count(list.len())))),
            F::IsBlank | F::IsEmpty => {
                Ok(booleans(arguments, |row| Some(lists.get(row).is_none_or(|list| list.is_empty()))))
            }
            F::JoinNonEmpty => joined(&lists, arguments),
            F::Min | F::Max => extreme(function, &lists, returns, arguments),
            _ => summed(&lists, returns, arguments, mode),
        };
    }
    let text = arguments.text(0)?;
    match function {
        F::Size => ints(arguments, mode, |row| Ok(text.get(row).map(|text| count(text.chars().count())))),
        F::IsBlank => {
            Ok(booleans(arguments, |row| Some(text.get(row).is_none_or(|text| text.trim().is_empty()))))
        }
        _ => Ok(booleans(arguments, |row| Some(text.get(row).is_none_or(str::is_empty)))),
    }
}

fn count(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

fn joined(lists: &Cells<'_, ListArray>, arguments: &Arguments) -> Result<ArrayRef> {
    let between = arguments.text(1)?;
    texts(arguments, |row| {
        let (list, between) = (lists.get(row)?, between.get(row)?);
        let words = list.as_string_opt::<i32>()?.iter().flatten().filter(|word| !word.trim().is_empty());
        Some(words.collect::<Vec<_>>().join(between))
    })
}

/// The least or greatest of each list, nulls left out; null for an empty one.
fn extreme(
    function: Function,
    lists: &Cells<'_, ListArray>,
    returns: &Type,
    arguments: &Arguments,
) -> Result<ArrayRef> {
    let data_type = in_list(returns);
    let mut chosen: Vec<ArrayRef> = Vec::with_capacity(arguments.rows);
    for row in 0..arguments.rows {
        let list = lists.get(row);
        let at =
            list.as_ref().and_then(|list| best(function, (0..list.len()).map(|at| comparable(list, at))));
        chosen.push(match (list, at) {
            (Some(list), Some(at)) => list.slice(at, 1),
            _ => new_null_array(&data_type, 1),
        });
    }
    let chosen: Vec<&dyn Array> = chosen.iter().map(|one| one.as_ref()).collect();
    if chosen.is_empty() {
        return Ok(new_null_array(&crate::expression::data_type::arrow(returns), 0));
    }
    Ok(cast(&concat(&chosen)?, &crate::expression::data_type::arrow(returns))?)
}

/// The place of the least or greatest of those that are there.
fn best<'a>(function: Function, values: impl Iterator<Item = Option<Comparable<'a>>>) -> Option<usize> {
    let wanted = if function == Function::Min { Ordering::Less } else { Ordering::Greater };
    let mut found: Option<(usize, Comparable<'a>)> = None;
    for (at, value) in values.enumerate() {
        let Some(value) = value else { continue };
        if found.is_none_or(|(_, best)| value.partial_cmp(&best) == Some(wanted)) {
            found = Some((at, value));
        }
    }
    found.map(|(at, _)| at)
}

fn summed(
    lists: &Cells<'_, ListArray>,
    returns: &Type,
    arguments: &Arguments,
    mode: Mode,
) -> Result<ArrayRef> {
    let total = |row: usize| {
        let Some(list) = lists.get(row) else { return Ok(None) };
        let mut total = 0i128;
        for at in 0..list.len() {
            if let Some(Comparable::Whole(value)) = comparable(&list, at) {
                total = total.checked_add(value).ok_or(Fault::Overflow)?;
            }
        }
        Ok(Some(total))
    };
    match returns {
        Type::Int => ints(arguments, mode, |row| {
            total(row)?.map(|total| i64::try_from(total).map_err(|_| Fault::Overflow)).transpose()
        }),
        _ => decimals(returns, arguments, mode, |row, _| total(row)),
    }
}

/// The first that is there, or the least or greatest when all are, of several values of one type.
pub(super) fn chosen(function: Function, arguments: &Arguments) -> Result<ArrayRef> {
    let mut columns = Vec::with_capacity(arguments.len());
    for at in 0..arguments.len() {
        columns.push(arguments.array(at)?);
    }
    let first = arguments.data_type(0)?;
    let none = new_null_array(first, 1);
    let cell =
        |at: usize, row: usize| if columns.get(at).is_some_and(|(_, constant)| *constant) { 0 } else { row };
    let cells = (0..arguments.rows).map(|row| {
        let there = |(at, (array, _)): (usize, &(&ArrayRef, bool))| array.is_valid(cell(at, row));
        let at = match function {
            Function::Coalesce => columns.iter().enumerate().position(there),
            _ if columns.iter().enumerate().all(there) => best(
                function,
                columns.iter().enumerate().map(|(at, (array, _))| comparable(array, cell(at, row))),
            ),
            _ => None,
        };
        at.map_or((columns.len(), 0), |at| (at, cell(at, row)))
    });
    let cells = cells.collect::<Vec<_>>();
    let arrays: Vec<&dyn Array> =
        columns.iter().map(|(array, _)| array.as_ref()).chain([none.as_ref()]).collect();
    Ok(interleave(&arrays, &cells)?)
}

/// The items of a list's rows, each with the row that it belongs to.
pub(in crate::expression) fn flattened(
    lists: &Cells<'_, ListArray>,
    rows: usize,
) -> Result<(ArrayRef, Vec<u32>, Vec<Option<usize>>)> {
    let mut belongs = Vec::new();
    let mut lengths = Vec::with_capacity(rows);
    let mut items = Vec::new();
    for row in 0..rows {
        let list = lists.get(row);
        lengths.push(list.as_ref().map(|list| list.len()));
        let Some(list) = list else { continue };
        let row =
            u32::try_from(row).map_err(|_| DataFusionError::ResourcesExhausted("too many rows".into()))?;
        belongs.extend(std::iter::repeat_n(row, list.len()));
        items.push(list);
    }
    let items: Vec<&dyn Array> = items.iter().map(|item| item.as_ref()).collect();
    let values = match items.is_empty() {
        true => lists.array.values().slice(0, 0),
        false => concat(&items)?,
    };
    Ok((values, belongs, lengths))
}

/// The rows of an array by their places.
pub(in crate::expression) fn taken(array: &ArrayRef, places: Vec<u32>) -> Result<ArrayRef> {
    Ok(take(array, &arrow::array::UInt32Array::from(places), None)?)
}
