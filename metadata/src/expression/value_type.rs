//! The types of values in expressions, and what arithmetic makes of numbers.

use std::fmt;

use serde::Serialize;

use crate::{limits::DIGITS_MAX, model::FieldKind, name::ObjectName};

/// Digits of a 64-bit integer when it is brought to a decimal.
const INT_DIGITS: u8 = 19;
/// Digits behind the point that a product or quotient keeps at most.
const SCALE_MAX: u8 = 18;
/// Digits behind the point that a quotient has at least.
const QUOTIENT_SCALE_MIN: u8 = 10;
/// A whole number of so many digits is stored as a 64-bit integer.
const INT_FIELD_DIGITS_MAX: u8 = 18;

/// The type of a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Type {
    /// Only null.
    Null,
    /// True or false.
    Bool,
    /// 64 bits, checked.
    Int,
    /// An exact number.
    Decimal {
        /// Digits in all.
        precision: u8,
        /// Digits behind the point.
        scale: u8,
    },
    /// A binary number; it never comes about by itself.
    Double,
    /// Text; also an option, a record's id, an autonumber.
    Text,
    /// A day.
    Date,
    /// An instant, microseconds, UTC.
    DateTime,
    /// A time of day, microseconds.
    Time,
    /// A length of time, microseconds.
    Duration,
    /// Any JSON: there or not there, no more is known.
    Json,
    /// Several values of one type.
    List(Box<Type>),
    /// A record, which is no value by itself: its fields are.
    Record(ObjectName),
}

impl Type {
    /// The type of a field's values; none for what expressions can't look at.
    pub fn of(kind: &FieldKind) -> Option<Type> {
        Some(match kind {
            FieldKind::Id
            | FieldKind::Text { .. }
            | FieldKind::Select { .. }
            | FieldKind::Lookup { .. }
            | FieldKind::AutoNumber { .. } => Type::Text,
            FieldKind::Number { precision, scale, .. }
            | FieldKind::Currency { precision, scale, .. }
            | FieldKind::Percent { precision, scale, .. } => {
                let is_int = matches!(kind, FieldKind::Number { .. });
                match u8::try_from(*scale).unwrap_or(0) {
                    0 if is_int && *precision <= INT_FIELD_DIGITS_MAX => Type::Int,
                    scale => Type::Decimal { precision: *precision, scale },
                }
            }
            FieldKind::Boolean => Type::Bool,
            FieldKind::Date => Type::Date,
            FieldKind::DateTime => Type::DateTime,
            FieldKind::Time => Type::Time,
            FieldKind::Float { .. } => Type::Double,
            FieldKind::MultiSelect { .. } | FieldKind::References { .. } => Type::List(Box::new(Type::Text)),
            FieldKind::Json | FieldKind::Composite { .. } => Type::Json,
            FieldKind::Password { .. } | FieldKind::Vector { .. } => return None,
            FieldKind::Formula { returns, .. } => return Type::of(returns),
        })
    }

    /// Whether there is a least and a greatest of two.
    pub fn is_ordered(&self) -> bool {
        !matches!(self, Type::Null | Type::Bool | Type::Json | Type::List(_) | Type::Record(_))
    }

    /// Whether it is a whole or exact number.
    pub fn is_exact(&self) -> bool {
        matches!(self, Type::Int | Type::Decimal { .. })
    }

    /// The type that both can be brought to without losing anything; none when there is none.
    pub fn common(&self, other: &Type) -> Option<Type> {
        Some(match (self, other) {
            (one, two) if one == two => one.clone(),
            (Type::Null, some) | (some, Type::Null) => some.clone(),
            (Type::List(one), Type::List(two)) => Type::List(Box::new(one.common(two)?)),
            (one, two) => {
                let (precision, scale) = one.digits()?;
                let (other_precision, other_scale) = two.digits()?;
                let common_scale = scale.max(other_scale);
                let whole = (precision - scale).max(other_precision - other_scale);
                decimal(whole, common_scale)
            }
        })
    }

    /// The type of a sum or difference of exact numbers.
    pub fn sum(&self, other: &Type) -> Option<Type> {
        if (self, other) == (&Type::Int, &Type::Int) {
            return Some(Type::Int);
        }
        match self.common(other)? {
            Type::Decimal { precision, scale } => Some(decimal(precision - scale + 1, scale)),
            _ => None,
        }
    }

    /// The type of a product of exact numbers.
    pub fn product(&self, other: &Type) -> Option<Type> {
        if (self, other) == (&Type::Int, &Type::Int) {
            return Some(Type::Int);
        }
        let ((precision, scale), (other_precision, other_scale)) = (self.digits()?, other.digits()?);
        let exact = scale + other_scale;
        let kept = exact.min(SCALE_MAX.max(scale).max(other_scale));
        Some(decimal(precision - scale + other_precision - other_scale, kept))
    }

    /// The type of a quotient of exact numbers.
    pub fn quotient(&self, other: &Type) -> Option<Type> {
        if (self, other) == (&Type::Int, &Type::Int) {
            return Some(Type::Int);
        }
        let ((precision, scale), (_, other_scale)) = (self.digits()?, other.digits()?);
        let kept = scale.max(other_scale).max(QUOTIENT_SCALE_MIN);
        Some(decimal(precision - scale + other_scale, kept))
    }

    /// Digits in all and behind the point, of an exact number.
    pub(crate) fn digits(&self) -> Option<(u8, u8)> {
        match self {
            Type::Int => Some((INT_DIGITS, 0)),
            Type::Decimal { precision, scale } => Some((*precision, *scale)),
            _ => None,
        }
    }
}

/// A decimal of so many digits before and behind the point: 38 in all at most, those behind the point come first.
fn decimal(whole: u8, scale: u8) -> Type {
    Type::Decimal {
        precision: whole.saturating_add(scale).clamp(1, DIGITS_MAX),
        scale: scale.min(DIGITS_MAX),
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Type::Null => "null",
            Type::Bool => "boolean",
            Type::Int => "whole number",
            Type::Decimal { precision, scale } => return write!(f, "decimal({precision}, {scale})"),
            Type::Double => "double",
            Type::Text => "text",
            Type::Date => "date",
            Type::DateTime => "datetime",
            Type::Time => "time",
            Type::Duration => "duration",
            Type::Json => "JSON",
            Type::List(item) => return write!(f, "list of {item}"),
            Type::Record(object) => return write!(f, "record of `{object}`"),
        })
    }
}
