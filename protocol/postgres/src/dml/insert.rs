//! INSERT.

use std::collections::VecDeque;

use datafusion::{
    scalar::ScalarValue,
    sql::sqlparser::ast::{Expr, Insert, OnInsert},
};
use quarry_engine::{Change, Input, Operation, Record, Transaction};
use quarry_metadata::{FieldKind, FieldName};

use super::{
    cell::{Cell, evaluate},
    conflict, returning,
    shape::{InsertShape, Source},
    value::{for_field, input_of},
};
use crate::{
    error::{PgError, Result},
    session::{Outcome, Session},
    sqlstate::SqlState,
};

/// Does an INSERT.
///
/// # Errors
///
/// The planner's and the engine's.
pub async fn run(
    session: &mut Session,
    transaction: &mut Transaction,
    insert: &Insert,
    values: &[ScalarValue],
) -> Result<Outcome> {
    let views = transaction.context().views;
    let shape = InsertShape::read(&views, insert)?;
    let records = records_of(session, transaction, &shape, values).await?;
    let ids = match &insert.on {
        None => {
            let changes = records.into_iter().map(|data| create(shape.target.object(), data)).collect();
            super::apply(session, transaction, changes).await?
        }
        Some(OnInsert::OnConflict(on)) => {
            let upsert = conflict::Upsert::read(&shape, on, values)?;
            upsert.run(session, transaction, records).await?
        }
        Some(_) => {
            let hint = "use ON CONFLICT (…) DO UPDATE SET";
            return Err(PgError::unsupported("this form of INSERT is not supported", hint));
        }
    };
    let tag = format!("INSERT 0 {}", ids.len());
    returning::answer(session, transaction, &shape.target, insert.returning.as_deref(), (&ids, values), tag)
        .await
}

/// A new record of an object.
pub fn create(object: &str, data: Record) -> Change {
    Change { object: object.to_owned(), operation: Operation::Create(data), if_revision: None }
}

async fn records_of(
    session: &mut Session,
    transaction: &Transaction,
    shape: &InsertShape,
    values: &[ScalarValue],
) -> Result<Vec<Record>> {
    match &shape.source {
        Source::Defaults => Ok(vec![Record::new()]),
        Source::Values(rows) => {
            let context = session.tuned(transaction.context());
            let computed: Vec<Expr> = rows.iter().flatten().filter_map(computed_of).cloned().collect();
            let mut computed = VecDeque::from(evaluate(session, context, &computed, values).await?);
            let zone = session.settings.time_zone();
            let mut records = Vec::with_capacity(rows.len());
            for row in rows {
                let mut record = Record::new();
                for (field, cell) in shape.fields.iter().zip(row) {
                    let kind = shape.target.kind(field);
                    let input = input_of_cell(cell, values, (kind, zone), &mut || computed.pop_front())?;
                    if let Some(input) = input {
                        record.insert(field.as_str().to_owned(), input);
                    }
                }
                records.push(record);
            }
            limit(records.len(), session)?;
            Ok(records)
        }
        Source::Query(query) => {
            let context = session.tuned(transaction.context());
            let ask = session.ask(context, query.as_ref().clone(), values.to_vec());
            let rows = session.open(ask).await?;
            let limit = session.limits.rows_changed_max;
            let batch = session.wait(rows.all(limit)).await?;
            check_width(batch.num_columns(), &shape.fields)?;
            let zone = session.settings.time_zone();
            let mut records = Vec::with_capacity(batch.num_rows());
            for row in 0..batch.num_rows() {
                let mut record = Record::new();
                for (field, column) in shape.fields.iter().zip(batch.columns()) {
                    let scalar = ScalarValue::try_from_array(column, row)?;
                    let input = for_field(shape.target.kind(field), input_of(&scalar, zone)?, zone);
                    record.insert(field.as_str().to_owned(), input);
                }
                records.push(record);
            }
            Ok(records)
        }
    }
}

fn check_width(width: usize, fields: &[FieldName]) -> Result<()> {
    if width > fields.len() {
        return Err(PgError::new(SqlState::SYNTAX, "INSERT has more expressions than target columns"));
    }
    Ok(())
}

fn limit(count: usize, session: &Session) -> Result<()> {
    let most = session.limits.rows_changed_max;
    if count > most {
        let message = format!("a statement may change {most} rows: change fewer at a time");
        return Err(PgError::new(SqlState::LIMIT_EXCEEDED, message));
    }
    Ok(())
}

/// The expression of a cell that must be computed.
pub fn computed_of(cell: &Cell) -> Option<&Expr> {
    match cell {
        Cell::Computed(expr) => Some(expr),
        _ => None,
    }
}

/// The value of a cell for a field of a kind, in a session of a time zone; none for DEFAULT, which leaves the field out.
///
/// # Errors
///
/// `42P02`, and those of [`input_of`].
pub fn input_of_cell(
    cell: &Cell,
    values: &[ScalarValue],
    (kind, zone): (Option<&FieldKind>, chrono_tz::Tz),
    next_computed: &mut dyn FnMut() -> Option<ScalarValue>,
) -> Result<Option<Input>> {
    let input = match cell {
        Cell::Default => None,
        Cell::Given(input) => Some(input.clone()),
        Cell::Parameter(number) => {
            let value = values.get(number - 1).ok_or_else(|| {
                PgError::new(SqlState::UNDEFINED_PARAMETER, format!("there is no parameter ${number}"))
            })?;
            Some(input_of(value, zone)?)
        }
        Cell::Computed(_) => {
            let value = next_computed()
                .ok_or_else(|| PgError::new(SqlState::INTERNAL, "a computed value is missing"))?;
            Some(input_of(&value, zone)?)
        }
    };
    Ok(input.map(|input| for_field(kind, input, zone)))
}
