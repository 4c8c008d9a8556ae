//! Records that a new `unique` rule would not let stand beside each other: they are looked for before it is activated. (What
//! is written meanwhile the store finds, when it makes the constraint.)

use std::collections::HashMap;

use arrow::{
    array::{Array, ArrayRef, AsArray, RecordBatch},
    datatypes::Int64Type,
    row::{RowConverter, SortField},
};
use quarry_metadata::{
    Object, Registry,
    evolution::{Difference, Effect, Subject},
};
use quarry_planner::lower;
use quarry_storage::{Condition, ConditionIs, IndexSpec, Key, ScanRequest, Snapshot, TableSnapshot};

use crate::{
    bulk::fingerprint,
    error::{Error, Result},
    work::keys_in,
};

/// Pairs of records that are named.
const PAIRS_TOLD_MAX: usize = 3;

/// What the `unique` rules do that the store does not keep yet.
///
/// # Errors
///
/// Those of the store.
pub(super) fn differences(snapshot: &Snapshot, registry: &Registry) -> Result<Vec<Difference>> {
    let mut found = Vec::new();
    for object in registry.objects.values() {
        let Ok(table) = snapshot.table(object.table()) else { continue };
        for rule in lower::unique_rules(object, registry) {
            if !table.spec().unique.contains(&rule) {
                found.push(difference(object, &rule, &Doubles::of(&table, &rule)?));
            }
        }
    }
    Ok(found)
}

fn difference(object: &Object, rule: &IndexSpec, doubles: &Doubles) -> Difference {
    let subject = Subject::Index(object.name.clone(), rule.name.to_string());
    let columns: Vec<&str> = rule.columns.iter().map(|column| &**column).collect();
    if doubles.count == 0 {
        let message = format!("a rule keeps {} unique", columns.join(", "));
        let mut allowed = Difference::allowed("unique-rule-added", subject, message);
        let index = rule.name.to_string();
        allowed.effects = vec![Effect::BuildIndex { object: object.name.clone(), index }];
        return allowed;
    }
    let pairs: Vec<String> = doubles.pairs.iter().map(|(one, other)| format!("{one} and {other}")).collect();
    let more = if doubles.count > pairs.len() { ", …" } else { "" };
    let message = format!(
        "the rule would not let records stand that have the same {} as another: {}{more}; change them first",
        columns.join(", "),
        pairs.join(", ")
    );
    let mut refused = Difference::refused("unique-rule-broken", subject, message);
    refused.records = u64::try_from(doubles.count).ok();
    refused
}

/// Records that have what another has already.
#[derive(Default)]
struct Doubles {
    count: usize,
    /// The first of them, each with the record before it.
    pairs: Vec<(Key, Key)>,
}

impl Doubles {
    /// Those of a table. Holds a fingerprint and a key of each record that counts.
    fn of(table: &TableSnapshot, rule: &IndexSpec) -> Result<Doubles> {
        let mut doubles = Doubles::default();
        let position = |column: &str| table.spec().position(column);
        let columns: Option<Vec<usize>> = rule.columns.iter().map(|column| position(column)).collect();
        // A column that is not there yet has no values, and a null is like no other.
        let Some(columns) = columns else { return Ok(doubles) };
        let conditions: Vec<_> = rule.conditions.iter().map(|when| (position(&when.column), when)).collect();
        let mut projection = vec![0];
        projection.extend(&columns);
        projection.extend(conditions.iter().filter_map(|(at, _)| *at));
        let request = ScanRequest { projection: Some(projection), ..ScanRequest::default() };
        let mut known: HashMap<u128, Key> = HashMap::new();
        for part in table.scan(request)? {
            for batch in part {
                doubles.add(&batch?, columns.len(), &conditions, &mut known)?;
            }
        }
        Ok(doubles)
    }

    fn add(
        &mut self,
        batch: &RecordBatch,
        width: usize,
        conditions: &[(Option<usize>, &Condition)],
        known: &mut HashMap<u128, Key>,
    ) -> Result<()> {
        let columns = batch.columns();
        let values: Vec<ArrayRef> = columns.iter().skip(1).take(width).cloned().collect();
        let mut asked = columns.iter().skip(1 + width);
        let conditions: Vec<(Option<&ArrayRef>, &ConditionIs)> =
            conditions.iter().map(|(at, when)| (at.and_then(|_| asked.next()), &when.is)).collect();
        let odd = |error| Error::internal("unique values can't be compared").caused_by(error);
        let kinds = values.iter().map(|array| SortField::new(array.data_type().clone())).collect();
        let rows = RowConverter::new(kinds).and_then(|converter| converter.convert_columns(&values));
        let rows = rows.map_err(odd)?;
        let mut keys = Vec::with_capacity(batch.num_rows());
        keys_in(columns.first(), &mut keys)?;
        for (at, (row, key)) in rows.iter().zip(keys).enumerate() {
            let counts = conditions.iter().all(|(array, is)| holds(*array, at, is));
            if !counts || values.iter().any(|array| array.is_null(at)) {
                continue;
            }
            let fingerprint = fingerprint(&row.as_ref());
            if let Some(before) = known.get(&fingerprint) {
                self.count += 1;
                if self.pairs.len() < PAIRS_TOLD_MAX {
                    self.pairs.push((before.clone(), key));
                }
                continue;
            }
            known.insert(fingerprint, key);
        }
        Ok(())
    }
}

/// Whether a value meets a condition; a column that is not there yet has nulls.
fn holds(array: Option<&ArrayRef>, at: usize, is: &ConditionIs) -> bool {
    let Some(array) = array.filter(|array| array.is_valid(at)) else { return *is == ConditionIs::Null };
    let text = array.as_string_view_opt().map(|texts| texts.value(at));
    let is_one = |texts: &[std::sync::Arc<str>]| text.is_some_and(|text| texts.iter().any(|t| **t == *text));
    match is {
        ConditionIs::Null => false,
        ConditionIs::NotNull => true,
        ConditionIs::Bool(flag) => array.as_boolean_opt().is_some_and(|flags| flags.value(at) == *flag),
        ConditionIs::Int(number) => {
            array.as_primitive_opt::<Int64Type>().is_some_and(|numbers| numbers.value(at) == *number)
        }
        ConditionIs::Text(wanted) => text == Some(&**wanted),
        ConditionIs::AnyOf(texts) => is_one(texts),
        ConditionIs::NoneOf(texts) => text.is_some() && !is_one(texts),
    }
}
