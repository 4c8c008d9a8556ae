//! One column of an answer as GraphQL writes it: enums by their names, the rest as [`quarry_json`] does.

use std::collections::HashMap;

use arrow::{
    array::{Array, ArrayRef, AsArray, LargeStringArray, ListArray, StringArray, StringViewArray},
    datatypes::{DataType, Field},
};
use quarry_json::{Cells, JSON_TEXT, Options, write_text};

use crate::{
    error::{Failure, Result},
    model::{EnumType, Kind},
};

/// The cells of one column.
pub(crate) enum ValueCells<'a> {
    Plain(Cells<'a>),
    Enum(Texts<'a>, &'a EnumType),
    Enums(&'a ListArray, Texts<'a>, &'a EnumType),
}

impl<'a> ValueCells<'a> {
    /// # Errors
    ///
    /// Internal for a type that has no form here.
    pub fn new(array: &'a ArrayRef, kind: &'a Kind) -> Result<Self> {
        match kind {
            Kind::Enum(values) if !values.is_plain => Ok(Self::Enum(Texts::new(array)?, values)),
            Kind::Enums(values) if !values.is_plain => {
                let list = array.as_list_opt::<i32>();
                let list =
                    list.ok_or_else(|| Failure::internal(format!("{} is no list", array.data_type())))?;
                Ok(Self::Enums(list, Texts::new(list.values())?, values))
            }
            _ => Self::stored(array, matches!(kind, Kind::Json)),
        }
    }

    /// The cells as they are stored, whatever the kind.
    ///
    /// # Errors
    ///
    /// Internal for a type that has no form in JSON.
    pub fn stored(array: &'a ArrayRef, is_json: bool) -> Result<Self> {
        let mut field = Field::new("", array.data_type().clone(), true);
        if is_json {
            field.set_metadata(HashMap::from([(JSON_TEXT.0.to_owned(), JSON_TEXT.1.to_owned())]));
        }
        Ok(Self::Plain(Cells::new(array, &field, Options::default())?))
    }

    /// Appends the cell of a row.
    pub fn write(&self, row: usize, out: &mut Vec<u8>) {
        match self {
            Self::Plain(cells) => cells.write(row, out),
            Self::Enum(texts, values) => write_name(texts.get(row), values, out),
            Self::Enums(list, _, _) if list.is_null(row) => out.extend_from_slice(b"null"),
            Self::Enums(list, texts, values) => {
                out.push(b'[');
                let offsets = list.value_offsets();
                let start = usize::try_from(offsets[row]).unwrap_or(0);
                for index in 0..usize::try_from(list.value_length(row)).unwrap_or(0) {
                    if index > 0 {
                        out.push(b',');
                    }
                    write_name(texts.get(start + index), values, out);
                }
                out.push(b']');
            }
        }
    }
}

/// A stored value that is no option has no name; it is shown as it is.
fn write_name(stored: Option<&str>, values: &EnumType, out: &mut Vec<u8>) {
    match stored {
        Some(stored) => write_text(values.name_of(stored).unwrap_or(stored), out),
        None => out.extend_from_slice(b"null"),
    }
}

/// A text column.
pub(crate) enum Texts<'a> {
    Utf8(&'a StringArray),
    Large(&'a LargeStringArray),
    View(&'a StringViewArray),
}

impl<'a> Texts<'a> {
    /// # Errors
    ///
    /// Internal when it is no text.
    pub fn new(array: &'a ArrayRef) -> Result<Self> {
        match array.data_type() {
            DataType::Utf8 => Ok(Self::Utf8(array.as_string())),
            DataType::LargeUtf8 => Ok(Self::Large(array.as_string())),
            DataType::Utf8View => Ok(Self::View(array.as_string_view())),
            other => Err(Failure::internal(format!("expected a text column, the answer has {other}"))),
        }
    }

    /// The text of a row; nothing where it is null.
    pub fn get(&self, row: usize) -> Option<&'a str> {
        match self {
            Self::Utf8(cells) => cells.is_valid(row).then(|| cells.value(row)),
            Self::Large(cells) => cells.is_valid(row).then(|| cells.value(row)),
            Self::View(cells) => cells.is_valid(row).then(|| cells.value(row)),
        }
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        match self {
            Self::Utf8(cells) => cells.len(),
            Self::Large(cells) => cells.len(),
            Self::View(cells) => cells.len(),
        }
    }
}
