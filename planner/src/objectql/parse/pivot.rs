//! `pivot`: `{"on": "stage", "values": ["won", "lost"]}` makes a column of each aggregate for each value.

use serde_json::Value;

use super::place::{Keys, Place, shown};
use crate::{
    error::Result,
    objectql::{Aggregation, Filter, Operand, Operator, Query},
};

/// Columns that a pivot makes.
const COLUMNS_MAX: usize = 1_000;

/// Each aggregate once for each value, of the records that have it: `total_won`.
pub(super) fn pivot(place: &Place, value: &Value, query: &mut Query) -> Result<()> {
    let Some(object) = value.as_object() else {
        return Err(place.query_error(format!("expects {{\"on\", \"values\"}}, not {}", shown(value))));
    };
    let mut keys = Keys::new(place, object);
    let Some((at, on)) = keys.take(&["on", "field"])? else {
        return Err(place.key("on").query_error("the pivot names no field"));
    };
    let on = at.text(on)?.to_owned();
    let values = match keys.take(&["values"])? {
        Some((_, Value::Array(values))) if !values.is_empty() => values,
        Some((place, other)) => {
            return Err(place.query_error(format!("expects a list of values, not {}", shown(other))));
        }
        None => return Err(place.key("values").query_error("the pivot needs its values: each is a column")),
    };
    keys.finish()?;
    if query.aggregations.is_empty() {
        return Err(place.query_error("there are no aggregates to pivot"));
    }
    if query.aggregations.len().saturating_mul(values.len()) > COLUMNS_MAX {
        return Err(place.key("values").query_error(format!("a pivot makes at most {COLUMNS_MAX} columns")));
    }
    let mut columns = Vec::new();
    for aggregation in &query.aggregations {
        for (index, value) in values.iter().enumerate() {
            let at = place.key("values").index(index);
            columns.push(of_value(aggregation, &on, value, &at)?);
        }
    }
    query.aggregations = columns;
    Ok(())
}

fn of_value(aggregation: &Aggregation, on: &str, value: &Value, at: &Place) -> Result<Aggregation> {
    let shown = match value {
        Value::String(text) => text.clone(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
        other => return Err(at.query_error(format!("expects a value, not {}", shown(other)))),
    };
    let only = Filter::Compare {
        path: on.to_owned(),
        operator: Operator::Eq,
        operand: Operand::Value(value.clone()),
        at: at.path(),
    };
    let filter = match aggregation.filter.clone() {
        Some(filter) => Filter::And(vec![filter, only]),
        None => only,
    };
    let alias = Some(format!("{}_{shown}", aggregation.name()));
    Ok(Aggregation { filter: Some(filter), alias, ..aggregation.clone() })
}
