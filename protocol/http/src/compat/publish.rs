//! `PUT /api/v1/meta/object/:name`: an object of the tenant's own. All of them live in one package, [`PACKAGE`]; each call publishes its
//! next minor version with the object in it, and activates that. What a version may not change is refused as everywhere.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use axum::{
    Extension, Json,
    body::Body,
    extract::{Path, Query as UrlQuery, State},
    http::{HeaderMap, StatusCode, header},
    response::IntoResponse,
};
use quarry_engine::{Error, ErrorKind, PackageState, Published, Session};
use quarry_metadata::{
    Bundle,
    foreign::{Entry, Imported, Outcome, Subject, Wanted},
};
use serde_json::{Map, Value, json};

use super::metadata;
use crate::{
    Door,
    administration::off_thread,
    body,
    problem::{Answered, Problem},
};

/// The package that holds what is put here.
const PACKAGE: &str = "custom";
/// How long a request without a deadline waits for others who publish.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// Publishes the object in the body, in the form of this family or in ours, and answers with it as it is then.
pub(super) async fn put(
    State(door): State<Door>,
    Extension(session): Extension<Session>,
    Path(name): Path<String>,
    UrlQuery(given): UrlQuery<Vec<(String, String)>>,
    headers: HeaderMap,
    body: Body,
) -> Answered {
    if metadata::only(&given, "package")?.is_some_and(|package| package != PACKAGE) {
        return Err(Problem::invalid(format!("objects are put into the package {PACKAGE}")).at("package"));
    }
    if headers.contains_key(header::IF_MATCH) {
        let message = "objects have no ETag: what a version may not change is refused anyway";
        return Err(Problem::new(StatusCode::BAD_REQUEST, "NOT_SUPPORTED", message).at("If-Match"));
    }
    must_be_name(&name)?;
    let mut object = body::object(&door, &headers, body).await?;
    if object.get("name").is_some_and(|told| told.as_str() != Some(&name)) {
        return Err(Problem::invalid(format!("the body names another object than {name:?}")).at("name"));
    }
    object.insert("name".into(), name.as_str().into());
    must_be_own(&session, &name)?;
    let (asking, wanted) = (session.clone(), name.clone());
    // The next version is made of the one before: those of a tenant take turns, also where a client goes away meanwhile.
    let waiting = session.engine().publishing().clone().lock_owned();
    let turn = tokio::time::timeout(session.options().timeout.unwrap_or(WAIT_MAX), waiting).await;
    let turn = turn.map_err(|_| {
        let message = "objects of the tenant are being published by others; try again later";
        Error::new(ErrorKind::Limited, "PUBLISHING_BUSY", message)
    })?;
    let publish = move || {
        let _turn = turn;
        Ok(published(&asking, &wanted, &object))
    };
    let done = off_thread(publish).await??;
    let told = json!({
        "success": true,
        "message": format!("{} is active", done.id),
        "type": "object",
        "name": name,
        "item": metadata::definition(&session, &name)?,
        "package": done.id,
        "report": done.report,
    });
    Ok(Json(told).into_response())
}

/// What was published, and what became of each part of the object.
struct Done {
    id: String,
    report: Vec<Entry>,
}

/// Refuses what no object can be called: the name becomes that of a folder too.
fn must_be_name(name: &str) -> Result<(), Problem> {
    let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    if name.starts_with(|first: char| first.is_ascii_lowercase()) && name.bytes().all(is_plain) {
        return Ok(());
    }
    let message = format!("{name:?} is no name of an object; they are in snake_case");
    Err(Problem::new(StatusCode::BAD_REQUEST, "INVALID_NAME", message).at("name"))
}

/// Refuses an object that another package declares: that package's versions say what it is.
fn must_be_own(session: &Session, name: &str) -> Result<(), Problem> {
    let context = session.context();
    let other = context.views.get(name).filter(|view| view.object.package.as_str() != PACKAGE);
    let Some(view) = other else { return Ok(()) };
    let message = format!(
        "{name} is declared by the package {}: publish a version of that, or a package that extends the object",
        view.object.package
    );
    Err(Problem::new(StatusCode::CONFLICT, "OBJECT_OF_PACKAGE", message))
}

/// Blocks.
fn published(session: &Session, name: &str, object: &Map<String, Value>) -> Result<Done, Problem> {
    let (bundle, report) = next(session, name, object)?;
    let id = bundle.id();
    session.publish(&[bundle])?;
    session.activate(std::slice::from_ref(&id))?;
    Ok(Done { id, report })
}

/// The package's next version, with the object in place of what it was.
fn next(session: &Session, name: &str, object: &Map<String, Value>) -> Result<(Bundle, Vec<Entry>), Problem> {
    let versions = session.packages()?;
    let own: Vec<&Published> = versions.iter().filter(|version| version.name == PACKAGE).collect();
    let active = own.iter().find(|version| version.state == PackageState::Active);
    let mut depends = BTreeSet::new();
    let mut files = BTreeMap::new();
    if let Some(active) = active {
        let bundle = session.package(&active.id())?.1;
        depends.extend(bundle.depends().iter().map(ToString::to_string));
        files = bundle.files();
    }
    files.retain(|path, _| path != "package.yml" && !path.starts_with(&format!("{name}/")));
    let newest = own.iter().map(|version| (version.version.major, version.version.minor)).max();
    let version =
        newest.map_or_else(|| "1.0.0".to_owned(), |(major, minor)| format!("{major}.{}.0", minor + 1));
    let file = format!("{name}/{name}.object.json");
    files.insert(file.clone(), Value::Object(object.clone()).to_string());
    let wanted = Wanted { name: PACKAGE.into(), version: version.clone(), locale: "en".into() };
    let Imported { mut packages, report } = session.import_packages(&files, &wanted)?;
    let report: Vec<Entry> =
        report.entries.into_iter().filter(|entry| entry.place.file.ends_with(&file)).collect();
    must_be_whole(&report)?;
    let mut files = packages.remove(PACKAGE).unwrap_or_default();
    let read = |files: &BTreeMap<String, String>| {
        Bundle::of_files(PACKAGE, files).map_err(|issues| {
            let message = format!("the object can't be read:\n{issues}");
            Problem::new(StatusCode::BAD_REQUEST, "INVALID_PACKAGES", message)
        })
    };
    depends.extend(read(&files)?.depends().iter().map(ToString::to_string));
    files.insert("package.yml".into(), manifest(&version, &depends));
    Ok((read(&files)?, report))
}

fn manifest(version: &str, depends: &BTreeSet<String>) -> String {
    let depends: Vec<String> = depends.iter().map(|package| format!("{package}: '*'")).collect();
    format!(
        "name: {PACKAGE}\nversion: {version}\nlabel: Custom\nscope: tenant\ndepends: {{ {} }}\n",
        depends.join(", ")
    )
}

/// Refuses an object of which a field or a rule would not come in. What is written otherwise, or is only for who draws, is told.
fn must_be_whole(report: &[Entry]) -> Result<(), Problem> {
    let counts = |entry: &&Entry| {
        entry.outcome == Outcome::LeftOut
            && matches!(entry.subject, Subject::File | Subject::Object | Subject::Field | Subject::Rule)
    };
    let missing: Vec<&Entry> = report.iter().filter(counts).collect();
    let Some(first) = missing.first() else { return Ok(()) };
    let finding = |entry: &&Entry| quarry_engine::Finding {
        change: 0,
        object: entry.name.split('.').next().unwrap_or_default().to_owned(),
        id: None,
        field: entry.name.split_once('.').map(|(_, field)| field.to_owned()),
        code: "not_understood".into(),
        message: entry.reason.clone(),
        constraint: None,
    };
    let message = format!("{} can't be taken: {}", first.name, first.reason);
    let mut error = Error::new(quarry_engine::ErrorKind::Invalid, "VALIDATION_FAILED", message);
    error.findings = missing.iter().map(finding).collect();
    Err(error.into())
}
