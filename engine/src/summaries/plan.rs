//! What the summaries of a registry take of a record, compiled once.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use arrow::array::{Array, ArrayRef, RecordBatch};
use quarry_metadata::{
    FieldKind, FieldName, ObjectName, Registry, Summary, SummaryFunction,
    expression::{Expression, Type},
};
use quarry_planner::expression::{Compiled, Evaluated, Input, Inputs, Source, Surroundings};
use quarry_storage::{Row, Value};

use crate::{
    error::{Error, Result},
    layout::Layout,
};

/// The summaries of all objects.
#[derive(Default)]
pub(crate) struct Summaries {
    /// Those that others are made of come first.
    plans: Vec<Arc<Plan>>,
    by_child: HashMap<ObjectName, Vec<usize>>,
    by_parent: HashMap<ObjectName, Vec<usize>>,
}

/// One summary field.
pub(crate) struct Plan {
    pub parent: ObjectName,
    pub field: FieldName,
    /// What its values are.
    pub kind: FieldKind,
    pub child: ObjectName,
    pub lookup: FieldName,
    pub function: SummaryFunction,
    /// Digits behind the point of what is taken of each record.
    pub scale: u8,
    /// The stored fields that are looked at, beside the lookup.
    pub reads: Vec<FieldName>,
    taker: Taker,
}

/// What decides whether a record counts, and what is taken of it.
struct Taker {
    inputs: Inputs,
    filter: Option<Compiled>,
    value: Option<Compiled>,
}

impl Summaries {
    /// Compiles the summaries of a registry; those of objects that are the very same in what is `known` are there already.
    ///
    /// # Errors
    ///
    /// `Internal`.
    pub fn beside(registry: &Registry, known: Option<(&Registry, &Summaries)>) -> Result<Summaries> {
        let mut open = Vec::new();
        for object in registry.objects.values() {
            for field in object.fields.values() {
                let Some(summary) = &field.summary else { continue };
                let known = known.and_then(|(was, summaries)| {
                    let same = was.objects.get(&object.name).is_some_and(|was| Arc::ptr_eq(was, object));
                    summaries.find(object.name.as_str(), &field.name).filter(|_| same)
                });
                open.push(match known {
                    Some(known) => Arc::clone(known),
                    None => {
                        Arc::new(Plan::of(object.name.clone(), (field.name.clone(), &field.kind), summary)?)
                    }
                });
            }
        }
        let mut made = Summaries::default();
        while !open.is_empty() {
            let waiting: HashSet<(ObjectName, FieldName)> =
                open.iter().map(|plan| (plan.parent.clone(), plan.field.clone())).collect();
            let stands_on = |plan: &Plan| {
                plan.reads.iter().any(|field| waiting.contains(&(plan.child.clone(), field.clone())))
            };
            let before = open.len();
            for plan in std::mem::take(&mut open) {
                match stands_on(&plan) {
                    true => open.push(plan),
                    false => made.add(plan),
                }
            }
            if open.len() == before {
                return Err(Error::internal("summaries that stand on themselves"));
            }
        }
        Ok(made)
    }

    fn find(&self, object: &str, field: &FieldName) -> Option<&Arc<Plan>> {
        self.of_parent(object).filter_map(|at| self.plans.get(at)).find(|plan| plan.field == *field)
    }

    fn add(&mut self, plan: Arc<Plan>) {
        let at = self.plans.len();
        self.by_child.entry(plan.child.clone()).or_default().push(at);
        self.by_parent.entry(plan.parent.clone()).or_default().push(at);
        self.plans.push(plan);
    }

    /// All of them; those that others are made of come first.
    pub fn plans(&self) -> &[Arc<Plan>] {
        &self.plans
    }

    /// One of them.
    pub fn plan(&self, at: usize) -> Option<&Plan> {
        self.plans.get(at).map(|plan| &**plan)
    }

    /// Those that are made of records of an object.
    pub fn of_child(&self, object: &str) -> impl Iterator<Item = (usize, &Plan)> {
        let found = self.by_child.get(object).into_iter().flatten();
        found.filter_map(|at| Some((*at, &**self.plans.get(*at)?)))
    }

    /// Whether an object has summaries, or some are made of it.
    pub fn concern(&self, object: &str) -> bool {
        self.by_parent.contains_key(object) || self.by_child.contains_key(object)
    }

    /// Those that an object has.
    pub fn of_parent(&self, object: &str) -> impl Iterator<Item = usize> {
        self.by_parent.get(object).into_iter().flatten().copied()
    }
}

impl Plan {
    fn of(parent: ObjectName, (field, kind): (FieldName, &FieldKind), summary: &Summary) -> Result<Plan> {
        let value = summary.value.as_deref();
        let filter = summary.filter.as_ref().map(|filter| &*filter.expression);
        let expressions: Vec<&Expression> = value.into_iter().chain(filter).collect();
        let inputs = Inputs::of(expressions)?;
        let compiled = |expression: Option<&Expression>| {
            expression.map(|expression| Compiled::new(expression, &inputs)).transpose()
        };
        let (value_of, filter) = (compiled(value)?, compiled(filter)?);
        let scale = match value.map(Expression::type_) {
            Some(Type::Decimal { scale, .. }) => *scale,
            _ => 0,
        };
        Ok(Plan {
            parent,
            field,
            kind: kind.clone(),
            child: summary.object.clone(),
            lookup: summary.lookup.clone(),
            function: summary.function,
            scale,
            reads: summary.reads(),
            taker: Taker { inputs, filter, value: value_of },
        })
    }

    /// Whether its value is what it was and the difference: floats are not, they are rounded.
    pub fn goes_by_difference(&self) -> bool {
        let is_float = matches!(self.kind, FieldKind::Float { .. });
        matches!(self.function, SummaryFunction::Count)
            || (self.function == SummaryFunction::Sum && !is_float)
    }

    /// The columns that [`Self::taken`] wants of a table, in order.
    ///
    /// # Errors
    ///
    /// `Internal`.
    pub fn columns(&self, layout: &Layout) -> Result<Vec<usize>> {
        let column = |input: &Input| match input {
            Input::Field { path, .. } if path.steps.is_empty() => layout.column(path.field.as_str()),
            _ => None,
        };
        let columns = self.taker.inputs.inputs().iter().map(column);
        columns.collect::<Option<Vec<_>>>().ok_or_else(|| {
            Error::internal(format!("{}.{} looks at what is not there", self.parent, self.field))
        })
    }

    /// What is taken of each record of a scan of [`Self::columns`].
    ///
    /// # Errors
    ///
    /// `Internal`.
    pub fn taken(&self, columns: Vec<ArrayRef>, rows: usize) -> Result<Taken> {
        self.taker.take(&self.taker.inputs.of_columns(columns, rows)?)
    }

    /// What is taken of each of these rows.
    ///
    /// # Errors
    ///
    /// `Internal`.
    pub fn taken_of(&self, rows: &[&Row], layout: &Layout) -> Result<Taken> {
        let source = Rows { rows, columns: self.columns(layout)? };
        let around = Surroundings { now_micros: 0, time_zone: chrono_tz::UTC, lists: BTreeMap::new() };
        self.taker.take(&self.taker.inputs.batch(rows.len(), &source, &around)?)
    }
}

impl Taker {
    fn take(&self, batch: &RecordBatch) -> Result<Taken> {
        let evaluate = |compiled: &Option<Compiled>| {
            compiled.as_ref().map(|compiled| compiled.evaluate(batch)).transpose()
        };
        Ok(Taken { filter: evaluate(&self.filter)?, value: evaluate(&self.value)? })
    }
}

/// What is taken of each of many records.
pub(crate) struct Taken {
    filter: Option<Evaluated>,
    value: Option<Evaluated>,
}

impl Taken {
    /// What is taken of a record; none of one that does not count, or has no value. What can't be computed is no value.
    ///
    /// # Errors
    ///
    /// `Internal`.
    pub fn of(&self, row: usize) -> Result<Option<Value>> {
        if self.filter.as_ref().is_some_and(|filter| filter.condition(row) != Some(true)) {
            return Ok(None);
        }
        match &self.value {
            // That it is there is enough.
            None => Ok(Some(Value::Bool(true))),
            Some(value) if value.array().is_null(row) => Ok(None),
            Some(value) => Ok(Some(value.value(row)?)),
        }
    }
}

struct Rows<'a> {
    rows: &'a [&'a Row],
    columns: Vec<usize>,
}

impl Source for Rows<'_> {
    fn value(&self, input: usize, row: usize) -> Cow<'_, Value> {
        let value = self.columns.get(input).and_then(|column| Some(self.rows.get(row)?.get(*column)));
        value.map_or(Cow::Owned(Value::Null), Cow::Borrowed)
    }

    fn children(&self, _: usize, _: usize) -> Vec<Vec<Value>> {
        Vec::new()
    }
}
