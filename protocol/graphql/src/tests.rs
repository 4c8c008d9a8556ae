//! The door as a client meets it: requests in, responses out, over a real engine in a temporary folder.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod client;
mod golden;
mod http;
mod limits;
mod paging;
mod seed;
