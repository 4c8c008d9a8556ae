//! Arrays: `{a,"b c",NULL}`, and their binary form. One dimension.

use arrow::array::{Array, ArrayRef};
use bytes::{BufMut, BytesMut};
use chrono_tz::Tz;
use pgwire::api::Type;

use super::{column::Column, sized};
use crate::{
    error::{PgError, Result},
    pg_type::{element_of, of_arrow},
    sqlstate::SqlState,
};

/// Writes an array in text form; `int2vector` and `oidvector` without braces.
pub fn write_text(items: &ArrayRef, pg_type: &Type, zone: Tz, out: &mut BytesMut) -> Result<()> {
    let item_type = element_of(pg_type).unwrap_or_else(|| of_arrow(items.data_type()));
    let column = Column::new(items)?;
    let is_vector = matches!(*pg_type, Type::INT2_VECTOR | Type::OID_VECTOR);
    if !is_vector {
        out.put_u8(b'{');
    }
    let mut cell = BytesMut::new();
    for row in 0..items.len() {
        if row > 0 {
            out.put_u8(if is_vector { b' ' } else { b',' });
        }
        if column.is_null(row) {
            out.put_slice(b"NULL");
            continue;
        }
        cell.clear();
        column.write_text(row, &item_type, zone, &mut cell)?;
        write_quoted(&cell, out);
    }
    if !is_vector {
        out.put_u8(b'}');
    }
    Ok(())
}

fn write_quoted(cell: &[u8], out: &mut BytesMut) {
    let plain = !cell.is_empty()
        && !cell.eq_ignore_ascii_case(b"null")
        && !cell.iter().any(|b| b"{},\"\\".contains(b) || b.is_ascii_whitespace() || *b == 0x0b);
    if plain {
        out.put_slice(cell);
        return;
    }
    out.put_u8(b'"');
    for byte in cell {
        if matches!(byte, b'"' | b'\\') {
            out.put_u8(b'\\');
        }
        out.put_u8(*byte);
    }
    out.put_u8(b'"');
}

/// Writes an array in binary form.
pub fn write_binary(items: &ArrayRef, pg_type: &Type, out: &mut BytesMut) -> Result<()> {
    let item_type = element_of(pg_type).unwrap_or_else(|| of_arrow(items.data_type()));
    let column = Column::new(items)?;
    let length = i32::try_from(items.len())
        .map_err(|_| PgError::new(SqlState::PROGRAM_LIMIT, "an array is too long to be sent"))?;
    // The vectors of the catalog count from 0, arrays from 1.
    let first = if matches!(*pg_type, Type::INT2_VECTOR | Type::OID_VECTOR) { 0 } else { 1 };
    out.put_i32(i32::from(length > 0));
    out.put_i32(i32::from(items.null_count() > 0));
    out.put_u32(item_type.oid());
    if length > 0 {
        out.put_i32(length);
        out.put_i32(first);
    }
    for row in 0..items.len() {
        if column.is_null(row) {
            out.put_i32(-1);
        } else {
            sized(out, |out| column.write_binary(row, &item_type, out))?;
        }
    }
    Ok(())
}
