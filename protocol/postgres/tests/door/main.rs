//! The door as its clients meet it: a server in this process, `tokio-postgres` and raw sockets in front of it.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod cancels;
mod changes;
mod cursors;
mod fixture;
mod heavy;
mod identity;
mod notices;
mod oauth;
mod queries;
mod raw;
mod recycle;
mod rights;
mod security;
mod sessions;
mod tenants;
mod tls;
mod transactions;
mod waiting;
mod zones;
