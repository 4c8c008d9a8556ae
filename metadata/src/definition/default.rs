//! What a new record gets: read against the type of its field.

use chrono::{DateTime, NaiveDate, NaiveTime};
use serde_json::Value as Json;

use crate::{
    decimal::Decimal,
    definition::{Located, field::KindDefinition, kind::type_name, value::Value},
    issue::Issues,
    model::{Default_, FieldKind, SelectOption},
    nearest::did_you_mean,
    yaml::{Content, Node},
};

/// A default, typed; that a current user fits its lookup is seen when the reference is resolved.
pub(crate) type DefaultDefinition = Default_;

/// Reads a default; one that does not fit the field is an issue.
pub(crate) fn read(
    value: &Value<'_>,
    kind: &KindDefinition,
    issues: &mut Issues,
) -> Option<Located<DefaultDefinition>> {
    let read = match kind {
        KindDefinition::Lookup(_) => match named(value) {
            Some(Default_::CurrentUser) => Ok(Default_::CurrentUser),
            _ => Err("a lookup's default can only be `$currentUser`".to_owned()),
        },
        KindDefinition::Plain(kind) => of_kind(value, kind, issues)?,
        KindDefinition::Formula(_) => return None,
    };
    match read {
        Ok(default) => Some(value.located(default)),
        Err(message) => {
            issues.error(&value.place(), "bad-default", message);
            None
        }
    }
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
        FieldKind::Text { min_length, max_length, .. } => text(value.text(issues)?, *min_length, *max_length),
        FieldKind::Number { precision, scale, min, max }
        | FieldKind::Currency { precision, scale, min, max }
        | FieldKind::Percent { precision, scale, min, max } => {
            let digits = (*precision, u8::try_from(*scale).unwrap_or(0));
            number(value.decimal(issues)?, digits, min.as_deref(), max.as_deref())
        }
        FieldKind::Boolean => Ok(Json::Bool(value.flag(issues)?)),
        FieldKind::Date | FieldKind::DateTime | FieldKind::Time => return time(value, kind, issues),
        FieldKind::Select { options } => option(value.text(issues)?, options).map(Json::String),
        FieldKind::MultiSelect { options } => several(value, options, issues)?,
        FieldKind::Json => Ok(json(value.content())),
        FieldKind::Id
        | FieldKind::Lookup { .. }
        | FieldKind::AutoNumber { .. }
        | FieldKind::Formula { .. } => Err(format!("a field of type {} has no default", type_name(kind))),
    };
    Some(checked.map(Default_::Value))
}

fn text(text: &str, min: Option<u32>, max: Option<u32>) -> Result<Json, String> {
    let length = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
    if max.is_some_and(|max| length > max) || min.is_some_and(|min| length < min) {
        return Err(format!("a text of {length} characters is outside of the field's own limits"));
    }
    Ok(Json::String(text.to_owned()))
}

fn number(given: Decimal, digits: (u8, u8), min: Option<&str>, max: Option<&str>) -> Result<Json, String> {
    let (precision, scale) = digits;
    if !given.fits(precision, scale) {
        return Err(format!("{} does not fit {precision} digits, {scale} behind the point", given.text()));
    }
    let bound = |text: Option<&str>| text.and_then(Decimal::parse);
    if bound(min).is_some_and(|min| given < min) || bound(max).is_some_and(|max| given > max) {
        return Err(format!("{} is outside of the field's own range", given.text()));
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
        _ => Err(format!("`{text}` is not a default for a {}, such as {example}", type_name(kind))),
    })
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
