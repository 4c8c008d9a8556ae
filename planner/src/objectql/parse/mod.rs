//! Reading a question from JSON, in every spelling of the family, strictly.
//!
//! One function per part of a question; each takes a [`Place`], so that every error says where it stands. Keys are
//! read through [`Keys`], which refuses what is left over: nothing is dropped in silence.

mod array_filter;
mod expand;
mod filter;
mod grouping;
mod operators;
mod order;
mod pivot;
mod place;
#[cfg(test)]
mod tests;
mod windows;

use chrono::DateTime;
use serde_json::{Map, Value};

use self::place::{Keys, Place, shown};
use super::{AsOf, Expand, Filter, Formula, GroupKey, Query, Search, Selection};
use crate::error::Result;

/// Things the language knows and this version can't do.
const LATER: &[&str] = &["explain", "joins", "highlight", "numbers"];

pub(super) fn query(json: &Value) -> Result<Query> {
    let place = Place::default();
    let Some(object) = json.as_object() else {
        return Err(place.query_error(format!("a question is a JSON object, not {}", shown(json))));
    };
    let mut keys = Keys::new(&place, object);
    let name = match keys.take(&["object"])? {
        Some((place, value)) => place.text(value)?.to_owned(),
        None => return Err(place.key("object").query_error("the question names no object")),
    };
    let mut query = body(&place, keys)?;
    query.object = name;
    Ok(query)
}

pub(super) fn whole_filter(json: &Value) -> Result<Filter> {
    filter::filter(&Place::at("where"), json)
}

/// A query below a relation; `relation` and `object` may stand in it.
fn nested(place: &Place, object: &Map<String, Value>, relation: &str) -> Result<Expand> {
    let mut keys = Keys::new(place, object);
    let named =
        keys.take(&["relation"])?.map(|(place, value)| place.text(value).map(str::to_owned)).transpose()?;
    let target =
        keys.take(&["object"])?.map(|(place, value)| place.text(value).map(str::to_owned)).transpose()?;
    let mut query = body(place, keys)?;
    query.object = target.unwrap_or_default();
    Ok(Expand { relation: named.unwrap_or_else(|| relation.to_owned()), query })
}

fn body(place: &Place, mut keys: Keys<'_>) -> Result<Query> {
    let mut query = Query::default();
    keys.refuse(LATER)?;
    if let Some((place, value)) = keys.take(&["expand", "populate", "$expand"])? {
        query.expand = expand::expand(&place, value)?;
    }
    if let Some((place, value)) = keys.take(&["fields", "select", "$select"])? {
        fields(&place, value, &mut query)?;
    }
    if let Some((place, value)) = keys.take(&["where", "filters", "filter", "$filter"])? {
        query.filter = Some(filter::filter_or_text(&place, value)?);
    }
    query.search = search(&mut keys)?;
    if let Some((place, value)) = keys.take(&["orderBy", "sort", "$orderby"])? {
        query.order_by = order::orders(&place, value)?;
    }
    if let Some((place, value)) = keys.take(&["limit", "top", "$top"])? {
        query.limit = Some(place.count(value)?);
    }
    if let Some((place, value)) = keys.take(&["offset", "skip", "$skip"])? {
        query.offset = Some(place.count(value)?);
    }
    page(&mut keys, &mut query)?;
    grouping::grouping(place, &mut keys, &mut query)?;
    if let Some((place, value)) = keys.take(&["pivot"])? {
        pivot::pivot(&place, value, &mut query)?;
    }
    if let Some((place, value)) = keys.take(&["windows", "windowFunctions"])? {
        query.windows = windows::windows(&place, value)?;
    }
    if let Some((place, value)) = keys.take(&["distinct"])?
        && place.flag(value)?
    {
        distinct(&place, &mut query)?;
    }
    if let Some((place, value)) = keys.take(&["count", "$count"])? {
        query.count = place.flag(value)?;
    }
    if let Some((place, value)) = keys.take(&["asOf"])? {
        query.as_of = Some(as_of(&place, value)?);
    }
    keys.finish()?;
    Ok(query)
}

/// Where a page begins or ends: `after` and `before` take what an answer said; the older `cursor` that, or values by field.
fn page(keys: &mut Keys<'_>, query: &mut Query) -> Result<()> {
    if let Some((place, value)) = keys.take(&["after"])? {
        query.after = Some(place.text(value)?.to_owned());
    }
    if let Some((place, value)) = keys.take(&["before"])? {
        query.before = Some(place.text(value)?.to_owned());
    }
    match keys.take(&["cursor"])? {
        None => {}
        Some((place, Value::String(text))) => match query.after.replace(text.clone()) {
            Some(after) if after != *text => {
                let message = "\"after\" and \"cursor\" mean the same but have different values";
                return Err(place.query_error(message));
            }
            _ => {}
        },
        Some((_, Value::Object(values))) => query.after_values = Some(values.clone()),
        Some((place, other)) => {
            let wanted = "what an answer's \"cursor\" said, or the values of the fields that are sorted by";
            return Err(place.error("INVALID_CURSOR", format!("expects {wanted}, not {}", shown(other))));
        }
    }
    let ways = [query.after.is_some(), query.before.is_some(), query.after_values.is_some()];
    match ways.iter().filter(|asked| **asked).count() {
        0 | 1 => Ok(()),
        _ => Err(Place::default()
            .error("INVALID_CURSOR", "a page lies behind one record, or before one: not both")),
    }
}

/// Each row once: groups by all that is asked for, without a number over them.
fn distinct(place: &Place, query: &mut Query) -> Result<()> {
    if !query.group_by.is_empty() || !query.aggregations.is_empty() {
        return Err(place.query_error("groups are distinct anyway"));
    }
    if query.fields.is_empty() || !query.expand.is_empty() {
        return Err(place.query_error("\"distinct\" takes records by their \"fields\", without \"expand\""));
    }
    let key = |Selection { path, alias }| GroupKey { path, alias, granularity: None, time_zone: None };
    query.group_by = std::mem::take(&mut query.fields).into_iter().map(key).collect();
    Ok(())
}

/// `["name", "account.name", {"field": "name", "as": "title"}]`, `"name,amount"`; the old node
/// `{"field": "account", "fields": […]}` is an expand.
fn fields(place: &Place, value: &Value, query: &mut Query) -> Result<()> {
    match value {
        Value::String(list) => {
            for name in list.split(',') {
                query.fields.push(selection(place, name)?);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                field(&place.index(index), item, query)?;
            }
        }
        other => return Err(place.query_error(format!("expects a list of fields, not {}", shown(other)))),
    }
    Ok(())
}

fn field(place: &Place, item: &Value, query: &mut Query) -> Result<()> {
    let object = match item {
        Value::String(name) => {
            query.fields.push(selection(place, name)?);
            return Ok(());
        }
        Value::Object(object) => object,
        other => return Err(place.query_error(format!("expects a field, not {}", shown(other)))),
    };
    let mut keys = Keys::new(place, object);
    if let Some(formula) = formula(&mut keys)? {
        let Some((at, name)) = keys.take(&["as", "alias"])? else {
            return Err(place.key("as").query_error("a formula needs a name"));
        };
        let name = at.text(name)?.to_owned();
        keys.finish()?;
        query.fields.push(selection(place, &name)?);
        query.formulas.push(Formula { name, ..formula });
        return Ok(());
    }
    let path = match keys.take(&["field", "path"])? {
        Some((place, value)) => place.text(value)?.trim().to_owned(),
        None => return Err(place.query_error("names no field: {\"field\": …, \"as\": …}")),
    };
    let alias = keys
        .take(&["as", "alias"])?
        .map(|(place, value)| place.text(value).map(str::to_owned))
        .transpose()?;
    let below = keys.take(&["fields"])?;
    keys.finish()?;
    let Some((place, value)) = below else {
        query.fields.push(Selection { path, alias });
        return Ok(());
    };
    let place = place.deeper()?;
    let mut inner = Query::default();
    fields(&place, value, &mut inner)?;
    let key = alias.unwrap_or_else(|| path.clone());
    if query.expand.insert(key, Expand { relation: path.clone(), query: inner }).is_some() {
        return Err(place.query_error(format!("{path:?} is expanded twice")));
    }
    Ok(())
}

/// A formula, named by its own text.
fn formula(keys: &mut Keys<'_>) -> Result<Option<Formula>> {
    let Some((place, value)) = keys.take(&["formula"])? else { return Ok(None) };
    let text = place.text(value)?.to_owned();
    Ok(Some(Formula { name: text.clone(), text, at: place.path() }))
}

fn selection(place: &Place, name: &str) -> Result<Selection> {
    let path = name.trim();
    if path.is_empty() {
        return Err(place.query_error("an empty field name"));
    }
    Ok(Selection { path: path.to_owned(), alias: None })
}

/// `"words"`, `{"query": "words", "fields": […]}`, `searchFields`.
fn search(keys: &mut Keys<'_>) -> Result<Option<Search>> {
    let asked = keys.take(&["search", "$search"])?;
    let narrowed = keys.take(&["searchFields", "$searchFields"])?;
    let Some((place, value)) = asked else {
        return match narrowed {
            Some((place, _)) => Err(place.query_error("there is no search to narrow")),
            None => Ok(None),
        };
    };
    let mut search = match value {
        Value::String(text) => Search { text: text.clone(), fields: Vec::new() },
        Value::Object(object) => {
            let mut keys = Keys::new(&place, object);
            keys.refuse(&["fuzzy", "highlight", "operator", "boost", "minScore", "language"])?;
            let text = match keys.take(&["query", "text"])? {
                Some((place, value)) => place.text(value)?.to_owned(),
                None => return Err(place.key("query").query_error("a search needs its words in \"query\"")),
            };
            let fields = keys.take(&["fields"])?.map(|(place, value)| names(&place, value)).transpose()?;
            keys.finish()?;
            Search { text, fields: fields.unwrap_or_default() }
        }
        other => return Err(place.query_error(format!("expects words, not {}", shown(other)))),
    };
    if let Some((place, value)) = narrowed {
        let fields = names(&place, value)?;
        if !search.fields.is_empty() && search.fields != fields {
            return Err(place.query_error("the search names other fields"));
        }
        search.fields = fields;
    }
    Ok(Some(search))
}

/// An instant as a text, or a commit number.
fn as_of(place: &Place, value: &Value) -> Result<AsOf> {
    if let Some(csn) = value.as_u64() {
        return Ok(AsOf::Csn(csn));
    }
    let instant = value.as_str().and_then(|text| DateTime::parse_from_rfc3339(text).ok());
    instant.map(|instant| AsOf::Time(instant.timestamp_micros())).ok_or_else(|| {
        let wanted = "an instant with its time zone (\"2026-09-30T23:59:59Z\") or a commit number";
        place.query_error(format!("expects {wanted}, not {}", shown(value)))
    })
}

/// A list of names, or names parted by commas.
fn names(place: &Place, value: &Value) -> Result<Vec<String>> {
    match value {
        Value::String(list) => Ok(list.split(',').map(|name| name.trim().to_owned()).collect()),
        Value::Array(items) => {
            let name = |(index, item)| place.index(index).text(item).map(|name: &str| name.trim().to_owned());
            items.iter().enumerate().map(name).collect()
        }
        other => Err(place.query_error(format!("expects a list of names, not {}", shown(other)))),
    }
}
