//! What happens when a record changes, and who asks.
//!
//! The road of a change: [`session::Session::begin`] → [`transaction::Transaction::apply`] (the pipeline:
//! resolve → defaults → types → calculate → validate → constraints; all findings at once) →
//! [`transaction::Transaction::commit`].

pub mod change;
pub mod engine;
pub mod error;
pub mod identity;
pub mod session;
pub mod transaction;

pub use change::{Change, ChangeReport, Finding, Input, Operation, Outcome, Record};
pub use engine::{Engine, EngineOptions, Opened};
pub use error::{Error, ErrorKind, Result};
pub use identity::{Principal, ScramVerifier, Token};
pub use quarry_planner::{Answer, Query, QueryContext, Views};
pub use quarry_storage::{Clock, Ids, Value, World};
pub use session::{Session, SessionOptions};
pub use transaction::Transaction;
