//! Rows as changes: some hundred in a transaction, those with findings taken out and the others tried again.

#[cfg(test)]
mod tests;

use axum::http::StatusCode;
use futures::StreamExt;
use quarry_engine::{
    Applied, Change, ChangeReport, Done, Error, Outcome, Query, Session, Transaction, Views, Warnings,
    objectql::{Filter, Operand, Operator, Selection},
};
use serde_json::Value;

use super::{
    super::{
        manner::translated,
        names::View,
        write::{Prepared, Writer},
    },
    cells::Row,
    report::{Became, Fault},
    request::{Manner, Mode},
    until::Until,
};
use crate::problem::Problem;

/// Rows of one transaction.
const BATCH_ROWS: usize = 500;
/// A batch is tried so often without its faulty rows; then its halves are.
const TRIES_MAX: u32 = 8;

/// What is known when all rows are through.
#[derive(Default)]
pub(super) struct Ended {
    /// The last commit.
    pub csn: Option<u64>,
    /// Warnings that are not told with their rows.
    pub warnings_left_out: u64,
}

/// Rows of one object on their way.
pub(super) struct Import<'a> {
    session: &'a Session,
    views: &'a Views,
    view: &'a View,
    manner: &'a Manner,
    /// What a dry run lays its changes over; it is never committed.
    trial: Option<Transaction>,
    until: Until,
    ended: Ended,
}

/// Rows that are tried together, by their places.
struct Batch {
    rows: Vec<(usize, Change)>,
    tries: u32,
}

impl<'a> Import<'a> {
    pub fn new(
        session: &'a Session,
        (views, view): (&'a Views, &'a View),
        manner: &'a Manner,
        until: Until,
    ) -> Self {
        let trial = manner.dry_run.then(|| session.begin());
        Self { session, views, view, manner, trial, until, ended: Ended::default() }
    }

    /// Writes what is not decided yet, and says of each row what became of it.
    ///
    /// # Errors
    ///
    /// What no row would pass, as long as none has.
    pub async fn run(mut self, rows: &mut [Row]) -> Result<Ended, Problem> {
        let mut waiting = Vec::new();
        for (place, row) in rows.iter_mut().enumerate() {
            if row.became.is_some() {
                continue;
            }
            if let Some(Prepared { change, dropped }) = self.change(row).await? {
                row.beside.dropped = dropped;
                waiting.push((place, change));
            }
        }
        let mut batches = Batch::of(waiting);
        while let Some(batch) = batches.pop() {
            let left = batches.iter().map(|batch| batch.rows.len()).sum::<usize>();
            match self.attempt(batch, rows).await? {
                Next::Go(more) => batches.extend(more),
                // What was written before is kept, and so must be told.
                Next::Stop(problem) => {
                    tracing::warn!(rows = left, code = problem.code, "an import broke off");
                    fail(rows, batches.iter().flat_map(|batch| &batch.rows), &problem);
                    break;
                }
            }
        }
        Ok(self.ended)
    }

    /// The change that a row is; none when that decides it.
    async fn change(&self, row: &mut Row) -> Result<Option<Prepared>, Problem> {
        let writer = Writer::of(self.views);
        let object = self.view.object.name.as_str();
        let is_blank = self.manner.on.iter().any(|name| !row.data.contains_key(name));
        let (mode, data) = (self.manner.mode, std::mem::take(&mut row.data));
        match mode {
            Mode::Insert => writer.create(object, data).map(Some),
            Mode::Upsert if is_blank && !self.manner.skips_blank => writer.create(object, data).map(Some),
            Mode::Update | Mode::Upsert if is_blank => {
                row.became = Some(Became::Skipped);
                Ok(None)
            }
            Mode::Upsert => writer.upsert(object, self.manner.on.clone(), data).map(Some),
            Mode::Update => match self.record(&data).await? {
                Ok(id) => {
                    let told = data.into_iter().filter(|(name, _)| !self.manner.on.contains(name)).collect();
                    writer.update(object, (id, None), told).map(Some)
                }
                Err(became) => {
                    row.became = Some(became);
                    Ok(None)
                }
            },
        }
    }

    /// The one record that a row is about.
    async fn record(&self, data: &serde_json::Map<String, Value>) -> Result<Result<String, Became>, Problem> {
        // Nothing is written yet.
        self.until.must_begin()?;
        let equals = |name: &String| Filter::Compare {
            path: name.clone(),
            operator: Operator::Eq,
            operand: Operand::Literal(data.get(name).cloned().unwrap_or(Value::Null)),
            at: name.clone(),
        };
        let query = Query {
            object: self.view.object.name.to_string(),
            fields: vec![Selection { path: "id".into(), alias: None }],
            filter: Some(Filter::And(self.manner.on.iter().map(equals).collect())),
            limit: Some(2),
            ..Query::default()
        };
        let mut ids = Vec::new();
        let mut batches = match self.session.query(&query).await.map_err(Problem::from) {
            Ok(answer) => answer.batches,
            Err(problem) if problem.status == StatusCode::BAD_REQUEST => {
                let fault = Fault::of(Some(&problem.path), translated(&problem).1, problem.message.as_str());
                return Ok(Err(Became::Failed(vec![fault])));
            }
            Err(problem) => return Err(problem),
        };
        while let Some(batch) = batches.next().await {
            let batch = batch.map_err(Error::of_rows)?;
            let column =
                batch.columns().first().and_then(|column| arrow::array::AsArray::as_string_view_opt(column));
            ids.extend(column.into_iter().flat_map(|ids| ids.iter().flatten().map(str::to_owned)));
        }
        Ok(match ids.as_slice() {
            [] => Err(Became::Skipped),
            [id] => Ok(id.clone()),
            _ => {
                let on = self.manner.on.join(", ");
                let message = format!("several records of {} have its {on}", self.view.object.name);
                Err(Became::Failed(vec![Fault::of(None, "ambiguous_match", message)]))
            }
        })
    }

    async fn attempt(&mut self, batch: Batch, rows: &mut [Row]) -> Result<Next, Problem> {
        if let Err(problem) = self.until.must_begin() {
            return stopped(&batch, problem, rows);
        }
        let changes = batch.rows.iter().map(|(_, change)| change.clone()).collect();
        let until = self.until;
        let applied = match until.wait(self.apply(changes)).await {
            Ok(applied) => applied,
            // Whatever else there is to tell, it may have been written.
            Err(problem) => {
                fail(rows, &batch.rows, &problem);
                return Ok(Next::Stop(self.until.must_begin().err().unwrap_or(problem)));
            }
        };
        match applied {
            Ok((outcomes, warnings)) => {
                self.done(&batch, outcomes, warnings, rows);
                Ok(Next::Go(Vec::new()))
            }
            Err(problem) if !problem.findings.is_empty() => {
                Ok(Next::Go(without_faulty(batch, &problem, rows)))
            }
            // It may be about one of them, or about how many they are.
            Err(problem) if problem.status.is_client_error() && !is_about_all(&problem) => {
                match batch.rows.len() {
                    1 => {
                        fail(rows, &batch.rows, &problem);
                        Ok(Next::Go(Vec::new()))
                    }
                    _ => Ok(Next::Go(batch.halves())),
                }
            }
            Err(problem) => stopped(&batch, problem, rows),
        }
    }

    async fn apply(&mut self, changes: Vec<Change>) -> Result<(Vec<Outcome>, Warnings), Problem> {
        if let Some(trial) = &mut self.trial {
            let Applied { outcomes, warnings } = trial.apply(changes).await?;
            return Ok((outcomes, warnings));
        }
        let ChangeReport { outcomes, warnings, csn } = self.session.change(changes, false).await?;
        self.ended.csn = csn.or(self.ended.csn);
        Ok((outcomes, warnings))
    }

    fn done(&mut self, batch: &Batch, outcomes: Vec<Outcome>, warnings: Warnings, rows: &mut [Row]) {
        for ((place, _), outcome) in batch.rows.iter().zip(outcomes) {
            let Some(row) = rows.get_mut(*place) else { continue };
            let id = outcome.ids.into_iter().next().unwrap_or_default();
            row.became = Some(match outcome.done {
                Done::Created => Became::Created(id),
                _ => Became::Updated(id),
            });
        }
        for warning in &warnings.told {
            let place = batch.rows.get(warning.change).map(|(place, _)| *place);
            if let Some(row) = place.and_then(|place| rows.get_mut(place)) {
                row.beside.warnings.push(Fault::from(warning));
            }
        }
        self.ended.warnings_left_out = self.ended.warnings_left_out.saturating_add(warnings.more);
    }
}

/// What comes behind an attempt.
enum Next {
    Go(Vec<Batch>),
    Stop(Problem),
}

impl Batch {
    /// Batches of rows; the last of the list comes first.
    fn of(mut rows: Vec<(usize, Change)>) -> Vec<Batch> {
        let mut batches = Vec::with_capacity(rows.len().div_ceil(BATCH_ROWS));
        while !rows.is_empty() {
            let first = (rows.len() - 1) / BATCH_ROWS * BATCH_ROWS;
            batches.push(Batch { rows: rows.split_off(first), tries: 0 });
        }
        batches
    }

    /// Its halves; the last of the list comes first.
    fn halves(mut self) -> Vec<Batch> {
        let second = self.rows.split_off(self.rows.len() / 2);
        [second, self.rows].map(|rows| Batch { rows, tries: 0 }).into()
    }
}

/// What is left of a batch when the rows with findings have failed.
fn without_faulty(batch: Batch, problem: &Problem, rows: &mut [Row]) -> Vec<Batch> {
    let mut left = Vec::with_capacity(batch.rows.len());
    for (at, (place, change)) in batch.rows.iter().enumerate() {
        let faults: Vec<Fault> =
            problem.findings.iter().filter(|finding| finding.change == at).map(Fault::from).collect();
        match rows.get_mut(*place) {
            Some(row) if !faults.is_empty() => row.became = Some(Became::Failed(faults)),
            _ => left.push((*place, change.clone())),
        }
    }
    if left.len() == batch.rows.len() {
        fail(rows, &batch.rows, problem);
        return Vec::new();
    }
    let left = Batch { rows: left, tries: batch.tries + 1 };
    match left.rows.len() {
        0 => Vec::new(),
        1 => vec![left],
        _ if left.tries < TRIES_MAX => vec![left],
        _ => left.halves(),
    }
}

fn fail<'r>(rows: &mut [Row], of: impl IntoIterator<Item = &'r (usize, Change)>, problem: &Problem) {
    for (place, _) in of {
        if let Some(row) = rows.get_mut(*place) {
            let fault = Fault::of(None, translated(problem).1, problem.message.as_str());
            row.became = Some(Became::Failed(vec![fault]));
        }
    }
}

/// None of the others would do better; what was written before is told.
fn stopped(batch: &Batch, problem: Problem, rows: &mut [Row]) -> Result<Next, Problem> {
    if rows.iter().all(|row| !is_written(row)) {
        return Err(problem);
    }
    fail(rows, &batch.rows, &problem);
    Ok(Next::Stop(problem))
}

fn is_written(row: &Row) -> bool {
    matches!(row.became, Some(Became::Created(_) | Became::Updated(_)))
}

/// No row alone would do better.
fn is_about_all(problem: &Problem) -> bool {
    matches!(
        problem.status,
        StatusCode::UNAUTHORIZED
            | StatusCode::FORBIDDEN
            | StatusCode::NOT_FOUND
            | StatusCode::TOO_MANY_REQUESTS
    )
}
