//! The store as its callers meet it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

mod commits;
mod reads;
