//! What packages say must hold, as the pipeline asks it of a record.
//!
//! 1. [`machines::check`]: whether the value of a field may follow the one that it had.
//!
//! A finding carries the code that its rule gives it, and its text in the session's language.

mod machines;
mod message;

pub(crate) use machines::check as machines;

use quarry_metadata::rules::Weight;
use quarry_storage::{Row, Value};

use crate::layout::Layout;

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
