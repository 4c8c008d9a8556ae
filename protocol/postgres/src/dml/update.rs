//! UPDATE.

use std::collections::HashSet;

use arrow::{
    array::{AsArray, RecordBatch},
    compute::cast,
    datatypes::DataType,
};
use datafusion::{scalar::ScalarValue, sql::sqlparser::ast::Update};
use quarry_engine::{Change, Operation, Record, Transaction};

use super::{insert::input_of_cell, returning, shape::FoundShape};
use crate::{
    error::Result,
    session::{Outcome, Session},
};

/// Does an UPDATE: asks for ids and new values, then changes record by record.
///
/// # Errors
///
/// The planner's and the engine's.
pub async fn run(
    session: &mut Session,
    transaction: &mut Transaction,
    update: &Update,
    values: &[ScalarValue],
) -> Result<Outcome> {
    let views = transaction.context().views;
    let shape = FoundShape::of_update(&views, update)?;
    let context = session.tuned(transaction.context());
    let ask = session.ask(context, shape.question(&[])?, values.to_vec());
    let rows = session.open(ask).await?;
    let limit = session.limits.rows_changed_max;
    let found = session.wait(rows.all(limit)).await?;
    let changes = match shape.target.is_bin {
        true => undeletes_of(&shape, &found)?,
        false => changes_of(session, &shape, &found, values)?,
    };
    let ids = super::apply(session, transaction, changes).await?;
    let tag = format!("UPDATE {}", ids.len());
    returning::answer(session, transaction, &shape.target, update.returning.as_deref(), (&ids, values), tag)
        .await
}

fn changes_of(
    session: &Session,
    shape: &FoundShape,
    found: &RecordBatch,
    values: &[ScalarValue],
) -> Result<Vec<Change>> {
    let zone = session.settings.time_zone();
    let mut changes = Vec::with_capacity(found.num_rows());
    for (row, id) in ids_of(found)?.into_iter().enumerate() {
        let Some(id) = id else { continue };
        let mut column = 0;
        let mut data = Record::new();
        for (field, cell) in &shape.assignments {
            let mut failed = None;
            let kind = shape.target.kind(field);
            let input = input_of_cell(cell, values, (kind, zone), &mut || {
                column += 1;
                let read = ScalarValue::try_from_array(found.columns().get(column)?, row);
                read.map_err(|error| failed = Some(error)).ok()
            });
            if let Some(error) = failed {
                return Err(error.into());
            }
            if let Some(input) = input? {
                data.insert(field.as_str().to_owned(), input);
            }
        }
        let operation = Operation::Update { id, data };
        changes.push(Change { object: shape.target.object().to_owned(), operation, if_revision: None });
    }
    Ok(changes)
}

/// Deleted records come back.
fn undeletes_of(shape: &FoundShape, found: &RecordBatch) -> Result<Vec<Change>> {
    let back = |id| Change {
        object: shape.target.object().to_owned(),
        operation: Operation::Undelete { id },
        if_revision: None,
    };
    Ok(ids_of(found)?.into_iter().flatten().map(back).collect())
}

/// The ids in the first column, each once: a join may find a record several times, and the first one counts.
///
/// # Errors
///
/// `XX000` when it is not text.
pub fn ids_of(found: &RecordBatch) -> Result<Vec<Option<String>>> {
    let mut seen = HashSet::new();
    let mut ids = Vec::with_capacity(found.num_rows());
    if let Some(column) = found.columns().first() {
        let texts = cast(column, &DataType::Utf8)?;
        for id in texts.as_string::<i32>() {
            ids.push(id.filter(|id| seen.insert((*id).to_owned())).map(str::to_owned));
        }
    }
    Ok(ids)
}
