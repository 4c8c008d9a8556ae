//! Expressions, compiled: the one place where CEL's typed tree becomes something that runs.
//!
//! 1. [`compile`] turns a tree into a DataFusion expression. Logic and comparisons are DataFusion's own, which keep nulls as the
//!    language does; all else is [`operation`], our scalar functions, for DataFusion's have other rules of rounding,
//!    overflow, blanks and time zones. What goes over the items of a list is [`comprehension`].
//! 2. The read path puts that expression into a plan (`view::computed`): a formula is a column like any other.
//! 3. The write path compiles it once per registry against [`Inputs`], and evaluates the [`Compiled`] on a batch that has a column
//!    for each thing the expression reads: of one record, or of ten thousand.
//!
//! Arithmetic that can't be done gives null. The write path asks why: [`Evaluated::faults`].

mod compile;
mod compiled;
mod comprehension;
mod data_type;
mod fault;
mod inputs;
mod operation;

pub use compiled::{Compiled, Evaluated, value_at};
pub use fault::Fault;
pub use inputs::{Input, Inputs, Source, Surroundings};

pub(crate) use compile::{Leaf, Leaves, Mode, lowered};
pub(crate) use data_type::arrow;

#[cfg(test)]
mod tests;
