//! What packages say must hold, as the pipeline asks it of a record.
//!
//! 1. [`befores::run`]: triggers set fields of the record that is about to be written, or refuse it.
//! 2. [`machines::check`]: whether the value of a field may follow the one that it had.
//! 3. [`validations::validate`]: what must hold, asked of all records of a call at once when they are written.
//!
//! [`book`] has what the rules of a registry compile to; [`evaluation`] brings an expression what it reads.
//!
//! A finding carries the code that its rule gives it, and its text in the session's language.

mod befores;
mod book;
mod evaluation;
mod machines;
mod message;
mod validations;

pub(crate) use befores::{Effect, run as befores};
pub(crate) use book::Rulebook;
pub(crate) use machines::check as machines;
pub(crate) use validations::{Pending, has_validations, validate};

use quarry_metadata::rules::{Message, Weight};
use quarry_storage::{Row, Value};

use crate::{layout::Layout, work::Work};

/// A message with the values of a record in it, in the language of who acts.
pub(crate) fn told(message: &Message, subject: &Subject<'_>, work: &Work) -> String {
    message::told(message, subject, &work.actor)
}

/// A record that rules look at.
pub(crate) struct Subject<'a> {
    pub layout: &'a Layout,
    /// As it was; none for a new one.
    pub old: Option<&'a Row>,
    /// As it will be, by column.
    pub new: &'a [Value],
}

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
