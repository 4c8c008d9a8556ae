//! Who asks, where, with which settings.

use std::sync::{Arc, LazyLock};

use datafusion::logical_expr::ScalarUDF;

use super::{CatalogFunction, argument, constant, invalid, text_argument};
use crate::catalog::{
    CatalogSession,
    cell::Cell,
    column::Shape,
    model::Model,
    rows::{self, role_oid},
};

/// When this process first looked.
static STARTED_MICROS: LazyLock<i64> = LazyLock::new(|| chrono::Utc::now().timestamp_micros());

pub fn functions(model: &Arc<Model>, session: &CatalogSession) -> Vec<Arc<ScalarUDF>> {
    let mut functions = vec![
        constant("version", Shape::Text, 0..=0, version(session).into()),
        constant("pg_backend_pid", Shape::Int4, 0..=0, session.backend_pid.into()),
        constant("pg_is_in_recovery", Shape::Bool, 0..=0, false.into()),
        constant("pg_my_temp_schema", Shape::Oid, 0..=0, 0.into()),
        constant("pg_is_other_temp_schema", Shape::Bool, 1..=1, false.into()),
        constant("pg_postmaster_start_time", Shape::Instant, 0..=0, Cell::Micros(*STARTED_MICROS)),
        constant("pg_conf_load_time", Shape::Instant, 0..=0, Cell::Micros(*STARTED_MICROS)),
        constant("inet_server_addr", Shape::Text, 0..=0, Cell::Null),
        constant("inet_server_port", Shape::Int4, 0..=0, Cell::Null),
        constant("inet_client_addr", Shape::Text, 0..=0, Cell::Null),
        constant("inet_client_port", Shape::Int4, 0..=0, Cell::Null),
        constant("pg_advisory_unlock_all", Shape::Text, 0..=0, "".into()),
        current_setting(session),
        set_config(session),
    ];
    for name in ["current_database", "current_catalog"] {
        functions.push(constant(name, Shape::Text, 0..=0, session.database.as_str().into()));
    }
    for name in ["current_user", "session_user", "current_role", "user"] {
        functions.push(constant(name, Shape::Text, 0..=0, session.user.as_str().into()));
    }
    let path = search_path(model, session);
    functions.push(constant("current_schema", Shape::Text, 0..=0, path.first().cloned().into()));
    functions.push(
        CatalogFunction::new("current_schemas", Shape::TextList, 1..=1, move |arguments| {
            let system = (argument(arguments, 0) == &Cell::Bool(true)).then(|| "pg_catalog".to_owned());
            Ok(system.into_iter().chain(path.iter().cloned()).collect::<Vec<_>>().into())
        })
        .udf(),
    );
    functions.push(user_by_id(session));
    functions
}

/// What drivers read a version out of: that of the PostgreSQL whose catalog is told, then ours.
fn version(session: &CatalogSession) -> String {
    let told = (session.settings)("server_version").unwrap_or_else(|| "15.0".to_owned());
    format!("PostgreSQL {told} (Quarry {})", env!("CARGO_PKG_VERSION"))
}

/// The packages that `search_path` names, in its order; all of them when it names none (PostgreSQL's own default, `"$user", public`, does not).
fn search_path(model: &Model, session: &CatalogSession) -> Vec<String> {
    let setting = (session.settings)("search_path").unwrap_or_default();
    let named: Vec<String> = setting
        .split(',')
        .map(|name| name.trim().trim_matches('"').to_owned())
        .filter(|name| model.schemas.iter().any(|schema| schema.name == *name))
        .collect();
    if !named.is_empty() {
        return named;
    }
    model.schemas.iter().filter(|schema| schema.on_path).map(|schema| schema.name.clone()).collect()
}

fn current_setting(session: &CatalogSession) -> Arc<ScalarUDF> {
    let read = Arc::clone(&session.settings);
    CatalogFunction::new("current_setting", Shape::Text, 1..=2, move |arguments| {
        let name = text_argument(arguments, 0);
        match read(name) {
            Some(value) => Ok(value.into()),
            None if argument(arguments, 1) == &Cell::Bool(true) => Ok(Cell::Null),
            None => Err(invalid(format!("unrecognized configuration parameter \"{name}\""))),
        }
    })
    .udf()
}

fn set_config(session: &CatalogSession) -> Arc<ScalarUDF> {
    let write = Arc::clone(&session.set_setting);
    CatalogFunction::new("set_config", Shape::Text, 3..=3, move |arguments| {
        let local = argument(arguments, 2) == &Cell::Bool(true);
        write(text_argument(arguments, 0), text_argument(arguments, 1), local)
            .map(Cell::Text)
            .map_err(invalid)
    })
    .volatile()
    .udf()
}

fn user_by_id(session: &CatalogSession) -> Arc<ScalarUDF> {
    let (user, own) = (session.user.clone(), role_oid(&session.user));
    CatalogFunction::new("pg_get_userbyid", Shape::Text, 1..=1, move |arguments| {
        Ok(match argument(arguments, 0).as_oid() {
            Some(rows::OWNER) => rows::OWNER_NAME.into(),
            Some(oid) if oid == own => user.as_str().into(),
            Some(oid) => format!("unknown (OID={oid})").into(),
            None => Cell::Null,
        })
    })
    .udf()
}
