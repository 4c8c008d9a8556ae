//! Pages by cursor: a page begins behind the last record of the one before it, wherever records were added or went meanwhile.
//!
//! A cursor is the order of the question and that record's values in it, as JSON in URL-safe Base64. Clients keep it and give it
//! back; it is read as input from outside.

use std::sync::Arc;

use arrow::array::RecordBatch;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use datafusion::{
    common::ScalarValue,
    logical_expr::{Expr, SortExpr, lit},
};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::{
    coerce::{Class, Coercer, Comparand},
    context::QueryContext,
    error::{Error, Result},
    nearest,
};

/// A longer cursor is none of ours: texts that are sorted by are records' values.
const CURSOR_BYTES_MAX: usize = 1 << 20;

/// One key of an order.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    /// Its name in the question.
    pub(crate) path: String,
    pub(crate) expr: Expr,
    pub(crate) class: Class,
    pub(crate) descending: bool,
    pub(crate) nulls_first: bool,
}

impl Key {
    /// As DataFusion sorts by it.
    pub(crate) fn sort(&self) -> SortExpr {
        self.expr.clone().sort(!self.descending, self.nulls_first)
    }

    /// The other way round.
    fn reversed(&self) -> Key {
        Key { descending: !self.descending, nulls_first: !self.nulls_first, ..self.clone() }
    }

    fn name(&self) -> String {
        let direction = if self.descending { "-" } else { "" };
        let nulls = if self.nulls_first { " nulls first" } else { "" };
        format!("{direction}{}{nulls}", self.path)
    }
}

/// What a cursor holds.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Held {
    order: Vec<String>,
    values: Vec<Value>,
}

/// A value of a key. Instants are microseconds, floats their bits: what is compared is exactly what was sorted.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
enum Value {
    Null,
    Text(String),
    Int(i64),
    Decimal(String, u8, i8),
    Float(u64),
    Bool(bool),
    Date(i32),
    Instant(i64),
    Time(i64),
}

impl Value {
    fn of(scalar: &ScalarValue) -> Result<Value> {
        if scalar.is_null() {
            return Ok(Value::Null);
        }
        Ok(match scalar {
            ScalarValue::Utf8View(Some(text))
            | ScalarValue::Utf8(Some(text))
            | ScalarValue::LargeUtf8(Some(text)) => Value::Text(text.clone()),
            ScalarValue::Int64(Some(number)) => Value::Int(*number),
            ScalarValue::Decimal128(Some(number), precision, scale) => {
                Value::Decimal(number.to_string(), *precision, *scale)
            }
            ScalarValue::Float64(Some(number)) => Value::Float(number.to_bits()),
            ScalarValue::Boolean(Some(flag)) => Value::Bool(*flag),
            ScalarValue::Date32(Some(days)) => Value::Date(*days),
            ScalarValue::TimestampMicrosecond(Some(micros), _) => Value::Instant(*micros),
            ScalarValue::Time64Microsecond(Some(micros)) => Value::Time(*micros),
            ScalarValue::Dictionary(_, value) => return Value::of(value),
            other => return Err(Error::internal(format!("{} in a cursor", other.data_type()))),
        })
    }

    /// What a column is compared with; none for null. Nothing when it is no value of such a column.
    fn scalar(&self, class: &Class) -> Option<Option<ScalarValue>> {
        Some(Some(match (self, class) {
            (Value::Null, _) => return Some(None),
            (Value::Text(text), class) if class.is_text() => ScalarValue::Utf8View(Some(text.clone())),
            (Value::Int(number), Class::Int) => ScalarValue::Int64(Some(*number)),
            (Value::Decimal(number, precision, scale), Class::Int | Class::Decimal { .. }) => {
                let fits = (1..=38).contains(precision) && (0..=38).contains(scale);
                ScalarValue::Decimal128(Some(number.parse().ok().filter(|_| fits)?), *precision, *scale)
            }
            (Value::Float(bits), Class::Float) => ScalarValue::Float64(Some(f64::from_bits(*bits))),
            (Value::Bool(flag), Class::Bool) => ScalarValue::Boolean(Some(*flag)),
            (Value::Date(days), Class::Date) => ScalarValue::Date32(Some(*days)),
            (Value::Instant(micros), Class::DateTime) => {
                ScalarValue::TimestampMicrosecond(Some(*micros), Some("UTC".into()))
            }
            (Value::Time(micros), Class::Time) => ScalarValue::Time64Microsecond(Some(*micros)),
            _ => return None,
        }))
    }
}

/// On which side of a record a page lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    After,
    Before,
}

impl Side {
    fn name(self) -> &'static str {
        match self {
            Side::After => "after",
            Side::Before => "before",
        }
    }
}

/// The records on that side of the one that a cursor names.
///
/// # Errors
///
/// `Invalid` for a text that is no cursor, or one of another order.
pub(crate) fn beyond(keys: &[Key], cursor: &str, side: Side) -> Result<Expr> {
    let name = side.name();
    let refuse = |message: String| Error::invalid("INVALID_CURSOR", name, message);
    let none = || refuse(format!("{name:?} takes what an answer's \"cursor\" said, and this is no cursor"));
    let bytes = Some(cursor).filter(|cursor| cursor.len() <= CURSOR_BYTES_MAX);
    let bytes = bytes.and_then(|cursor| BASE64_URL_SAFE_NO_PAD.decode(cursor).ok()).ok_or_else(none)?;
    let held: Held = serde_json::from_slice(&bytes).map_err(|_| none())?;
    if held.order != order_of(keys) || held.values.len() != keys.len() {
        return Err(refuse(format!("the cursor of {name:?} belongs to a question in another order")));
    }
    let read = |(key, value): (&Key, &Value)| value.scalar(&key.class).ok_or_else(none);
    let values = keys.iter().zip(&held.values).map(read).collect::<Result<Vec<_>>>()?;
    Ok(behind(keys, values, side))
}

/// The records behind the one that has these values; every key of the order must be among them.
///
/// # Errors
///
/// `Invalid` for a key too many, one that is missing, and a value that is not of its field's type.
pub(crate) fn beyond_values(
    keys: &[Key],
    values: &serde_json::Map<String, serde_json::Value>,
    context: &QueryContext,
) -> Result<Expr> {
    if let Some(unknown) = values.keys().find(|name| keys.iter().all(|key| key.path != **name)) {
        let hint = nearest::hint(unknown, keys.iter().map(|key| key.path.as_str()));
        let message = format!("{unknown:?} is not sorted by{hint}");
        return Err(Error::invalid("INVALID_CURSOR", format!("cursor.{unknown}"), message));
    }
    let read = |key: &Key| {
        let at = format!("cursor.{}", key.path);
        let Some(value) = values.get(&key.path) else {
            let message =
                format!("the cursor has no {:?}, which is sorted by (ties are by \"id\")", key.path);
            return Err(Error::invalid("INVALID_CURSOR", "cursor", message));
        };
        let coercer = Coercer { context, class: &key.class, name: &key.path, at: &at, literal: true };
        match coercer.value(value).map_err(|error| Error { code: "INVALID_CURSOR", ..error })? {
            Comparand::Null => Ok(None),
            Comparand::One(value) => Ok(Some(value)),
            Comparand::Span(..) => {
                Err(Error::invalid("INVALID_CURSOR", at, "an instant is needed, not a day"))
            }
        }
    };
    let values = keys.iter().map(read).collect::<Result<Vec<_>>>()?;
    Ok(behind(keys, values, Side::After))
}

/// The records on one side of the values of all keys.
fn behind(keys: &[Key], values: Vec<Option<ScalarValue>>, side: Side) -> Expr {
    let mut before: Option<Expr> = None;
    let mut any: Option<Expr> = None;
    for (key, value) in keys.iter().zip(values) {
        let key = if side == Side::Before { &key.reversed() } else { key };
        let (later, same) = (later(key, value.as_ref()), same(key, value));
        let with_before = |expr: Expr| match &before {
            Some(before) => before.clone().and(expr),
            None => expr,
        };
        any = match (any, later.map(with_before)) {
            (Some(any), Some(later)) => Some(any.or(later)),
            (any, later) => any.or(later),
        };
        before = Some(with_before(same));
    }
    any.unwrap_or_else(|| lit(false))
}

/// Whether a key's value comes later; nothing when none does.
fn later(key: &Key, value: Option<&ScalarValue>) -> Option<Expr> {
    let column = || key.expr.clone();
    match value {
        None if key.nulls_first => Some(column().is_not_null()),
        None => None,
        Some(value) => {
            let value = lit(value.clone());
            let further = if key.descending { column().lt(value) } else { column().gt(value) };
            Some(if key.nulls_first || key.path == "id" { further } else { further.or(column().is_null()) })
        }
    }
}

fn same(key: &Key, value: Option<ScalarValue>) -> Expr {
    match value {
        None => key.expr.clone().is_null(),
        Some(value) => key.expr.clone().eq(lit(value)),
    }
}

fn order_of(keys: &[Key]) -> Vec<String> {
    keys.iter().map(Key::name).collect()
}

/// The cursors at the ends of a page, known when its records were read.
#[derive(Clone, Debug, Default)]
pub struct Next(Arc<Mutex<Ends>>);

#[derive(Debug, Default)]
struct Ends {
    next: Option<String>,
    previous: Option<String>,
    has_previous: bool,
}

impl Next {
    /// Where the next page begins: `after` takes it. None before all rows were read, and when there is no further page.
    pub fn get(&self) -> Option<String> {
        self.0.lock().next.clone()
    }

    /// Where the page before ends: `before` takes it. None before all rows were read, and when there is none; nothing at all of
    /// a question that names no cursor.
    pub fn previous(&self) -> Option<Option<String>> {
        let ends = self.0.lock();
        ends.has_previous.then(|| ends.previous.clone())
    }
}

/// Watches the rows of a page go by.
pub(crate) struct Pager {
    /// Where the keys stand among the plan's columns.
    columns: Vec<usize>,
    keys: Vec<Key>,
    /// The page is full when so many more have come.
    missing: u64,
    side: Option<Side>,
    first: Option<String>,
    pub(crate) next: Next,
}

impl Pager {
    /// A page of so many records at most, perhaps on one side of a record.
    pub(crate) fn new((keys, columns): (Vec<Key>, Vec<usize>), rows: u64, side: Option<Side>) -> Pager {
        let ends = Ends { has_previous: side.is_some(), ..Ends::default() };
        Pager { columns, keys, missing: rows, side, first: None, next: Next(Arc::new(Mutex::new(ends))) }
    }

    /// A batch of the plan's rows goes by.
    ///
    /// # Errors
    ///
    /// `Internal`.
    pub(crate) fn watch(&mut self, batch: &RecordBatch) -> Result<()> {
        let rows = u64::try_from(batch.num_rows()).unwrap_or(u64::MAX);
        self.missing = self.missing.saturating_sub(rows);
        if rows == 0 {
            return Ok(());
        }
        let is_full = self.missing == 0;
        if self.side.is_some() && self.first.is_none() {
            self.first = Some(self.cursor(batch, 0)?);
        }
        // The record that a page lies before, or behind, is beyond its end.
        let (has_next, has_previous) = match self.side {
            Some(Side::Before) => (true, is_full),
            Some(Side::After) => (is_full, true),
            None => (is_full, false),
        };
        let last = if has_next { Some(self.cursor(batch, batch.num_rows() - 1)?) } else { None };
        let mut ends = self.next.0.lock();
        ends.next = last;
        ends.previous = self.first.clone().filter(|_| has_previous);
        Ok(())
    }

    fn cursor(&self, batch: &RecordBatch, row: usize) -> Result<String> {
        let value = |column: &usize| {
            let column =
                batch.columns().get(*column).ok_or_else(|| Error::internal("no column for a cursor"))?;
            Value::of(&ScalarValue::try_from_array(column, row)?)
        };
        let values = self.columns.iter().map(value).collect::<Result<Vec<_>>>()?;
        let held = Held { order: order_of(&self.keys), values };
        let bytes = serde_json::to_vec(&held).map_err(|error| Error::internal(error.to_string()))?;
        Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes))
    }
}
