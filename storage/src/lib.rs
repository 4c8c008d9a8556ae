//! How records are kept: log, delta, segments, indexes, snapshots. Tables, columns, keys and commit numbers; no object,
//! user, role or query language.
//!
//! # The road of a commit
//!
//! 1. A [`WriteSet`] gathers the changes of a transaction, decided on a snapshot.
//! 2. [`Store::commit`] encodes them as one log entry (`commit::encode`) and joins the queue.
//! 3. The leader of the queue applies each transaction to the newest delta under the next CSN (`apply::apply`), checking
//!    conflicts on the way and constraints behind it (`check::constraints`); what fails is undone and answered.
//! 4. All entries of the batch are written and synced at once (`LogWriter::append`).
//! 5. The published CSN moves (`Inner::publish`), and everyone gets an answer.
//!
//! # The road of a read
//!
//! 1. [`Store::snapshot`] pins the state and its CSN.
//! 2. [`Snapshot::table`] gathers the parts of a table: segments, deltas, own writes.
//! 3. [`TableSnapshot::keys`], [`TableSnapshot::lookup`], [`TableSnapshot::range`] and [`TableSnapshot::search`] give row
//!    sets, combined at will.
//! 4. [`TableSnapshot::scan`] gives parts that yield Arrow batches; [`TableSnapshot::get`] one row.
//!
//! # The road of a fold
//!
//! 1. A new, empty delta takes the writes; the one before is frozen at a CSN (`fold`).
//! 2. Its rows become segments, sorted by key, with their indexes.
//! 3. A manifest that names them is published: the one step that counts.
//! 4. The state is swapped; readers keep the old one as long as they need it.
//!
//! # The road of a bulk load
//!
//! 1. [`BulkLoad::add`] gathers rows and writes them, sorted by key, as segments that no one names yet.
//! 2. [`BulkLoad::commit`] checks them as a whole against the newest state (`bulk::check`).
//! 3. One log entry names the segments: the one step that counts. From then on they are part of the state.
//!
//! What is no row (a document, a picture) lies beside the rows as a [`content`].

mod apply;
pub mod bulk;
mod catalog;
mod changes;
mod check;
mod columns;
mod commit;
mod compact;
pub mod content;
mod delta;
pub mod encryption;
pub mod error;
pub mod files;
mod fold;
pub mod history;
mod log;
mod manifest;
mod merge;
mod objects;
mod overlay;
pub mod past;
pub mod predicate;
mod range;
pub mod resources;
mod retained;
pub mod rowset;
pub mod scan;
pub mod schema;
pub mod search;
mod segment;
pub mod snapshot;
mod state;
pub mod store;
pub mod tenants;
mod term;
mod text;
mod usage;
pub mod value;
pub mod verify;
pub mod world;
pub mod write;

pub use bulk::BulkLoad;
pub use changes::Mark;
pub use content::{Content, Measure, NewContent, Pieces};
pub use encryption::{DataKey, KeyProvider, MasterKeys, WrappedKey};
pub use error::{Error, ErrorKind, Result};
pub use history::{ChainLink, Forgotten, History, HistoryRequest, IsHeld, history_schema};
pub use past::AsOf;
pub use predicate::{Effort, Fingerprint, Predicate};
pub use resources::{ResourceOptions, Resources};
pub use rowset::RowSet;
pub use scan::{BoundIs, ColumnBound, FIRST_CHOSEN_MAX, First, Order, ScanPart, ScanRequest, Ties};
pub use schema::{
    ColumnName, ColumnSpec, ColumnType, Condition, ConditionIs, IndexSpec, ReferenceSpec, TableName,
    TableSpec,
};
pub use search::{TextHits, TextQuery, TextSyntax};
pub use snapshot::{ColumnStatistics, Snapshot, TableSnapshot, TableStatistics};
pub use store::{CommitInfo, CommitOrigin, Committed, Store, StoreOptions};
pub use tenants::{
    TenantName, TenantOptions, Tenants,
    catalogue::{TenantRecord, TenantState, read_catalogue, write_catalogue},
    destroy::destroy_store,
};
pub use usage::{BYTES_MAX, ROWS_MAX, Reserved, StoreQuota, StoreUsage};
pub use value::{Key, Row, Value};
pub use verify::{Finding, Report, must_be_store, verify};
pub use world::{Clock, Ids, ObjectPlace, World};
pub use write::{Savepoint, WriteSet};

/// A commit number: the state of the store after that commit. 0 is the empty store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Csn(pub u64);

#[cfg(test)]
mod tests;
