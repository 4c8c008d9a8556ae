//! What rows are found by: the value of a column, or the values that a unique constraint puts together.

use std::{fmt::Write, sync::Arc};

use super::invalid;
use crate::{
    error::{Error, Result},
    schema::{ColumnType, Condition, ConditionIs, IndexSpec, TableSpec},
    term::{self, Term},
    value::{Row, Value},
};

/// Columns of one constraint at most.
const COLUMNS_MAX: usize = 16;
/// Conditions of one constraint at most.
const CONDITIONS_MAX: usize = 16;

/// An index of values, known by a name that tells all of what it holds: an index of the same name holds the same.
///
/// `v3` has every row, by its value in column 3, null included. `u2_3` has the rows without a null in columns 2 and 3, by
/// both values; `u2_n4` those whose column 4 is null, `u2_n4_s5` those whose column 5 is not null besides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Indexed {
    pub name: Arc<str>,
    pub columns: Vec<usize>,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    /// One column, all rows.
    Column,
    /// Rows that count for a unique constraint: those that meet all conditions.
    Unique(Vec<When>),
}

/// A condition by column position.
#[derive(Clone, Debug, PartialEq, Eq)]
struct When {
    column: usize,
    is: ConditionIs,
}

impl Indexed {
    /// All rows by one column.
    pub fn column(at: usize) -> Indexed {
        Indexed { name: format!("v{at}").into(), columns: vec![at], kind: Kind::Column }
    }

    /// What tells whether a constraint holds: for one column without a condition, the index of that column.
    ///
    /// # Errors
    ///
    /// `UnknownColumn`; `Invalid` for no column, too many, or a condition that its column can't have.
    pub fn unique(spec: &TableSpec, constraint: &IndexSpec) -> Result<Indexed> {
        let columns = constraint
            .columns
            .iter()
            .map(|column| must_position(spec, column))
            .collect::<Result<Vec<_>>>()?;
        if columns.is_empty() || columns.len() > COLUMNS_MAX {
            return Err(invalid(format!(
                "unique constraint {:?} of {:?} has {} columns; it must have 1 to {COLUMNS_MAX}",
                constraint.name,
                spec.name,
                columns.len()
            )));
        }
        if constraint.conditions.len() > CONDITIONS_MAX {
            return Err(invalid(format!(
                "unique constraint {:?} of {:?} has {} conditions; it may have {CONDITIONS_MAX}",
                constraint.name,
                spec.name,
                constraint.conditions.len()
            )));
        }
        let conditions = constraint.conditions.iter();
        let when = conditions.map(|condition| When::new(spec, condition)).collect::<Result<Vec<_>>>()?;
        if let ([only], []) = (columns.as_slice(), when.as_slice()) {
            return Ok(Indexed::column(*only));
        }
        let positions: Vec<_> = columns.iter().map(ToString::to_string).collect();
        let mut name = format!("u{}", positions.join("_"));
        for when in &when {
            // A String takes all that is written to it.
            let _never_fails = write!(name, "_{}", when.name()).is_ok();
        }
        Ok(Indexed { name: name.into(), columns, kind: Kind::Unique(when) })
    }

    /// The column, where it is of one column and has every row.
    pub fn single(&self) -> Option<usize> {
        match (&self.kind, self.columns.as_slice()) {
            (Kind::Column, [only]) => Some(*only),
            _ => None,
        }
    }

    /// The term that a row is found by; `None` where the index does not have the row.
    pub fn term(&self, row: &Row) -> Option<Term> {
        match (&self.kind, self.single()) {
            (_, Some(at)) => Some(term::term(row.get(at))),
            (Kind::Unique(conditions), None) if !conditions.iter().all(|when| when.holds(row)) => None,
            _ => self.term_of(&self.columns.iter().map(|at| row.get(*at)).collect::<Vec<_>>()),
        }
    }

    /// The term of these values, one for each column; `None` when one of several is null.
    pub fn term_of(&self, values: &[&Value]) -> Option<Term> {
        match (values, self.single()) {
            ([value], Some(_)) => Some(term::term(value)),
            _ => term::joined(values),
        }
    }
}

impl When {
    fn new(spec: &TableSpec, condition: &Condition) -> Result<When> {
        let column = must_position(spec, &condition.column)?;
        let kind = spec.columns.get(column).map(|column| column.column_type);
        let fits = match (&condition.is, condition.is.value()) {
            (ConditionIs::AnyOf(_) | ConditionIs::NoneOf(_), _) => kind == Some(ColumnType::Text),
            (_, Some(value)) => kind.is_some_and(|kind| kind.fits(&value)),
            (_, None) => true,
        };
        if !fits {
            return Err(invalid(format!(
                "column {:?} of {:?} is never {:?}",
                condition.column, spec.name, condition.is
            )));
        }
        Ok(When { column, is: condition.is.clone() })
    }

    fn holds(&self, row: &Row) -> bool {
        let value = row.get(self.column);
        let is_one = |texts: &[Arc<str>]| matches!(value, Value::Text(text) if texts.contains(text));
        match &self.is {
            ConditionIs::AnyOf(texts) => is_one(texts),
            ConditionIs::NoneOf(texts) => !value.is_null() && !is_one(texts),
            ConditionIs::Null => value.is_null(),
            ConditionIs::NotNull => !value.is_null(),
            is => is.value().as_ref() == Some(value),
        }
    }

    fn name(&self) -> String {
        match (&self.is, self.is.value()) {
            (ConditionIs::Null, _) => format!("n{}", self.column),
            (ConditionIs::AnyOf(texts), _) => format!("a{}_{}", self.column, hash_of(texts)),
            (ConditionIs::NoneOf(texts), _) => format!("o{}_{}", self.column, hash_of(texts)),
            (_, None) => format!("s{}", self.column),
            (_, Some(value)) => {
                format!("e{}_{}", self.column, blake3::hash(&term::term(&value)).to_hex())
            }
        }
    }
}

fn hash_of(texts: &[Arc<str>]) -> blake3::Hash {
    blake3::hash(&term::term(&Value::TextList(texts.into())))
}

fn must_position(spec: &TableSpec, column: &str) -> Result<usize> {
    spec.position(column)
        .ok_or_else(|| Error::UnknownColumn { table: spec.name.to_string(), column: column.to_string() })
}
