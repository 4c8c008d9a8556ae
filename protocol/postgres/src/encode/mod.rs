//! Arrow to `DataRow`: a batch's columns are taken apart once, then row after row is written straight into the outgoing buffer.

mod array;
mod column;
mod datetime;
mod numeric;

use arrow::{array::RecordBatch, datatypes::Schema};
use bytes::{BufMut, BytesMut};
use chrono_tz::Tz;
use pgwire::{
    api::Type,
    messages::data::{FieldDescription, RowDescription},
};

pub use numeric::read_numeric;

use crate::{
    error::{PgError, Result},
    names,
    pg_type::{announce, size_of},
    sqlstate::SqlState,
};
use column::Column;

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Format {
    Text,
    Binary,
}

impl Format {
    /// The wire's code.
    pub fn code(self) -> i16 {
        match self {
            Format::Text => 0,
            Format::Binary => 1,
        }
    }

    /// The format of a code.
    ///
    /// # Errors
    ///
    /// `08P01`.
    pub fn read(code: i16) -> Result<Format> {
        match code {
            0 => Ok(Format::Text),
            1 => Ok(Format::Binary),
            _ => Err(PgError::new(SqlState::PROTOCOL_VIOLATION, format!("unsupported format code: {code}"))),
        }
    }

    /// The format of each of `count` values: none given is text, one is for all.
    ///
    /// # Errors
    ///
    /// `08P01` when there are neither none, one nor `count`.
    pub fn spread(codes: &[i16], count: usize) -> Result<Vec<Format>> {
        match codes {
            [] => Ok(vec![Format::Text; count]),
            [one] => Ok(vec![Format::read(*one)?; count]),
            each if each.len() == count => each.iter().map(|c| Format::read(*c)).collect(),
            each => {
                let message = format!("{} format codes were given for {count} values", each.len());
                Err(PgError::new(SqlState::PROTOCOL_VIOLATION, message))
            }
        }
    }
}

/// One column as it is announced and written.
#[derive(Clone, Debug)]
pub struct OutColumn {
    /// Its name for the client.
    pub name: String,
    /// Its type.
    pub pg_type: Type,
    /// Its type's modifier.
    pub modifier: i32,
    /// How it is written.
    pub format: Format,
}

/// The columns of a result in text format.
pub fn columns_of(schema: &Schema) -> Vec<OutColumn> {
    let column = |field: &std::sync::Arc<arrow::datatypes::Field>| {
        let announced = announce(field);
        OutColumn {
            name: names::shown(field.name()).to_owned(),
            pg_type: announced.pg_type,
            modifier: announced.modifier,
            format: Format::Text,
        }
    };
    schema.fields().iter().map(column).collect()
}

/// Announces columns.
pub fn describe(columns: &[OutColumn]) -> RowDescription {
    let field = |c: &OutColumn| {
        let size = size_of(&c.pg_type);
        FieldDescription::new(c.name.clone(), 0, 0, c.pg_type.oid(), size, c.modifier, c.format.code())
    };
    RowDescription::new(columns.iter().map(field).collect())
}

/// Writes a batch's rows.
pub struct RowWriter<'a> {
    columns: Vec<(Column<'a>, &'a OutColumn)>,
    zone: Tz,
}

impl<'a> RowWriter<'a> {
    /// A writer of one batch; instants are shown in `zone`.
    ///
    /// # Errors
    ///
    /// `0A000` for an Arrow type that has no form on the wire.
    pub fn new(batch: &'a RecordBatch, columns: &'a [OutColumn], zone: Tz) -> Result<Self> {
        let taken = batch.columns().iter().zip(columns);
        let columns = taken.map(|(array, out)| Ok((Column::new(array)?, out))).collect::<Result<_>>()?;
        Ok(RowWriter { columns, zone })
    }

    /// Writes one row as a `DataRow`. On an error nothing of it is left in `out`.
    ///
    /// # Errors
    ///
    /// `22003` for a number that its type can't hold.
    pub fn write(&self, row: usize, out: &mut BytesMut) -> Result<()> {
        let start = out.len();
        let written = self.write_cells(row, out);
        let length = i32::try_from(out.len() - start - 1);
        match (written, length) {
            (Ok(()), Ok(length)) => {
                if let Some(place) = out.get_mut(start + 1..start + 5) {
                    place.copy_from_slice(&length.to_be_bytes());
                }
                Ok(())
            }
            (written, _) => {
                out.truncate(start);
                written.and(Err(PgError::new(SqlState::PROGRAM_LIMIT, "a row is too long to be sent")))
            }
        }
    }

    fn write_cells(&self, row: usize, out: &mut BytesMut) -> Result<()> {
        out.put_u8(b'D');
        out.put_i32(0);
        out.put_i16(i16::try_from(self.columns.len()).map_err(|_| too_many_columns())?);
        for (column, shape) in &self.columns {
            if column.is_null(row) {
                out.put_i32(-1);
                continue;
            }
            sized(out, |out| match shape.format {
                Format::Text => column.write_text(row, &shape.pg_type, self.zone, out),
                Format::Binary => column.write_binary(row, &shape.pg_type, out),
            })?;
        }
        Ok(())
    }
}

/// Writes something behind its length.
fn sized(out: &mut BytesMut, write: impl FnOnce(&mut BytesMut) -> Result<()>) -> Result<()> {
    let at = out.len();
    out.put_i32(0);
    write(out)?;
    let length = i32::try_from(out.len() - at - 4)
        .map_err(|_| PgError::new(SqlState::PROGRAM_LIMIT, "a value is too long to be sent"))?;
    if let Some(place) = out.get_mut(at..at + 4) {
        place.copy_from_slice(&length.to_be_bytes());
    }
    Ok(())
}

fn too_many_columns() -> PgError {
    PgError::new(SqlState::PROGRAM_LIMIT, "a row has too many columns to be sent")
}

#[cfg(test)]
mod tests;
