//! The digits, the range and the steps of fields that hold numbers.

use crate::{
    decimal::Decimal,
    definition::{
        Located,
        currency::{self, CurrencyDefinition},
        kind::FieldType,
        mapping::Mapping,
        value::Value,
    },
    issue::Issues,
    limits::DIGITS_MAX,
    model::FieldKind,
    nearest::did_you_mean,
    yaml::Content,
};

/// Digits in all, and behind the point.
#[derive(Clone, Copy)]
struct Digits {
    precision: u8,
    scale: u8,
}

/// Reads `precision`, `scale`, `min`, `max`, `step`; of a number also `dataType`, of money its currency.
pub(crate) fn read(field_type: FieldType, mapping: &Mapping<'_>, issues: &mut Issues) -> FieldKind {
    let data_type = mapping.get("dataType").filter(|_| field_type == FieldType::Number);
    match data_type.and_then(|value| Some((value.text(issues)?, value))) {
        Some(("float", _)) => return float(mapping, issues),
        Some(("integer", value)) if mapping.get("scale").is_some() || mapping.get("precision").is_some() => {
            let message = "`integer` says the digits; take `precision` and `scale` out";
            issues.error(&value.place(), "wrong-value", message);
        }
        Some(("integer" | "decimal", _)) | None => {}
        Some((other, value)) => {
            let near = did_you_mean(other, ["decimal", "integer", "float"]);
            let message = format!("`{other}` is not one of `decimal`, `integer`, `float`{near}");
            issues.error(&value.place(), "wrong-value", message);
        }
    }
    let mut digits = digits(field_type, mapping, issues);
    if data_type.is_some_and(|value| matches!(value.content(), Content::Text(text) if text == "integer")) {
        digits = Digits { precision: 18, scale: 0 };
    }
    let money = match field_type {
        FieldType::Currency => currency::read(mapping, issues),
        _ => CurrencyDefinition::default(),
    };
    if let Some(Located { value: scale, place }) = money.scale {
        match (u8::try_from(scale), mapping.get("scale").or_else(|| mapping.get("precision"))) {
            (_, Some(_)) => {
                let message = "`scale` says the digits behind the point; say it once";
                issues.error(&place, "duplicate-key", message);
            }
            (Ok(scale), None) if scale <= DIGITS_MAX => digits = with_scale(field_type, scale),
            _ => issues.error(
                &place,
                "bad-range",
                format!("{scale} digits, but at most {DIGITS_MAX} are kept"),
            ),
        }
    }
    let Bounds { min, max, step } = bounds(field_type, mapping, digits, issues);
    let Digits { precision, scale } = digits;
    let scale = i8::try_from(scale).unwrap_or(i8::MAX);
    match field_type {
        FieldType::Currency => {
            FieldKind::Currency { precision, scale, min, max, step, currency: money.currency }
        }
        FieldType::Percent => FieldKind::Percent { precision, scale, min, max, step },
        _ => FieldKind::Number { precision, scale, min, max, step },
    }
}

/// The range and the steps, as decimal text.
struct Bounds {
    min: Option<String>,
    max: Option<String>,
    step: Option<String>,
}

fn bounds(field_type: FieldType, mapping: &Mapping<'_>, digits: Digits, issues: &mut Issues) -> Bounds {
    let (least, most) = range_of(field_type);
    let min = bound(mapping.get("min"), digits, issues).or(least.and_then(Decimal::parse));
    let max = bound(mapping.get("max"), digits, issues).or(most.and_then(Decimal::parse));
    let place = mapping.get("max").or_else(|| mapping.get("min"));
    if let (Some(min), Some(max), Some(value)) = (min, max, place)
        && max < min
    {
        issues.error(&value.place(), "bad-range", "`max` is below `min`: no number would fit");
    }
    let step = bound(mapping.get("step"), digits, issues);
    if let (Some(step), Some(value)) = (step, mapping.get("step"))
        && Decimal::parse("0").is_none_or(|zero| step <= zero)
    {
        issues.error(&value.place(), "bad-range", "a step goes up: write a number above 0");
    }
    Bounds { min: min.map(Decimal::text), max: max.map(Decimal::text), step: step.map(Decimal::text) }
}

/// The range of a type whose author gives none.
fn range_of(field_type: FieldType) -> (Option<&'static str>, Option<&'static str>) {
    match field_type {
        FieldType::Rating => (Some("0"), Some("5")),
        FieldType::Slider | FieldType::Progress => (Some("0"), Some("100")),
        _ => (None, None),
    }
}

/// `dataType: float`.
fn float(mapping: &Mapping<'_>, issues: &mut Issues) -> FieldKind {
    for key in ["precision", "scale", "step"] {
        if let Some(value) = mapping.get(key) {
            let message =
                format!("`{key}` speaks of exact digits, which a float does not have; take one out");
            issues.error(&value.place(), "not-for-this-type", message);
        }
    }
    let bound = |key: &str, issues: &mut Issues| mapping.get(key).and_then(|value| value.decimal(issues));
    let (min, max) = (bound("min", issues), bound("max", issues));
    if let (Some(min), Some(max), Some(value)) = (min, max, mapping.get("max"))
        && max < min
    {
        issues.error(&value.place(), "bad-range", "`max` is below `min`: no number would fit");
    }
    FieldKind::Float { min: min.map(Decimal::text), max: max.map(Decimal::text) }
}

/// The digits: as written, else by type. `precision` alone means digits behind the point in the packages of
/// this family, so that is what it means here, and the author is told.
fn digits(field_type: FieldType, mapping: &Mapping<'_>, issues: &mut Issues) -> Digits {
    let precision = mapping.get("precision").and_then(|value| count(value, issues));
    let scale = mapping.get("scale").and_then(|value| count(value, issues));
    let fallback = match field_type {
        FieldType::Currency => Digits { precision: 18, scale: 2 },
        FieldType::Percent => Digits { precision: 7, scale: 4 },
        FieldType::Rating | FieldType::Slider | FieldType::Progress => {
            Digits { precision: 18, scale: step_scale(mapping) }
        }
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

/// The digits behind the point of `step`.
fn step_scale(mapping: &Mapping<'_>) -> u8 {
    let step = match mapping.get("step").map(Value::content) {
        Some(Content::Number(text) | Content::Text(text)) => Decimal::parse(text),
        _ => None,
    };
    step.and_then(|step| u8::try_from(step.scale()).ok()).filter(|scale| *scale <= 18).unwrap_or(0)
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
