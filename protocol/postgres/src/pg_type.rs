//! Which PostgreSQL type an Arrow column is announced as, and the other way round for parameters.

use arrow::datatypes::{DataType, Field, TimeUnit};
use pgwire::api::Type;

use crate::catalog::PG_TYPE;

/// A type with its modifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announced {
    /// The type.
    pub pg_type: Type,
    /// Its modifier, -1 without.
    pub modifier: i32,
}

/// Digits of a Decimal128 that come out of arithmetic, not out of a declaration.
const COMPUTED_PRECISION: u8 = 38;

/// How a column is announced: by the name in its metadata, else by its Arrow type.
pub fn announce(field: &Field) -> Announced {
    let named = field.metadata().get(PG_TYPE).and_then(|name| by_name(name));
    let pg_type = named.unwrap_or_else(|| of_arrow(field.data_type()));
    let modifier = match field.data_type() {
        DataType::Decimal128(precision, scale)
            if pg_type == Type::NUMERIC && *precision < COMPUTED_PRECISION =>
        {
            ((i32::from(*precision) << 16) | (i32::from(*scale) & 0x7ff)) + 4
        }
        _ => -1,
    };
    Announced { pg_type, modifier }
}

/// The type's size in `RowDescription`: bytes, or -1 when it varies.
pub fn size_of(pg_type: &Type) -> i16 {
    match *pg_type {
        Type::BOOL | Type::CHAR => 1,
        Type::INT2 => 2,
        Type::INT4
        | Type::OID
        | Type::FLOAT4
        | Type::DATE
        | Type::REGPROC
        | Type::REGCLASS
        | Type::REGTYPE
        | Type::XID
        | Type::CID => 4,
        Type::INT8 | Type::FLOAT8 | Type::TIME | Type::TIMESTAMP | Type::TIMESTAMPTZ => 8,
        Type::INTERVAL | Type::UUID => 16,
        Type::NAME => 64,
        _ => -1,
    }
}

/// The PostgreSQL type of an Arrow type.
pub fn of_arrow(data_type: &DataType) -> Type {
    match data_type {
        DataType::Boolean => Type::BOOL,
        DataType::Int8 | DataType::Int16 | DataType::UInt8 => Type::INT2,
        DataType::Int32 | DataType::UInt16 => Type::INT4,
        DataType::Int64 | DataType::UInt64 => Type::INT8,
        DataType::UInt32 => Type::OID,
        DataType::Float16 | DataType::Float32 => Type::FLOAT4,
        DataType::Float64 => Type::FLOAT8,
        DataType::Decimal32(..)
        | DataType::Decimal64(..)
        | DataType::Decimal128(..)
        | DataType::Decimal256(..) => Type::NUMERIC,
        DataType::Date32 | DataType::Date64 => Type::DATE,
        DataType::Time32(_) | DataType::Time64(_) => Type::TIME,
        DataType::Timestamp(_, None) => Type::TIMESTAMP,
        DataType::Timestamp(_, Some(_)) => Type::TIMESTAMPTZ,
        DataType::Interval(_) | DataType::Duration(_) => Type::INTERVAL,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            Type::BYTEA
        }
        DataType::List(item) if matches!(item.data_type(), DataType::Struct(_)) => Type::JSON,
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            array_of(&announce(item).pg_type)
        }
        DataType::Dictionary(_, value) => of_arrow(value),
        DataType::Struct(_) | DataType::Map(..) => Type::JSON,
        _ => Type::TEXT,
    }
}

/// The Arrow type a parameter of that type is decoded to; text for what is not known.
pub fn to_arrow(pg_type: &Type) -> DataType {
    match *pg_type {
        Type::BOOL => DataType::Boolean,
        Type::INT2 => DataType::Int16,
        Type::INT4 => DataType::Int32,
        Type::INT8 => DataType::Int64,
        Type::OID | Type::REGCLASS | Type::REGTYPE | Type::REGPROC | Type::XID => DataType::UInt32,
        Type::FLOAT4 => DataType::Float32,
        Type::FLOAT8 => DataType::Float64,
        Type::NUMERIC => DataType::Decimal128(38, 10),
        Type::DATE => DataType::Date32,
        Type::TIME => DataType::Time64(TimeUnit::Microsecond),
        Type::TIMESTAMP => DataType::Timestamp(TimeUnit::Microsecond, None),
        Type::TIMESTAMPTZ => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        Type::BYTEA => DataType::Binary,
        Type::INTERVAL => DataType::Interval(arrow::datatypes::IntervalUnit::MonthDayNano),
        _ => match element_of(pg_type) {
            Some(item) => DataType::new_list(to_arrow(&item), true),
            None => DataType::Utf8,
        },
    }
}

const ARRAYS: &[(Type, Type)] = &[
    (Type::BOOL, Type::BOOL_ARRAY),
    (Type::INT2, Type::INT2_ARRAY),
    (Type::INT4, Type::INT4_ARRAY),
    (Type::INT8, Type::INT8_ARRAY),
    (Type::OID, Type::OID_ARRAY),
    (Type::FLOAT4, Type::FLOAT4_ARRAY),
    (Type::FLOAT8, Type::FLOAT8_ARRAY),
    (Type::NUMERIC, Type::NUMERIC_ARRAY),
    (Type::TEXT, Type::TEXT_ARRAY),
    (Type::VARCHAR, Type::VARCHAR_ARRAY),
    (Type::BPCHAR, Type::BPCHAR_ARRAY),
    (Type::NAME, Type::NAME_ARRAY),
    (Type::CHAR, Type::CHAR_ARRAY),
    (Type::UUID, Type::UUID_ARRAY),
    (Type::DATE, Type::DATE_ARRAY),
    (Type::TIME, Type::TIME_ARRAY),
    (Type::TIMESTAMP, Type::TIMESTAMP_ARRAY),
    (Type::TIMESTAMPTZ, Type::TIMESTAMPTZ_ARRAY),
    (Type::BYTEA, Type::BYTEA_ARRAY),
    (Type::JSON, Type::JSON_ARRAY),
    (Type::JSONB, Type::JSONB_ARRAY),
    (Type::INTERVAL, Type::INTERVAL_ARRAY),
];

/// The array type of an element type.
pub fn array_of(item: &Type) -> Type {
    ARRAYS.iter().find(|(i, _)| i == item).map_or(Type::TEXT_ARRAY, |(_, a)| a.clone())
}

/// The element type of an array type; none when it is no array.
pub fn element_of(array: &Type) -> Option<Type> {
    match *array {
        Type::INT2_VECTOR => Some(Type::INT2),
        Type::OID_VECTOR => Some(Type::OID),
        _ => ARRAYS.iter().find(|(_, a)| a == array).map(|(i, _)| i.clone()),
    }
}

/// The type of that name: PostgreSQL's internal one (`int4`, `int2vector`, `_text`).
pub fn by_name(name: &str) -> Option<Type> {
    const OTHERS: &[Type] = &[
        Type::INT2_VECTOR,
        Type::OID_VECTOR,
        Type::REGPROC,
        Type::REGCLASS,
        Type::REGTYPE,
        Type::XID,
        Type::CID,
        Type::UNKNOWN,
        Type::PG_NODE_TREE,
        Type::ACLITEM_ARRAY,
        Type::ANYARRAY,
    ];
    let pairs = ARRAYS.iter().flat_map(|(item, array)| [item, array]);
    pairs.chain(OTHERS).find(|t| t.name() == name).cloned()
}
