//! A formula field as its author wrote it: an expression, and what kind of field it gives.

use crate::{
    definition::{Located, mapping::Mapping},
    expression::{Returns, read},
    issue::Issues,
    limits::DIGITS_MAX,
    model::{Currency, FieldKind},
    nearest::did_you_mean,
};

/// Kinds of fields that a formula may give.
const RETURNS: &[&str] =
    &["boolean", "checkbox", "currency", "date", "datetime", "number", "percent", "string", "text", "time"];

/// A formula as its author wrote it.
#[derive(Clone, Debug)]
pub(crate) struct FormulaDefinition {
    pub(crate) source: Located<String>,
    pub(crate) returns: Returns,
    /// Kept in a column without an index too.
    pub(crate) kept: bool,
}

/// Reads `expression`, `returnType` (which older packages call `dataType`), `precision` and `scale`.
pub(crate) fn read_formula(mapping: &Mapping<'_>, issues: &mut Issues) -> Option<FormulaDefinition> {
    let source = mapping.must_get("expression", issues).and_then(|value| read(value, issues));
    if let Some(value) = mapping.get("readonly")
        && value.flag(issues) == Some(false)
    {
        issues.error(&value.place(), "wrong-value", "a formula is computed; it is always readonly");
    }
    let returns = returns(mapping, issues)?;
    Some(FormulaDefinition { source: source?, returns, kept: false })
}

fn returns(mapping: &Mapping<'_>, issues: &mut Issues) -> Option<Returns> {
    let scale = count(mapping, "scale", issues);
    let precision = count(mapping, "precision", issues);
    let Some(value) = mapping.get("returnType").or_else(|| mapping.get("dataType")) else {
        return Some(scale.map_or(Returns::Anything, |scale| number(precision, scale)));
    };
    let name = value.text(issues)?.to_ascii_lowercase();
    let digits = |fallback: (u8, u8)| {
        let scale = scale.unwrap_or(fallback.1);
        (precision.unwrap_or(fallback.0).max(scale), i8::try_from(scale).unwrap_or(i8::MAX))
    };
    Some(match name.as_str() {
        "number" => scale.map_or(Returns::SomeNumber, |scale| number(precision, scale)),
        "currency" => {
            let (precision, scale) = digits((18, 2));
            Returns::Exactly(FieldKind::Currency {
                precision,
                scale,
                min: None,
                max: None,
                step: None,
                currency: Currency::default(),
            })
        }
        "percent" => {
            let (precision, scale) = digits((18, 4));
            Returns::Exactly(FieldKind::Percent { precision, scale, min: None, max: None, step: None })
        }
        "text" | "string" => Returns::Exactly(FieldKind::text()),
        "boolean" | "checkbox" => Returns::Exactly(FieldKind::Boolean),
        "date" => Returns::Exactly(FieldKind::Date),
        "datetime" => Returns::Exactly(FieldKind::DateTime),
        "time" => Returns::Exactly(FieldKind::Time),
        _ => {
            let near = did_you_mean(&name, RETURNS.iter().copied());
            let message =
                format!("a formula can't give a `{name}`{near}; it gives one of {}", RETURNS.join(", "));
            issues.error(&value.place(), "wrong-value", message);
            return None;
        }
    })
}

fn number(precision: Option<u8>, scale: u8) -> Returns {
    let precision = precision.unwrap_or(18).max(scale);
    let scale = i8::try_from(scale).unwrap_or(i8::MAX);
    Returns::Exactly(FieldKind::number(precision, scale))
}

fn count(mapping: &Mapping<'_>, key: &str, issues: &mut Issues) -> Option<u8> {
    let value = mapping.get(key)?;
    let count = value.count(issues)?;
    let fits = u8::try_from(count).ok().filter(|count| *count <= DIGITS_MAX);
    if fits.is_none() {
        issues.error(&value.place(), "bad-range", format!("at most {DIGITS_MAX} digits are kept"));
    }
    fits
}
