//! The program as its users meet it: the real binary, real clients, real crashes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod attacks;
mod audit;
mod bad_input;
mod bounds;
mod calculated;
mod clients;
mod contents;
mod crash;
mod doors;
mod field_kinds;
mod four_doors;
mod identity;
mod packages;
mod polymorphic;
mod rules;
mod server;
mod shutdown;
mod tenants;
mod tls;
mod transactions;
