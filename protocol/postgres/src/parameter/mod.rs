//! Parameters: what types a statement's `$n` have, and their values from the wire.

mod decode;
mod hints;
mod lists;
mod text_array;

use arrow::datatypes::{DataType, TimeUnit};
use chrono_tz::Tz;
use datafusion::{
    common::{ParamValues, metadata::ScalarAndMetadata},
    scalar::ScalarValue,
};
use pgwire::api::Type;
use quarry_planner::sql::clocks;

pub use decode::{decode, number};
pub use hints::{Hints, hints_of, of_sql};
pub use lists::with_lists;

use crate::{
    encode::Format,
    error::{PgError, Result},
    pg_type::{of_arrow, to_arrow},
    sqlstate::SqlState,
    wire::Bind,
};

/// One type per parameter: what the client said, else what the statement's form says, else what the planner inferred, else text.
pub fn settle(count: usize, said: &[u32], hints: &Hints, inferred: &[Option<DataType>]) -> Vec<Type> {
    let one = |index: usize| {
        let client = said.get(index).copied().filter(|oid| *oid != 0).map(known);
        let hint = || hints.get(&(index + 1)).cloned();
        let planner = || inferred.get(index)?.as_ref().filter(|t| **t != DataType::Null).map(of_arrow);
        client.or_else(hint).or_else(planner).unwrap_or(Type::TEXT)
    };
    (0..count).map(one).collect()
}

/// The type of an OID; a type that is not known here (a domain, an enum of another server) is taken as text.
fn known(oid: u32) -> Type {
    match Type::from_oid(oid) {
        Some(Type::UNKNOWN) | None => Type::TEXT,
        Some(found) => found,
    }
}

/// Decodes all values of a `Bind`, in a session of a time zone.
///
/// # Errors
///
/// `08P01` for a wrong number of values, `22P02`, `22P03`, `22003`, `22007` for what is not a value of its type.
pub fn decode_all(bind: &Bind, types: &[Type], zone: Tz) -> Result<Vec<ScalarValue>> {
    if bind.parameters.len() != types.len() {
        let message = format!(
            "bind message supplies {} parameters, but prepared statement \"{}\" requires {}",
            bind.parameters.len(),
            bind.statement,
            types.len()
        );
        return Err(PgError::new(SqlState::PROTOCOL_VIOLATION, message));
    }
    let formats = Format::spread(&bind.parameter_formats, types.len())?;
    let each = bind.parameters.iter().zip(types).zip(formats);
    each.map(|((value, pg_type), format)| match value {
        None => null_of(pg_type),
        Some(bytes) => decode(pg_type, format, bytes, zone),
    })
    .collect()
}

/// A null of that type.
///
/// # Errors
///
/// `XX000`, never for the types known here.
pub fn null_of(pg_type: &Type) -> Result<ScalarValue> {
    ScalarValue::try_from(&to_arrow(pg_type)).map_err(PgError::from)
}

/// A value that an expression gave, as a value of a parameter's type: text is read as the type's text form.
///
/// # Errors
///
/// As [`decode`].
pub fn decode_as(scalar: ScalarValue, pg_type: &Type, zone: Tz) -> Result<ScalarValue> {
    let wanted = to_arrow(pg_type);
    match &scalar {
        ScalarValue::Utf8(Some(text))
        | ScalarValue::Utf8View(Some(text))
        | ScalarValue::LargeUtf8(Some(text))
            if wanted != DataType::Utf8 =>
        {
            decode(pg_type, Format::Text, &bytes::Bytes::copy_from_slice(text.as_bytes()), zone)
        }
        ScalarValue::Decimal128(..) if *pg_type == Type::NUMERIC => Ok(scalar),
        _ => Ok(by_the_clock(scalar, &wanted, zone)?.cast_to(&wanted)?),
    }
}

/// What tells the time of a clock as an instant where one is wanted, and the other way round.
fn by_the_clock(scalar: ScalarValue, wanted: &DataType, zone: Tz) -> Result<ScalarValue> {
    let out_of_range = || PgError::new(SqlState::NUMBER_OUT_OF_RANGE, "timestamp out of range");
    let as_micros = |zone: Option<&str>| {
        let of = DataType::Timestamp(TimeUnit::Microsecond, zone.map(Into::into));
        match scalar.cast_to(&of)? {
            ScalarValue::TimestampMicrosecond(micros, _) => Ok(micros),
            other => Err(PgError::new(SqlState::INTERNAL, format!("{other} is no timestamp"))),
        }
    };
    use DataType::{Date32, Time64, Timestamp};
    match (scalar.data_type(), wanted) {
        (Timestamp(_, None) | Date32, Timestamp(_, Some(utc))) => {
            let move_one = |micros| clocks::instant_of_reading(micros, zone).ok_or_else(out_of_range);
            let micros = as_micros(None)?.map(move_one).transpose()?;
            Ok(ScalarValue::TimestampMicrosecond(micros, Some(utc.clone())))
        }
        (Timestamp(_, Some(utc)), Timestamp(_, None) | Date32 | Time64(_)) => {
            let move_one = |micros| clocks::reading_of_instant(micros, zone).ok_or_else(out_of_range);
            let micros = as_micros(Some(&utc))?.map(move_one).transpose()?;
            Ok(ScalarValue::TimestampMicrosecond(micros, None))
        }
        _ => Ok(scalar),
    }
}

/// The values as DataFusion takes them.
pub fn bound(values: Vec<ScalarValue>) -> ParamValues {
    ParamValues::List(values.into_iter().map(ScalarAndMetadata::from).collect())
}

#[cfg(test)]
mod tests;
