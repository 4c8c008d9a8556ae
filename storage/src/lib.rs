//! How records are kept: log, delta, segments, indexes, snapshots.

pub mod error;
pub mod schema;
pub mod snapshot;
pub mod store;
pub mod value;
pub mod world;
pub mod write;

pub use error::{Error, ErrorKind, Result};
pub use schema::{ColumnName, ColumnSpec, ColumnType, IndexSpec, ReferenceSpec, TableName, TableSpec};
pub use snapshot::{RowSet, ScanPart, ScanRequest, Snapshot, TableSnapshot, TableStatistics, TextHits, TextQuery, TextSyntax};
pub use store::{CommitInfo, Committed, Store, StoreOptions};
pub use value::{Key, Row, Value};
pub use world::{Clock, Ids, World};
pub use write::{Savepoint, WriteSet};

/// A commit number: the state of the store after that commit. 0 is the empty store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Csn(pub u64);
