//! `POST /api/v1/data/:object/import`: the rows of a table as records, each told what became of it.
//!
//! The road of a row:
//!
//! 1. [`request`] reads the body strictly: the rows as CSV or JSON, how columns are called, how rows are written.
//! 2. [`cells`] makes values of cells, by the fields that they are for; what makes no value fails its row.
//! 3. [`references`] finds the records that rows name by their names.
//! 4. [`run`] sends the rows through the engine as any other changes, some hundred in a transaction; those with findings fail, the
//!    others are tried again without them. It ends before the [deadline](until) of the request does.
//! 5. [`report`] tells what became of each.
//!
//! Rows of one request are no transaction: those that are right are kept. A dry run lays all of them over the same state, and keeps none.

mod cells;
mod references;
mod report;
mod request;
mod run;
mod until;

use axum::{
    Extension, Json,
    body::Body,
    extract::{Path, State},
    http::HeaderMap,
    response::IntoResponse,
};
use quarry_engine::Session;

use super::names::Names;
use crate::{Door, body, layers::Deadline, problem::Answered};

/// What the defaults of a mapping come to in all rows, in bodies of the largest size.
const DEFAULTS_TIMES_MAX: usize = 4;

/// `{object, dryRun, writeMode, total, ok, errors, created, updated, skipped, results}`.
pub(super) async fn import(
    State(door): State<Door>,
    Extension(session): Extension<Session>,
    deadline: Option<Extension<Deadline>>,
    Path(object): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Answered {
    let until = until::Until::of(deadline.map(|Extension(deadline)| deadline));
    let asked = request::read(body::json(&door, &headers, body).await?)?;
    let context = session.context();
    let names = Names::of(&context.views);
    let view = names.object(&object)?;
    let manner = asked.manner.named(names, view)?;
    let default_bytes_max = door.options.body_bytes_max.saturating_mul(DEFAULTS_TIMES_MAX);
    let mut rows = cells::rows(names, view, asked.table, default_bytes_max)?;
    references::find(&session, names, &mut rows).await?;
    let done = run::Import::new(&session, (&context.views, view), &manner, until).run(&mut rows).await?;
    let told = report::told(view.object.name.as_str(), &manner, &rows, &done);
    let mut response = Json(told).into_response();
    if let Some(csn) = done.csn {
        response.headers_mut().insert("x-quarry-csn", csn.into());
    }
    Ok(response)
}
