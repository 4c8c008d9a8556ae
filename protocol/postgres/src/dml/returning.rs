//! RETURNING after INSERT and UPDATE: a question about the records as they are now, in the order they were changed.

use std::collections::HashMap;

use arrow::{
    array::{RecordBatch, UInt32Array},
    compute::{concat_batches, take_record_batch},
};
use datafusion::{scalar::ScalarValue, sql::sqlparser::ast::SelectItem};
use quarry_engine::Transaction;

use super::{ast, shape::ID, target::Target, update::ids_of};
use crate::{
    error::Result,
    run::Rows,
    session::{Outcome, Session, Tag},
};

/// Records that are asked for in one question.
const ASKED_AT_ONCE: usize = 2_000;

/// The answer of a change: its tag, and the rows that RETURNING wants of the changed records.
///
/// # Errors
///
/// The planner's.
pub async fn answer(
    session: &mut Session,
    transaction: &Transaction,
    target: &Target,
    items: Option<&[SelectItem]>,
    (ids, values): (&[String], &[ScalarValue]),
    tag: String,
) -> Result<Outcome> {
    let Some(items) = items else { return Ok(Outcome::Done(tag)) };
    let mut found = Vec::new();
    let mut chunks: Vec<&[String]> = ids.chunks(ASKED_AT_ONCE).collect();
    if chunks.is_empty() {
        // Nothing was changed: the columns are still to be told.
        chunks.push(&[]);
    }
    for chunk in chunks {
        let mut projection = vec![ast::named(ast::column(&target.qualifier, ID), ID, 0)];
        projection.extend(items.iter().cloned());
        let nobody = [String::new()];
        let wanted = if chunk.is_empty() { nobody.as_slice() } else { chunk };
        let selection = ast::is_one_of(ast::column(&target.qualifier, ID), wanted);
        let question = ast::select(projection, vec![ast::table(target.factor.clone())], Some(selection))?;
        let context = session.tuned(transaction.context());
        let ask = session.ask(context, question, values.to_vec());
        let rows = session.open(ask).await?;
        found.push(session.wait(rows.all(ids.len())).await?);
    }
    let ordered = in_order(&found, ids)?;
    Ok(Outcome::Rows(Rows::ready(ordered.schema(), [ordered]), Tag::Fixed(tag)))
}

/// The rows in the order of `ids`, without the id that was asked for besides.
fn in_order(found: &[RecordBatch], ids: &[String]) -> Result<RecordBatch> {
    let schema =
        found.first().map(RecordBatch::schema).unwrap_or_else(|| arrow::datatypes::Schema::empty().into());
    let all = concat_batches(&schema, found)?;
    let places: HashMap<String, u32> =
        ids_of(&all)?.into_iter().zip(0u32..).filter_map(|(id, at)| Some((id?, at))).collect();
    let order = ids.iter().filter_map(|id| places.get(id).copied());
    let columns: Vec<usize> = (1..all.num_columns()).collect();
    Ok(take_record_batch(&all.project(&columns)?, &UInt32Array::from_iter_values(order))?)
}
