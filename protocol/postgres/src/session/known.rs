//! Statements that were parsed a moment ago: clients that give them no name (node-postgres, JDBC at first, libpq's `PQexecParams`) send
//! the same text for every run, and what its parameters are is found out once.

use std::{
    collections::VecDeque,
    sync::{Arc, Weak},
};

use quarry_planner::Views;

use super::Prepared;

/// Statements of one connection.
const KNOWN_MAX: usize = 32;
/// A longer text is not kept.
const TEXT_BYTES_MAX: usize = 2 << 10;

/// Those of a connection, the one that was asked for last at the end.
#[derive(Default)]
pub struct Known(VecDeque<Entry>);

struct Entry {
    text: Box<str>,
    types: Box<[u32]>,
    /// What its names meant; the memory is not given to other views while this is here.
    views: Weak<Views>,
    prepared: Arc<Prepared>,
}

impl Known {
    /// What came of the same text with the same types said, where names mean the same.
    pub fn find(&mut self, text: &str, types: &[u32], views: &Arc<Views>) -> Option<Arc<Prepared>> {
        let is_it = |entry: &Entry| {
            *entry.text == *text
                && *entry.types == *types
                && std::ptr::eq(entry.views.as_ptr(), Arc::as_ptr(views))
        };
        let entry = self.0.remove(self.0.iter().position(is_it)?)?;
        let prepared = Arc::clone(&entry.prepared);
        self.0.push_back(entry);
        Some(prepared)
    }

    /// Keeps what came of it; the one that was not asked for the longest goes.
    pub fn keep(&mut self, text: &str, types: &[u32], views: &Arc<Views>, prepared: &Arc<Prepared>) {
        if text.len() > TEXT_BYTES_MAX {
            return;
        }
        if self.0.len() >= KNOWN_MAX {
            self.0.pop_front();
        }
        self.0.push_back(Entry {
            text: text.into(),
            types: types.into(),
            views: Arc::downgrade(views),
            prepared: Arc::clone(prepared),
        });
    }
}
