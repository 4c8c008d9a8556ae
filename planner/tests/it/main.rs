//! The planner as its callers meet it: questions in JSON, answers in JSON, over a real store.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod around;
mod clock;
mod computed;
mod costs;
mod dice;
mod differential;
mod first;
mod fixture;
mod golden;
mod hostile;
mod instants;
mod joined;
mod limits;
mod oracle;
mod pages;
mod permissions;
mod random;
mod small;
mod sql;
