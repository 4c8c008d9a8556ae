//! What is summed up of the records that refer to a record.

use std::{fmt, sync::Arc};

use serde::Serialize;

use crate::{
    expression::Expression,
    model::Clause,
    name::{FieldName, ObjectName},
};

/// How a summary field comes by its value. Its kind says what the value is; the column is kept by the engine.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// The object whose records are summed up.
    pub object: ObjectName,
    /// The lookup of those records that leads here.
    pub lookup: FieldName,
    /// What is made of them.
    pub function: SummaryFunction,
    /// The field of each that is taken; none where records are counted.
    pub field: Option<FieldName>,
    /// That field as an expression over stored fields of its own record: a formula is written out.
    pub value: Option<Arc<Expression>>,
    /// Which records count; all when there is none.
    pub filter: Option<Clause>,
}

impl Summary {
    /// The stored fields of each summed up record that decide about the value, beside the lookup.
    pub fn reads(&self) -> Vec<FieldName> {
        let filter = self.filter.as_ref().map(|filter| &filter.expression);
        let mut names = Vec::new();
        for expression in self.value.iter().chain(filter) {
            for (_, path) in expression.needs().fields.into_keys() {
                if !names.contains(&path.field) {
                    names.push(path.field);
                }
            }
        }
        names
    }
}

/// What is made of many records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[allow(missing_docs)]
pub enum SummaryFunction {
    /// How many there are, or have a value in the field. 0 where there is none.
    Count,
    /// 0 where there is none.
    Sum,
    Min,
    Max,
    Avg,
}

impl SummaryFunction {
    /// All of them, by their names.
    pub const ALL: &[(&str, SummaryFunction)] = &[
        ("count", SummaryFunction::Count),
        ("sum", SummaryFunction::Sum),
        ("min", SummaryFunction::Min),
        ("max", SummaryFunction::Max),
        ("avg", SummaryFunction::Avg),
    ];

    /// Its name in a package.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, known)| *known == self).map_or("", |(name, _)| name)
    }
}

impl fmt::Display for SummaryFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
