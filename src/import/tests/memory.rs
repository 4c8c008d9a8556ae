//! A target in memory that checks a little, fails when told, and keeps batches whole or not at all.

use std::{cell::RefCell, collections::BTreeMap};

use quarry_metadata::{FieldName, ObjectName};
use serde_json::{Map, Value, json};

use crate::import::target::{Batch, Finding, Refusal, Target, Upsert, Warned, Written, text_of};

/// How a write fails.
#[derive(Clone, Copy, PartialEq)]
pub enum Fail {
    /// From then on, for good.
    Always,
    /// Once, with a conflict.
    Once,
}

/// By object and key.
type Records = BTreeMap<String, BTreeMap<String, Map<String, Value>>>;

struct State {
    records: Records,
    writes: u64,
    fail: Option<(u64, Fail)>,
    batch_max: usize,
}

/// Records by object.
pub struct Memory(RefCell<State>);

impl Default for Memory {
    fn default() -> Self {
        let state = State { records: Records::new(), writes: 0, fail: None, batch_max: usize::MAX };
        Memory(RefCell::new(state))
    }
}

impl Memory {
    pub fn fail_after(&self, writes: u64, how: Fail) {
        let mut state = self.0.borrow_mut();
        state.writes = 0;
        state.fail = Some((writes, how));
    }

    pub fn limit_batch(&self, records: usize) {
        self.0.borrow_mut().batch_max = records;
    }

    pub fn records(&self) -> Records {
        self.0.borrow().records.clone()
    }

    pub fn count(&self, object: &str) -> usize {
        self.0.borrow().records.get(object).map_or(0, BTreeMap::len)
    }

    pub fn record(&self, object: &str, by: &str, value: &str) -> Map<String, Value> {
        let state = self.0.borrow();
        let found = state.records[object].values().find(|record| record[by] == value);
        found.unwrap_or_else(|| panic!("no {object} has {by} {value}")).clone()
    }

    pub fn value(&self, object: &str, by: &str, value: &str, field: &str) -> Value {
        self.record(object, by, value).get(field).cloned().unwrap_or(Value::Null)
    }

    pub fn id(&self, object: &str, by: &str, value: &str) -> String {
        text_of(&self.record(object, by, value)["id"])
    }
}

impl Target for Memory {
    fn write(&self, batch: &[Upsert], dry_run: bool) -> Result<Batch, Refusal> {
        let mut state = self.0.borrow_mut();
        match state.fail {
            Some((writes, Fail::Always)) if state.writes >= writes => {
                return Err(Refusal::Failed(anyhow::anyhow!("gone")));
            }
            Some((writes, Fail::Once)) if state.writes >= writes => {
                state.fail = None;
                return Err(Refusal::Retry("conflict".to_owned()));
            }
            _ => {}
        }
        if batch.len() > state.batch_max {
            return Err(Refusal::TooLarge("too many records".to_owned()));
        }
        let faults: Vec<Finding> =
            batch.iter().enumerate().filter_map(|(index, upsert)| fault(index, upsert)).collect();
        if !faults.is_empty() {
            return Err(Refusal::Findings(faults));
        }
        let told = batch.iter().enumerate().filter_map(|(index, upsert)| warning(index, upsert)).collect();
        let done = |written| Ok(Batch { written, warnings: Warned { told, more: 0 } });
        if dry_run {
            let table = |upsert: &Upsert| state.records.get(upsert.object.as_str());
            return done(batch.iter().map(|upsert| written(table(upsert), upsert)).collect());
        }
        state.writes += 1;
        done(batch.iter().map(|upsert| put(&mut state.records, upsert)).collect())
    }

    fn find(
        &self,
        object: &ObjectName,
        by: &FieldName,
        values: &[Value],
    ) -> anyhow::Result<Vec<(String, String)>> {
        let state = self.0.borrow();
        let records = state.records.get(object.as_str()).into_iter().flat_map(BTreeMap::values);
        let found = records.filter(|record| values.contains(&record[by.as_str()]));
        Ok(found.map(|record| (text_of(&record[by.as_str()]), text_of(&record["id"]))).collect())
    }
}

/// A price has to be a number, and a deal has to have a product.
fn fault(index: usize, upsert: &Upsert) -> Option<Finding> {
    let finding = |field: &str, code: &str| Finding {
        change: Some(index),
        field: Some(field.to_owned()),
        code: code.to_owned(),
        message: format!("{field} is wrong"),
    };
    if let Some(Value::String(price)) = upsert.data.get("sales_price")
        && price.parse::<f64>().is_err()
    {
        return Some(finding("sales_price", "invalid_number"));
    }
    let is_deal = upsert.object.as_str() == "deal";
    (is_deal && !upsert.data.contains_key("product")).then(|| finding("product", "required"))
}

/// A price above 5,000 is strange.
fn warning(index: usize, upsert: &Upsert) -> Option<Finding> {
    let price: f64 = upsert.data.get("sales_price")?.as_str()?.parse().ok()?;
    (price > 5_000.0).then(|| Finding {
        change: Some(index),
        field: Some("sales_price".to_owned()),
        code: "DEAR".to_owned(),
        message: "it is dear".to_owned(),
    })
}

fn put(records: &mut Records, upsert: &Upsert) -> Written {
    let table = records.entry(upsert.object.to_string()).or_default();
    let written = written(Some(table), upsert);
    let id = json!(format!("{}:{}", upsert.object, key(upsert)));
    let record = table.entry(key(upsert)).or_insert_with(|| Map::from_iter([("id".to_owned(), id)]));
    record.extend(upsert.data.clone());
    written
}

fn written(table: Option<&BTreeMap<String, Map<String, Value>>>, upsert: &Upsert) -> Written {
    let is_there = table.is_some_and(|table| table.contains_key(&key(upsert)));
    if is_there { Written::Updated } else { Written::Created }
}

fn key(upsert: &Upsert) -> String {
    upsert.on.iter().map(|on| text_of(&upsert.data[on.as_str()])).collect::<Vec<_>>().join("/")
}
