//! One column of a batch, ready to be written cell by cell.

use arrow::{
    array::{
        Array, ArrayRef, AsArray, BinaryArray, BinaryViewArray, BooleanArray, FixedSizeBinaryArray,
        LargeBinaryArray, LargeStringArray, PrimitiveArray, StringArray, StringViewArray,
    },
    buffer::OffsetBuffer,
    datatypes::{
        ArrowNativeType, ArrowPrimitiveType, DataType, Date32Type, Date64Type, Decimal128Type, Field,
        Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
        Time32MillisecondType, Time32SecondType, Time64MicrosecondType, Time64NanosecondType, TimeUnit,
        TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
        UInt8Type, UInt16Type, UInt32Type, UInt64Type,
    },
    util::display::{ArrayFormatter, FormatOptions},
};
use base64::{Engine, engine::general_purpose::STANDARD};

use crate::{
    encoder::{Numbers, Options, escaped_key},
    error::{Error, Result},
    number::{write_decimal, write_float, write_integer, write_unsigned},
    text::{write_json_text, write_text},
    time::{Ticks, write_date, write_instant, write_time},
};

/// A text field with this key and value in its Arrow metadata holds JSON and is written as it stands: Arrow's canonical
/// extension type for it.
pub const JSON_TEXT: (&str, &str) = ("ARROW:extension:name", "arrow.json");

const DAY_MILLISECONDS: i64 = 86_400_000;

/// The cells of one column. Made once per batch, which is when types are looked at; a cell then costs a null check,
/// a match and its bytes.
pub struct Cells<'a> {
    array: &'a dyn Array,
    shape: Shape<'a>,
}

type Reader<'a> = Box<dyn Fn(usize) -> i64 + Send + Sync + 'a>;

enum Shape<'a> {
    Null,
    Bool(&'a BooleanArray),
    Int64(&'a PrimitiveArray<Int64Type>),
    Integer(Reader<'a>),
    UInt64(&'a PrimitiveArray<UInt64Type>),
    Float16(&'a PrimitiveArray<Float16Type>),
    Float32(&'a PrimitiveArray<Float32Type>),
    Float64(&'a PrimitiveArray<Float64Type>),
    Decimal(&'a PrimitiveArray<Decimal128Type>, i8, Numbers),
    Text(&'a StringArray),
    LargeText(&'a LargeStringArray),
    TextView(&'a StringViewArray),
    Json(Box<Shape<'a>>),
    Date(&'a PrimitiveArray<Date32Type>),
    DateMilliseconds(&'a PrimitiveArray<Date64Type>),
    Time(Reader<'a>, Ticks),
    Instant(&'a PrimitiveArray<TimestampMicrosecondType>, Ticks, &'static [u8]),
    OtherInstant(Reader<'a>, Ticks, &'static [u8]),
    Binary(&'a BinaryArray),
    LargeBinary(&'a LargeBinaryArray),
    BinaryView(&'a BinaryViewArray),
    FixedBinary(&'a FixedSizeBinaryArray),
    Dictionary(Vec<usize>, Box<Cells<'a>>),
    List(&'a OffsetBuffer<i32>, Box<Cells<'a>>),
    LargeList(&'a OffsetBuffer<i64>, Box<Cells<'a>>),
    FixedList(usize, Box<Cells<'a>>),
    Struct(Vec<(Vec<u8>, Cells<'a>)>),
    Shown(Box<ArrayFormatter<'a>>, Quoting),
}

/// Whether a value that Arrow shows as text is a number in JSON.
#[derive(Clone, Copy)]
enum Quoting {
    Quoted,
    Bare,
}

impl<'a> Cells<'a> {
    /// The cells of `array`, which is of `field`'s type; `field` also says whether text is JSON.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] for a type that has no form in JSON (Map, Union, …), at any depth.
    pub fn new(array: &'a ArrayRef, field: &Field, options: Options) -> Result<Self> {
        Self::named(array.as_ref(), field, options, field.name())
    }

    fn named(array: &'a dyn Array, field: &Field, options: Options, path: &str) -> Result<Self> {
        let shape = Shape::of(array, options, path)?;
        let is_text = matches!(shape, Shape::Text(_) | Shape::LargeText(_) | Shape::TextView(_));
        let is_json = field.metadata().get(JSON_TEXT.0).is_some_and(|value| value == JSON_TEXT.1);
        let shape = if is_text && is_json { Shape::Json(Box::new(shape)) } else { shape };
        Ok(Self { array, shape })
    }

    /// Whether the cell has no value.
    pub fn is_null(&self, row: usize) -> bool {
        matches!(self.shape, Shape::Null) || self.array.is_null(row)
    }

    /// The number of cells.
    pub fn len(&self) -> usize {
        self.array.len()
    }

    /// Whether there is no cell.
    pub fn is_empty(&self) -> bool {
        self.array.is_empty()
    }

    /// Appends the cell of `row`, which must be less than [`Self::len`].
    pub fn write(&self, row: usize, out: &mut Vec<u8>) {
        if self.is_null(row) {
            out.extend_from_slice(b"null");
        } else {
            self.shape.write(row, out);
        }
    }

    fn write_range(&self, range: std::ops::Range<usize>, out: &mut Vec<u8>) {
        out.push(b'[');
        for row in range.clone() {
            if row > range.start {
                out.push(b',');
            }
            self.write(row, out);
        }
        out.push(b']');
    }
}

impl<'a> Shape<'a> {
    fn of(array: &'a dyn Array, options: Options, path: &str) -> Result<Self> {
        let unsupported =
            || Error::Unsupported { column: path.to_owned(), data_type: array.data_type().clone() };
        Ok(match array.data_type() {
            DataType::Null => Self::Null,
            DataType::Boolean => Self::Bool(array.as_boolean()),
            DataType::Int64 => Self::Int64(array.as_primitive()),
            DataType::Int8 => Self::Integer(reader::<Int8Type>(array)),
            DataType::Int16 => Self::Integer(reader::<Int16Type>(array)),
            DataType::Int32 => Self::Integer(reader::<Int32Type>(array)),
            DataType::UInt8 => Self::Integer(reader::<UInt8Type>(array)),
            DataType::UInt16 => Self::Integer(reader::<UInt16Type>(array)),
            DataType::UInt32 => Self::Integer(reader::<UInt32Type>(array)),
            DataType::UInt64 => Self::UInt64(array.as_primitive()),
            DataType::Float16 => Self::Float16(array.as_primitive()),
            DataType::Float32 => Self::Float32(array.as_primitive()),
            DataType::Float64 => Self::Float64(array.as_primitive()),
            DataType::Decimal128(_, scale) => Self::Decimal(array.as_primitive(), *scale, options.numbers),
            DataType::Utf8 => Self::Text(array.as_string()),
            DataType::LargeUtf8 => Self::LargeText(array.as_string()),
            DataType::Utf8View => Self::TextView(array.as_string_view()),
            DataType::Date32 => Self::Date(array.as_primitive()),
            DataType::Date64 => Self::DateMilliseconds(array.as_primitive()),
            DataType::Time32(unit) | DataType::Time64(unit) => {
                Self::Time(time_reader(array, *unit), (*unit).into())
            }
            DataType::Timestamp(unit, zone) => instant(array, *unit, zone.is_some()),
            DataType::Binary => Self::Binary(array.as_binary()),
            DataType::LargeBinary => Self::LargeBinary(array.as_binary()),
            DataType::BinaryView => Self::BinaryView(array.as_binary_view()),
            DataType::FixedSizeBinary(_) => Self::FixedBinary(array.as_fixed_size_binary()),
            DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal256(..) => {
                shown(array, options).ok_or_else(unsupported)?
            }
            DataType::Interval(_) | DataType::Duration(_) => {
                shown(array, Options { numbers: Numbers::String }).ok_or_else(unsupported)?
            }
            _ => return Self::nested(array, options, path).transpose().ok_or_else(unsupported)?,
        })
    }

    /// The types that hold other arrays; nothing for those that JSON has no form for.
    fn nested(array: &'a dyn Array, options: Options, path: &str) -> Result<Option<Self>> {
        let boxed = |child: &'a ArrayRef, field: &Field| {
            Cells::named(child.as_ref(), field, options, path).map(Box::new)
        };
        Ok(Some(match array.data_type() {
            DataType::List(field) => {
                let list = array.as_list::<i32>();
                Self::List(list.offsets(), boxed(list.values(), field)?)
            }
            DataType::LargeList(field) => {
                let list = array.as_list::<i64>();
                Self::LargeList(list.offsets(), boxed(list.values(), field)?)
            }
            DataType::FixedSizeList(field, length) => {
                let list = array.as_fixed_size_list();
                Self::FixedList(usize::try_from(*length).unwrap_or(0), boxed(list.values(), field)?)
            }
            DataType::Struct(fields) => {
                let columns = array.as_struct().columns().iter();
                let children = fields.iter().zip(columns).map(|(field, column)| {
                    let path = format!("{path}.{}", field.name());
                    let cells = Cells::named(column.as_ref(), field, options, &path)?;
                    Ok((escaped_key(field.name()), cells))
                });
                Self::Struct(children.collect::<Result<_>>()?)
            }
            DataType::Dictionary(_, values) => {
                let dictionary = array.as_any_dictionary();
                if dictionary.values().is_empty() {
                    return Ok(Some(Self::Null));
                }
                let field = Field::new(path, values.as_ref().clone(), true);
                Self::Dictionary(dictionary.normalized_keys(), boxed(dictionary.values(), &field)?)
            }
            _ => return Ok(None),
        }))
    }

    fn write(&self, row: usize, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.extend_from_slice(b"null"),
            Self::Bool(cells) => {
                out.extend_from_slice(if cells.value(row) { b"true" } else { b"false" });
            }
            Self::Int64(cells) => write_integer(cells.value(row), out),
            Self::Integer(cell) => write_integer(cell(row), out),
            Self::UInt64(cells) => write_unsigned(cells.value(row), out),
            Self::Float16(cells) => write_float(cells.value(row).to_f32(), out),
            Self::Float32(cells) => write_float(cells.value(row), out),
            Self::Float64(cells) => write_float(cells.value(row), out),
            Self::Decimal(cells, scale, Numbers::Float) => write_decimal(cells.value(row), *scale, out),
            Self::Decimal(cells, scale, Numbers::String) => {
                quoted(out, |out| write_decimal(cells.value(row), *scale, out));
            }
            Self::Text(_) | Self::LargeText(_) | Self::TextView(_) => write_text(self.text(row), out),
            Self::Json(text) => write_json_text(text.text(row), out),
            Self::Date(cells) => quoted(out, |out| write_date(i64::from(cells.value(row)), out)),
            Self::DateMilliseconds(cells) => {
                quoted(out, |out| write_date(cells.value(row).div_euclid(DAY_MILLISECONDS), out));
            }
            Self::Time(cell, unit) => quoted(out, |out| write_time(cell(row), *unit, out)),
            Self::Instant(cells, unit, end) => write_zoned(cells.value(row), *unit, end, out),
            Self::OtherInstant(cell, unit, end) => write_zoned(cell(row), *unit, end, out),
            Self::Binary(cells) => write_base64(cells.value(row), out),
            Self::LargeBinary(cells) => write_base64(cells.value(row), out),
            Self::BinaryView(cells) => write_base64(cells.value(row), out),
            Self::FixedBinary(cells) => write_base64(cells.value(row), out),
            Self::Shown(cells, Quoting::Quoted) => write_text(&cells.value(row).to_string(), out),
            Self::Shown(cells, Quoting::Bare) => {
                out.extend_from_slice(cells.value(row).to_string().as_bytes());
            }
            _ => self.write_nested(row, out),
        }
    }

    fn write_nested(&self, row: usize, out: &mut Vec<u8>) {
        match self {
            Self::Dictionary(keys, values) => values.write(keys.get(row).copied().unwrap_or(0), out),
            Self::List(offsets, values) => {
                values.write_range(offsets[row].as_usize()..offsets[row + 1].as_usize(), out);
            }
            Self::LargeList(offsets, values) => {
                values.write_range(offsets[row].as_usize()..offsets[row + 1].as_usize(), out);
            }
            Self::FixedList(length, values) => values.write_range(row * length..(row + 1) * length, out),
            Self::Struct(children) => write_object(children, row, out),
            _ => {}
        }
    }

    fn text(&self, row: usize) -> &'a str {
        match self {
            Self::Text(cells) => cells.value(row),
            Self::LargeText(cells) => cells.value(row),
            Self::TextView(cells) => cells.value(row),
            _ => "",
        }
    }
}

/// Appends `{"a":…,"b":…}`; the keys are escaped and end with their colon.
pub(crate) fn write_object(columns: &[(Vec<u8>, Cells<'_>)], row: usize, out: &mut Vec<u8>) {
    out.push(b'{');
    for (index, (key, cells)) in columns.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        out.extend_from_slice(key);
        cells.write(row, out);
    }
    out.push(b'}');
}

fn quoted(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    out.push(b'"');
    write(out);
    out.push(b'"');
}

fn write_zoned(ticks: i64, unit: Ticks, end: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    write_instant(ticks, unit, out);
    out.extend_from_slice(end);
}

fn write_base64(bytes: &[u8], out: &mut Vec<u8>) {
    write_text(&STANDARD.encode(bytes), out);
}

fn reader<'a, T>(array: &'a dyn Array) -> Reader<'a>
where
    T: ArrowPrimitiveType,
    T::Native: Into<i64>,
{
    let cells = array.as_primitive::<T>();
    Box::new(move |row| cells.value(row).into())
}

fn time_reader(array: &dyn Array, unit: TimeUnit) -> Reader<'_> {
    match unit {
        TimeUnit::Second => reader::<Time32SecondType>(array),
        TimeUnit::Millisecond => reader::<Time32MillisecondType>(array),
        TimeUnit::Microsecond => reader::<Time64MicrosecondType>(array),
        TimeUnit::Nanosecond => reader::<Time64NanosecondType>(array),
    }
}

fn instant(array: &dyn Array, unit: TimeUnit, zoned: bool) -> Shape<'_> {
    let end: &'static [u8] = if zoned { b"Z\"" } else { b"\"" };
    let cells = match unit {
        TimeUnit::Microsecond => {
            let cells = array.as_primitive::<TimestampMicrosecondType>();
            return Shape::Instant(cells, unit.into(), end);
        }
        TimeUnit::Second => reader::<TimestampSecondType>(array),
        TimeUnit::Millisecond => reader::<TimestampMillisecondType>(array),
        TimeUnit::Nanosecond => reader::<TimestampNanosecondType>(array),
    };
    Shape::OtherInstant(cells, unit.into(), end)
}

fn shown(array: &dyn Array, options: Options) -> Option<Shape<'_>> {
    static FORMAT: FormatOptions<'static> = FormatOptions::new();
    let formatter = ArrayFormatter::try_new(array, &FORMAT).ok()?;
    let quoting = match options.numbers {
        Numbers::String => Quoting::Quoted,
        Numbers::Float => Quoting::Bare,
    };
    Some(Shape::Shown(Box::new(formatter), quoting))
}
