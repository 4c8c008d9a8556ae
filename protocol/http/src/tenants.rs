//! `/api/v1/tenants…`: tenants made, listed, suspended, resumed and deleted, by administrators of the main one.

use axum::{
    Extension, Json, Router,
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::IntoResponse,
    routing::{self, get, post},
};
use quarry_engine::{
    Engines, Error, EventKind, NewTenant, Session, TenantInfo, TenantLimits, TenantName, TenantState,
};
use serde_json::{Value, json};

use crate::{
    Door,
    administration::{known, off_thread, text},
    body,
    problem::{Answered, Problem},
    users::instant,
};

/// The routes.
pub(crate) fn routes() -> Router<Door> {
    Router::new()
        .route("/api/v1/tenants", get(list).post(create))
        .route("/api/v1/tenants/{name}", routing::delete(delete))
        .route("/api/v1/tenants/{name}/quota", get(quota).put(set_quota))
        .route("/api/v1/tenants/{name}/suspend", post(suspend))
        .route("/api/v1/tenants/{name}/resume", post(resume))
}

/// `GET /api/v1/tenants`: all of them, the main one first.
pub(crate) async fn list(State(door): State<Door>, Extension(session): Extension<Session>) -> Answered {
    door.engines.must_operate(&session)?;
    let engines = door.engines.clone();
    let tenants = off_thread(move || engines.list()).await?;
    Ok(Json(json!({ "tenants": tenants.iter().map(told).collect::<Vec<_>>() })).into_response())
}

/// `POST /api/v1/tenants`: `{"name", "location", "adminPassword"}` makes one; a random password of its user `admin` is told this once.
pub(crate) async fn create(
    State(door): State<Door>,
    Extension(session): Extension<Session>,
    headers: HeaderMap,
    body: Body,
) -> Answered {
    door.engines.must_operate(&session)?;
    let given = body::object(&door, &headers, body).await?;
    known(&given, &["name", "location", "adminPassword"])?;
    let optional = |key: &str| match given.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(_) => text(&given, key).map(Some),
    };
    let name = named(&text(&given, "name")?).map_err(|problem| problem.at("name"))?;
    let new = NewTenant { location: optional("location")?, admin_password: optional("adminPassword")? };
    let (engines, made) = (door.engines.clone(), name.clone());
    let password = off_thread(move || engines.create(&made, new)).await?;
    tracing::info!(tenant = %name, by = session.principal().user_name, "a tenant was made");
    session.tell_of(EventKind::TenantMade, &name.to_string());
    let told = json!({ "name": name.to_string(), "user": format!("admin@{name}"), "password": password });
    Ok((StatusCode::CREATED, [(axum::http::header::CACHE_CONTROL, "no-store")], Json(told)).into_response())
}

/// `POST /api/v1/tenants/acme/suspend`.
pub(crate) async fn suspend(
    State(door): State<Door>,
    Extension(session): Extension<Session>,
    Path(name): Path<String>,
) -> Answered {
    change(door, session, &name, "suspended", Engines::suspend).await
}

/// `POST /api/v1/tenants/acme/resume`.
pub(crate) async fn resume(
    State(door): State<Door>,
    Extension(session): Extension<Session>,
    Path(name): Path<String>,
) -> Answered {
    change(door, session, &name, "resumed", Engines::resume).await
}

/// `DELETE /api/v1/tenants/acme`: for good. `erased` tells whether there were keys, whose end is the end of all copies too.
pub(crate) async fn delete(
    State(door): State<Door>,
    Extension(session): Extension<Session>,
    Path(name): Path<String>,
) -> Answered {
    door.engines.must_operate(&session)?;
    let (engines, tenant) = (door.engines.clone(), named(&name)?);
    let gone = tenant.clone();
    let erased = off_thread(move || engines.delete(&gone)).await?;
    tracing::info!(%tenant, by = session.principal().user_name, erased, "a tenant was deleted");
    session.tell_of(EventKind::TenantDeleted, &name);
    Ok(Json(json!({ "deleted": name, "erased": erased })).into_response())
}

/// `GET /api/v1/tenants/acme/quota`: what is said for it alone, what holds, and what it has.
pub(crate) async fn quota(
    State(door): State<Door>,
    Extension(session): Extension<Session>,
    Path(name): Path<String>,
) -> Answered {
    door.engines.must_operate(&session)?;
    let (engines, tenant) = (door.engines.clone(), named(&name)?);
    let quota = off_thread(move || engines.quota(&tenant)).await?;
    let usage = json!({
        "rows": quota.usage.rows,
        "storageBytes": quota.usage.storage_bytes,
        "memoryBytes": quota.usage.memory_bytes,
    });
    let told = json!({ "quota": limits(&quota.own), "limits": limits(&quota.limits), "usage": usage });
    Ok(Json(told).into_response())
}

/// `PUT /api/v1/tenants/acme/quota`: `{"rows", "storageBytes", …}` says these anew; `null`: as it is said for all.
pub(crate) async fn set_quota(
    State(door): State<Door>,
    Extension(session): Extension<Session>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Answered {
    door.engines.must_operate(&session)?;
    let given = body::object(&door, &headers, body).await?;
    known(&given, &TenantLimits::NAMES)?;
    let mut changes = Vec::new();
    for (name, value) in &given {
        let limit = match value {
            Value::Null => None,
            value => Some(value.as_u64().ok_or_else(|| {
                Problem::invalid(format!("{name:?} is a whole number from 0 on, or null")).at(name)
            })?),
        };
        changes.push((name.clone(), limit));
    }
    let (engines, tenant) = (door.engines.clone(), named(&name)?);
    let set = move || {
        engines.set_limits(&tenant, |limits| {
            changes.iter().try_for_each(|(name, limit)| limits.set(name, *limit))
        })
    };
    let own = off_thread(set).await?;
    tracing::info!(tenant = %name, by = session.principal().user_name, ?own, "a tenant's quota was changed");
    session.tell_of(EventKind::TenantLimited, &name);
    Ok(Json(json!({ "quota": limits(&own) })).into_response())
}

fn limits(limits: &TenantLimits) -> serde_json::Map<String, Value> {
    TenantLimits::NAMES.into_iter().map(|name| (name.to_owned(), json!(limits.get(name)))).collect()
}

async fn change(
    door: Door,
    session: Session,
    name: &str,
    what: &'static str,
    how: fn(&Engines, &TenantName) -> Result<(), Error>,
) -> Answered {
    door.engines.must_operate(&session)?;
    let (engines, tenant) = (door.engines.clone(), named(name)?);
    let changed = tenant.clone();
    off_thread(move || how(&engines, &changed)).await?;
    tracing::info!(%tenant, by = session.principal().user_name, "a tenant was {what}");
    let kind = if what == "suspended" { EventKind::TenantSuspended } else { EventKind::TenantResumed };
    session.tell_of(kind, name);
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn named(name: &str) -> Result<TenantName, Problem> {
    TenantName::try_from(name).map_err(|error| Problem::invalid(error.to_string()))
}

fn told(tenant: &TenantInfo) -> Value {
    let state = match tenant.state {
        TenantState::Making => "making",
        TenantState::Active => "active",
        TenantState::Suspended => "suspended",
        TenantState::Deleting => "deleting",
    };
    json!({
        "name": tenant.name.to_string(),
        "state": state,
        "location": tenant.location,
        "made": tenant.made_micros.map(instant),
        "masterKey": tenant.master_key,
        "quota": limits(&tenant.limits),
    })
}
