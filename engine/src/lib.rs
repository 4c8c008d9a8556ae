//! What happens when a record changes, and who asks.
//!
//! The road of a change: [`session::Session::begin`] → [`transaction::Transaction::apply`] (the pipeline:
//! resolve → defaults → coerce → before-triggers → calculate → validate → constraints → rules → after-triggers; all findings
//! at once) → [`transaction::Transaction::commit`].

mod active;
mod administration;
mod admission;
mod audit;
mod beside;
pub mod bulk;
pub mod cases;
pub mod change;
mod commits;
pub mod content;
mod decimal;
pub mod engine;
pub mod engines;
pub mod error;
mod explain;
pub mod identity;
mod layout;
mod opening;
pub mod packages;
mod pipeline;
mod plain;
mod quota;
mod recycle;
mod rights;
mod rules;
pub mod session;
mod shares;
mod summaries;
mod system;
#[cfg(test)]
mod tests;
pub mod transaction;
pub mod upkeep;
mod work;

pub use administration::{
    UserRights,
    directory::{DirectoryFilter, DirectoryUser, NewDirectoryUser, UserPage},
};
pub use audit::holds::{Held, Hold};
pub use bulk::Bulk;
pub use cases::{Failure, Tried, test_bundles};
pub use change::{Applied, Change, ChangeReport, Done, Finding, Input, Operation, Outcome, Record, Warnings};
pub use content::{ContentOptions, Download, Upload, Uploaded};
pub use engine::{Engine, EngineOptions, Opened};
pub use engines::{Database, Engines, NewTenant, TenantInfo, TenantQuota, master_keys};
pub use error::{Error, ErrorKind, Result};
pub use explain::{Explained, ExplainedAct, Said};
pub use identity::{
    Attempt, Event, EventKind, Events, IdentityOptions, KeyInfo, Lock, MadeKey, Means, NewKey, Origin,
    PermissionGrant, Principal, ScramVerifier, SessionInfo, Token, Tokens, UserKind,
    jwt::{Fetch, FetchLimits, Issuer},
};
pub use packages::{Checked, CheckedState, PackageState, Plan, Published, Stamp};
pub use quarry_planner::{
    Answer, HeavyLine, Lent, Next, ObjectView, PlannerOptions, Query, QueryContext, Views, lower::BIN_VIEW,
    objectql,
};
pub use quarry_storage::{
    ChainLink, Clock, Ids, KeyProvider, Report, ResourceOptions, StoreOptions, TenantName, TenantOptions,
    TenantState, Value, World,
};
pub use quota::{RequestLimits, RequestTurn, TenantLimits, TenantUsage};
pub use session::{Session, SessionOptions};
pub use shares::{Access, Grantee, Share};
pub use transaction::Transaction;
