//! `windows`: `{"function", "field", "partitionBy", "orderBy", "frame", "offset", "as"}`; the older form has the middle ones below
//! `over`. A frame is `{"type": "rows", "start": "2 preceding", "end": "current row"}`.

use serde_json::Value;

use super::{
    grouping::FUNCTIONS,
    names, order,
    place::{Keys, Place, shown},
};
use crate::{
    error::Result,
    nearest,
    objectql::{AggregateFunction, Frame, FrameBound, FrameUnit, Window, WindowFunction},
};

/// Those that are no aggregates.
pub(super) const RANKS: &[(&str, WindowFunction)] = &[
    ("row_number", WindowFunction::RowNumber),
    ("rank", WindowFunction::Rank),
    ("dense_rank", WindowFunction::DenseRank),
    ("percent_rank", WindowFunction::PercentRank),
    ("lag", WindowFunction::Lag),
    ("lead", WindowFunction::Lead),
    ("first_value", WindowFunction::FirstValue),
    ("last_value", WindowFunction::LastValue),
];

pub(super) fn windows(place: &Place, value: &Value) -> Result<Vec<Window>> {
    match value {
        Value::Array(items) => {
            items.iter().enumerate().map(|(index, item)| window(&place.index(index), item)).collect()
        }
        Value::Object(_) => Ok(vec![window(place, value)?]),
        other => Err(place.query_error(format!("expects windows, not {}", shown(other)))),
    }
}

fn window(place: &Place, item: &Value) -> Result<Window> {
    let Some(object) = item.as_object() else {
        return Err(
            place.query_error(format!("expects {{\"function\", \"orderBy\", \"as\"}}, not {}", shown(item)))
        );
    };
    let mut keys = Keys::new(place, object);
    let Some((at, name)) = keys.take(&["function", "func"])? else {
        return Err(place.key("function").query_error("the window names no \"function\""));
    };
    let function = function(&at, at.text(name)?)?;
    let path = keys.take(&["field", "path"])?;
    let path = path.map(|(place, value)| place.text(value).map(str::to_owned)).transpose()?;
    let Some((at, alias)) = keys.take(&["as", "alias"])? else {
        return Err(place
            .key("as")
            .query_error(format!("the window of {:?} has no name: give it one", name_of(function))));
    };
    let alias = at.text(alias)?.to_owned();
    let offset = keys.take(&["offset"])?.map(|(place, value)| offset(&place, value, function)).transpose()?;
    let mut asked = Window {
        function,
        path,
        partition_by: Vec::new(),
        order_by: Vec::new(),
        offset: offset.unwrap_or(1),
        frame: None,
        alias,
    };
    match keys.take(&["over"])? {
        Some((place, Value::Object(over))) => {
            let mut keys_over = Keys::new(&place, over);
            rows(&mut keys_over, &mut asked)?;
            keys_over.finish()?;
        }
        Some((place, other)) => {
            return Err(place.query_error(format!("expects an object, not {}", shown(other))));
        }
        None => rows(&mut keys, &mut asked)?,
    }
    keys.finish()?;
    check(place, &asked)?;
    Ok(asked)
}

/// Over which rows, in which order.
fn rows(keys: &mut Keys<'_>, asked: &mut Window) -> Result<()> {
    if let Some((place, value)) = keys.take(&["frame"])? {
        asked.frame = Some(frame(&place, value, asked.function)?);
    }
    if let Some((place, value)) = keys.take(&["partitionBy"])? {
        asked.partition_by = names(&place, value)?;
    }
    if let Some((place, value)) = keys.take(&["orderBy", "sort"])? {
        asked.order_by = order::orders(&place, value)?;
    }
    Ok(())
}

fn offset(place: &Place, value: &Value, function: WindowFunction) -> Result<u64> {
    match function {
        WindowFunction::Lag | WindowFunction::Lead => place.count(value),
        _ => {
            Err(place
                .query_error(format!("{:?} takes no offset: \"lag\" and \"lead\" do", name_of(function))))
        }
    }
}

const UNITS: &[(&str, FrameUnit)] =
    &[("rows", FrameUnit::Rows), ("range", FrameUnit::Range), ("groups", FrameUnit::Groups)];

/// `{"type": "rows", "start": "unbounded preceding", "end": "current row"}`; without its end it ends with the row.
fn frame(place: &Place, value: &Value, function: WindowFunction) -> Result<Frame> {
    if !matches!(
        function,
        WindowFunction::Aggregate(_) | WindowFunction::FirstValue | WindowFunction::LastValue
    ) {
        return Err(place.query_error(format!(
            "{:?} takes no frame: aggregates, \"first_value\" and \"last_value\" do",
            name_of(function)
        )));
    }
    let Some(object) = value.as_object() else {
        let wanted = "{\"type\", \"start\", \"end\"}";
        return Err(place.query_error(format!("expects {wanted}, not {}", shown(value))));
    };
    let mut keys = Keys::new(place, object);
    let unit = match keys.take(&["type", "unit", "units"])? {
        None => FrameUnit::Rows,
        Some((at, value)) => {
            let name = at.text(value)?;
            let known = UNITS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
            known.map(|(_, unit)| *unit).ok_or_else(|| {
                let hint = nearest::hint(name, UNITS.iter().map(|(name, _)| *name));
                at.query_error(format!("unknown type of frame {name:?}{hint}"))
            })?
        }
    };
    let mut bound = |key: &'static str| -> Result<Option<(Place, FrameBound)>> {
        let Some((at, value)) = keys.take(&[key])? else { return Ok(None) };
        let bound = bound(&at, value)?;
        if unit == FrameUnit::Range && matches!(bound, FrameBound::Preceding(_) | FrameBound::Following(_)) {
            return Err(at.not_supported("a frame of a range takes no number: use \"rows\" or \"groups\""));
        }
        Ok(Some((at, bound)))
    };
    let (start, end) = (bound("start")?, bound("end")?);
    keys.finish()?;
    let start = start.map_or(FrameBound::UnboundedPreceding, |(_, start)| start);
    let (at, end) = end.unwrap_or_else(|| (place.key("end"), FrameBound::CurrentRow));
    if start == FrameBound::UnboundedFollowing || end == FrameBound::UnboundedPreceding || end < start {
        return Err(at.query_error("the frame ends before it starts"));
    }
    Ok(Frame { unit, start, end })
}

/// `"unbounded preceding"`, `"2 preceding"`, `"current row"`, `"1 following"`, `"unbounded following"`.
fn bound(place: &Place, value: &Value) -> Result<FrameBound> {
    let text = place.text(value)?.to_lowercase().replace('_', " ");
    let words: Vec<&str> = text.split_whitespace().collect();
    let rows = |count: &str| match count.parse::<u64>() {
        Ok(count) => Ok(count),
        Err(_) => Err(place.query_error(format!("expects a whole number from 0, not {count:?}"))),
    };
    match words[..] {
        ["unbounded", "preceding"] => Ok(FrameBound::UnboundedPreceding),
        ["unbounded", "following"] => Ok(FrameBound::UnboundedFollowing),
        ["current", "row"] | ["0", "preceding" | "following"] => Ok(FrameBound::CurrentRow),
        [count, "preceding"] => Ok(FrameBound::Preceding(std::cmp::Reverse(rows(count)?))),
        [count, "following"] => Ok(FrameBound::Following(rows(count)?)),
        _ => {
            let wanted = "\"unbounded preceding\", \"2 preceding\", \"current row\", \"2 following\" or \"unbounded following\"";
            Err(place.query_error(format!("expects {wanted}, not {}", shown(value))))
        }
    }
}

fn check(place: &Place, asked: &Window) -> Result<()> {
    use WindowFunction as F;
    let (takes_field, needs_order) = match asked.function {
        F::RowNumber | F::Rank | F::DenseRank | F::PercentRank => (Some(false), true),
        F::Lag | F::Lead | F::FirstValue | F::LastValue => (Some(true), true),
        F::Aggregate(AggregateFunction::Count) => (None, false),
        F::Aggregate(_) => (Some(true), false),
    };
    let name = name_of(asked.function);
    let refuse = |key: &str, what: &str| Err(place.key(key).query_error(format!("{name:?} {what}")));
    match (takes_field, &asked.path) {
        (Some(false), Some(_)) => return refuse("field", "takes no field"),
        (Some(true), None) => return refuse("field", "needs a field"),
        _ => {}
    }
    if asked.frame.is_some() && asked.order_by.is_empty() {
        return refuse("orderBy", "needs an order for its frame");
    }
    if needs_order && asked.order_by.is_empty() {
        return refuse("orderBy", "needs an order");
    }
    Ok(())
}

/// A function's name.
fn name_of(function: WindowFunction) -> &'static str {
    match function {
        WindowFunction::Aggregate(function) => function.name(),
        rank => RANKS.iter().find(|(_, known)| *known == rank).map_or("", |(name, _)| name),
    }
}

fn function(place: &Place, name: &str) -> Result<WindowFunction> {
    use AggregateFunction as F;
    let rank =
        RANKS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, function)| *function);
    let aggregate = FUNCTIONS.iter().find(|(known, function)| {
        known.eq_ignore_ascii_case(name) && matches!(function, F::Count | F::Sum | F::Avg | F::Min | F::Max)
    });
    rank.or(aggregate.map(|(_, function)| WindowFunction::Aggregate(*function))).ok_or_else(|| {
        let known = RANKS.iter().map(|(name, _)| *name).chain(["count", "sum", "avg", "min", "max"]);
        place.query_error(format!("unknown function {name:?}{}", nearest::hint(name, known)))
    })
}
