//! The Postgres door: what a driver, a tool or `psql` expects of PostgreSQL 15, over the objects of the registry.
//!
//! The road of a connection: [`serve`] accepts it within limits → `startup` proves who it is (every error there is fatal, and nothing else
//! makes a session) → `session` answers its messages, one after the other, until it leaves.
//!
//! The road of a statement: `parse` (text to trees, once) → `session::statement` says whose it is →
//! a query is planned and run by `run`, on threads of its own, and its batches are written by `encode` as they come;
//! a change goes through `dml`, which asks what it must know and hands the engine changes; settings, transactions, cursors are the session's own.
//! `sqlstate` is the one table that says which failure gets which code.

pub mod catalog;

mod cancel;
mod casts;
mod dml;
mod encode;
mod error;
mod names;
mod parameter;
mod parse;
mod pg_type;
mod run;
mod server;
mod session;
mod settings;
mod sqlstate;
mod startup;
mod walk;
mod wire;

pub use server::{PostgresOptions, serve};
