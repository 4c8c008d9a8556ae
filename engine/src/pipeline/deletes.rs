//! Deletes, with what they do to the records that refer to the deleted ones: refuse, clear the reference, or go too.
//! Expanded by index lookups in the transaction's own state; the store checks again at commit that nothing refers to
//! what is gone. Only of lists of references the store knows nothing: a list that is written while a record of it is
//! deleted may keep its id.

mod lists;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use quarry_metadata::{DeleteBehavior, FieldName, ObjectName, rules::Event};
use quarry_storage::{Key, Row, Value};

use super::{
    call::{Action, Call, Step},
    draft::Draft,
    summaries, targets,
    triggers::{self, Seen},
    users,
};
use crate::{
    active::Referrer,
    change::{Done, Finding, reference_constraint},
    error::{Error, Result},
    layout::{Deletion, Layout, key_of},
    rights::Rights,
    rules::{self, Pending},
    shares,
    work::{Work, keys_of},
};

/// Records that one delete may touch, all cascades together.
const CASCADE_RECORDS_MAX: usize = 100_000;

/// What has been found out about one expansion.
#[derive(Default)]
struct Expansion {
    /// What goes, in the order found.
    doomed: Vec<Doomed>,
    names: HashSet<(ObjectName, Key)>,
    /// Lookups to clear.
    cleared: Vec<Link>,
    /// Lookups that forbid it, unless their record goes too.
    held: Vec<Link>,
}

/// A record that goes.
struct Doomed {
    layout: Arc<Layout>,
    row: Row,
    /// The change that asked for it.
    change: usize,
    /// What all that goes with the same record is known by.
    deletion: Key,
}

/// What asked for a record to go, and what it is known by.
#[derive(Clone)]
struct Cause {
    change: usize,
    deletion: Key,
}

/// Records that go, with why.
type Parents = Vec<(Key, Cause)>;

/// A record that refers to a doomed one.
struct Link {
    layout: Arc<Layout>,
    key: Key,
    field: FieldName,
    parent: (ObjectName, Key),
    change: usize,
}

/// Deletes the records of some steps, all of one object.
///
/// # Errors
///
/// `Limited` past the number of records one delete may touch; those of the store.
pub(super) fn run(work: &mut Work, call: &mut Call, layout: &Arc<Layout>, steps: &[Step]) -> Result<()> {
    let mut expansion = Expansion::default();
    for step in steps {
        let Action::Delete { ids } = &step.action else { continue };
        let mut gone = Vec::with_capacity(ids.len());
        for id in ids {
            let Some(row) = targets::row(work, call, step, layout, id)? else { continue };
            let key = key_of(&row);
            let deletion = Key::from(work.world.ids.ulid());
            match expansion.doom(layout, row, Cause { change: step.change, deletion })? {
                true => gone.push(key),
                false => call.find([twice(step, &key)]),
            }
        }
        call.done(step.change, layout.object.name.as_str(), Done::Deleted, &gone);
    }
    let found = call.found();
    expand(work, call, &mut expansion)?;
    let findings = expansion.restrictions(work.actor.limited().map(|rights| &**rights));
    super::judge(work, call, &expansion.pending(work))?;
    if findings.is_empty() && call.found() == found {
        apply(work, call, expansion)?;
    }
    call.find(findings);
    Ok(())
}

fn twice(step: &Step, id: &Key) -> Finding {
    Finding {
        change: step.change,
        object: step.object.clone(),
        id: Some(id.to_string()),
        field: None,
        code: "record_not_found".into(),
        message: "an earlier change of this request deletes it already".to_owned(),
        constraint: None,
    }
}

impl Expansion {
    /// Adds a record; false when it is in already.
    fn doom(&mut self, layout: &Arc<Layout>, row: Row, cause: Cause) -> Result<bool> {
        let new = self.names.insert((layout.object.name.clone(), key_of(&row)));
        if new {
            let Cause { change, deletion } = cause;
            self.doomed.push(Doomed { layout: layout.clone(), row, change, deletion });
        }
        let touched = self.doomed.len() + self.cleared.len() + self.held.len();
        match touched > CASCADE_RECORDS_MAX {
            true => Err(Error::limited("records touched by one delete", touched, CASCADE_RECORDS_MAX)),
            false => Ok(new),
        }
    }

    /// The records that rules are asked about before they go.
    fn pending(&self, work: &Work) -> Vec<Pending> {
        let has_rules = |doomed: &&Doomed| {
            rules::has_validations(doomed.layout.object.name.as_str(), Event::Delete, work)
        };
        let pending = |Doomed { layout, row, change, .. }: &Doomed| Pending {
            change: *change,
            layout: layout.clone(),
            event: Event::Delete,
            id: Some(key_of(row).to_string()),
            old: Some(row.clone()),
            new: row.clone(),
            faulty: HashSet::new(),
        };
        self.doomed.iter().filter(has_rules).map(pending).collect()
    }

    /// One finding per record that may not go, with who holds it.
    fn restrictions(&self, rights: Option<&Rights>) -> Vec<Finding> {
        let mut holders: BTreeMap<(usize, &str, &str), Holders<'_>> = BTreeMap::new();
        for link in &self.held {
            if self.names.contains(&(link.layout.object.name.clone(), link.key.clone())) {
                continue;
            }
            let parent = (link.change, link.parent.0.as_str(), &*link.parent.1);
            let child = (link.layout.object.name.as_str(), link.field.as_str());
            *holders.entry(parent).or_default().entry(child).or_default() += 1;
        }
        let finding = |((change, object, id), children): (_, Holders<'_>)| {
            // How many there are is told to those who see all of them.
            let is_seen = |(object, field): (&str, &str)| {
                rights.is_none_or(|rights| {
                    rights.view(object).is_some_and(|view| view.object.field(field).is_some())
                })
            };
            let seen = || children.iter().filter(|(child, _)| is_seen(**child));
            let told = |((object, field), count): (&(&str, &str), &usize)| match rights {
                None => format!("{count} in {object}.{field}"),
                Some(_) => format!("{object}.{field}"),
            };
            let mut told: Vec<String> = seen().map(told).collect();
            if told.len() < children.len() {
                told.push("records that you may not see".into());
            }
            let first = seen().next().map(|(child, _)| *child);
            Finding {
                change,
                object: str::to_owned(object),
                id: Some(str::to_owned(id)),
                field: None,
                code: "delete_restricted".into(),
                message: format!("other records refer to it: {}", told.join(", ")),
                constraint: first.map(|(child, field)| reference_constraint(child, field)),
            }
        };
        holders.into_iter().map(finding).collect()
    }
}

/// How many records hold one that may not go, by their object and field.
type Holders<'a> = BTreeMap<(&'a str, &'a str), usize>;

/// Follows the lookups to what is doomed, breadth first, one lookup per referring field and round. What packages do before a
/// record is deleted comes before its references are followed: it may clear them away, or refuse.
fn expand(work: &mut Work, call: &mut Call, expansion: &mut Expansion) -> Result<()> {
    let mut seen = 0;
    while seen < expansion.doomed.len() {
        for Doomed { layout, row, change, .. } in expansion.doomed.iter().skip(seen) {
            triggers::before(work, call, &Seen::gone(*change, layout, row))?;
        }
        let mut parents: BTreeMap<ObjectName, Parents> = BTreeMap::new();
        for Doomed { layout, row, change, deletion } in expansion.doomed.iter().skip(seen) {
            let cause = Cause { change: *change, deletion: deletion.clone() };
            parents.entry(layout.object.name.clone()).or_default().push((key_of(row), cause));
        }
        seen = expansion.doomed.len();
        let active = work.active.clone();
        for (object, keys) in &parents {
            for referrer in active.referrers.get(object.as_str()).into_iter().flatten() {
                follow(work, expansion, referrer, object, keys)?;
            }
        }
    }
    Ok(())
}

fn follow(
    work: &mut Work,
    expansion: &mut Expansion,
    referrer: &Referrer,
    object: &ObjectName,
    parents: &Parents,
) -> Result<()> {
    let layout = work.layout(referrer.object.as_str())?;
    let Some(column) = layout.column(referrer.field.as_str()) else { return Ok(()) };
    if referrer.many {
        return follow_lists(work, expansion, (referrer, &layout, column), object, parents);
    }
    let values: Vec<Value> = parents.iter().map(|(key, _)| Value::Text(key.clone())).collect();
    let causes: HashMap<&Key, &Cause> = parents.iter().map(|(key, cause)| (key, cause)).collect();
    let table = work.view().table(&layout.table)?;
    let Some(stored) = layout.stored_name(&referrer.field) else { return Ok(()) };
    let rows = table.lookup(stored, &values)?;
    for key in keys_of(&table, rows, CASCADE_RECORDS_MAX)? {
        let Some(row) = work.row(&layout.table, &key)? else { continue };
        let Value::Text(parent) = row.get(column).clone() else { continue };
        let Some(cause) = causes.get(&parent).map(|cause| (*cause).clone()) else { continue };
        if referrer.on_delete == DeleteBehavior::Cascade {
            expansion.doom(&layout, row, cause)?;
            continue;
        }
        let change = cause.change;
        let (field, parent) = (referrer.field.clone(), (object.clone(), parent));
        let link = Link { layout: layout.clone(), key, field, parent, change };
        match referrer.on_delete {
            DeleteBehavior::Restrict => expansion.held.push(link),
            _ => expansion.cleared.push(link),
        }
    }
    Ok(())
}

/// The same for lists of references: no index knows what is in them, so all of them are read.
fn follow_lists(
    work: &mut Work,
    expansion: &mut Expansion,
    (referrer, layout, column): (&Referrer, &Arc<Layout>, usize),
    object: &ObjectName,
    parents: &Parents,
) -> Result<()> {
    let wanted: HashMap<&str, usize> = parents.iter().map(|(key, cause)| (&**key, cause.change)).collect();
    let table = work.view().table(&layout.table)?;
    let links = if referrer.on_delete == DeleteBehavior::Restrict {
        &mut expansion.held
    } else {
        &mut expansion.cleared
    };
    for (key, id) in lists::holding(&table, column, &wanted, CASCADE_RECORDS_MAX)? {
        let change = wanted.get(&*id).copied().unwrap_or_default();
        let (field, parent) = (referrer.field.clone(), (object.clone(), id));
        links.push(Link { layout: layout.clone(), key, field, parent, change });
    }
    Ok(())
}

/// What is left of a lookup, or of a list of them, without a record.
fn without(value: &Value, gone: &Key) -> Value {
    match value {
        Value::TextList(ids) => {
            let left: Vec<Key> = ids.iter().filter(|id| *id != gone).cloned().collect();
            if left.is_empty() { Value::Null } else { Value::TextList(left.into()) }
        }
        _ => Value::Null,
    }
}

fn apply(work: &mut Work, call: &mut Call, expansion: Expansion) -> Result<()> {
    let Expansion { doomed, names, cleared, .. } = expansion;
    for Link { layout, key, field, parent: (_, gone), change } in cleared {
        if names.contains(&(layout.object.name.clone(), key.clone())) {
            continue;
        }
        let (Some(old), Some(column)) = (work.row(&layout.table, &key)?, layout.column(field.as_str()))
        else {
            continue;
        };
        let left = without(old.get(column), &gone);
        let mut draft = Draft::update(change, layout, old);
        draft.give(column, left);
        super::complete(work, call, vec![draft])?;
    }
    for Doomed { layout, row, change, deletion } in doomed {
        // Only triggers can have changed it meanwhile, or deleted it.
        let now = if work.triggered == 0 { Some(row) } else { work.row(&layout.table, &key_of(&row))? };
        let Some(row) = now else { continue };
        users::leave(work, &layout, &row)?;
        shares::leave(work, &layout.table, &key_of(&row))?;
        shares::leave_grantee(work, &layout.object.name, &key_of(&row))?;
        summaries::note(work, change, &layout, (Some(&row), None));
        triggers::remember_delete(work, call, change, &layout, &row);
        if let Some(bin) = &layout.bin {
            let deletion =
                Deletion { id: deletion, at_micros: work.actor.now_micros, by: work.actor.user_id.clone() };
            work.put_system(&bin.table, bin.row(&row, &deletion))?;
        }
        work.delete(&layout.table, row)?;
    }
    Ok(())
}
