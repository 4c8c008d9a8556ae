//! `GET /api/v1/data/:object/export`: the records of a list as a file, streamed as every list is.
//!
//! It takes what a list takes, and answers by the same question: the rights, the budget and the limits of questions hold, and who may not
//! export records of an object, or of what it brings along, is refused.

use axum::{
    Extension,
    extract::{Path, Query as UrlQuery},
    http::{HeaderValue, StatusCode, Uri, header},
};
use quarry_engine::Session;
use quarry_json::Options;

use super::question;
use crate::{
    problem::{Answered, Problem},
    rows::{self, Envelope, Form, Shape, Texts},
};

/// Records of one file; few where a test must go past it.
const RECORDS_MAX: u64 = if cfg!(test) { 1_000 } else { 50_000 };
/// Forms of a file that clients know, with where there is something else instead.
const ABSENT: [(&str, &str); 3] = [
    ("xlsx", "there are format=csv and format=json"),
    ("jsonl", "ask GET /api/v1/objects/:object for application/x-ndjson"),
    ("parquet", "ask GET /api/v1/objects/:object for application/vnd.apache.arrow.stream"),
];

/// The file: CSV with a line of names, or a list in JSON. `X-Quarry-Count` tells how many records match.
pub(super) async fn export(
    Extension(session): Extension<Session>,
    Path(object): Path<String>,
    UrlQuery(mut given): UrlQuery<Vec<(String, String)>>,
    uri: Uri,
) -> Answered {
    let (form, ending) = form(&mut given, &uri)?;
    let mut query = question::of_list(&session, &object, &given)?;
    let limit = query.limit;
    must_fit(limit.unwrap_or_default(), "asked")?;
    query.limit = Some(limit.unwrap_or(RECORDS_MAX));
    query.count = true;
    session.must_export(&query)?;
    let name = format!("attachment; filename=\"{}.{ending}\"", query.object);
    let mut answer = session.query(&query).await?;
    // Who gives no limit wants all: a part must not look like them.
    if limit.is_none() {
        must_fit(answer.count.unwrap_or_default().saturating_sub(query.offset.unwrap_or_default()), "match")?;
    }
    answer.next = None;
    let envelope = match form {
        Form::Csv(_) => Envelope::of(b"", b""),
        _ => Envelope::of(b"[", b"]"),
    };
    let shape = Shape { form, options: Options::default() };
    let mut response = rows::enveloped(answer, shape, envelope).await?;
    // A name of an object has nothing in it that a header may not have.
    if let Ok(name) = HeaderValue::from_str(&name) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
}

/// That one file has room for so many records.
fn must_fit(records: u64, how: &str) -> Result<(), Problem> {
    if records <= RECORDS_MAX {
        return Ok(());
    }
    let message = format!(
        "{records} records {how}, {RECORDS_MAX} allowed in one file; give a limit and go on with skip, or ask \
         GET /api/v1/objects/:object for application/x-ndjson"
    );
    Err(Problem::new(StatusCode::BAD_REQUEST, "BATCH_TOO_LARGE", message).at("limit"))
}

/// Takes `format` and `safe` out of the parameters: the form, and what the file's name ends with.
fn form(given: &mut Vec<(String, String)>, uri: &Uri) -> Result<(Form, &'static str), Problem> {
    let texts = match taken(given, "safe")?.as_deref() {
        None | Some("false") => Texts::Plain,
        Some("true") => Texts::Safe,
        Some(other) => {
            return Err(Problem::invalid(format!("safe is true or false, not {other:?}")).at("safe"));
        }
    };
    let Some(format) = taken(given, "format")? else { return Ok((Form::Csv(texts), "csv")) };
    match format.as_str() {
        "csv" => Ok((Form::Csv(texts), "csv")),
        "json" if texts == Texts::Safe => {
            let message = "safe is about csv: JSON has no formulas";
            Err(Problem::invalid(message).at("safe"))
        }
        "json" => Ok((Form::Json, "json")),
        _ => match ABSENT.iter().find(|(absent, _)| *absent == format) {
            Some((_, instead)) => {
                let message = format!("{} as {format} is not implemented; {instead}", uri.path());
                Err(Problem::new(StatusCode::NOT_IMPLEMENTED, "NOT_IMPLEMENTED", message).at("format"))
            }
            None => Err(Problem::invalid(format!("format is csv or json, not {format:?}")).at("format")),
        },
    }
}

/// Takes a parameter out; refuses it when it is given twice.
fn taken(given: &mut Vec<(String, String)>, key: &str) -> Result<Option<String>, Problem> {
    let mut told = given.extract_if(.., |(name, _)| name == key).map(|(_, told)| told);
    let first = told.next();
    match told.next() {
        None => Ok(first),
        Some(_) => Err(Problem::invalid(format!("{key} is given twice")).at(key)),
    }
}
