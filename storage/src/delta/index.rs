//! Hash maps from terms of values to the places of versions.

use std::collections::HashMap;

use crate::{catalog::Indexed, term::Term, value::Row};

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

/// Per index of values, the places of each term.
#[derive(Clone, Default)]
pub(super) struct ValueIndex {
    indexes: Vec<(Indexed, HashMap<Term, Slots>)>,
}

impl ValueIndex {
    pub fn new(indexes: &[Indexed]) -> ValueIndex {
        ValueIndex { indexes: indexes.iter().map(|index| (index.clone(), HashMap::new())).collect() }
    }

    pub fn add(&mut self, row: &Row, at: u32) {
        for (index, places) in &mut self.indexes {
            if let Some(term) = index.term(row) {
                places.entry(term).or_default().push(at);
            }
        }
    }

    pub fn remove_last(&mut self, row: &Row, at: u32) {
        for (index, places) in &mut self.indexes {
            let Some(term) = index.term(row) else { continue };
            if let Some(slots) = places.get_mut(&term) {
                slots.remove_last(at);
                if slots.as_slice().is_empty() {
                    places.remove(&term);
                }
            }
        }
    }

    pub fn get(&self, index: &Indexed, term: &Term) -> &[u32] {
        let places = self.indexes.iter().find(|(known, _)| known.name == index.name);
        places.and_then(|(_, places)| places.get(term)).map(Slots::as_slice).unwrap_or_default()
    }
}
