//! `groupBy`, `aggregations` and `having` in their forms.

use serde_json::Value;

use super::{
    filter,
    place::{Keys, Place, shown},
};
use crate::{
    error::Result,
    nearest,
    objectql::{AggregateFunction, Aggregation, Granularity, GroupKey, Query},
};

/// Every function of the language with what this version does of it.
const FUNCTIONS: &[(&str, Option<AggregateFunction>)] = &[
    ("count", Some(AggregateFunction::Count)),
    ("count_distinct", Some(AggregateFunction::CountDistinct)),
    ("countDistinct", Some(AggregateFunction::CountDistinct)),
    ("sum", Some(AggregateFunction::Sum)),
    ("avg", Some(AggregateFunction::Avg)),
    ("min", Some(AggregateFunction::Min)),
    ("max", Some(AggregateFunction::Max)),
    ("median", None),
    ("stddev", None),
    ("variance", None),
    ("percentile", None),
    ("first", None),
    ("last", None),
    ("array_agg", None),
    ("string_agg", None),
    ("bool_and", None),
    ("bool_or", None),
];

const GRANULARITIES: &[(&str, Granularity)] = &[
    ("hour", Granularity::Hour),
    ("day", Granularity::Day),
    ("week", Granularity::Week),
    ("month", Granularity::Month),
    ("quarter", Granularity::Quarter),
    ("year", Granularity::Year),
];

pub(super) fn grouping(place: &Place, keys: &mut Keys<'_>, query: &mut Query) -> Result<()> {
    if let Some((place, value)) = keys.take(&["groupBy", "group_by"])? {
        query.group_by = group_keys(&place, value)?;
    }
    if let Some((place, value)) = keys.take(&["aggregations", "aggregate"])? {
        query.aggregations = aggregations(&place, value)?;
    }
    if let Some((place, value)) = keys.take(&["having"])? {
        query.having = Some(filter::filter(&place, value)?);
    }
    if let Some((place, value)) = keys.take(&["timeZone", "timezone"])? {
        let zone = time_zone(&place, value)?;
        for key in &mut query.group_by {
            key.time_zone = key.time_zone.or(key.granularity.map(|_| zone));
        }
        if query.group_by.iter().all(|key| key.granularity.is_none()) {
            return Err(place
                .not_supported("a time zone is taken with date group keys only; set the session's instead"));
        }
    }
    let grouped = !query.group_by.is_empty() || !query.aggregations.is_empty();
    if query.having.is_some() && !grouped {
        return Err(place.key("having").query_error("\"having\" needs groupBy or aggregations"));
    }
    Ok(())
}

fn group_keys(place: &Place, value: &Value) -> Result<Vec<GroupKey>> {
    match value {
        Value::String(list) => list.split(',').map(|path| plain_key(place, path)).collect(),
        Value::Array(items) => {
            items.iter().enumerate().map(|(index, item)| group_key(&place.index(index), item)).collect()
        }
        Value::Object(_) => Ok(vec![group_key(place, value)?]),
        other => Err(place.query_error(format!("expects group keys, not {}", shown(other)))),
    }
}

fn plain_key(place: &Place, path: &str) -> Result<GroupKey> {
    let path = path.trim();
    if path.is_empty() {
        return Err(place.query_error("an empty group key"));
    }
    Ok(GroupKey { path: path.to_owned(), granularity: None, time_zone: None, alias: None })
}

fn group_key(place: &Place, item: &Value) -> Result<GroupKey> {
    let object = match item {
        Value::String(path) => return plain_key(place, path),
        Value::Object(object) => object,
        other => return Err(place.query_error(format!("expects a group key, not {}", shown(other)))),
    };
    let mut keys = Keys::new(place, object);
    let Some((at, path)) = keys.take(&["field", "path"])? else {
        return Err(place.query_error("the group key names no field"));
    };
    let mut key = plain_key(&at, at.text(path)?)?;
    if let Some((place, value)) = keys.take(&["granularity", "dateGranularity", "interval"])? {
        key.granularity = Some(granularity(&place, value)?);
    }
    if let Some((place, value)) = keys.take(&["timeZone", "timezone"])? {
        key.time_zone = Some(time_zone(&place, value)?);
    }
    if let Some((place, value)) = keys.take(&["as", "alias"])? {
        key.alias = Some(place.text(value)?.to_owned());
    }
    keys.finish()?;
    Ok(key)
}

fn granularity(place: &Place, value: &Value) -> Result<Granularity> {
    let name = place.text(value)?.to_lowercase();
    if name.starts_with("fiscal_") {
        return Err(place.not_supported("fiscal periods are not supported yet"));
    }
    let known = GRANULARITIES.iter().find(|(known, _)| *known == name);
    known.map(|(_, granularity)| *granularity).ok_or_else(|| {
        let hint = nearest::hint(&name, GRANULARITIES.iter().map(|(name, _)| *name));
        place.query_error(format!("unknown granularity {name:?}{hint}"))
    })
}

fn time_zone(place: &Place, value: &Value) -> Result<chrono_tz::Tz> {
    let name = place.text(value)?;
    name.parse().map_err(|_| place.query_error(format!("unknown time zone {name:?}")))
}

fn aggregations(place: &Place, value: &Value) -> Result<Vec<Aggregation>> {
    match value {
        Value::Array(items) => {
            items.iter().enumerate().map(|(index, item)| aggregation(&place.index(index), item)).collect()
        }
        Value::Object(_) => Ok(vec![aggregation(place, value)?]),
        other => Err(place.query_error(format!("expects aggregations, not {}", shown(other)))),
    }
}

fn aggregation(place: &Place, item: &Value) -> Result<Aggregation> {
    let Some(object) = item.as_object() else {
        return Err(
            place.query_error(format!("expects {{\"function\", \"field\", \"as\"}}, not {}", shown(item)))
        );
    };
    let mut keys = Keys::new(place, object);
    let Some((at, name)) = keys.take(&["function", "func", "method"])? else {
        return Err(place.key("function").query_error("the aggregation names no function"));
    };
    let mut function = function(&at, at.text(name)?)?;
    let field = keys.take(&["field", "path"])?;
    let path = field.map(|(place, value)| place.text(value).map(str::to_owned)).transpose()?;
    let path = path.filter(|path| path != "*");
    if let Some((place, value)) = keys.take(&["distinct"])? {
        match (place.flag(value)?, function) {
            (false, _)
            | (true, AggregateFunction::CountDistinct | AggregateFunction::Min | AggregateFunction::Max) => {}
            (true, AggregateFunction::Count) => function = AggregateFunction::CountDistinct,
            (true, _) => return Err(place.not_supported("\"distinct\" is taken with count only")),
        }
    }
    if path.is_none() && function != AggregateFunction::Count {
        return Err(place.key("field").query_error("this function needs a field"));
    }
    let filter =
        keys.take(&["filter", "where"])?.map(|(place, value)| filter::filter(&place, value)).transpose()?;
    let alias = keys
        .take(&["as", "alias"])?
        .map(|(place, value)| place.text(value).map(str::to_owned))
        .transpose()?;
    keys.finish()?;
    Ok(Aggregation { function, path, filter, alias })
}

fn function(place: &Place, name: &str) -> Result<AggregateFunction> {
    let known = FUNCTIONS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    match known {
        Some((_, Some(function))) => Ok(*function),
        Some((name, None)) => Err(place.not_supported(format!("the function {name:?} is not supported yet"))),
        None => {
            let hint = nearest::hint(name, FUNCTIONS.iter().map(|(name, _)| *name));
            Err(place.query_error(format!("unknown function {name:?}{hint}")))
        }
    }
}
