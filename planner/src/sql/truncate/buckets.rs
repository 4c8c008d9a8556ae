//! Many instants, or what clocks showed at them, truncated at once: of those in one day, week, month … with the clock equally far from UTC, one is truncated, and
//! what comes of it is what comes of the others.

use std::{str::FromStr, sync::Arc};

use chrono_tz::Tz;
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray, UInt32Array},
        compute::take,
        datatypes::{DataType, TimeUnit, TimestampMicrosecondType, TimestampNanosecondType},
    },
    common::Result,
    logical_expr::{ColumnarValue, ScalarFunctionArgs},
};

use crate::{
    calendar::{DAY_SECONDS, Offsets, bucket_of, is_tabulated},
    objectql::Granularity,
};

/// Fewer are truncated one by one.
const ROWS_MIN: usize = 64;
/// Buckets that are remembered; one that is forgotten is truncated once more.
const BUCKETS_KNOWN: i64 = 512;

/// What `plain`, which looks at the local day and at the offset alone, makes of instants in a zone; none where it is to look at each of them.
///
/// # Errors
///
/// Those of `plain`.
pub(super) fn truncated(
    arguments: &ScalarFunctionArgs,
    plain: impl FnOnce(ScalarFunctionArgs) -> Result<ColumnarValue>,
) -> Result<Option<ColumnarValue>> {
    let [unit, ColumnarValue::Array(instants)] = arguments.args.as_slice() else { return Ok(None) };
    let Some(granularity) = granularity_of(unit).filter(|_| instants.len() >= ROWS_MIN) else {
        return Ok(None);
    };
    let found = match instants.data_type() {
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            found::<TimestampMicrosecondType>(instants, granularity, zone.as_deref())
        }
        DataType::Timestamp(TimeUnit::Nanosecond, zone) => {
            found::<TimestampNanosecondType>(instants, granularity, zone.as_deref())
        }
        _ => None,
    };
    let Some(Found { some, places }) = found else { return Ok(None) };
    let rows = some.len();
    let asked = ScalarFunctionArgs {
        args: vec![unit.clone(), ColumnarValue::Array(some)],
        number_rows: rows,
        ..arguments.clone()
    };
    let made = plain(asked)?.into_array(rows)?;
    Ok(Some(ColumnarValue::Array(take(&made, &places, None)?)))
}

/// Units of a day and more: shorter ones are simple for `plain`.
fn granularity_of(unit: &ColumnarValue) -> Option<Granularity> {
    let ColumnarValue::Scalar(unit) = unit else { return None };
    Some(match unit.try_as_str()??.to_ascii_lowercase().as_str() {
        "day" => Granularity::Day,
        "week" => Granularity::Week,
        "month" => Granularity::Month,
        "quarter" => Granularity::Quarter,
        "year" => Granularity::Year,
        _ => return None,
    })
}

/// Some of the instants, and for each one the place of that which stands for it.
struct Found {
    some: ArrayRef,
    places: UInt32Array,
}

/// A bucket, the offset with which it was met, and the instant that stands for both.
#[derive(Clone, Copy)]
struct Known {
    bucket: i64,
    offset: i64,
    place: u32,
}

fn found<T: ArrowPrimitiveType<Native = i64>>(
    instants: &ArrayRef,
    granularity: Granularity,
    zone: Option<&str>,
) -> Option<Found> {
    let second = match T::DATA_TYPE {
        DataType::Timestamp(TimeUnit::Nanosecond, _) => 1_000_000_000,
        _ => 1_000_000,
    };
    // What clocks show is truncated as an instant is where the clock shows UTC.
    let offsets = Offsets::of(zone.map_or(Ok(Tz::UTC), Tz::from_str).ok()?);
    let instants = instants.as_primitive::<T>();
    let mut some = Vec::new();
    let mut places = Vec::with_capacity(instants.len());
    let mut known = vec![None::<Known>; usize::try_from(BUCKETS_KNOWN).ok()?];
    for (row, instant) in instants.values().iter().enumerate() {
        if instants.is_null(row) {
            places.push(0);
            continue;
        }
        let seconds = instant.div_euclid(second);
        // Near the ends of what a timestamp holds, each is judged by itself.
        let offset = offsets.at(seconds).filter(|_| is_tabulated(seconds))?;
        let bucket = bucket_of(granularity, (seconds + offset).div_euclid(DAY_SECONDS))?;
        // Summer and winter of a bucket lie beside each other.
        let at = (bucket * 2 + offset.div_euclid(3_600)).rem_euclid(BUCKETS_KNOWN);
        let known = known.get_mut(usize::try_from(at).ok()?)?;
        let place = match known {
            Some(known) if known.bucket == bucket && known.offset == offset => known.place,
            _ => {
                let place = u32::try_from(some.len()).ok()?;
                some.push(*instant);
                *known = Some(Known { bucket, offset, place });
                place
            }
        };
        places.push(place);
    }
    if some.is_empty() {
        return None;
    }
    let some = PrimitiveArray::<T>::from_iter_values(some).with_data_type(instants.data_type().clone());
    Some(Found { some: Arc::new(some), places: UInt32Array::new(places.into(), instants.nulls().cloned()) })
}
