//! What is there in the end, held against what a case expects.

use std::sync::Arc;

use quarry_metadata::{
    Field, FieldKind, FieldName,
    rules::{Expected, Matching, Weight},
};
use quarry_planner::lower;
use quarry_storage::{ColumnType, Row, Value};
use serde_json::Value as Json;

use super::trial::{Trial, told};
use crate::{
    change::Input,
    error::{Error, Result},
    layout::Layout,
    pipeline, plain,
    rules::{Subject, Together},
};

/// Records of an object that a case may leave.
const RECORDS_MAX: usize = 100_000;

impl Trial<'_> {
    /// Every finding that is expected is there, and no other error.
    pub(super) fn findings(&mut self, found: &[(String, Weight, String)]) {
        let expected = &self.case.findings;
        let is_there = |wanted: &&(String, Weight)| {
            found.iter().any(|(code, weight, _)| (code, weight) == (&wanted.0, &wanted.1))
        };
        let missing: Vec<&str> =
            expected.iter().filter(|wanted| !is_there(wanted)).map(|(code, _)| code.as_str()).collect();
        let is_expected = |(code, weight, _): &&(String, Weight, String)| {
            *weight == Weight::Warning || expected.iter().any(|(known, _)| known == code)
        };
        let others: Vec<_> = found.iter().filter(|found| !is_expected(found)).cloned().collect();
        let place = self.case.place.clone();
        if !missing.is_empty() {
            self.fail(place, format!("the finding {}", missing.join(", ")), told(found));
        } else if !others.is_empty() {
            self.fail(place, "no other finding", told(&others));
        }
    }

    /// Every warning that is expected is there, and no other; unless the case says nothing of warnings.
    pub(super) fn warnings(&mut self, found: &[(String, Weight, String)]) {
        let Some(expected) = &self.case.warnings else { return };
        let warned = |code: &String| {
            found.iter().any(|(known, weight, _)| known == code && *weight == Weight::Warning)
        };
        let missing: Vec<&str> = expected.iter().filter(|code| !warned(code)).map(String::as_str).collect();
        let is_other =
            |found: &&(String, Weight, String)| found.1 == Weight::Warning && !expected.contains(&found.0);
        let others: Vec<_> = found.iter().filter(is_other).cloned().collect();
        let place = self.case.place.clone();
        if !missing.is_empty() {
            self.fail(place, format!("the warning {}", missing.join(", ")), told(found));
        } else if !others.is_empty() {
            let what = if expected.is_empty() { "no warning" } else { "no other warning" };
            self.fail(place, what, told(&others));
        }
    }

    /// Every record that is expected is there, as it is expected.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub(super) fn records(&mut self) -> Result<()> {
        let case = self.case;
        case.records.iter().try_for_each(|expected| self.expected(expected))
    }

    fn expected(&mut self, expected: &Expected) -> Result<()> {
        let layout = self.work.layout(expected.object.as_str())?;
        let (rows, which) = self.matching(&layout, expected)?;
        let place = || expected.place.clone();
        if let Some(count) = expected.count
            && usize::try_from(count).ok() != Some(rows.len())
        {
            self.fail(place(), format!("{count} {which}"), rows.len().to_string());
        } else if expected.count.is_none() && rows.is_empty() {
            self.fail(place(), format!("a record {which}"), "none");
        }
        for row in &rows {
            for (name, wanted) in &expected.has {
                if let Some((wanted, found)) = self.difference(&layout, row, name, wanted)? {
                    self.fail(place(), format!("{which} with {name} {wanted}"), found);
                }
            }
        }
        Ok(())
    }

    /// The records that are meant, and what to call them.
    fn matching(&mut self, layout: &Arc<Layout>, expected: &Expected) -> Result<(Vec<Row>, String)> {
        let object = &expected.object;
        match &expected.which {
            Matching::Key(key) => {
                let id = self.ids.get(&(object.clone(), key.clone())).cloned();
                let row = match id {
                    Some(id) => self.work.row(&layout.table, &id)?,
                    None => None,
                };
                Ok((row.into_iter().collect(), format!("{object} {key}")))
            }
            Matching::Values(values) => {
                let mut rows = Vec::new();
                for row in self.work.all(layout, RECORDS_MAX)? {
                    let mut all = true;
                    for (name, wanted) in values {
                        all = all && self.difference(layout, &row, name, wanted)?.is_none();
                    }
                    if all {
                        rows.push(row);
                    }
                }
                let told: Vec<String> =
                    values.iter().map(|(name, value)| format!("{name} {value}")).collect();
                Ok((rows, format!("{object} where {}", told.join(", "))))
            }
        }
    }

    /// What a field of a record should have and has, where that is not the same.
    fn difference(
        &mut self,
        layout: &Arc<Layout>,
        row: &Row,
        name: &FieldName,
        wanted: &Json,
    ) -> Result<Option<(String, String)>> {
        let object = layout.object.clone();
        let Some(field) = object.field(name.as_str()) else {
            return Err(Error::invalid(format!("{} has no field {name:?}", object.name)));
        };
        let found = self.value(layout, row, field)?;
        let wanted = self.with_ids(Some(field), wanted);
        let kept = Field { kind: field.kind.of_values().clone(), ..field.clone() };
        let same = match pipeline::value(&kept, &Input::Json(wanted.clone()), self.work.actor.time_zone) {
            Ok(Value::Text(text)) if is_json(&kept) => json(&Value::Text(text)) == json(&found),
            Ok(value) => value == found,
            Err(_) => false,
        };
        let scale = match lower::column_type(&kept) {
            ColumnType::Decimal { scale, .. } => Some(scale),
            _ => None,
        };
        Ok((!same).then(|| (wanted.to_string(), plain::json(&found, scale).to_string())))
    }

    fn value(&mut self, layout: &Arc<Layout>, row: &Row, field: &Field) -> Result<Value> {
        if let FieldKind::Formula { expression, .. } = &field.kind {
            let together = Together::new(&[expression])?;
            let subject = Subject::new(layout, None, &row.0);
            let values = together.evaluate(std::slice::from_ref(&subject), &mut self.work)?;
            return values.first().map_or(Ok(Value::Null), |value| Ok(value.value(0)?));
        }
        Ok(layout.column(field.name.as_str()).map_or(Value::Null, |column| row.get(column).clone()))
    }
}

fn is_json(field: &Field) -> bool {
    matches!(field.kind, FieldKind::Json | FieldKind::Composite { .. })
}

fn json(value: &Value) -> Option<Json> {
    match value {
        Value::Text(text) => serde_json::from_str(text).ok(),
        _ => None,
    }
}
