//! Finding records by their natural keys, a batch at a time.

use std::collections::{BTreeMap, HashMap};

use anyhow::Result;
use quarry_metadata::ObjectName;
use serde_json::Value;

use super::{
    findings::Fault,
    mapping::{Mapping, Reference},
    prepare::{Pending, Prepared},
    seen::Seen,
    target::{Target, text_of},
};

/// Values asked for in one question.
const ASKED_MAX: usize = 500;
/// Values remembered; past it all are forgotten and asked for again.
const REMEMBERED_MAX: usize = 200_000;

/// What a natural key names.
#[derive(Clone, Debug)]
enum Found {
    One(String),
    Several,
}

/// Which of a row's references to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Those to records of other files.
    Other,
    /// Those to records of the same file.
    Own,
}

/// Finds records by natural keys, and remembers what it found.
pub struct Resolver<'t> {
    target: &'t dyn Target,
    found: HashMap<(Reference, String), Found>,
    /// In a dry run: what this import would have created.
    promised: Option<Promised>,
}

/// The natural keys of records that a dry run would have created.
struct Promised {
    wanted: Vec<Reference>,
    seen: Seen,
}

impl<'t> Resolver<'t> {
    /// For an import by `mapping`.
    pub fn new(target: &'t dyn Target, mapping: &Mapping, dry_run: bool) -> Self {
        let columns = mapping.files.iter().flat_map(|file| &file.columns);
        let mut wanted: Vec<_> = columns.filter_map(|column| column.reference.clone()).collect();
        wanted.sort();
        wanted.dedup();
        Self {
            target,
            found: HashMap::new(),
            promised: dry_run.then(|| Promised { wanted, seen: Seen::default() }),
        }
    }

    /// Notes that a row was good, so that a dry run can refer to it.
    ///
    /// # Errors
    ///
    /// Past the limit of remembered rows.
    pub fn on_good(&mut self, object: &ObjectName, row: &Prepared) -> Result<()> {
        let Some(promised) = &mut self.promised else { return Ok(()) };
        for reference in promised.wanted.iter().filter(|reference| reference.object == *object) {
            if let Some(value) = row.data.get(reference.by.as_str()) {
                promised.seen.insert(&[object.as_str(), reference.by.as_str(), &text_of(value)])?;
            }
        }
        Ok(())
    }

    /// Puts the ids of the records that `rows` refer to into their data; returns the rows' faults, by row number.
    ///
    /// # Errors
    ///
    /// When the target can't answer.
    pub fn resolve(&mut self, rows: &mut [Prepared], which: Which) -> Result<BTreeMap<u64, Vec<Fault>>> {
        self.look_up(rows, which)?;
        let mut faults: BTreeMap<u64, Vec<Fault>> = BTreeMap::new();
        for row in rows {
            for pending in take(row, which) {
                if let Err(fault) = self.put(pending, row) {
                    faults.entry(row.place.row).or_default().push(fault);
                }
            }
        }
        Ok(faults)
    }

    fn put(&self, pending: Pending, row: &mut Prepared) -> Result<(), Fault> {
        let Pending { field, reference, value } = pending;
        let text = text_of(&value);
        let Reference { object, by } = &reference;
        if self.promised.as_ref().is_some_and(|p| p.seen.contains(&[object.as_str(), by.as_str(), &text])) {
            row.promised.push(field);
            return Ok(());
        }
        match self.found.get(&(reference.clone(), text)) {
            Some(Found::One(id)) => {
                row.data.insert(field.to_string(), Value::String(id.clone()));
                Ok(())
            }
            Some(Found::Several) => Err(Fault::of(
                &field,
                "reference_ambiguous",
                format!("more than one {object} has {by} {value}"),
            )),
            None => Err(Fault::of(&field, "reference_not_found", format!("no {object} has {by} {value}"))),
        }
    }

    /// Asks for every natural key of the rows that is not remembered.
    fn look_up(&mut self, rows: &[Prepared], which: Which) -> Result<()> {
        if self.found.len() > REMEMBERED_MAX {
            self.found.clear();
        }
        let mut asked: BTreeMap<&Reference, BTreeMap<String, &Value>> = BTreeMap::new();
        for pending in rows.iter().flat_map(|row| list(row, which)) {
            let text = text_of(&pending.value);
            if !self.found.contains_key(&(pending.reference.clone(), text.clone())) {
                asked.entry(&pending.reference).or_default().insert(text, &pending.value);
            }
        }
        for (reference, values) in asked {
            let values: Vec<Value> = values.into_values().cloned().collect();
            for values in values.chunks(ASKED_MAX) {
                for (text, id) in self.target.find(&reference.object, &reference.by, values)? {
                    let key = (reference.clone(), text);
                    let found = match self.found.get(&key) {
                        Some(Found::One(known)) if *known != id => Found::Several,
                        Some(known) => known.clone(),
                        None => Found::One(id),
                    };
                    self.found.insert(key, found);
                }
            }
        }
        Ok(())
    }
}

fn list(row: &Prepared, which: Which) -> &[Pending] {
    match which {
        Which::Other => &row.references,
        Which::Own => &row.own_references,
    }
}

fn take(row: &mut Prepared, which: Which) -> Vec<Pending> {
    match which {
        Which::Other => std::mem::take(&mut row.references),
        Which::Own => std::mem::take(&mut row.own_references),
    }
}
