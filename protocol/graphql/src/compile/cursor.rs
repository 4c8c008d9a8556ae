//! Cursors: where in an order a record stands, as opaque text.
//!
//! A cursor is base64 of a JSON array: version, the order's spelling, then the record's value of every sort key, the
//! id last. A page after it is a filter over these keys, so records that come or go between two pages move nothing:
//! each record is seen once. A list that is ranked by a search has no such keys; its cursors hold a position.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use quarry_planner::objectql::{Filter, Operator, Order};
use serde_json::Value as Json;

use super::{
    Level,
    filter::{all, invalid},
};
use crate::{error::Result, model::Kind};

const VERSION: u64 = 1;

/// The order of a list with what cursors in it hold.
pub(crate) struct Ordering {
    /// The keys; the last is the id.
    pub keys: Vec<(Order, Kind)>,
    /// By a search's rank, which is no value that a filter could compare.
    pub ranked: bool,
}

/// Where cursors of a list come from.
pub(crate) enum CursorPlan {
    /// The columns that hold a record's keys, in order.
    Keys { spelling: Json, columns: Vec<(String, Kind)> },
    /// The position in the list, from 0.
    Position,
}

/// Which way a page goes from a cursor.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    After,
    Before,
}

impl Ordering {
    /// How the order is written in its cursors: `["-amount","id"]`.
    pub fn spelling(&self) -> Json {
        let key = |(order, _): &(Order, Kind)| {
            let sign = if order.descending { "-" } else { "" };
            let nulls = if order.nulls_first { "^" } else { "" };
            Json::String(format!("{sign}{}{nulls}", order.path))
        };
        self.keys.iter().map(key).collect()
    }

    /// The order of the answer, backwards for the last records of a list.
    pub fn orders(&self, backwards: bool) -> Vec<Order> {
        let turned = |order: &Order| Order {
            path: order.path.clone(),
            descending: order.descending != backwards,
            nulls_first: order.nulls_first != backwards,
        };
        self.keys.iter().map(|(order, _)| turned(order)).collect()
    }

    /// Adds the columns that cursors need.
    pub fn plan(&self, level: &mut Level) -> CursorPlan {
        if self.ranked {
            return CursorPlan::Position;
        }
        let columns = self.keys.iter().map(|(order, kind)| (level.column(&order.path), kind.clone()));
        CursorPlan::Keys { columns: columns.collect(), spelling: self.spelling() }
    }

    /// The position in a ranked list.
    ///
    /// # Errors
    ///
    /// `Value` when the text is no such cursor.
    pub fn position(&self, text: &str) -> Result<u64> {
        match decode(text)?.as_slice() {
            [version, Json::String(kind), position] if *version == VERSION && kind == "position" => {
                position.as_u64().ok_or_else(bad_cursor)
            }
            _ => Err(bad_cursor()),
        }
    }

    /// The filter for the records on one side of a cursor.
    ///
    /// # Errors
    ///
    /// `Value` when the text is no cursor, or one of another order.
    pub fn beyond(&self, text: &str, side: Side) -> Result<Filter> {
        let cursor = decode(text)?;
        let (version, spelling, values) = match cursor.as_slice() {
            [version, spelling, values @ ..] => (version, spelling, values),
            _ => return Err(bad_cursor()),
        };
        if *version != VERSION || values.len() != self.keys.len() {
            return Err(bad_cursor());
        }
        if *spelling != self.spelling() {
            return Err(invalid(
                "the cursor belongs to another orderBy; use it with the order it came from".into(),
            ));
        }
        let mut choices = Vec::new();
        for (index, ((order, _), value)) in self.keys.iter().zip(values).enumerate() {
            let Some(beyond) = beyond_key(order, value, side) else { continue };
            let equal =
                self.keys.iter().zip(values).take(index).map(|((order, _), value)| same_key(order, value));
            choices.extend(all(equal.chain([beyond])));
        }
        Ok(Filter::Or(choices))
    }
}

/// The records whose key is further on than `value`; nothing where none can be.
fn beyond_key(order: &Order, value: &Json, side: Side) -> Option<Filter> {
    let key = |operator, value| Filter::literal(&order.path, operator, value);
    let backwards = side == Side::Before;
    let nulls_ahead = order.nulls_first == backwards;
    if value.is_null() {
        return (!nulls_ahead).then(|| key(Operator::Null, false.into()));
    }
    let descending = order.descending != backwards;
    let further = match value {
        Json::Bool(value) if *value == descending => Some(key(Operator::Eq, (!*value).into())),
        Json::Bool(_) => None,
        _ => {
            let operator = if descending { Operator::Lt } else { Operator::Gt };
            Some(key(operator, value.clone()))
        }
    };
    let nulls = (nulls_ahead && order.path != "id").then(|| key(Operator::Null, true.into()));
    let choices: Vec<Filter> = further.into_iter().chain(nulls).collect();
    if choices.len() == 1 {
        choices.into_iter().next()
    } else {
        (!choices.is_empty()).then_some(Filter::Or(choices))
    }
}

fn same_key(order: &Order, value: &Json) -> Filter {
    let (operator, value) =
        if value.is_null() { (Operator::Null, Json::Bool(true)) } else { (Operator::Eq, value.clone()) };
    Filter::literal(&order.path, operator, value)
}

/// A cursor's opaque text, from the JSON of its keys.
pub(crate) fn encode(spelling: &Json, keys: &[u8]) -> String {
    let mut bytes = format!("[{VERSION},{spelling}").into_bytes();
    bytes.extend_from_slice(keys);
    bytes.push(b']');
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A cursor of a ranked list.
pub(crate) fn encode_position(position: u64) -> String {
    URL_SAFE_NO_PAD.encode(format!("[{VERSION},\"position\",{position}]"))
}

fn decode(text: &str) -> Result<Vec<Json>> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| bad_cursor())?;
    serde_json::from_slice(&bytes).map_err(|_| bad_cursor())
}

fn bad_cursor() -> crate::error::Failure {
    invalid("the cursor is none that this server gave; begin again without it".into())
}
