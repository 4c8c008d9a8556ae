//! Summaries: what is summed up of the records that refer to a record, kept in step in the same transaction.
//!
//! 1. [`plan::Summaries::of`] compiles, once for each registry, what each summary takes of a record.
//! 2. [`settle::note`] is told of every record that is written or deleted, with what it was.
//! 3. [`settle::settle`] brings the records that these refer to up to date, when all changes of a call are made: each of them
//!    once, through the pipeline, so that its own rules see what is new.
//!
//! Counts and exact sums go by the difference. The least and the greatest do until what was it goes; that, averages and
//! sums of floats are made anew ([`scan`]) of what the index of the lookup finds in the transaction's own state.
//!
//! Two transactions that change records of one parent write the parent both, and so conflict: also where its value stays as it
//! is, unless only differences count, which add up in any order.

mod plan;
mod scan;
mod settle;
mod tally;

pub(crate) use plan::{Plan, Summaries};
pub(crate) use scan::tallies;
pub(crate) use settle::{Awaited, Parent, note, settle};
pub(crate) use tally::{Tally, nothing};

#[cfg(test)]
mod tests;
