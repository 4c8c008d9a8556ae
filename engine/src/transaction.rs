//! A transaction: a snapshot and the changes laid over it.

use quarry_planner::QueryContext;

use crate::{
    change::{Change, Outcome},
    error::Result,
};

/// An open transaction. Dropping it leaves nothing.
pub struct Transaction;

/// A mark to come back to.
#[derive(Clone, Debug)]
pub struct Mark(());

impl Transaction {
    /// The surroundings of a question that sees this transaction's own changes.
    pub fn context(&self) -> QueryContext {
        todo!()
    }

    /// Runs changes through the pipeline. All or nothing: on an error the transaction is as before the call.
    ///
    /// # Errors
    ///
    /// `Violated` with all findings of all records; `Missing`, `Invalid`.
    pub async fn apply(&mut self, changes: Vec<Change>) -> Result<Vec<Outcome>> {
        let _ = changes;
        todo!()
    }

    /// A mark of the state now.
    pub fn mark(&self) -> Mark {
        todo!()
    }

    /// Forgets all that came after the mark.
    pub fn rollback_to(&mut self, mark: &Mark) {
        let _ = mark;
        todo!()
    }

    /// Makes it durable; returns the CSN (that of the snapshot when nothing was changed).
    ///
    /// # Errors
    ///
    /// `Conflict`, `Violated`, `Limited`, `Unavailable`; nothing was kept.
    pub async fn commit(self) -> Result<u64> {
        todo!()
    }
}
