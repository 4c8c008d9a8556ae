//! DELETE.

use arrow::{
    array::{RecordBatch, UInt32Array},
    compute::take_record_batch,
};
use datafusion::{scalar::ScalarValue, sql::sqlparser::ast::Delete};
use quarry_engine::{Change, Operation, Transaction};

use super::{shape::FoundShape, update::ids_of};
use crate::{
    error::Result,
    run::Rows,
    session::{Outcome, Session, Tag},
};

/// Does a DELETE: asks for the ids, and for what RETURNING wants while the records are still there. Of deleted records, it
/// purges.
///
/// # Errors
///
/// The planner's and the engine's.
pub async fn run(
    session: &mut Session,
    transaction: &mut Transaction,
    delete: &Delete,
    values: &[ScalarValue],
) -> Result<Outcome> {
    let views = transaction.context().views;
    let shape = FoundShape::of_delete(&views, delete)?;
    let context = session.tuned(transaction.context());
    let more = delete.returning.as_deref().unwrap_or_default();
    let ask = session.ask(context, shape.question(more)?, values.to_vec());
    let rows = session.open(ask).await?;
    let limit = session.limits.rows_changed_max;
    let found = session.wait(rows.all(limit)).await?;
    let ids = ids_of(&found)?;
    let object = shape.target.object();
    let tag = |count: usize| format!("DELETE {count}");
    if shape.target.is_bin {
        let named: Vec<String> = ids.iter().flatten().cloned().collect();
        let tag = tag(named.len());
        session.wait(async { Ok(transaction.purge(object, named).await?) }).await?;
        return answer(delete, &found, &ids, tag);
    }
    let changes = ids.iter().flatten().map(|id| Change {
        object: object.to_owned(),
        operation: Operation::Delete { id: id.clone() },
        if_revision: None,
    });
    let changes: Vec<Change> = changes.collect();
    let tag = tag(changes.len());
    super::apply(session, transaction, changes).await?;
    answer(delete, &found, &ids, tag)
}

fn answer(delete: &Delete, found: &RecordBatch, ids: &[Option<String>], tag: String) -> Result<Outcome> {
    if delete.returning.is_none() {
        return Ok(Outcome::Done(tag));
    }
    let returned = without_ids(found, ids)?;
    Ok(Outcome::Rows(Rows::ready(returned.schema(), [returned]), Tag::Fixed(tag)))
}

/// The rows of RETURNING: without the id that was asked for besides, and each record once.
fn without_ids(found: &RecordBatch, ids: &[Option<String>]) -> Result<RecordBatch> {
    let columns: Vec<usize> = (1..found.num_columns()).collect();
    let rows = ids.iter().zip(0u32..).filter(|(id, _)| id.is_some()).map(|(_, row)| row);
    let kept = take_record_batch(&found.project(&columns)?, &UInt32Array::from_iter_values(rows))?;
    Ok(kept)
}
