//! A column that is computed in two steps: inside an aggregate or a window, and above it.

use arrow::datatypes::DataType;
use datafusion::{
    common::{Column, ScalarValue},
    functions::core::expr_fn::coalesce,
    logical_expr::{Expr, SortExpr, cast, lit},
};

use super::{aggregates::many, bucket};
use crate::{coerce::Class, error::Result, objectql::Granularity};

/// A column of the answer: a key, an aggregate or a window.
#[derive(Clone, Debug)]
pub(super) struct Member {
    /// Its name in the answer.
    pub(super) name: String,
    /// The path it was made of, which also names a key.
    pub(super) path: Option<String>,
    /// What makes it, inside.
    pub(super) inner: Expr,
    /// What is needed beside it, inside.
    pub(super) beside: Option<Expr>,
    /// What makes the answer's value of it, above.
    pub(super) outer: Outer,
    pub(super) class: Class,
    /// In which order it sees the records, when that matters.
    pub(super) order: Vec<SortExpr>,
}

/// What is done with a value afterwards.
#[derive(Clone, Debug)]
pub(super) enum Outer {
    Plain,
    Label(Granularity),
    /// An empty sum is 0; a sum of integers is one again.
    Sum {
        integer: bool,
    },
    /// A number of rows.
    Integer,
    /// A sum, to be divided by the count that was made beside it.
    Ratio {
        of: String,
    },
}

impl Member {
    /// One that is taken as it comes.
    pub(super) fn plain(name: &str, inner: Expr, class: Class) -> Member {
        Member {
            name: name.to_owned(),
            path: None,
            inner,
            beside: None,
            outer: Outer::Plain,
            class,
            order: Vec::new(),
        }
    }

    /// The answer's value of what came out of the inside.
    ///
    /// # Errors
    ///
    /// `Internal`.
    pub(super) fn outer(&self, value: Expr, data_type: &DataType) -> Result<Expr> {
        Ok(match &self.outer {
            Outer::Plain => value,
            Outer::Label(granularity) => bucket::label(value, *granularity),
            Outer::Sum { integer } => {
                let zero = ScalarValue::new_zero(data_type)?;
                let sum = coalesce(vec![value, lit(zero)]);
                if *integer { cast(sum, DataType::Int64) } else { sum }
            }
            Outer::Integer => cast(value, DataType::Int64),
            Outer::Ratio { of } => {
                let count = Expr::Column(Column::new_unqualified(of.as_str()));
                many::ratio(value, count, data_type)
            }
        })
    }
}
