//! The digits and the range of number, currency and percent fields.

use crate::{
    decimal::Decimal,
    definition::{kind::FieldType, mapping::Mapping, value::Value},
    issue::Issues,
    limits::DIGITS_MAX,
    model::FieldKind,
};

/// Digits in all, and behind the point.
#[derive(Clone, Copy)]
struct Digits {
    precision: u8,
    scale: u8,
}

/// Reads `precision`, `scale`, `min`, `max`.
pub(crate) fn read(field_type: FieldType, mapping: &Mapping<'_>, issues: &mut Issues) -> FieldKind {
    let digits = digits(field_type, mapping, issues);
    let min = bound(mapping.get("min"), digits, issues);
    let max = bound(mapping.get("max"), digits, issues);
    if let (Some(min), Some(max), Some(value)) = (min, max, mapping.get("max"))
        && max < min
    {
        issues.error(&value.place(), "bad-range", "`max` is below `min`: no number would fit");
    }
    let (min, max) = (min.map(Decimal::text), max.map(Decimal::text));
    let Digits { precision, scale } = digits;
    let scale = i8::try_from(scale).unwrap_or(i8::MAX);
    match field_type {
        FieldType::Currency => FieldKind::Currency { precision, scale, min, max },
        FieldType::Percent => FieldKind::Percent { precision, scale, min, max },
        _ => FieldKind::Number { precision, scale, min, max },
    }
}

/// The digits: as written, else by type. `precision` alone means digits behind the point in the packages of
/// this family, so that is what it means here, and the author is told.
fn digits(field_type: FieldType, mapping: &Mapping<'_>, issues: &mut Issues) -> Digits {
    let precision = mapping.get("precision").and_then(|value| count(value, issues));
    let scale = mapping.get("scale").and_then(|value| count(value, issues));
    let fallback = match field_type {
        FieldType::Currency => Digits { precision: 18, scale: 2 },
        FieldType::Percent => Digits { precision: 7, scale: 4 },
        _ => Digits { precision: 18, scale: 6 },
    };
    match (precision, scale) {
        (Some(0), Some(_)) => {
            if let Some(value) = mapping.get("precision") {
                issues.error(&value.place(), "bad-range", "a number has at least one digit");
            }
            fallback
        }
        (Some(precision), Some(scale)) if scale > precision => {
            if let Some(value) = mapping.get("scale") {
                let message = format!("{scale} digits behind the point, but {precision} in all");
                issues.error(&value.place(), "bad-range", message);
            }
            fallback
        }
        (Some(precision), Some(scale)) => Digits { precision, scale },
        (None, Some(scale)) => with_scale(field_type, scale),
        (Some(scale), None) => {
            if let Some(value) = mapping.get("precision") {
                let message = "`precision` without `scale` is read as digits behind the point; write `scale`";
                issues.warning(&value.place(), "precision-without-scale", message);
            }
            with_scale(field_type, scale)
        }
        (None, None) => fallback,
    }
}

fn with_scale(field_type: FieldType, scale: u8) -> Digits {
    let precision = match (field_type, scale) {
        (FieldType::Percent, _) => scale.saturating_add(3).min(DIGITS_MAX),
        (_, 0..=12) => 18,
        _ => DIGITS_MAX,
    };
    Digits { precision, scale }
}

fn count(value: &Value<'_>, issues: &mut Issues) -> Option<u8> {
    let digits = value.count(issues)?;
    let found = u8::try_from(digits).ok().filter(|digits| *digits <= DIGITS_MAX);
    if found.is_none() {
        issues.error(
            &value.place(),
            "bad-range",
            format!("{digits} digits, but at most {DIGITS_MAX} are kept"),
        );
    }
    found
}

fn bound(value: Option<&Value<'_>>, digits: Digits, issues: &mut Issues) -> Option<Decimal> {
    let value = value?;
    let bound = value.decimal(issues)?;
    if !bound.fits(digits.precision, digits.scale) {
        let message = format!(
            "{} does not fit a field of {} digits, {} behind the point",
            bound.text(),
            digits.precision,
            digits.scale
        );
        issues.error(&value.place(), "bad-range", message);
    }
    Some(bound)
}
