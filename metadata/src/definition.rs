//! Second stage: each file by itself, from a tree of values to what its author wrote, with places kept.
//!
//! All that can be judged without looking at another file is judged here: keys, shapes, ranges, options, literal
//! defaults. References to other objects stay names.

pub(crate) mod action;
pub(crate) mod autonumber;
pub(crate) mod case;
pub(crate) mod composite;
pub(crate) mod conditions;
pub(crate) mod content;
pub(crate) mod currency;
pub(crate) mod default;
pub(crate) mod field;
pub(crate) mod formula;
pub(crate) mod grant;
pub(crate) mod hints;
pub(crate) mod identifier;
pub(crate) mod kind;
pub(crate) mod mapping;
pub(crate) mod number;
pub(crate) mod object;
pub(crate) mod options;
pub(crate) mod package;
pub(crate) mod permission;
pub(crate) mod permission_set;
pub(crate) mod reference;
pub(crate) mod rule;
pub(crate) mod sharing;
pub(crate) mod state_machine;
pub(crate) mod step;
pub(crate) mod structure;
pub(crate) mod summary;
pub(crate) mod text;
pub(crate) mod texts;
pub(crate) mod trigger;
pub(crate) mod validation;
pub(crate) mod value;

use crate::issue::Place;

/// Something an author wrote, and where.
#[derive(Clone, Debug)]
pub(crate) struct Located<T> {
    pub(crate) value: T,
    pub(crate) place: Place,
}
