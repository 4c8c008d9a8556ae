//! The kind of each summary field: a count is a whole number, a sum has room for many, the least and the greatest are as what
//! they are of, an average has digits behind the point.

use super::{Resolved, set_kind};
use crate::{
    compile::{Drafts, formulas},
    definition::Located,
    expression::Type,
    issue::Issues,
    limits::DIGITS_MAX,
    model::{Currency, Field, FieldKind, SummaryFunction},
    name::FieldName,
    nearest::did_you_mean,
};

/// Digits before the point that a sum has more than what is added up: ten thousand million records.
const SUM_DIGITS: u8 = 10;
/// Digits behind the point that an average has more.
const AVERAGE_DIGITS: u8 = 4;
/// A whole number of so many digits is stored as a 64-bit integer.
const INT_DIGITS_MAX: u8 = 18;

/// What can be said of a summary.
enum Found {
    Kind(FieldKind),
    /// What it is of is not known yet.
    Later,
    Wrong(&'static str, String),
    /// What it is of could not be read.
    Broken,
}

/// Gives every summary its kind, in rounds; those that stand on what has none are left.
pub(super) fn settle<'a>(
    drafts: &mut Drafts<'a>,
    resolved: &[Resolved<'a>],
    issues: &mut Issues,
) -> Vec<Resolved<'a>> {
    let mut open: Vec<Resolved<'a>> = resolved.to_vec();
    let mut formulas_are_new = true;
    while !open.is_empty() {
        let before = open.len();
        let mut later = Vec::new();
        for summary in open {
            match find(drafts, &summary) {
                Found::Kind(kind) => set_kind(drafts, &summary, kind),
                Found::Later => later.push(summary),
                Found::Wrong(code, message) => {
                    let field = summary.definition.field.as_ref().map(|field| &field.place);
                    issues.error(field.unwrap_or(&summary.definition.place), code, message);
                }
                Found::Broken => {}
            }
        }
        open = later;
        if open.len() < before {
            formulas_are_new = true;
        } else if formulas_are_new {
            // What is wrong with them is told when they are compiled for good.
            formulas::settle(drafts, &mut Issues::default());
            formulas_are_new = false;
        } else {
            break;
        }
    }
    open
}

fn find(drafts: &Drafts<'_>, summary: &Resolved<'_>) -> Found {
    let Some(taken) = &summary.definition.field else {
        return Found::Kind(FieldKind::number(INT_DIGITS_MAX, 0));
    };
    let Some(child) = drafts.get(&summary.child) else { return Found::Broken };
    let name = taken.value.as_str();
    let Some(field) = child.object.field(name) else {
        if child.definition.broken_fields.contains(name) {
            return Found::Broken;
        }
        let near = did_you_mean(name, child.object.fields.keys().map(FieldName::as_str));
        return Found::Wrong(
            "unknown-field",
            format!("`{name}` is not a field of `{}`{near}", summary.child),
        );
    };
    if matches!(&field.kind, FieldKind::Formula { expression, .. } if *expression.type_() == Type::Null) {
        return Found::Later;
    }
    let function = summary.definition.function;
    let said = |digits: &Option<Located<u8>>| digits.as_ref().map(|digits| digits.value);
    let (scale, precision) = (said(&summary.definition.scale), said(&summary.definition.precision));
    match kind(function, field, scale, precision) {
        Some(kind) => match precision.and_then(|precision| misfit(&kind, precision)) {
            Some(message) => Found::Wrong("bad-range", message),
            None => Found::Kind(kind),
        },
        None => {
            let message = match function {
                SummaryFunction::Count => format!("`{name}` ({}) is never looked at", field.declared),
                SummaryFunction::Min | SummaryFunction::Max => format!(
                    "a {function} is of a number, a text, a date or a time, which `{name}` ({}) is not",
                    field.declared
                ),
                _ => format!("a {function} is of a number, which `{name}` ({}) is not", field.declared),
            };
            Found::Wrong("not-for-this-type", message)
        }
    }
}

/// Why a sum can't have so many digits.
fn misfit(kind: &FieldKind, precision: u8) -> Option<String> {
    match Type::of(kind).and_then(|kind| kind.digits()) {
        Some((_, behind)) if precision < behind.max(1) => {
            Some(format!("{behind} digits behind the point, but {precision} in all"))
        }
        Some(_) => None,
        None => Some("a sum of floats has no digits of its own; take `precision` out".to_owned()),
    }
}

/// The kind of what a function makes of a field; none where it makes nothing of it.
fn kind(
    function: SummaryFunction,
    field: &Field,
    scale: Option<u8>,
    precision: Option<u8>,
) -> Option<FieldKind> {
    use SummaryFunction::{Avg, Count, Max, Min};
    let of = field.kind.of_values();
    match (function, of) {
        (Count, _) => Type::of(of).map(|_| FieldKind::number(INT_DIGITS_MAX, 0)),
        (
            _,
            FieldKind::Number { precision: all, scale: digits, .. }
            | FieldKind::Currency { precision: all, scale: digits, .. }
            | FieldKind::Percent { precision: all, scale: digits, .. },
        ) => {
            let digits = u8::try_from(*digits).ok()?;
            let is_int = matches!(of, FieldKind::Number { .. }) && digits == 0 && *all <= INT_DIGITS_MAX;
            let (precision, digits) = match (function, precision) {
                (Min | Max, _) => (*all, digits),
                (Avg, _) => {
                    let scale = scale.unwrap_or((digits + AVERAGE_DIGITS).min(DIGITS_MAX - 1));
                    ((all - digits).saturating_add(scale), scale)
                }
                (_, Some(precision)) => (precision, digits),
                _ if is_int => (INT_DIGITS_MAX, 0),
                _ => (all.saturating_add(SUM_DIGITS), digits),
            };
            Some(number_like(of, precision.min(DIGITS_MAX).max(digits), i8::try_from(digits).ok()?))
        }
        (_, FieldKind::Float { .. }) => Some(FieldKind::Float { min: None, max: None }),
        (Min | Max, FieldKind::Date | FieldKind::DateTime | FieldKind::Time) => Some(of.clone()),
        // As it is kept: records may be older than the form that their field asks for today.
        (Min | Max, FieldKind::Text { .. }) => Some(FieldKind::text()),
        _ => None,
    }
}

/// A number of the same kind, with other digits and no range. Money stays money; which record names its currency is not known
/// of many.
fn number_like(of: &FieldKind, precision: u8, scale: i8) -> FieldKind {
    let (min, max, step) = (None, None, None);
    match of {
        FieldKind::Currency { currency, .. } => {
            let currency = Currency { code: currency.code.clone(), field: None };
            FieldKind::Currency { precision, scale, min, max, step, currency }
        }
        FieldKind::Percent { .. } => FieldKind::Percent { precision, scale, min, max, step },
        _ => FieldKind::Number { precision, scale, min, max, step },
    }
}
