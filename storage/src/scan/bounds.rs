//! What is asked of columns, and what is known of the values of many rows: enough to leave out rows that can't match.

use std::ops::Bound;

use crate::{
    error::{Error, Result},
    range::{ValueRange, behind_prefix},
    schema::TableSpec,
    value::Value,
};

/// What a row must hold in one column, told to a scan so that it may leave out rows that do not. It need not leave out
/// any: whoever wants only rows that match looks at each one again.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnBound {
    /// The column's position.
    pub column: usize,
    /// What it must hold.
    pub is: BoundIs,
}

/// See [`ColumnBound`]. Values are compared as [`crate::TableSnapshot::range`] does; null is equal to nothing, and neither
/// less nor greater than anything.
#[derive(Clone, Debug, PartialEq)]
pub enum BoundIs {
    /// One of these values.
    In(Vec<Value>),
    /// A value from one to another.
    Between(Bound<Value>, Bound<Value>),
    /// No value.
    Null,
    /// Any value.
    NotNull,
}

impl BoundIs {
    /// A text that begins so; case matters.
    pub fn prefix(prefix: &str) -> BoundIs {
        let behind =
            behind_prefix(prefix).map_or(Bound::Unbounded, |text| Bound::Excluded(Value::text(text)));
        BoundIs::Between(Bound::Included(Value::text(prefix)), behind)
    }
}

/// What is known of a column in some rows.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Extent {
    pub rows: u64,
    pub nulls: Option<u64>,
    /// No value is less, …
    pub min: Option<Value>,
    /// … or greater.
    pub max: Option<Value>,
    /// `min` and `max` are values that are there.
    pub exact: bool,
}

impl ColumnBound {
    /// Is there such a column, and may it hold the values? Values of another type have no order among its own.
    ///
    /// # Errors
    ///
    /// `UnknownColumn`, `Invalid`.
    pub(crate) fn check(&self, spec: &TableSpec) -> Result<()> {
        let Some(column) = spec.columns.get(self.column) else {
            let column = format!("#{}", self.column);
            return Err(Error::UnknownColumn { table: spec.name.to_string(), column });
        };
        let odd = match &self.is {
            BoundIs::In(values) => values.iter().find(|value| !column.column_type.fits(value)),
            BoundIs::Between(lower, upper) => {
                [lower, upper].into_iter().filter_map(end).find(|value| !column.column_type.fits(value))
            }
            BoundIs::Null | BoundIs::NotNull => None,
        };
        match odd {
            None => Ok(()),
            Some(odd) => Err(Error::Invalid(format!(
                "column {:?} of {:?} is {:?} and never {odd:?}",
                column.name, spec.name, column.column_type
            ))),
        }
    }

    /// May one of the rows match?
    pub(crate) fn may_hold(&self, known: &Extent) -> bool {
        let has_value = known.nulls.is_none_or(|nulls| nulls < known.rows);
        match &self.is {
            BoundIs::Null => known.nulls != Some(0),
            BoundIs::NotNull => has_value,
            BoundIs::In(values) => has_value && values.iter().any(|value| known.may_have(value)),
            BoundIs::Between(lower, upper) => {
                let range = ValueRange { lower: lower.as_ref(), upper: upper.as_ref() };
                has_value
                    && known.max.as_ref().is_none_or(|max| !range.is_behind(max))
                    && known.min.as_ref().is_none_or(|min| !range.is_before(min))
            }
        }
    }
}

fn end(bound: &Bound<Value>) -> Option<&Value> {
    match bound {
        Bound::Included(value) | Bound::Excluded(value) => Some(value),
        Bound::Unbounded => None,
    }
}

impl Extent {
    /// Of no rows.
    pub fn empty() -> Extent {
        Extent { rows: 0, nulls: Some(0), min: None, max: None, exact: true }
    }

    /// One more row.
    pub fn note(&mut self, value: &Value) {
        self.rows += 1;
        if value.is_null() {
            self.nulls = self.nulls.map(|nulls| nulls + 1);
            return;
        }
        if self.min.as_ref().is_none_or(|min| value.compare(min).is_lt()) {
            self.min = Some(value.clone());
        }
        if self.max.as_ref().is_none_or(|max| value.compare(max).is_gt()) {
            self.max = Some(value.clone());
        }
    }

    /// Of these rows and others.
    #[must_use]
    pub fn with(&self, other: &Extent) -> Extent {
        let pick = |a: &Option<Value>, b: &Option<Value>, wants: std::cmp::Ordering| match (a, b) {
            (Some(a), Some(b)) => Some(if b.compare(a) == wants { b.clone() } else { a.clone() }),
            // Rows without a value have no say; of others nothing is known then.
            (Some(a), None) if other.has_no_value() => Some(a.clone()),
            (None, Some(b)) if self.has_no_value() => Some(b.clone()),
            _ => None,
        };
        Extent {
            rows: self.rows + other.rows,
            nulls: self.nulls.zip(other.nulls).map(|(a, b)| a + b),
            min: pick(&self.min, &other.min, std::cmp::Ordering::Less),
            max: pick(&self.max, &other.max, std::cmp::Ordering::Greater),
            exact: self.exact && other.exact,
        }
    }

    fn has_no_value(&self) -> bool {
        self.nulls == Some(self.rows)
    }

    fn may_have(&self, value: &Value) -> bool {
        !value.is_null()
            && self.min.as_ref().is_none_or(|min| value.compare(min).is_ge())
            && self.max.as_ref().is_none_or(|max| value.compare(max).is_le())
    }
}
