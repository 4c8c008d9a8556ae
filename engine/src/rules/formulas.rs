//! Formulas that are kept in a column, so that an index finds records by them: written whenever their record is.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use arrow::array::ArrayRef;
use quarry_metadata::{FieldKind, FieldName, Object, ObjectName, Registry, expression::Expression};
use quarry_planner::expression::{Compiled, Evaluated, Input, Inputs, Source, Surroundings};
use quarry_storage::Value;

use crate::{
    error::{Error, Result},
    layout::Layout,
};

/// The kept formulas of all objects, compiled.
#[derive(Default)]
pub(crate) struct KeptFormulas {
    objects: HashMap<ObjectName, Arc<Vec<KeptFormula>>>,
}

/// One of them.
pub(crate) struct KeptFormula {
    pub field: FieldName,
    inputs: Inputs,
    compiled: Compiled,
}

impl KeptFormulas {
    /// Compiles those of a registry; those of objects that are the very same in what is `known` are there already.
    ///
    /// # Errors
    ///
    /// `Internal`.
    pub fn beside(registry: &Registry, known: Option<(&Registry, &KeptFormulas)>) -> Result<KeptFormulas> {
        let mut objects = HashMap::new();
        for (name, object) in &registry.objects {
            let known = known.and_then(|(was, formulas)| {
                let same = was.objects.get(name).is_some_and(|was| Arc::ptr_eq(was, object));
                formulas.objects.get(name).filter(|_| same).cloned()
            });
            let made = match known {
                Some(known) => known,
                None => Arc::new(KeptFormula::of_object(object)?),
            };
            if !made.is_empty() {
                objects.insert(name.clone(), made);
            }
        }
        Ok(KeptFormulas { objects })
    }

    /// Those of an object.
    pub fn of_object(&self, object: &str) -> &[KeptFormula] {
        self.objects.get(object).map_or(&[], |formulas| formulas.as_slice())
    }

    /// Brings those of records of one object to what their other values give.
    ///
    /// # Errors
    ///
    /// `Internal`.
    pub fn keep(&self, layout: &Layout, records: &mut [&mut [Value]]) -> Result<()> {
        for formula in self.of_object(layout.object.name.as_str()) {
            let given = formula.of_records(layout, records)?;
            let Some(column) = layout.column(formula.field.as_str()) else { continue };
            for (row, values) in records.iter_mut().enumerate() {
                if let Some(place) = values.get_mut(column) {
                    *place = given.value(row)?;
                }
            }
        }
        Ok(())
    }
}

impl KeptFormula {
    fn of_object(object: &Object) -> Result<Vec<KeptFormula>> {
        let mut formulas = Vec::new();
        for field in object.fields.values() {
            if let FieldKind::Formula { expression, stored: true, .. } = &field.kind {
                formulas.push(KeptFormula::of(field.name.clone(), expression)?);
            }
        }
        Ok(formulas)
    }

    fn of(field: FieldName, expression: &Expression) -> Result<KeptFormula> {
        let inputs = Inputs::of([expression])?;
        let compiled = Compiled::new(expression, &inputs)?;
        Ok(KeptFormula { field, inputs, compiled })
    }

    /// The columns that [`Self::evaluate`] wants of a table, in order.
    ///
    /// # Errors
    ///
    /// `Internal`.
    pub fn columns(&self, layout: &Layout) -> Result<Vec<usize>> {
        let column = |input: &Input| match input {
            Input::Field { path, .. } if path.steps.is_empty() => layout.column(path.field.as_str()),
            _ => None,
        };
        let columns = self.inputs.inputs().iter().map(column).collect::<Option<Vec<_>>>();
        columns.ok_or_else(|| Error::internal(format!("{} looks at what is not there", self.field)))
    }

    /// What it gives for each record of a scan of [`Self::columns`]; what can't be computed is null.
    ///
    /// # Errors
    ///
    /// `Internal`.
    pub fn evaluate(&self, columns: Vec<ArrayRef>, rows: usize) -> Result<Evaluated> {
        Ok(self.compiled.evaluate(&self.inputs.of_columns(columns, rows)?)?)
    }

    fn of_records(&self, layout: &Layout, records: &[&mut [Value]]) -> Result<Evaluated> {
        let source = Records { records, columns: self.columns(layout)? };
        let around = Surroundings { now_micros: 0, time_zone: chrono_tz::UTC, lists: BTreeMap::new() };
        let batch = self.inputs.batch(records.len(), &source, &around)?;
        Ok(self.compiled.evaluate(&batch)?)
    }
}

struct Records<'a> {
    records: &'a [&'a mut [Value]],
    columns: Vec<usize>,
}

impl Source for Records<'_> {
    fn value(&self, input: usize, row: usize) -> Cow<'_, Value> {
        let value = self.columns.get(input).and_then(|column| self.records.get(row)?.get(*column));
        value.map_or(Cow::Owned(Value::Null), Cow::Borrowed)
    }

    fn children(&self, _: usize, _: usize) -> Vec<Vec<Value>> {
        Vec::new()
    }
}
