//! `/api/v1/packages…`: versions looked at, checked, tested, planned, published, activated and rolled back, by administrators.

use std::collections::BTreeMap;

use axum::{
    Extension, Json,
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::IntoResponse,
};
use quarry_engine::{Checked, Session};
use quarry_metadata::{Bundle, Issue, Severity, foreign::Wanted};
use serde_json::{Map, Value, json};

use crate::{
    Door,
    administration::{known, off_thread, text},
    body,
    problem::{Answered, Problem},
};

/// Packages of one request.
const PACKAGES_MAX: usize = 100;

/// `GET /api/v1/packages`: every published version, with what became of it.
pub(crate) async fn list(Extension(session): Extension<Session>) -> Answered {
    let versions = off_thread(move || session.packages()).await?;
    Ok(Json(json!({ "packages": versions })).into_response())
}

/// `GET /api/v1/packages/crm/1.2.0`: one version with its files.
pub(crate) async fn one(
    Extension(session): Extension<Session>,
    Path((name, version)): Path<(String, String)>,
) -> Answered {
    let id = format!("{name}@{version}");
    let (version, bundle) = off_thread(move || session.package(&id)).await?;
    Ok(Json(json!({ "package": version, "files": bundle.files() })).into_response())
}

/// `POST /api/v1/packages/check`: compiles packages with the active ones; every finding, and nothing is kept.
pub(crate) async fn check(
    State(door): State<Door>,
    Extension(session): Extension<Session>,
    headers: HeaderMap,
    body: Body,
) -> Answered {
    let given = body::object(&door, &headers, body).await?;
    known(&given, &["packages"])?;
    let files = files_of(&given)?;
    let Checked { state, issues } = off_thread(move || session.check_packages(&files)).await?;
    let issues: Vec<Value> = issues.0.iter().map(issue).collect();
    Ok(Json(json!({ "state": state, "issues": issues })).into_response())
}

/// `POST /api/v1/packages/import`: packages of other programs in our form, with a report; nothing is kept.
pub(crate) async fn import(
    State(door): State<Door>,
    Extension(session): Extension<Session>,
    headers: HeaderMap,
    body: Body,
) -> Answered {
    let given = body::object(&door, &headers, body).await?;
    known(&given, &["files", "name", "version", "locale"])?;
    let wrong = || Problem::invalid("\"files\" is a mapping of paths to texts").at("files");
    let files = given.get("files").and_then(Value::as_object).ok_or_else(wrong)?;
    let files = files.iter().map(|(path, text)| Some((path.clone(), text.as_str()?.to_owned())));
    let files = files.collect::<Option<BTreeMap<String, String>>>().ok_or_else(wrong)?;
    let said = |key: &str, usual: &str| match given.get(key) {
        None => Ok(usual.to_owned()),
        Some(_) => text(&given, key),
    };
    let wanted = Wanted {
        name: said("name", "imported")?,
        version: said("version", "1.0.0")?,
        locale: said("locale", "en")?,
    };
    let imported = off_thread(move || session.import_packages(&files, &wanted)).await?;
    let packages: Vec<Value> = imported.packages.values().map(|files| json!({ "files": files })).collect();
    Ok(Json(json!({ "packages": packages, "report": imported.report })).into_response())
}

/// `POST /api/v1/packages/diff`: what is different from what is active, in the words of the API.
pub(crate) async fn diff(
    State(door): State<Door>,
    Extension(session): Extension<Session>,
    headers: HeaderMap,
    body: Body,
) -> Answered {
    let plan = planned(door, session, headers, body).await?;
    Ok(Json(json!({ "allowed": plan.allowed, "differences": plan.differences })).into_response())
}

/// `POST /api/v1/packages/plan`: also what activating it would do, to how many records.
pub(crate) async fn plan(
    State(door): State<Door>,
    Extension(session): Extension<Session>,
    headers: HeaderMap,
    body: Body,
) -> Answered {
    Ok(Json(planned(door, session, headers, body).await?).into_response())
}

/// `POST /api/v1/packages/test`: tries the cases of packages, on a store of their own; nothing is kept.
pub(crate) async fn test(
    State(door): State<Door>,
    Extension(session): Extension<Session>,
    headers: HeaderMap,
    body: Body,
) -> Answered {
    let given = body::object(&door, &headers, body).await?;
    known(&given, &["packages", "filter"])?;
    let bundles = bundles_of(&given)?;
    let filter = match given.get("filter") {
        None => None,
        Some(_) => Some(text(&given, "filter")?),
    };
    let tried = off_thread(move || session.test_packages(&bundles, filter.as_deref())).await?;
    Ok(Json(tried).into_response())
}

/// `POST /api/v1/packages/publish`: keeps versions, all or none.
pub(crate) async fn publish(
    State(door): State<Door>,
    Extension(session): Extension<Session>,
    headers: HeaderMap,
    body: Body,
) -> Answered {
    let given = body::object(&door, &headers, body).await?;
    known(&given, &["packages"])?;
    let bundles = bundles_of(&given)?;
    let published = off_thread(move || session.publish(&bundles)).await?;
    Ok((StatusCode::CREATED, Json(json!({ "packages": published }))).into_response())
}

/// `POST /api/v1/packages/activate`: `{"versions": ["crm@1.2.0"]}`.
pub(crate) async fn activate(
    State(door): State<Door>,
    Extension(session): Extension<Session>,
    headers: HeaderMap,
    body: Body,
) -> Answered {
    let given = body::object(&door, &headers, body).await?;
    known(&given, &["versions"])?;
    let ids = ids_of(&given)?;
    let plan = off_thread(move || session.activate(&ids)).await?;
    Ok(Json(plan).into_response())
}

/// `POST /api/v1/packages/rollback`: `{"package": "crm"}` activates the version that was active before.
pub(crate) async fn rollback(
    State(door): State<Door>,
    Extension(session): Extension<Session>,
    headers: HeaderMap,
    body: Body,
) -> Answered {
    let given = body::object(&door, &headers, body).await?;
    known(&given, &["package"])?;
    let package = text(&given, "package")?;
    let plan = off_thread(move || session.rollback(&package)).await?;
    Ok(Json(plan).into_response())
}

async fn planned(
    door: Door,
    session: Session,
    headers: HeaderMap,
    body: Body,
) -> Result<quarry_engine::Plan, Problem> {
    let given = body::object(&door, &headers, body).await?;
    known(&given, &["packages", "versions"])?;
    if given.contains_key("versions") {
        let ids = ids_of(&given)?;
        return off_thread(move || session.plan_published(&ids)).await;
    }
    let bundles = bundles_of(&given)?;
    off_thread(move || session.plan_packages(&bundles)).await
}

/// `{"packages": [{"files": {"package.yml": "…", …}}]}`.
fn files_of(given: &Map<String, Value>) -> Result<Vec<BTreeMap<String, String>>, Problem> {
    let wrong = || Problem::invalid("\"packages\" is a list of {\"files\": {path: text}}").at("packages");
    let packages = given.get("packages").and_then(Value::as_array).ok_or_else(wrong)?;
    if packages.is_empty() || packages.len() > PACKAGES_MAX {
        let message = format!("\"packages\" lists 1 to {PACKAGES_MAX} packages");
        return Err(Problem::invalid(message).at("packages"));
    }
    let files = |package: &Value| -> Option<BTreeMap<String, String>> {
        let package = package.as_object().filter(|package| package.len() == 1)?;
        let files = package.get("files")?.as_object()?;
        files.iter().map(|(path, text)| Some((path.clone(), text.as_str()?.to_owned()))).collect()
    };
    packages.iter().map(|package| files(package).ok_or_else(wrong)).collect()
}

fn bundles_of(given: &Map<String, Value>) -> Result<Vec<Bundle>, Problem> {
    let read = |(at, files): (usize, &BTreeMap<String, String>)| {
        Bundle::of_files(&format!("packages[{at}]"), files).map_err(|issues| {
            let message = format!("the package can't be read:\n{issues}");
            Problem::new(StatusCode::BAD_REQUEST, "INVALID_PACKAGES", message).at(format!("packages[{at}]"))
        })
    };
    files_of(given)?.iter().enumerate().map(read).collect()
}

fn ids_of(given: &Map<String, Value>) -> Result<Vec<String>, Problem> {
    let wrong = || Problem::invalid("\"versions\" is a list of versions like \"crm@1.2.0\"").at("versions");
    let list =
        given.get("versions").and_then(Value::as_array).filter(|list| !list.is_empty()).ok_or_else(wrong)?;
    list.iter().map(|id| id.as_str().map(str::to_owned).ok_or_else(wrong)).collect()
}

fn issue(issue: &Issue) -> Value {
    json!({
        "severity": if issue.severity == Severity::Error { "error" } else { "warning" },
        "code": issue.code,
        "message": issue.message,
        "place": issue.place,
    })
}
