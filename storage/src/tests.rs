//! The store as its callers meet it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods, clippy::disallowed_types)]

pub(crate) mod simulated;
pub(crate) mod support;

mod bulk;
mod commits;
mod contents;
mod crashes;
mod elsewhere;
mod encrypted;
mod every_type;
mod faults;
mod faulty_store;
mod fixtures;
mod folds;
mod forgets;
mod histories;
mod isolation;
mod many_tables;
mod marks;
mod model;
mod origins;
mod past;
mod quotas;
mod reads;
mod script;
