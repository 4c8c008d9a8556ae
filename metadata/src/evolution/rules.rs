//! How a property of a field, of its kind or of an object may change.
//!
//! Properties go by the names of their canonical form. One that is not in a table here may not change at all: whoever adds a
//! property to the model decides here how it evolves.

use std::cmp::Ordering;

use serde_json::Value;

use crate::decimal::Decimal;

/// How a property may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// Any change is fine: a text, a hint.
    Free,
    /// A list or a table that is compared elsewhere.
    Elsewhere,
    /// Becoming true asks more of who writes.
    NotTrue,
    /// Becoming false takes something away from who reads or writes.
    NotFalse,
    /// The least that is allowed: may go down, and away.
    Least,
    /// The most that is allowed: may go up, and away.
    Most,
    /// Digits: may grow.
    Grows,
    /// A default: may come and change; whether it may go depends on `required`.
    Default,
    /// What happens here when the record referred to is deleted.
    OnDelete,
    /// The family of a text: may lose its checks.
    TextFormat,
    /// How an autonumber is written: may only have more digits.
    NumberFormat,
    /// Another summary of the same kind; what clients write can't become one, nor the other way.
    Summary,
    /// Which contents a field takes: may become more.
    Content,
    /// What a formula gives: may be one of more options.
    Returns,
    /// May not change.
    Frozen,
}

/// Properties of a field.
const FIELD: &[(&str, Rule)] = &[
    ("name", Rule::Elsewhere),
    ("alias", Rule::Elsewhere),
    ("kind", Rule::Elsewhere),
    ("added_by", Rule::Free),
    ("deprecated", Rule::Free),
    // The kind says what it means.
    ("declared", Rule::Elsewhere),
    ("hints", Rule::Free),
    ("write_once", Rule::NotTrue),
    ("depends_on", Rule::Frozen),
    ("label", Rule::Free),
    ("description", Rule::Free),
    ("help", Rule::Free),
    ("hidden", Rule::Free),
    ("index", Rule::Elsewhere),
    ("required", Rule::NotTrue),
    ("unique", Rule::Elsewhere),
    ("readonly", Rule::NotTrue),
    ("searchable", Rule::NotFalse),
    ("external_id", Rule::NotFalse),
    ("default", Rule::Default),
    // As a rule may be added or changed.
    ("conditions", Rule::Free),
    ("system", Rule::Frozen),
    ("summary", Rule::Summary),
    // Who may see what may change, and is told.
    ("mask", Rule::Free),
];

/// Properties of a field's kind.
const KIND: &[(&str, Rule)] = &[
    ("format", Rule::TextFormat),
    ("min_length", Rule::Least),
    ("max_length", Rule::Most),
    ("min", Rule::Least),
    ("max", Rule::Most),
    ("precision", Rule::Grows),
    ("scale", Rule::Grows),
    // May only go away.
    ("pattern", Rule::Least),
    ("step", Rule::Least),
    ("tree", Rule::NotTrue),
    ("currency", Rule::Frozen),
    ("parts", Rule::Frozen),
    ("many", Rule::Frozen),
    ("content", Rule::Content),
    ("dimensions", Rule::Frozen),
    ("options", Rule::Elsewhere),
    ("target", Rule::Elsewhere),
    ("on_delete", Rule::OnDelete),
    // Another formula for the same thing; what it gives may not change, but for objects to which a reference leads too.
    ("expression", Rule::Free),
    ("returns", Rule::Returns),
    // It comes and goes with an index.
    ("stored", Rule::Free),
    // The format names them.
    ("fields", Rule::Free),
];

/// Properties of an object.
const OBJECT: &[(&str, Rule)] = &[
    ("name", Rule::Elsewhere),
    ("alias", Rule::Elsewhere),
    ("package", Rule::Frozen),
    ("label", Rule::Free),
    ("plural_label", Rule::Free),
    ("description", Rule::Free),
    ("icon", Rule::Free),
    ("name_field", Rule::Free),
    ("id_prefix", Rule::Frozen),
    ("fields", Rule::Elsewhere),
    ("relations", Rule::Elsewhere),
    ("indexes", Rule::Elsewhere),
    // Each field says so itself.
    ("searchable", Rule::Elsewhere),
    // What is in it decides.
    ("recycle_bin", Rule::Elsewhere),
    ("uncloned", Rule::Free),
    // The fields that it is made of say so themselves.
    ("polymorphic", Rule::Elsewhere),
    // It may change, and is told in its own words.
    ("sharing", Rule::Elsewhere),
];

/// What a property belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    Object,
    Field,
    Kind,
}

/// The rule of a property; one that nobody has thought about is frozen.
pub(super) fn rule(of: Of, property: &str) -> Rule {
    let table = match of {
        Of::Object => OBJECT,
        Of::Field => FIELD,
        Of::Kind => KIND,
    };
    table.iter().find(|(name, _)| *name == property).map_or(Rule::Frozen, |(_, rule)| *rule)
}

/// What a change of a property is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nobody minds.
    Wider,
    /// What was allowed before is refused now, or what was there is gone.
    Narrower,
    /// It means something else.
    Other,
}

/// Judges a change from `old` to `new`, which differ.
pub(super) fn judge(rule: Rule, old: &Value, new: &Value) -> Verdict {
    use Verdict::{Narrower, Other, Wider};
    match rule {
        Rule::Free | Rule::Elsewhere => Wider,
        Rule::NotTrue => either(*new != Value::Bool(true), Narrower),
        Rule::NotFalse => either(*new != Value::Bool(false), Narrower),
        Rule::Least => either(new.is_null() || compare(new, old) == Some(Ordering::Less), Narrower),
        Rule::Most => either(new.is_null() || compare(new, old) == Some(Ordering::Greater), Narrower),
        Rule::Grows => either(compare(new, old) == Some(Ordering::Greater), Narrower),
        Rule::Default => either(!new.is_null(), Narrower),
        Rule::OnDelete => match (old.as_str(), new.as_str()) {
            (Some("Restrict"), Some("SetNull")) | (Some("Cascade"), Some("SetNull")) => Wider,
            (_, Some("Restrict")) => Narrower,
            _ => Other,
        },
        Rule::TextFormat => text_format(old, new),
        Rule::NumberFormat => match (old.as_str(), new.as_str()) {
            (Some(old), Some(new)) if more_digits(old, new) => Wider,
            _ => Other,
        },
        Rule::Content => contents(old, new),
        Rule::Returns => returns(old, new),
        Rule::Summary if !old.is_null() && !new.is_null() => Wider,
        Rule::Summary | Rule::Frozen => Other,
    }
}

fn either(holds: bool, otherwise: Verdict) -> Verdict {
    if holds { Verdict::Wider } else { otherwise }
}

/// Exact; none where one of them is no number.
fn compare(left: &Value, right: &Value) -> Option<Ordering> {
    let number = |value: &Value| match value {
        Value::Number(number) => Decimal::parse(&number.to_string()),
        Value::String(text) => Decimal::parse(text),
        _ => None,
    };
    Some(number(left)?.cmp(&number(right)?))
}

/// A picture may become any file; what was accepted still must be.
fn contents(old: &Value, new: &Value) -> Verdict {
    use Verdict::{Narrower, Other, Wider};
    if old.is_null() || new.is_null() {
        return Other;
    }
    let (was, is) = (&old["family"], &new["family"]);
    if !is.is_null() && was != is {
        return if was.is_null() { Narrower } else { Other };
    }
    let list = |of: &'_ Value| of["accept"].as_array().cloned().unwrap_or_default();
    let (was, is) = (list(old), list(new));
    let covers = |item: &Value| {
        let family =
            item.as_str().and_then(|item| item.split_once('/')).map(|(family, _)| format!("{family}/*"));
        is.contains(item) || family.is_some_and(|family| is.contains(&family.into()))
    };
    let all = is.is_empty() || (!was.is_empty() && was.iter().all(covers));
    let (was, is) = (&old["max_bytes"], &new["max_bytes"]);
    let size = if was == is { Wider } else { judge(Rule::Most, was, is) };
    if all { size } else { Narrower }
}

/// One of several options goes on being one of them; how they are told is free.
fn returns(old: &Value, new: &Value) -> Verdict {
    let values = |kind: &Value| -> Option<Vec<Value>> {
        let options = kind.get("Select")?.get("options")?.as_array()?;
        Some(options.iter().map(|option| option["value"].clone()).collect())
    };
    match (values(old), values(new)) {
        (Some(old), Some(new)) => either(old.iter().all(|value| new.contains(value)), Verdict::Narrower),
        _ => Verdict::Other,
    }
}

/// Texts without a check of their form take every text; an autonumber's format is a text too.
fn text_format(old: &Value, new: &Value) -> Verdict {
    const UNCHECKED: &[&str] = &["Text", "TextArea"];
    match (old.as_str(), new.as_str()) {
        (Some(old), Some(new)) if old.contains('{') => judge(Rule::NumberFormat, &old.into(), &new.into()),
        (_, Some(new)) if UNCHECKED.contains(&new) => Verdict::Wider,
        _ => Verdict::Other,
    }
}

/// `Q-{000}` to `Q-{0000}`: it counts on.
fn more_digits(old: &str, new: &str) -> bool {
    let parts = |format: &str| {
        let at = format.find("{0")?;
        let (before, rest) = format.split_at(at);
        let (digits, after) = rest.split_once('}')?;
        Some((before.to_owned(), digits.len(), after.to_owned()))
    };
    match (parts(old), parts(new)) {
        (Some((b1, d1, a1)), Some((b2, d2, a2))) => b1 == b2 && a1 == a2 && d2 > d1,
        _ => false,
    }
}
