//! The PostgreSQL type of a field.
//!
//! Selects are `text`: an enum type per select would make every comparison with a text column or parameter a question of casts, and a new
//! option a change of type. The options stand in the column's comment.

use quarry_metadata::{Field, FieldKind};

const BOOL: u32 = 16;
const INT8: u32 = 20;
const TEXT: u32 = 25;
const TEXT_ARRAY: u32 = 1009;
const VARCHAR: u32 = 1043;
const DATE: u32 = 1082;
const TIME: u32 = 1083;
const TIMESTAMPTZ: u32 = 1184;
const NUMERIC: u32 = 1700;
const FLOAT8: u32 = 701;
const FLOAT4_ARRAY: u32 = 1021;
const JSONB: u32 = 3802;

/// PostgreSQL adds this to a length or precision in a type modifier.
const MODIFIER_HEADER: i32 = 4;

/// The type OID and type modifier of a field (`numeric(18,2)` is `(1700, 1179654)`).
pub fn pg_type(field: &Field) -> (u32, i32) {
    match field.kind.of_values() {
        FieldKind::Text { max_length: Some(length), .. } => (
            VARCHAR,
            i32::try_from(*length).ok().and_then(|length| length.checked_add(MODIFIER_HEADER)).unwrap_or(-1),
        ),
        FieldKind::Id
        | FieldKind::Text { max_length: None, .. }
        | FieldKind::Select { .. }
        | FieldKind::Lookup { .. }
        | FieldKind::Password { .. }
        | FieldKind::AutoNumber { .. }
        | FieldKind::Formula { .. } => (TEXT, -1),
        FieldKind::Float { .. } => (FLOAT8, -1),
        FieldKind::Number { precision, scale: 0, .. } if *precision <= 18 => (INT8, -1),
        FieldKind::Number { precision, scale, .. }
        | FieldKind::Currency { precision, scale, .. }
        | FieldKind::Percent { precision, scale, .. } => (NUMERIC, numeric_modifier(*precision, *scale)),
        FieldKind::Boolean => (BOOL, -1),
        FieldKind::Date => (DATE, -1),
        FieldKind::DateTime => (TIMESTAMPTZ, -1),
        FieldKind::Time => (TIME, -1),
        FieldKind::MultiSelect { .. } | FieldKind::References { .. } => (TEXT_ARRAY, -1),
        FieldKind::Vector { .. } => (FLOAT4_ARRAY, -1),
        FieldKind::Json | FieldKind::Composite { .. } => (JSONB, -1),
    }
}

/// The modifier of `numeric(precision, scale)`.
pub fn numeric_modifier(precision: u8, scale: i8) -> i32 {
    (i32::from(precision) << 16 | i32::from(scale) & 0x7ff) + MODIFIER_HEADER
}

/// A type as SQL writes it: `numeric(18,2)`, `character varying(120)`, `text[]`.
pub fn format_type(oid: u32, modifier: Option<i32>) -> Option<String> {
    let fact = super::facts::type_of(oid)?;
    if fact.element != 0 && fact.length == -1 {
        let element = format_type(fact.element, modifier)?;
        return Some(format!("{element}[]"));
    }
    let Some(modifier) = modifier.filter(|modifier| *modifier >= MODIFIER_HEADER) else {
        return Some(fact.sql_name.to_owned());
    };
    let bare = modifier - MODIFIER_HEADER;
    Some(match fact.name {
        "varchar" | "bpchar" => format!("{}({bare})", fact.sql_name),
        "numeric" => format!("numeric({},{})", bare >> 16, bare & 0x7ff),
        _ => fact.sql_name.to_owned(),
    })
}
