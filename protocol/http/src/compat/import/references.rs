//! The records that rows name: by their ids, or by what names a record of their object to people. They are looked up by who imports; one
//! that he does not see is not there.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use arrow::array::AsArray;
use axum::http::StatusCode;
use futures::StreamExt;
use quarry_engine::{
    Error, Query, Session,
    objectql::{Filter, Operator, Selection},
};
use quarry_metadata::ObjectName;
use serde_json::Value;

use super::{
    super::names::{Names, View},
    cells::{Named, Row},
    report::{Became, Fault},
};
use crate::problem::Problem;

/// Records that the names of one request may be those of.
const FOUND_MAX: u64 = 20_000;

/// What is found of an object: which ids there are, and whose a name is.
#[derive(Default)]
struct Found {
    ids: BTreeSet<String>,
    named: HashMap<String, Vec<String>>,
}

/// Puts ids in place of names; a row with a name that is nobody's, or that of several, fails.
///
/// # Errors
///
/// The planner's.
pub(super) async fn find(session: &Session, names: Names<'_>, rows: &mut [Row]) -> Result<(), Problem> {
    let mut wanted: BTreeMap<ObjectName, BTreeSet<String>> = BTreeMap::new();
    for named in rows.iter().filter(|row| row.became.is_none()).flat_map(|row| &row.named) {
        wanted.entry(named.target.clone()).or_default().extend(named.names.iter().cloned());
    }
    let mut found = HashMap::new();
    for (target, wanted) in wanted {
        // By its own name alone, and no other that is like it.
        let seen = names.object(target.as_str()).ok().filter(|seen| seen.object.name == target);
        if let Some(seen) = seen {
            found.insert(target, look_up(session, seen, wanted).await?);
        }
    }
    for row in rows.iter_mut().filter(|row| row.became.is_none()) {
        let mut faults = Vec::new();
        for named in std::mem::take(&mut row.named) {
            match ids(&named, found.get(&named.target)) {
                Ok(value) => drop(row.data.insert(named.field, value)),
                Err(fault) => faults.push(fault),
            }
        }
        if !faults.is_empty() {
            row.became = Some(Became::Failed(faults));
        }
    }
    Ok(())
}

fn ids(named: &Named, found: Option<&Found>) -> Result<Value, Fault> {
    let id = |name: &String| {
        let Some(found) = found.filter(|found| !found.ids.contains(name)) else { return Ok(name.clone()) };
        let fault = |code, message| Err(Fault::of(Some(&named.field), code, message));
        match found.named.get(name).map(Vec::as_slice) {
            Some([id]) => Ok(id.clone()),
            Some([_, ..]) => {
                let message = format!("several records of {} are called {name:?}; give the id", named.target);
                fault("reference_ambiguous", message)
            }
            _ => fault("reference_not_found", format!("there is no {} {name:?}", named.target)),
        }
    };
    let ids = named.names.iter().map(id).collect::<Result<Vec<_>, _>>()?;
    Ok(match (named.is_list, ids.as_slice()) {
        (false, [id]) => id.as_str().into(),
        _ => ids.into(),
    })
}

async fn look_up(session: &Session, view: &View, wanted: BTreeSet<String>) -> Result<Found, Problem> {
    let name = view.object.name_field.as_str();
    // A name that is masked finds nobody.
    let is_read = name != "id" && view.field(name).is_some_and(|field| view.shows_in_full(field));
    let wanted: Vec<String> = wanted.into_iter().collect();
    let select = |path: &str| Selection { path: path.to_owned(), alias: None };
    let mut query = Query {
        object: view.object.name.to_string(),
        fields: vec![select("id")],
        filter: Some(Filter::ids(wanted.clone())),
        limit: Some(FOUND_MAX),
        ..Query::default()
    };
    if is_read {
        query.fields.push(select(name));
        let called = Filter::literal(name, Operator::In, wanted.clone().into());
        query.filter = Some(Filter::Or(vec![Filter::ids(wanted.clone()), called]));
    }
    let mut found = Found::default();
    let mut batches = session.query(&query).await?.batches;
    let mut rows = 0_u64;
    while let Some(batch) = batches.next().await {
        let batch = batch.map_err(Error::of_rows)?;
        rows = rows.saturating_add(u64::try_from(batch.num_rows()).unwrap_or(u64::MAX));
        let text = |column: usize| batch.columns().get(column).and_then(|column| column.as_string_view_opt());
        let Some(ids) = text(0) else { continue };
        for (row, id) in ids.iter().enumerate() {
            let Some(id) = id else { continue };
            found.ids.insert(id.to_owned());
            let name = text(1).and_then(|names| names.iter().nth(row)).flatten();
            if let Some(name) = name {
                found.named.entry(name.to_owned()).or_default().push(id.to_owned());
            }
        }
    }
    if rows >= FOUND_MAX {
        let message =
            format!("more than {FOUND_MAX} records of {} are called so; give their ids", view.object.name);
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "LIMIT_EXCEEDED", message));
    }
    Ok(found)
}
