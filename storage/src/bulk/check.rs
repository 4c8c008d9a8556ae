//! Does a load hold against the state it is to be part of?
//!
//! The load is asked as a whole, not row by row. Terms of unique columns lie sorted in the index of every segment: those
//! of the load and of the state are merged as streams, and a term that is met twice is a suspect that is looked up. Each
//! key that the load refers to is looked up once per segment. Keys are looked up only in row groups whose keys overlap.
//! Rows in deltas are few: each is looked up in the load.

use std::{ops::ControlFlow, sync::Arc};

use super::Loaded;
use crate::{
    apply::NEWEST,
    catalog::{Indexed, Table, TableId, Unique},
    check::{column_name, violation},
    error::{Error, Result},
    segment::Segment,
    state::{State, TableParts},
    term::{Term, term, whole_text},
    text::{TextPart, each_shared_term},
    value::{Key, Value},
};

/// The term of null in an index of one column: no value.
const NULL: &[u8] = &[0];

/// All of it against the state at a CSN.
///
/// # Errors
///
/// `DuplicateKey`, the violations.
pub(super) fn whole(state: &State, csn: u64, loads: &[Loaded]) -> Result<()> {
    for load in loads {
        let parts = state.parts(&load.table, csn)?;
        keys(load, &parts)?;
        for constraint in unique(&load.table) {
            unique_terms(load, constraint, &parts)?;
        }
        for (column, target) in &load.table.references {
            let target = Target::new(state, csn, *target, loads)?;
            references(load, *column, &target)?;
        }
        rows_made(load, &parts, 0)?;
    }
    Ok(())
}

/// Again, what was committed behind a CSN; segments are the same. The log's lock is held.
///
/// # Errors
///
/// As [`whole`].
pub(super) fn changed_since(state: &State, since: u64, loads: &[Loaded]) -> Result<()> {
    for load in loads {
        rows_made(load, &state.parts(&load.table, NEWEST)?, since)?;
        for (column, target) in &load.table.references {
            let target = Target::new(state, NEWEST, *target, loads)?;
            rows_gone(load, *column, &target, since)?;
        }
    }
    Ok(())
}

/// Constraints that are not met by every row with a key.
fn unique(table: &Table) -> impl Iterator<Item = &Unique> {
    table.unique.iter().filter(|constraint| !constraint.index.columns.contains(&0))
}

/// No key of the load is in the table's segments.
fn keys(load: &Loaded, parts: &TableParts) -> Result<()> {
    for loaded in load.parts.iter().map(|part| &part.segment) {
        for (group, (first, last)) in loaded.key_spans().enumerate() {
            let overlaps =
                parts.segments.iter().filter(|part| part.segment.may_have_keys(first, last)).count();
            if overlaps == 0 {
                continue;
            }
            for key in loaded.keys_of(group)? {
                if parts.find(&key)?.is_some() {
                    return Err(duplicate(&load.table, &key));
                }
            }
        }
    }
    Ok(())
}

/// No two rows of the load, or one of it and one of the table's segments, have the same term.
fn unique_terms(load: &Loaded, constraint: &Unique, parts: &TableParts) -> Result<()> {
    let index = &constraint.index;
    let own = load.parts.iter().map(|part| &part.segment);
    let others = parts.segments.iter().map(|part| &part.segment);
    let kept = own.clone().chain(others).filter(|segment| segment.keeps(index));
    let texts = kept.map(|segment| segment.index(&load.table)).collect::<Result<Vec<_>>>()?;
    let own = own.filter(|segment| segment.keeps(index)).count();
    let mut twice: Option<Term> = None;
    each_shared_term(&texts, index, |term, found| {
        let (mut rows_own, mut is_elsewhere) = (0, false);
        for (part, rows) in found {
            if part < own {
                rows_own += rows;
            } else {
                is_elsewhere = true;
            }
        }
        let is_null = index.single().is_some() && term == NULL;
        if is_null || rows_own == 0 || rows_own == 1 && !is_elsewhere {
            return Ok(ControlFlow::Continue(()));
        }
        let term: Term = term.into();
        // Rows of segments that have it may be gone.
        if rows_own == 1 && parts.lookup(index, std::slice::from_ref(&term))?.is_empty() {
            return Ok(ControlFlow::Continue(()));
        }
        twice = Some(term);
        Ok(ControlFlow::Break(()))
    })?;
    match twice {
        Some(term) => Err(violation(&load.table, constraint, &must_key_of(load, index, &term)?)),
        None => Ok(()),
    }
}

/// Every key that the load refers to is there.
fn references(load: &Loaded, column: usize, target: &Target<'_>) -> Result<()> {
    let index = must_index(&load.table, column)?;
    for part in load.parts.iter().filter(|part| part.segment.keeps(index)) {
        let text = part.segment.index(&load.table)?;
        let mut missing: Option<(Term, String)> = None;
        text.each_term(index, |term| {
            if term == NULL {
                return Ok(ControlFlow::Continue(()));
            }
            let key = match whole_text(term) {
                Some(key) => key.to_string(),
                None => text_of(&load.table, &part.segment, (&text, index), (column, term))?,
            };
            if target.has(&key)? {
                return Ok(ControlFlow::Continue(()));
            }
            missing = Some((term.into(), key));
            Ok(ControlFlow::Break(()))
        })?;
        if let Some((term, target_key)) = missing {
            let key = must_key_of(load, index, &term)?;
            return Err(no_target(load, column, &key, (target, &target_key)));
        }
    }
    Ok(())
}

/// The whole text of a term that an index has cut.
fn text_of(
    table: &Table,
    segment: &Segment,
    (text, index): (&TextPart, &Indexed),
    (column, term): (usize, &[u8]),
) -> Result<String> {
    let rows = text.lookup(index, &[term.into()])?.unwrap_or_default();
    let row = rows.min().ok_or_else(|| Error::Internal("a term without a row".into()))?;
    match segment.row(table, row)?.get(column) {
        Value::Text(text) => Ok(text.to_string()),
        other => Err(Error::Internal(format!("a reference that is {other:?}"))),
    }
}

/// No row that deltas got behind a CSN has a key or a unique value of the load.
fn rows_made(load: &Loaded, parts: &TableParts, since: u64) -> Result<()> {
    for delta in &parts.deltas {
        for row in delta.made_since(since, parts.csn) {
            let key = row.key()?;
            if is_loaded(load, key)? {
                return Err(duplicate(&load.table, key));
            }
            for constraint in unique(&load.table) {
                let index = &constraint.index;
                let Some(term) = index.term(&row).filter(|term| **term != *NULL) else { continue };
                if let Some(key) = key_of(load, index, &term)? {
                    return Err(violation(&load.table, constraint, &key));
                }
            }
        }
    }
    Ok(())
}

/// The load refers to no row that went behind a CSN.
fn rows_gone(load: &Loaded, column: usize, target: &Target<'_>, since: u64) -> Result<()> {
    let index = must_index(&load.table, column)?;
    let parts = &target.parts;
    let mut keys = Vec::new();
    for delta in &parts.deltas {
        keys.extend(delta.ended_since(since)?);
        for (id, row) in delta.deleted_since(since) {
            let part = parts.segments.iter().find(|part| part.segment.id() == id);
            let part = part.ok_or_else(|| Error::Internal(format!("no segment {}", id.0)))?;
            keys.push(part.segment.row(&parts.table, row)?.key()?.clone());
        }
    }
    for gone in keys {
        if target.has(&gone)? {
            continue;
        }
        if let Some(key) = key_of(load, index, &term(&Value::Text(gone.clone())))? {
            return Err(no_target(load, column, &key, (target, &gone)));
        }
    }
    Ok(())
}

/// A table that the load refers to.
struct Target<'a> {
    parts: TableParts,
    load: Option<&'a Loaded>,
}

impl<'a> Target<'a> {
    fn new(state: &State, csn: u64, table: TableId, loads: &'a [Loaded]) -> Result<Target<'a>> {
        let parts = state.parts(state.catalog.must_by_id(table)?, csn)?;
        Ok(Target { parts, load: loads.iter().find(|load| load.table.id == table) })
    }

    fn has(&self, key: &str) -> Result<bool> {
        if let Some(load) = self.load
            && is_loaded(load, key)?
        {
            return Ok(true);
        }
        Ok(self.parts.find(key)?.is_some())
    }
}

fn is_loaded(load: &Loaded, key: &str) -> Result<bool> {
    for part in &load.parts {
        if part.segment.find(key)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The key of a row of the load that an index has under a term.
fn key_of(load: &Loaded, index: &Indexed, term: &[u8]) -> Result<Option<Key>> {
    for part in &load.parts {
        let rows = part.segment.lookup(&load.table, index, &[term.into()])?;
        if let Some(row) = rows.min() {
            return Ok(Some(part.segment.row(&load.table, row)?.key()?.clone()));
        }
    }
    Ok(None)
}

fn must_key_of(load: &Loaded, index: &Indexed, term: &[u8]) -> Result<Key> {
    key_of(load, index, term)?.ok_or_else(|| Error::Internal("a term without a row".into()))
}

fn must_index(table: &Arc<Table>, column: usize) -> Result<&Indexed> {
    table.column_index(column).ok_or_else(|| Error::Internal("a reference has no index".into()))
}

fn duplicate(table: &Table, key: &str) -> Error {
    Error::DuplicateKey { table: table.spec.name.to_string(), key: key.to_string() }
}

fn no_target(load: &Loaded, column: usize, key: &str, (target, gone): (&Target<'_>, &str)) -> Error {
    Error::ReferenceViolation {
        table: load.table.spec.name.to_string(),
        column: column_name(&load.table, column),
        key: key.to_string(),
        target: target.parts.table.spec.name.to_string(),
        target_key: gone.to_string(),
    }
}
