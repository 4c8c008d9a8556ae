//! When tables were changed last: who remembers what he made of some of them asks whether it still holds.

use std::{
    collections::HashMap,
    hash::{Hash, Hasher},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use parking_lot::RwLock;

use crate::{Snapshot, catalog::TableId, schema::TableName};

/// The CSNs. They are told before a change can be seen, so who sees it knows of it.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    tables: RwLock<HashMap<TableId, u64>>,
    /// Of what was not told by table.
    all: AtomicU64,
}

/// What some tables were like; equal to another of the same tables where none of them was changed between the two.
#[derive(Clone, Debug)]
pub struct Mark {
    changes: Arc<Changes>,
    csn: u64,
}

impl Changes {
    /// Nothing is known: no mark is given.
    pub fn unknown() -> Changes {
        Changes { tables: RwLock::default(), all: AtomicU64::new(u64::MAX) }
    }

    /// These tables are changed.
    pub fn note(&self, tables: impl Iterator<Item = TableId>, csn: u64) {
        let mut known = self.tables.write();
        for table in tables {
            let last = known.entry(table).or_default();
            *last = csn.max(*last);
        }
    }

    /// Any table may be changed.
    pub fn note_all(&self, csn: u64) {
        self.all.fetch_max(csn, Ordering::AcqRel);
    }

    fn last(&self, tables: impl Iterator<Item = TableId>) -> u64 {
        let known = self.tables.read();
        let last = tables.filter_map(|table| known.get(&table).copied()).max().unwrap_or(0);
        last.max(self.all.load(Ordering::Acquire))
    }
}

impl PartialEq for Mark {
    fn eq(&self, other: &Mark) -> bool {
        self.csn == other.csn && Arc::ptr_eq(&self.changes, &other.changes)
    }
}

impl Eq for Mark {}

impl Hash for Mark {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.csn.hash(state);
    }
}

impl Snapshot {
    /// What these tables are like in this state; none where they have changed since, for states of the past, with own writes, and for
    /// tables that are not there.
    pub fn mark(&self, tables: &[TableName]) -> Option<Mark> {
        let (state, csn) = self.committed()?;
        let ids: Option<Vec<TableId>> =
            tables.iter().map(|name| state.catalog.must_get(name).ok().map(|table| table.id)).collect();
        let last = state.changes.last(ids?.into_iter());
        (last <= csn).then(|| Mark { changes: Arc::clone(&state.changes), csn: last })
    }
}
