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
    coerce::Class,
    error::{Error, Result},
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

/// The records behind the one that a cursor names.
///
/// # Errors
///
/// `Invalid` for a text that is no cursor, or one of another order.
pub(crate) fn beyond(keys: &[Key], cursor: &str) -> Result<Expr> {
    let refuse = |message: &str| Error::invalid("INVALID_CURSOR", "after", message);
    let none = || refuse("this is no cursor: give back what an answer's \"cursor\" said");
    let bytes = Some(cursor).filter(|cursor| cursor.len() <= CURSOR_BYTES_MAX);
    let bytes = bytes.and_then(|cursor| BASE64_URL_SAFE_NO_PAD.decode(cursor).ok()).ok_or_else(none)?;
    let held: Held = serde_json::from_slice(&bytes).map_err(|_| none())?;
    if held.order != order_of(keys) || held.values.len() != keys.len() {
        return Err(refuse("the cursor belongs to a question in another order"));
    }
    let mut before: Option<Expr> = None;
    let mut any: Option<Expr> = None;
    for (key, value) in keys.iter().zip(&held.values) {
        let value = value.scalar(&key.class).ok_or_else(none)?;
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
    Ok(any.unwrap_or_else(|| lit(false)))
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

/// The cursor behind a full page, known when its last record was read.
#[derive(Clone, Debug, Default)]
pub struct Next(Arc<Mutex<Option<String>>>);

impl Next {
    /// The cursor; none before all rows were read, and when there is no further page.
    pub fn get(&self) -> Option<String> {
        self.0.lock().clone()
    }
}

/// Watches the rows of a page go by.
pub(crate) struct Pager {
    /// Where the keys stand among the plan's columns.
    pub(crate) columns: Vec<usize>,
    pub(crate) keys: Vec<Key>,
    /// The page is full when so many more have come.
    pub(crate) missing: u64,
    pub(crate) next: Next,
}

impl Pager {
    /// A batch of the plan's rows goes by.
    ///
    /// # Errors
    ///
    /// `Internal`.
    pub(crate) fn watch(&mut self, batch: &RecordBatch) -> Result<()> {
        let rows = u64::try_from(batch.num_rows()).unwrap_or(u64::MAX);
        self.missing = self.missing.saturating_sub(rows);
        if rows == 0 || self.missing > 0 {
            return Ok(());
        }
        let last = batch.num_rows() - 1;
        let value = |column: &usize| {
            let column =
                batch.columns().get(*column).ok_or_else(|| Error::internal("no column for a cursor"))?;
            Value::of(&ScalarValue::try_from_array(column, last)?)
        };
        let values = self.columns.iter().map(value).collect::<Result<Vec<_>>>()?;
        let held = Held { order: order_of(&self.keys), values };
        let bytes = serde_json::to_vec(&held).map_err(|error| Error::internal(error.to_string()))?;
        *self.next.0.lock() = Some(BASE64_URL_SAFE_NO_PAD.encode(bytes));
        Ok(())
    }
}
