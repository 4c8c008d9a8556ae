//! What a new record gets: read against the type of its field.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, NaiveTime};
use serde_json::Value as Json;

use crate::{
    decimal::Decimal,
    definition::{Located, field::KindDefinition, options::Options, value::Value},
    expression::{self, Expression},
    issue::Issues,
    model::{Clause, Default_, FieldKind, SelectOption},
    nearest::did_you_mean,
    pattern::Pattern,
    yaml::{Content, Node},
};

/// A default as its author wrote it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum DefaultDefinition {
    /// Typed; that a current user fits its lookup is seen when the reference is resolved.
    Known(Default_),
    /// An expression, which is typed when all objects are known.
    Computed(String),
}

impl DefaultDefinition {
    /// What the field has; an expression is not typed yet.
    pub(crate) fn resolve(&self) -> Default_ {
        match self {
            Self::Known(default) => default.clone(),
            Self::Computed(source) => Default_::Computed(Clause {
                source: source.clone(),
                expression: Arc::new(Expression::null()),
            }),
        }
    }
}

/// Reads a default; one that does not fit the field is an issue.
pub(crate) fn read(
    value: &Value<'_>,
    kind: &KindDefinition,
    issues: &mut Issues,
) -> Option<Located<DefaultDefinition>> {
    if is_computed(value, kind) {
        let source = expression::read(value, issues)?;
        return Some(Located { value: DefaultDefinition::Computed(source.value), place: source.place });
    }
    let read = match kind {
        KindDefinition::Lookup(lookup) => match named(value) {
            Some(Default_::CurrentUser) if !lookup.many => Ok(Default_::CurrentUser),
            _ => Err("a lookup's default is `$currentUser`, or an expression that gives an id".to_owned()),
        },
        KindDefinition::Plain(kind) => of_kind(value, kind, issues)?,
        KindDefinition::Formula(_) | KindDefinition::Summary(_) => return None,
    };
    match read {
        Ok(default) => Some(value.located(DefaultDefinition::Known(default))),
        Err(message) => {
            issues.error(&value.place(), "bad-default", message);
            None
        }
    }
}

/// Whether a default is an expression: one that says so with its `dialect`, or a text where there must be none that is
/// written as one.
fn is_computed(value: &Value<'_>, kind: &KindDefinition) -> bool {
    match (value.content(), kind) {
        (_, KindDefinition::Formula(_) | KindDefinition::Summary(_)) => false,
        (Content::Map(entries), KindDefinition::Plain(FieldKind::Json)) => {
            let is = |key: &str| entries.iter().any(|entry| entry.key == key);
            entries.len() == 2 && is("dialect") && is("source")
        }
        (Content::Map(_), _) => true,
        (Content::Text(text), KindDefinition::Lookup(lookup)) => {
            !lookup.many && reads_as_expression(text, value, kind)
        }
        (
            Content::Text(text),
            KindDefinition::Plain(
                FieldKind::Number { .. }
                | FieldKind::Currency { .. }
                | FieldKind::Percent { .. }
                | FieldKind::Float { .. }
                | FieldKind::Boolean
                | FieldKind::Date
                | FieldKind::DateTime
                | FieldKind::Time,
            ),
        ) => reads_as_expression(text, value, kind),
        _ => false,
    }
}

/// `addDays(today(), 30)`, `2 * price`, `account.owner`; not a number or a day that is written wrongly.
fn reads_as_expression(text: &str, value: &Value<'_>, kind: &KindDefinition) -> bool {
    let is_time =
        matches!(kind, KindDefinition::Plain(FieldKind::Date | FieldKind::DateTime | FieldKind::Time));
    let begins_with_digit = text.trim_start().starts_with(|first: char| first.is_ascii_digit());
    let (signs, path) = (text.contains(|sign: char| "()+*/%<>=!&|?".contains(sign)), text.contains('.'));
    let names = text.contains(char::is_alphabetic);
    named(value).is_none()
        && names
        && !(is_time && begins_with_digit)
        && (signs || text.contains(" - ") || (path && !begins_with_digit))
}

/// A default that is a name of something known when the record is made.
fn named(value: &Value<'_>) -> Option<Default_> {
    let Content::Text(text) = value.content() else { return None };
    match text.to_ascii_lowercase().as_str() {
        "today()" | "$today" => Some(Default_::Today),
        "now()" | "$now" => Some(Default_::Now),
        "$currentuser" | "$current_user" | "current_user" | "currentuser()" => Some(Default_::CurrentUser),
        _ => None,
    }
}

/// The default in a field of `kind`; nothing when its shape has already been reported.
fn of_kind(value: &Value<'_>, kind: &FieldKind, issues: &mut Issues) -> Option<Result<Default_, String>> {
    let checked = match kind {
        FieldKind::Text { min_length, max_length, pattern, .. } => {
            text(value.text(issues)?, *min_length, *max_length, pattern.as_ref())
        }
        FieldKind::Number { precision, scale, min, max, step }
        | FieldKind::Currency { precision, scale, min, max, step, .. }
        | FieldKind::Percent { precision, scale, min, max, step } => {
            let digits = (*precision, u8::try_from(*scale).unwrap_or(0));
            let within = Range { min: min.as_deref(), max: max.as_deref(), step: step.as_deref() };
            number(value.decimal(issues)?, digits, within)
        }
        FieldKind::Float { min, max } => {
            let within = Range { min: min.as_deref(), max: max.as_deref(), step: None };
            in_range(value.decimal(issues)?, within)
        }
        FieldKind::Boolean => Ok(Json::Bool(value.flag(issues)?)),
        FieldKind::Date | FieldKind::DateTime | FieldKind::Time => return time(value, kind, issues),
        FieldKind::Select { options } => option(value.text(issues)?, options).map(Json::String),
        FieldKind::MultiSelect { options } => several(value, options, issues)?,
        FieldKind::Json => Ok(json(value.content())),
        FieldKind::Id
        | FieldKind::Lookup { .. }
        | FieldKind::References { .. }
        | FieldKind::AutoNumber { .. }
        | FieldKind::Formula { .. }
        | FieldKind::Composite { .. }
        | FieldKind::Password { .. }
        | FieldKind::Vector { .. } => Err("a field of this type has no default".to_owned()),
    };
    Some(checked.map(Default_::Value))
}

/// The default that options say they are; one for a select, any number for a multiselect.
pub(crate) fn of_options(
    read: &Options,
    many: bool,
    issues: &mut Issues,
) -> Option<Located<DefaultDefinition>> {
    let first = read.defaults.first()?;
    if let (false, Some(second)) = (many, read.defaults.get(1)) {
        let message = format!("`{}` is the default already; a new record gets one option", first.value);
        issues.error(&second.place, "bad-default", message);
    }
    for chosen in &read.defaults {
        if let Err(message) = option(&chosen.value, &read.options) {
            issues.error(&chosen.place, "bad-default", message);
        }
    }
    let value = match many {
        true => Json::from(read.defaults.iter().map(|chosen| chosen.value.clone()).collect::<Vec<_>>()),
        false => Json::String(first.value.clone()),
    };
    Some(Located { value: DefaultDefinition::Known(Default_::Value(value)), place: first.place.clone() })
}

/// What a number must lie in, as decimal text.
struct Range<'a> {
    min: Option<&'a str>,
    max: Option<&'a str>,
    step: Option<&'a str>,
}

fn text(text: &str, min: Option<u32>, max: Option<u32>, pattern: Option<&Pattern>) -> Result<Json, String> {
    let length = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
    if max.is_some_and(|max| length > max) || min.is_some_and(|min| length < min) {
        return Err(format!("a text of {length} characters is outside of the field's own limits"));
    }
    match pattern.filter(|pattern| !pattern.accepts(text)) {
        Some(pattern) => {
            Err(format!("`{text}` does not match the field's own pattern `{}`", pattern.as_str()))
        }
        None => Ok(Json::String(text.to_owned())),
    }
}

fn number(given: Decimal, digits: (u8, u8), within: Range<'_>) -> Result<Json, String> {
    let (precision, scale) = digits;
    if !given.fits(precision, scale) {
        return Err(format!("{} does not fit {precision} digits, {scale} behind the point", given.text()));
    }
    in_range(given, within)
}

fn in_range(given: Decimal, within: Range<'_>) -> Result<Json, String> {
    let bound = |text: Option<&str>| text.and_then(Decimal::parse);
    let (min, max, step) = (bound(within.min), bound(within.max), bound(within.step));
    if min.is_some_and(|min| given < min) || max.is_some_and(|max| given > max) {
        return Err(format!("{} is outside of the field's own range", given.text()));
    }
    let from = min.or_else(|| Decimal::parse("0"));
    if let (Some(from), Some(step)) = (from, step)
        && !given.is_on_step(from, step)
    {
        return Err(format!(
            "{} is not on a step of the field: they are {} apart",
            given.text(),
            step.text()
        ));
    }
    serde_json::from_str(&given.text()).map_err(|error| error.to_string())
}

fn time(value: &Value<'_>, kind: &FieldKind, issues: &mut Issues) -> Option<Result<Default_, String>> {
    let text = value.text(issues)?;
    let (read, example) = match kind {
        FieldKind::Date => (is_date(text), "`2024-05-31` or `TODAY()`"),
        FieldKind::DateTime => {
            (DateTime::parse_from_rfc3339(text).is_ok(), "`2024-05-31T12:00:00Z` or `NOW()`")
        }
        _ => (is_time(text), "`12:30:00` or `NOW()`"),
    };
    Some(match (named(value), kind) {
        (Some(Default_::Today), FieldKind::Date) => Ok(Default_::Today),
        (Some(Default_::Now), FieldKind::DateTime | FieldKind::Time) => Ok(Default_::Now),
        (None, _) if read => Ok(Default_::Value(Json::String(text.to_owned()))),
        _ => Err(format!("`{text}` is not a default for a {}, such as {example}", kind_name(kind))),
    })
}

fn kind_name(kind: &FieldKind) -> &'static str {
    match kind {
        FieldKind::Date => "date",
        FieldKind::DateTime => "datetime",
        _ => "time",
    }
}

fn is_date(text: &str) -> bool {
    text.len() == "2024-05-31".len() && NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok()
}

fn is_time(text: &str) -> bool {
    ["%H:%M", "%H:%M:%S", "%H:%M:%S%.f"].iter().any(|format| NaiveTime::parse_from_str(text, format).is_ok())
}

fn option(text: &str, options: &[SelectOption]) -> Result<String, String> {
    match options.iter().find(|option| option.value == text) {
        Some(option) if option.active => Ok(option.value.clone()),
        Some(_) => Err(format!("the option `{text}` is not offered any more")),
        None => {
            let near = did_you_mean(text, options.iter().map(|option| option.value.as_str()));
            Err(format!("`{text}` is not one of the options{near}"))
        }
    }
}

fn several(value: &Value<'_>, options: &[SelectOption], issues: &mut Issues) -> Option<Result<Json, String>> {
    let items = match value.content() {
        Content::Text(_) => vec![value.clone()],
        _ => value.list(issues)?,
    };
    let mut values: Vec<String> = Vec::new();
    for item in &items {
        match option(item.text(issues)?, options) {
            Ok(value) if values.contains(&value) => return Some(Err(format!("`{value}` is given twice"))),
            Ok(value) => values.push(value),
            Err(message) => return Some(Err(message)),
        }
    }
    Some(Ok(Json::from(values)))
}

/// Any value as JSON; the depth of a file is limited, and so is this recursion.
pub(crate) fn json(content: &Content) -> Json {
    let of = |node: &Node| json(&node.content);
    match content {
        Content::Null => Json::Null,
        Content::Boolean(flag) => Json::Bool(*flag),
        Content::Number(text) => {
            let plain = Decimal::parse(text).map(Decimal::text);
            plain.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or(Json::Null)
        }
        Content::Text(text) => Json::String(text.clone()),
        Content::List(items) => Json::Array(items.iter().map(of).collect()),
        Content::Map(entries) => {
            Json::Object(entries.iter().map(|e| (e.key.clone(), of(&e.value))).collect())
        }
    }
}
