//! The records that changed ones refer to are brought up to date: once each, when all changes of a call are made.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use indexmap::IndexMap;
use quarry_metadata::{FieldName, ObjectName, SummaryFunction};
use quarry_storage::{Key, Row, Value};

use super::{
    Plan, Tally, nothing,
    scan::tallies,
    tally::{TooLarge, exact, order},
};
use crate::{error::Result, layout::Layout, work::Work};

/// A record that was written or deleted.
pub(crate) struct Noted {
    /// Which change of the call.
    pub change: usize,
    pub layout: Arc<Layout>,
    pub old: Option<Row>,
    pub new: Option<Row>,
}

/// What summaries wait for.
#[derive(Default)]
pub(crate) struct Awaited {
    pub noted: Vec<Noted>,
    /// Summaries that are to be made anew whatever they are: plan and record, with the change that asks for it.
    pub stale: IndexMap<(usize, Key), usize>,
}

impl Awaited {
    /// Nothing.
    pub fn is_empty(&self) -> bool {
        self.noted.is_empty() && self.stale.is_empty()
    }
}

/// What is noted of a record that was written or deleted; nothing where no summary is made of what changed in it.
pub(crate) fn note(
    work: &Work,
    change: usize,
    layout: &Arc<Layout>,
    (old, new): (Option<&Row>, Option<&Row>),
) -> Option<Noted> {
    let object = layout.object.name.as_str();
    let concerned = work.active.summaries.of_child(object).any(|(_, plan)| match (old, new) {
        (Some(old), Some(new)) => {
            let differs = |field: &FieldName| {
                layout.column(field.as_str()).is_some_and(|column| old.get(column) != new.get(column))
            };
            differs(&plan.lookup) || plan.reads.iter().any(differs)
        }
        _ => true,
    });
    concerned.then(|| Noted { change, layout: layout.clone(), old: old.cloned(), new: new.cloned() })
}

/// What a record's summaries come to.
pub(crate) struct Parent {
    /// The first change that concerns it.
    pub change: usize,
    pub layout: Arc<Layout>,
    pub row: Row,
    /// New values by plan and field; or that there are too many digits in one.
    pub values: Vec<(usize, FieldName, Result<Value, TooLarge>)>,
    /// It must not be changed by anyone else meanwhile, even if it stays as it is.
    pub is_held: bool,
}

/// What records were and are, for one summary of one parent.
#[derive(Default)]
struct Difference {
    count: i64,
    /// None where it has more than 128 bits.
    sum: Option<i128>,
    came: Option<Value>,
    went: Vec<Value>,
}

/// By summary and parent, with the first change that concerns it.
type Differences = IndexMap<(usize, Key), (usize, Difference)>;

/// The difference of one summary of one parent.
fn of(differences: &mut Differences, of: (usize, Key), change: usize) -> &mut Difference {
    let nothing = || (change, Difference { sum: Some(0), ..Difference::default() });
    &mut differences.entry(of).or_insert_with(nothing).1
}

/// Takes what was noted, and says what becomes of each parent that is there. What is noted while these are written
/// is for the next turn.
///
/// # Errors
///
/// Those of the store.
pub(crate) fn settle(
    work: &mut Work,
    noted: Vec<Noted>,
    stale: IndexMap<(usize, Key), usize>,
) -> Result<Vec<Parent>> {
    let active = work.active.clone();
    let mut differences = Differences::new();
    let mut by_child: IndexMap<ObjectName, Vec<&Noted>> = IndexMap::new();
    for noted in &noted {
        by_child.entry(noted.layout.object.name.clone()).or_default().push(noted);
    }
    for (child, noted) in &by_child {
        for (at, plan) in active.summaries.of_child(child.as_str()) {
            collect((at, plan), noted, &mut differences)?;
        }
    }
    let mut parents = Parents { work, found: IndexMap::new(), anew: HashMap::new(), stale: HashSet::new() };
    for ((at, key), change) in stale {
        if let Some(plan) = active.summaries.plan(at) {
            parents.stale.insert((at, key.clone()));
            parents.make_anew((at, plan), key, change)?;
        }
    }
    for ((at, key), (change, difference)) in differences {
        if let Some(plan) = active.summaries.plan(at)
            && !parents.stale.contains(&(at, key.clone()))
        {
            parents.differ((at, plan), key, change, &difference)?;
        }
    }
    for (at, keys) in std::mem::take(&mut parents.anew) {
        if let Some(plan) = active.summaries.plan(at) {
            parents.made_anew((at, plan), &keys)?;
        }
    }
    Ok(parents.found.into_values().flatten().collect())
}

/// What the noted records were and are, by parent.
fn collect((at, plan): (usize, &Plan), noted: &[&Noted], differences: &mut Differences) -> Result<()> {
    let Some(layout) = noted.first().map(|noted| &noted.layout) else { return Ok(()) };
    let Some(lookup) = layout.column(plan.lookup.as_str()) else { return Ok(()) };
    let rows: Vec<&Row> = noted.iter().flat_map(|noted| noted.old.iter().chain(&noted.new)).collect();
    let taken = plan.taken_of(&rows, layout)?;
    let mut row = 0;
    for noted in noted {
        let mut side = |of: &Option<Row>| -> Result<Option<(Key, Value)>> {
            let Some(of) = of else { return Ok(None) };
            let value = taken.of(row)?;
            row += 1;
            let Value::Text(parent) = of.get(lookup) else { return Ok(None) };
            Ok(value.map(|value| (parent.clone(), value)))
        };
        let (was, is) = (side(&noted.old)?, side(&noted.new)?);
        if was == is {
            continue;
        }
        if let Some((parent, value)) = was {
            of(differences, (at, parent), noted.change).goes(value);
        }
        if let Some((parent, value)) = is {
            of(differences, (at, parent), noted.change).comes(plan.function, value);
        }
    }
    Ok(())
}

impl Difference {
    fn goes(&mut self, value: Value) {
        self.count -= 1;
        self.sum = self.sum.zip(whole(&value)).and_then(|(sum, value)| sum.checked_sub(value));
        self.went.push(value);
    }

    fn comes(&mut self, function: SummaryFunction, value: Value) {
        self.count += 1;
        self.sum = self.sum.zip(whole(&value)).and_then(|(sum, value)| sum.checked_add(value));
        if self.came.as_ref().is_none_or(|came| beats(function, &value, came)) {
            self.came = Some(value);
        }
    }

    /// What becomes of a value that is there; none where that can't be told by the difference.
    fn of(&self, plan: &Plan, is: &Value) -> Option<Result<Value, TooLarge>> {
        let function = plan.function;
        if plan.goes_by_difference() {
            let change =
                if function == SummaryFunction::Count { Some(i128::from(self.count)) } else { self.sum };
            return Some(exact(whole(is).filter(|_| !is.is_null())?.checked_add(change?)?, &plan.kind));
        }
        if !matches!(function, SummaryFunction::Min | SummaryFunction::Max) {
            return None;
        }
        if self.went.iter().any(|went| !beats(function, is, went)) {
            return None;
        }
        match &self.came {
            Some(came) if is.is_null() || beats(function, came, is) => Some(Ok(came.clone())),
            _ => Some(Ok(is.clone())),
        }
    }
}

/// Whether a value is less (greater) than another.
fn beats(function: SummaryFunction, value: &Value, other: &Value) -> bool {
    match function {
        SummaryFunction::Max => order(value, other).is_gt(),
        _ => order(value, other).is_lt(),
    }
}

/// A number as it is added up; 0 for what is only counted.
fn whole(value: &Value) -> Option<i128> {
    match value {
        Value::Int(number) => Some(i128::from(*number)),
        Value::Decimal(number) => Some(*number),
        _ => Some(0),
    }
}

struct Parents<'w> {
    work: &'w mut Work,
    /// None for one that is gone.
    found: IndexMap<(ObjectName, Key), Option<Parent>>,
    /// What is to be read again, by plan.
    anew: HashMap<usize, Vec<Key>>,
    stale: HashSet<(usize, Key)>,
}

impl Parents<'_> {
    fn get(&mut self, plan: &Plan, key: &Key, change: usize) -> Result<Option<&mut Parent>> {
        let name = (plan.parent.clone(), key.clone());
        if !self.found.contains_key(&name) {
            let layout = self.work.layout(plan.parent.as_str())?;
            let row = self.work.row(&layout.table, key)?;
            let parent = row.map(|row| Parent { change, layout, row, values: Vec::new(), is_held: false });
            self.found.insert(name.clone(), parent);
        }
        Ok(self.found.get_mut(&name).and_then(Option::as_mut))
    }

    fn make_anew(&mut self, (at, plan): (usize, &Plan), key: Key, change: usize) -> Result<()> {
        if let Some(parent) = self.get(plan, &key, change)? {
            parent.is_held = true;
            self.anew.entry(at).or_default().push(key);
        }
        Ok(())
    }

    fn differ(
        &mut self,
        (at, plan): (usize, &Plan),
        key: Key,
        change: usize,
        difference: &Difference,
    ) -> Result<()> {
        let Some(parent) = self.get(plan, &key, change)? else { return Ok(()) };
        parent.is_held |= !plan.goes_by_difference();
        let Some(column) = parent.layout.column(plan.field.as_str()) else { return Ok(()) };
        match difference.of(plan, parent.row.get(column)) {
            Some(value) => parent.values.push((at, plan.field.clone(), value)),
            None => self.make_anew((at, plan), key, change)?,
        }
        Ok(())
    }

    /// Reads the records of these parents.
    fn made_anew(&mut self, (at, plan): (usize, &Plan), keys: &[Key]) -> Result<()> {
        let layout = self.work.layout(plan.child.as_str())?;
        let table = self.work.view().table(&layout.table)?;
        let mut found: HashMap<Key, Tally> = tallies(plan, &layout, &table, Some(keys))?;
        for key in keys {
            let value = match found.remove(key) {
                Some(tally) => tally.value(plan),
                None => Ok(nothing(plan.function, &plan.kind)),
            };
            if let Some(Some(parent)) = self.found.get_mut(&(plan.parent.clone(), key.clone())) {
                parent.values.push((at, plan.field.clone(), value));
            }
        }
        Ok(())
    }
}
