//! `groupBy`, `aggregations` and `having` in their forms.

use serde_json::Value;

use super::{
    filter, formula, order,
    place::{Keys, Place, shown},
};
use crate::{
    error::Result,
    nearest,
    objectql::{AggregateFunction, Aggregation, Formula, Granularity, GroupKey, Query},
};

/// The functions by their names.
pub(super) const FUNCTIONS: &[(&str, AggregateFunction)] = &[
    ("count", AggregateFunction::Count),
    ("count_distinct", AggregateFunction::CountDistinct),
    ("countDistinct", AggregateFunction::CountDistinct),
    ("sum", AggregateFunction::Sum),
    ("avg", AggregateFunction::Avg),
    ("min", AggregateFunction::Min),
    ("max", AggregateFunction::Max),
    ("median", AggregateFunction::Median),
    ("stddev", AggregateFunction::StdDev),
    ("variance", AggregateFunction::Variance),
    ("percentile", AggregateFunction::Percentile),
    ("first", AggregateFunction::First),
    ("last", AggregateFunction::Last),
    ("array_agg", AggregateFunction::ArrayAgg),
    ("string_agg", AggregateFunction::StringAgg),
    ("bool_and", AggregateFunction::BoolAnd),
    ("bool_or", AggregateFunction::BoolOr),
];

/// The granularities by their names.
pub(super) const GRANULARITIES: &[(&str, Granularity)] = &[
    ("hour", Granularity::Hour),
    ("day", Granularity::Day),
    ("week", Granularity::Week),
    ("month", Granularity::Month),
    ("quarter", Granularity::Quarter),
    ("year", Granularity::Year),
];

pub(super) fn grouping(place: &Place, keys: &mut Keys<'_>, query: &mut Query) -> Result<()> {
    if let Some((place, value)) = keys.take(&["groupBy", "group_by"])? {
        query.group_by = group_keys(&place, value, &mut query.formulas)?;
    }
    if let Some((place, value)) = keys.take(&["aggregations", "aggregate"])? {
        query.aggregations = aggregations(&place, value, &mut query.formulas)?;
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
    if let Some((place, value)) = keys.take(&["rollup"])? {
        query.rollup = place.flag(value)?;
        if query.rollup && query.group_by.is_empty() {
            return Err(
                place.query_error("\"rollup\" makes totals for the keys of \"groupBy\": there are none")
            );
        }
    }
    let grouped = !query.group_by.is_empty() || !query.aggregations.is_empty();
    if query.having.is_some() && !grouped {
        return Err(place.key("having").query_error("\"having\" needs groupBy or aggregations"));
    }
    Ok(())
}

fn group_keys(place: &Place, value: &Value, formulas: &mut Vec<Formula>) -> Result<Vec<GroupKey>> {
    match value {
        Value::String(list) => list.split(',').map(|path| plain_key(place, path)).collect(),
        Value::Array(items) => {
            let key = |(index, item)| group_key(&place.index(index), item, formulas);
            items.iter().enumerate().map(key).collect()
        }
        Value::Object(_) => Ok(vec![group_key(place, value, formulas)?]),
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

fn group_key(place: &Place, item: &Value, formulas: &mut Vec<Formula>) -> Result<GroupKey> {
    let object = match item {
        Value::String(path) => return plain_key(place, path),
        Value::Object(object) => object,
        other => return Err(place.query_error(format!("expects a group key, not {}", shown(other)))),
    };
    let mut keys = Keys::new(place, object);
    let formula = formula(&mut keys)?;
    let mut key = match (&formula, keys.take(&["field", "path"])?) {
        (None, Some((at, path))) => plain_key(&at, at.text(path)?)?,
        (Some(_), Some((at, _))) => return Err(at.query_error("a key is a field or a formula, not both")),
        (Some(formula), None) => {
            GroupKey { path: formula.name.clone(), granularity: None, time_zone: None, alias: None }
        }
        (None, None) => return Err(place.query_error("the group key names no field")),
    };
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
    if formula.is_some() && key.alias.is_none() {
        return Err(place.key("as").query_error("a formula needs a name"));
    }
    formulas.extend(formula);
    Ok(key)
}

fn granularity(place: &Place, value: &Value) -> Result<Granularity> {
    let name = place.text(value)?.to_lowercase();
    if name.starts_with("fiscal_") {
        return Err(place.not_supported(format!("{name:?} is not supported yet: no fiscal year can be set")));
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

fn aggregations(place: &Place, value: &Value, formulas: &mut Vec<Formula>) -> Result<Vec<Aggregation>> {
    match value {
        Value::Array(items) => {
            let asked = |(index, item)| aggregation(&place.index(index), item, formulas);
            items.iter().enumerate().map(asked).collect()
        }
        Value::Object(_) => Ok(vec![aggregation(place, value, formulas)?]),
        other => Err(place.query_error(format!("expects aggregations, not {}", shown(other)))),
    }
}

fn aggregation(place: &Place, item: &Value, formulas: &mut Vec<Formula>) -> Result<Aggregation> {
    let Some(object) = item.as_object() else {
        return Err(
            place.query_error(format!("expects {{\"function\", \"field\", \"as\"}}, not {}", shown(item)))
        );
    };
    let mut keys = Keys::new(place, object);
    let Some((at, name)) = keys.take(&["function", "func", "method"])? else {
        return Err(place.key("function").query_error("the aggregation names no \"function\""));
    };
    let function = function(&at, at.text(name)?)?;
    let path = keys.take(&["field", "path"])?;
    let path = path.map(|(place, value)| place.text(value).map(str::to_owned)).transpose()?;
    let mut path = path.filter(|path| path != "*");
    let formula = formula(&mut keys)?;
    if let Some(formula) = &formula
        && path.replace(formula.name.clone()).is_some()
    {
        return Err(place.key("formula").query_error("the function takes a field or a formula, not both"));
    }
    let mut asked = Aggregation::new(function, path);
    if asked.path.is_none() && function != AggregateFunction::Count {
        return Err(place.key("field").query_error(format!("{:?} needs a field", function.name())));
    }
    modifiers(place, &mut keys, &mut asked)?;
    if let Some((place, value)) = keys.take(&["filter", "where"])? {
        asked.filter = Some(filter::filter(&place, value)?);
    }
    if let Some((place, value)) = keys.take(&["as", "alias"])? {
        asked.alias = Some(place.text(value)?.to_owned());
    }
    keys.finish()?;
    if formula.is_some() && asked.alias.is_none() {
        return Err(place.key("as").query_error("a formula needs a name"));
    }
    formulas.extend(formula);
    Ok(asked)
}

/// What only some functions take.
fn modifiers(place: &Place, keys: &mut Keys<'_>, asked: &mut Aggregation) -> Result<()> {
    use AggregateFunction as F;
    let function = asked.function;
    let refuse =
        |place: &Place, what: &str| Err(place.query_error(format!("{:?} takes no {what}", function.name())));
    if let Some((place, value)) = keys.take(&["distinct"])? {
        match (place.flag(value)?, function) {
            (false, _) | (true, F::CountDistinct | F::Min | F::Max | F::BoolAnd | F::BoolOr) => {}
            (true, F::Count) if asked.path.is_some() => asked.function = F::CountDistinct,
            (true, F::Sum | F::Avg | F::ArrayAgg | F::StringAgg) => asked.distinct = true,
            (true, _) => return refuse(&place, "\"distinct\""),
        }
    }
    if let Some((place, value)) = keys.take(&["orderBy", "sort"])? {
        match function {
            F::First | F::Last | F::ArrayAgg | F::StringAgg if !asked.distinct => {
                asked.order_by = order::orders(&place, value)?;
            }
            F::ArrayAgg | F::StringAgg => {
                return Err(place.query_error(
                    "with \"distinct\" there is no \"orderBy\": values come in their own order",
                ));
            }
            _ => return refuse(&place, "order"),
        }
    }
    match (function, keys.take(&["p", "percent"])?) {
        (F::Percentile, Some((place, value))) => match value.as_f64().filter(|p| (0.0..=1.0).contains(p)) {
            Some(percent) => asked.percent = Some(percent),
            None => {
                return Err(place.query_error(format!("expects a number from 0 to 1, not {}", shown(value))));
            }
        },
        (F::Percentile, None) => {
            return Err(place.key("p").query_error("a percentile needs its share: {\"p\": 0.9}"));
        }
        (_, Some((place, _))) => return refuse(&place, "share"),
        (_, None) => {}
    }
    match (function, keys.take(&["separator", "delimiter"])?) {
        (_, None) => {}
        (F::StringAgg, Some((place, value))) => match value.as_str() {
            Some(text) => asked.separator = Some(text.to_owned()),
            None => return Err(place.query_error(format!("expects a text, not {}", shown(value)))),
        },
        (_, Some((place, _))) => return refuse(&place, "separator"),
    }
    Ok(())
}

fn function(place: &Place, name: &str) -> Result<AggregateFunction> {
    let known = FUNCTIONS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    known.map(|(_, function)| *function).ok_or_else(|| {
        let hint = nearest::hint(name, FUNCTIONS.iter().map(|(name, _)| *name));
        place.query_error(format!("unknown function {name:?}{hint}"))
    })
}
