//! The Postgres door: wire protocol, SQL session, catalog.

pub mod catalog;
