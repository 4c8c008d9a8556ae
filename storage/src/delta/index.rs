//! Hash maps from values to the places of versions.

use std::collections::HashMap;

use crate::{
    term::{self, Term},
    value::Row,
};

/// Places, ascending. Nearly always there is one: it is kept without an allocation.
#[derive(Clone, Default)]
pub(super) enum Slots {
    #[default]
    None,
    One([u32; 1]),
    Many(Vec<u32>),
}

impl Slots {
    pub fn as_slice(&self) -> &[u32] {
        match self {
            Slots::None => &[],
            Slots::One(one) => one,
            Slots::Many(many) => many,
        }
    }

    pub fn push(&mut self, at: u32) {
        match self {
            Slots::None => *self = Slots::One([at]),
            Slots::One([first]) => *self = Slots::Many(vec![*first, at]),
            Slots::Many(many) => many.push(at),
        }
    }

    /// Removes `at` if it is the last.
    pub fn remove_last(&mut self, at: u32) {
        match self {
            Slots::One([only]) if *only == at => *self = Slots::None,
            Slots::Many(many) if many.last() == Some(&at) => {
                many.pop();
            }
            _ => {}
        }
    }
}

/// Per column that is found by value, the places of each value.
#[derive(Clone, Default)]
pub(super) struct ValueIndex {
    columns: Vec<(usize, HashMap<Term, Slots>)>,
}

impl ValueIndex {
    pub fn new(columns: &[usize]) -> ValueIndex {
        ValueIndex { columns: columns.iter().map(|at| (*at, HashMap::new())).collect() }
    }

    pub fn add(&mut self, row: &Row, at: u32) {
        for (column, places) in &mut self.columns {
            places.entry(term::term(row.get(*column))).or_default().push(at);
        }
    }

    pub fn remove_last(&mut self, row: &Row, at: u32) {
        for (column, places) in &mut self.columns {
            let value = term::term(row.get(*column));
            if let Some(slots) = places.get_mut(&value) {
                slots.remove_last(at);
                if slots.as_slice().is_empty() {
                    places.remove(&value);
                }
            }
        }
    }

    pub fn get(&self, column: usize, value: &Term) -> &[u32] {
        let places = self.columns.iter().find(|(at, _)| *at == column);
        places.and_then(|(_, places)| places.get(value)).map(Slots::as_slice).unwrap_or_default()
    }
}
