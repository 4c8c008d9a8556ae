//! What must hold between records, looked up in the transaction's own state: references exist, unique values occur once.
//! The store checks both again at commit, against the newest state.

use quarry_metadata::FieldKind;
use quarry_storage::{Key, Value};

use super::{call::Call, draft::Draft, permits};
use crate::{change::reference_constraint, error::Result, layout::Once, rules, work::Work};

/// Checks what a record newly refers to, and what it newly must be alone with.
///
/// # Errors
///
/// Those of the store.
pub(super) fn check(draft: &mut Draft, work: &mut Work, call: &Call) -> Result<()> {
    key_is_free(draft, work)?;
    references(draft, work, call)?;
    trees(draft, work)?;
    uniques(draft, work)
}

/// Checks whether a record that comes back has its place still: its id, its unique values, its place in a tree.
///
/// # Errors
///
/// Those of the store.
pub(super) fn of_returning(draft: &mut Draft, work: &mut Work) -> Result<()> {
    key_is_free(draft, work)?;
    trees(draft, work)?;
    uniques(draft, work)
}

fn key_is_free(draft: &mut Draft, work: &mut Work) -> Result<()> {
    let object = draft.layout.object.name.clone();
    if draft.old.is_none() && !draft.is_faulty("id") && work.exists(&object, &draft.id)? {
        let message = format!("a record with the id {:?} exists already", draft.id);
        draft.find(Some("id"), "unique", message, Some(format!("{object}_pkey")));
    }
    Ok(())
}

/// What a record newly refers to is there.
///
/// # Errors
///
/// Those of the store.
pub(super) fn references(draft: &mut Draft, work: &mut Work, call: &Call) -> Result<()> {
    let layout = draft.layout.clone();
    for (column, field) in layout.fields() {
        let (FieldKind::Lookup { target, .. } | FieldKind::References { target, .. }) = &field.kind else {
            continue;
        };
        // A client must see what he names, also where it stands there already: else he finds out by trying what he is not shown.
        let is_asked = draft.asked.get(column).copied().unwrap_or(false);
        if !draft.is_given(column) || !is_asked && !draft.changes(column) {
            continue;
        }
        for key in named(draft, column, is_asked) {
            let itself = *target == layout.object.name && key == draft.id;
            let named = (target.clone(), key);
            if itself || call.lost.contains(&named) {
                continue;
            }
            if work.exists(target, &named.1)? && permits::may_refer(draft, column, &named, (work, call))? {
                continue;
            }
            let constraint = reference_constraint(layout.object.name.as_str(), field.name.as_str());
            let message = format!("there is no {target} {:?}", named.1);
            draft.find(Some(field.name.as_str()), "reference_not_found", message, Some(constraint));
        }
    }
    Ok(())
}

/// What a column refers to now, all of it or what it did not before.
fn named(draft: &Draft, column: usize, all: bool) -> Vec<Key> {
    let before = match draft.old.as_ref().map(|old| old.get(column)) {
        Some(Value::TextList(ids)) if !all => ids.clone(),
        _ => [].into(),
    };
    match draft.value(column) {
        Value::Text(key) => vec![key.clone()],
        Value::TextList(ids) => ids.iter().filter(|id| !before.contains(id)).cloned().collect(),
        _ => Vec::new(),
    }
}

/// Levels of a tree.
const TREE_LEVELS_MAX: usize = 100;

/// No record is above itself in a tree.
fn trees(draft: &mut Draft, work: &Work) -> Result<()> {
    let layout = draft.layout.clone();
    for (column, field) in layout.fields() {
        if !matches!(field.kind, FieldKind::Lookup { tree: true, .. }) || !draft.changes(column) {
            continue;
        }
        let mut above = draft.value(column).clone();
        let mut levels = 0;
        while let Value::Text(key) = above {
            levels += 1;
            if key == draft.id {
                let message = "a record can't be above itself";
                draft.find(Some(field.name.as_str()), "cycle", message.to_owned(), None);
                break;
            }
            if levels >= TREE_LEVELS_MAX {
                let message = format!("a tree has at most {TREE_LEVELS_MAX} levels");
                draft.find(Some(field.name.as_str()), "too_deep", message, None);
                break;
            }
            above = work.row(&layout.table, &key)?.map_or(Value::Null, |row| row.get(column).clone());
        }
    }
    Ok(())
}

fn uniques(draft: &mut Draft, work: &mut Work) -> Result<()> {
    let layout = draft.layout.clone();
    for once in &layout.onces {
        if !once.concerned().any(|column| draft.changes(column)) {
            continue;
        }
        let Some(values) = once.values(|column| draft.value(column)) else { continue };
        let holders = work.holders(&layout, once, &values)?;
        if let Some(holder) = holders.iter().find(|holder| **holder != draft.id) {
            let is_told = permits::sees(work, &layout.object.name, holder)?;
            taken(draft, once, holder, (work, is_told));
        }
    }
    Ok(())
}

fn taken(draft: &mut Draft, once: &Once, holder: &Key, (work, is_told): (&Work, bool)) {
    let field = once.fields.first().filter(|_| once.fields.len() == 1).map(|field| field.to_string());
    let constraint = Some(once.name.to_string());
    if let Some(rule) = once.rule() {
        let message = rules::told(&rule.message, &draft.subject(), &work.actor);
        let message = match is_told {
            true => format!("{message} ({} {holder:?})", draft.layout.object.name),
            false => message,
        };
        draft.find(field.as_deref(), rule.error_code.clone(), message, constraint);
        return;
    }
    let names: Vec<&str> = once.fields.iter().map(|field| field.as_str()).collect();
    let object = &draft.layout.object.name;
    let message = match is_told {
        true => format!("{object} {holder:?} has the same {}", names.join(", ")),
        false => format!("another {object} has the same {}", names.join(", ")),
    };
    draft.find(field.as_deref(), "unique", message, constraint);
}
