//! What packages say must hold and happen, as the pipeline asks it of a record.
//!
//! 1. [`Program`]: what triggers and actions do, step by step; the pipeline runs it.
//! 2. [`machines::check`]: whether the value of a field may follow the one that it had.
//! 3. [`validations::validate`]: what must hold, asked of all records of a call at once when they are written.
//!
//! [`fields`] is what fields say themselves: defaults, conditions, numbers; [`offered`] what options say.
//!
//! [`book`] has what the rules of a registry compile to; [`evaluation`] brings an expression what it reads, of the [`Subject`]
//! that it is asked about.
//!
//! A finding carries the code that its rule gives it, and its text in the session's language.

mod book;
mod evaluation;
mod fields;
mod formulas;
mod machines;
mod message;
mod offered;
mod program;
mod programs;
mod subject;
mod validations;

pub(crate) use book::Rulebook;
pub(crate) use evaluation::Together;
pub(crate) use fields::{
    FieldRules, Part, asks, computed_default, computed_defaults, locked, locks, missing, number_parts,
    take_many,
};
pub(crate) use formulas::KeptFormulas;
pub(crate) use machines::check as machines;
pub(crate) use message::told;
pub(crate) use offered::not_offered;
pub(crate) use program::{Act, Chosen, Do, Given, Program, Sought};
pub(crate) use programs::Decided;
use quarry_metadata::rules::Weight;
pub(crate) use subject::{Named, Other, Subject};
pub(crate) use validations::{Pending, has_validations, validate};

/// What a rule finds.
#[derive(Debug, PartialEq)]
pub(crate) struct Broken {
    /// The field that it is about.
    pub field: Option<String>,
    pub code: String,
    pub message: String,
    pub weight: Weight,
}

#[cfg(test)]
mod tests;
