//! What rules look at: a record as it was and as it will be, and other records by name.

use std::sync::Arc;

use quarry_storage::{Row, Value};

use crate::layout::Layout;

/// A record that rules look at.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub layout: &'a Layout,
    /// As it was; none for a new one.
    pub old: Option<&'a Row>,
    /// As it will be, by column.
    pub new: &'a [Value],
    /// Records that steps gave names, the last first to be asked.
    names: &'a [Named],
    /// One more, asked before them.
    further: Option<Other<'a>>,
}

/// A record that a step gave a name; all its fields are null where there is no row.
#[derive(Clone)]
pub(crate) struct Named {
    pub name: Arc<str>,
    pub layout: Arc<Layout>,
    pub row: Option<Row>,
}

/// Another record than the one that is looked at.
#[derive(Clone, Copy)]
pub(crate) struct Other<'a> {
    pub name: &'a str,
    pub layout: &'a Layout,
    pub row: Option<&'a [Value]>,
}

impl<'a> Subject<'a> {
    /// A record with no others beside it.
    pub fn new(layout: &'a Layout, old: Option<&'a Row>, new: &'a [Value]) -> Self {
        Subject { layout, old, new, names: &[], further: None }
    }

    /// The same with these names.
    pub fn beside(self, names: &'a [Named]) -> Self {
        Subject { names, ..self }
    }

    /// The same with one more name.
    pub fn and(self, other: Other<'a>) -> Self {
        Subject { further: Some(other), ..self }
    }

    /// The record that this one is to others.
    pub fn called<'b>(&'b self, name: &'b str) -> Other<'b> {
        Other { name, layout: self.layout, row: Some(self.new) }
    }

    /// The record of a name.
    pub fn named(&self, name: &str) -> Option<Other<'a>> {
        if let Some(further) = self.further.filter(|further| further.name == name) {
            return Some(further);
        }
        let found = self.names.iter().rev().find(|known| *known.name == *name)?;
        Some(Other { name: &found.name, layout: &found.layout, row: found.row.as_ref().map(|row| &*row.0) })
    }
}
