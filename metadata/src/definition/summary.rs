//! A summary field as its author wrote it: which records, what is made of them.
//!
//! `summaryOperations: {relation: lines, function: sum, field: amount, filter: "…"}`, or `object` and `relationshipField` in
//! place of `relation`; older packages write `summary_object`, `summary_field` and `summary_type` beside the type.

use crate::{
    definition::{
        Located,
        mapping::{Keys, Mapping},
        value::Value,
    },
    expression::read,
    issue::{Issues, Place},
    limits::DIGITS_MAX,
    model::SummaryFunction,
    name::FieldName,
    nearest::did_you_mean,
};

/// A summary as its author wrote it.
#[derive(Clone, Debug)]
pub(crate) struct SummaryDefinition {
    pub(crate) place: Place,
    pub(crate) of: Records,
    pub(crate) function: SummaryFunction,
    pub(crate) field: Option<Located<FieldName>>,
    pub(crate) filter: Option<Located<String>>,
    /// Digits behind the point of an average.
    pub(crate) scale: Option<Located<u8>>,
    /// Digits in all of a sum.
    pub(crate) precision: Option<Located<u8>>,
}

/// Which records are summed up; names are still to be resolved.
#[derive(Clone, Debug)]
pub(crate) enum Records {
    /// Those of a list of the object itself.
    Relation(Located<String>),
    /// Those of an object, by one of its lookups: the only one that leads here, when none is named.
    Object { object: Located<String>, lookup: Option<Located<FieldName>> },
}

const KEYS: Keys = Keys {
    of: "a summary",
    known: &[
        ("relation", &[]),
        ("object", &[]),
        ("relationshipField", &[]),
        ("function", &["type"]),
        ("field", &[]),
        ("filter", &["filters"]),
    ],
    later: &[],
};

/// The keys of older packages.
const OLDER: &[&str] = &["summaryObject", "summaryField", "summaryType"];

/// Reads what is summed up of a field of type `summary`.
pub(crate) fn read_summary(mapping: &Mapping<'_>, issues: &mut Issues) -> Option<SummaryDefinition> {
    if let Some(value) = mapping.get("readonly")
        && value.flag(issues) == Some(false)
    {
        issues.error(&value.place(), "wrong-value", "a summary is kept by the engine; it is always readonly");
    }
    let scale =
        mapping.get("scale").and_then(|value| digits(value, DIGITS_MAX - 1, "behind the point", issues));
    let precision = mapping.get("precision").and_then(|value| digits(value, DIGITS_MAX, "in all", issues));
    let summary = match mapping.get("summaryOperations") {
        Some(value) => {
            for (_, older) in mapping.iter().filter(|(key, _)| OLDER.contains(key)) {
                let message = "`summaryOperations` says it already; keep one of them";
                issues.error(&older.place(), "duplicate-key", message);
            }
            of_operations(value, issues)
        }
        None if mapping.iter().any(|(key, _)| OLDER.contains(&key)) => of_older(mapping, issues),
        None => {
            mapping.must_get("summaryOperations", issues);
            None
        }
    }?;
    let function = summary.function.name();
    if let (Some(scale), true) = (&scale, summary.function != SummaryFunction::Avg) {
        let message = format!("a {function} has the digits of what it is made of; `scale` is for an `avg`");
        issues.error(&scale.place, "not-for-this-type", message);
    }
    if let (Some(precision), true) = (&precision, summary.function != SummaryFunction::Sum) {
        let message = format!("a {function} has as many digits as it needs; `precision` is for a `sum`");
        issues.error(&precision.place, "not-for-this-type", message);
    }
    Some(SummaryDefinition { scale, precision, ..summary })
}

fn of_operations(value: &Value<'_>, issues: &mut Issues) -> Option<SummaryDefinition> {
    let mapping = Mapping::read(value, &KEYS, issues)?;
    let text = |key: &str, issues: &mut Issues| {
        mapping.get(key).and_then(|value| Some(value.located(value.text(issues)?.to_owned())))
    };
    let lookup = text("relationshipField", issues).map(field_name);
    let of = match (text("relation", issues), text("object", issues)) {
        (Some(relation), None) => {
            if let Some(lookup) = &lookup {
                let message = "`relation` says by which lookup already; take `relationshipField` out";
                issues.error(&lookup.place, "duplicate-key", message);
            }
            Some(Records::Relation(relation))
        }
        (Some(relation), Some(_)) => {
            let message = "`object` says which records already; keep it, or `relation`";
            issues.error(&relation.place, "duplicate-key", message);
            None
        }
        (None, Some(object)) => Some(Records::Object { object, lookup }),
        (None, None) => {
            if mapping.get("relation").or_else(|| mapping.get("object")).is_none() {
                let message = "`relation` is missing, or `object`: which records are summed up";
                issues.error(mapping.place(), "missing-property", message);
            }
            None
        }
    };
    let function = mapping.must_get("function", issues).and_then(|value| function(value, issues));
    let field = text("field", issues).map(field_name);
    let filter = match mapping.get("filter") {
        Some(value) => Some(read(value, issues)?),
        None => None,
    };
    let (of, function) = (of?, function?);
    must_have_field(function, field.as_ref(), mapping.place(), issues)?;
    Some(SummaryDefinition {
        place: value.place(),
        of,
        function,
        field,
        filter,
        scale: None,
        precision: None,
    })
}

fn of_older(mapping: &Mapping<'_>, issues: &mut Issues) -> Option<SummaryDefinition> {
    let text = |value: &Value<'_>, issues: &mut Issues| Some(value.located(value.text(issues)?.to_owned()));
    let object = mapping.must_get("summaryObject", issues).and_then(|value| text(value, issues));
    let function = mapping.must_get("summaryType", issues).and_then(|value| function(value, issues));
    let field = mapping.get("summaryField").and_then(|value| text(value, issues)).map(field_name);
    let (object, function) = (object?, function?);
    let place = object.place.clone();
    must_have_field(function, field.as_ref(), &place, issues)?;
    let of = Records::Object { object, lookup: None };
    Some(SummaryDefinition { place, of, function, field, filter: None, scale: None, precision: None })
}

fn field_name(text: Located<String>) -> Located<FieldName> {
    Located { value: FieldName::from(text.value.as_str()), place: text.place }
}

fn function(value: &Value<'_>, issues: &mut Issues) -> Option<SummaryFunction> {
    let name = value.text(issues)?;
    let known = SummaryFunction::ALL.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    if known.is_none() {
        let names: Vec<&str> = SummaryFunction::ALL.iter().map(|(name, _)| *name).collect();
        let near = did_you_mean(name, names.iter().copied());
        let message = format!("`{name}` is not one of {}{near}", names.join(", "));
        issues.error(&value.place(), "wrong-value", message);
    }
    known.map(|(_, function)| *function)
}

/// All but a count are of a field; nothing where it is missing.
fn must_have_field(
    function: SummaryFunction,
    field: Option<&Located<FieldName>>,
    place: &Place,
    issues: &mut Issues,
) -> Option<()> {
    if field.is_none() && function != SummaryFunction::Count {
        let message = format!("`field` is missing: what the {function} is of");
        issues.error(place, "missing-property", message);
        return None;
    }
    Some(())
}

fn digits(value: &Value<'_>, most: u8, which: &str, issues: &mut Issues) -> Option<Located<u8>> {
    let digits = value.count(issues)?;
    let fits = u8::try_from(digits).ok().filter(|digits| *digits <= most);
    if fits.is_none() {
        issues.error(&value.place(), "bad-range", format!("at most {most} digits {which} are kept"));
    }
    fits.map(|digits| value.located(digits))
}
