//! Attacks, by their names: each test is one, tried on the real server by all doors through which it can be.
//!
//! | attack | tests |
//! |---|---|
//! | a forged tenant, on write and on read | [`tenants`]: in a body, a header or a host, a token, a login, a database, a reference |
//! | a field that is not seen | [`hidden`]: in a filter, a sort, a group, a selection, a search; and everything there is |
//! | inference by aggregates, counts, orders, pages, plans | [`inference`]: counts and sums, pages and cursors, plans and statistics |
//! | inference by errors | [`inference`]: of division, of casts and patterns, of unique values |
//! | references and expands that leak | [`references`]: paths and ids, expands, objects and records that are not seen |
//! | mass assignment | [`assignment`]: in an update, a new record, one that is sent back; of an owner, of what is written once, of one's own rights |
//! | JSON Web Tokens: `alg: none`, key confusion, wrong audience, expired, the token's own keys | [`tokens`] |
//! | a replayed refresh token | [`tokens`] |
//! | injection into every text | [`injection`]: values, searches, names, names of one's own, orders and cursors, what is written, headers and settings |
//! | catalogs and comments that leak | [`catalog`]: tables of the catalog, comments and definitions, introspection and documents, hints |
//! | timing of logins, and other oracles of who there is | [`logins`]: by work, by what is told, at the Postgres door, of others |
//! | oversized and slow requests | [`floods`]: headers, bodies, connections, questions, messages of Postgres |
//!
//! Tried elsewhere, and not again here:
//!
//! | attack | where |
//! |---|---|
//! | random questions of random roles, against what the role may see record by record | `planner/tests/it/permissions`, `tests/it/four_doors` |
//! | a login by SCRAM with messages out of order, without a proof, with a binding that was left out | `protocol/postgres/tests/door/{security,tls}.rs` |
//! | pages of other sites (CSRF, CORS), TLS that is stripped | `protocol/http/src/{browsers,tests/tls}`, `tests/it/tls.rs` |
//! | expressions that make much of little, patterns that never end | `planner/tests/it/hostile`, `planner/tests/it/limits.rs` |
//! | rights that are taken while somebody is connected, in a transaction, in a cursor | `engine/src/tests/permissions`, `protocol/postgres/tests/door/rights.rs` |
//! | a log, a file or an export that was changed | `storage/src/tests`, `tests/it/audit.rs`, `tests/it/tenants.rs` |
//! | one tenant that asks without end | `engine/src/quota`, `planner/src/run/turns`, `tests/it/audit.rs` |

mod assignment;
mod catalog;
mod floods;
mod hidden;
mod inference;
mod injection;
mod logins;
mod references;
mod stage;
mod tenants;
mod tokens;
