//! Users, passwords and packages over HTTP, for administrators.

use axum::{
    Extension, Json,
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::IntoResponse,
};
use quarry_engine::{Error, ErrorKind, Session};
use serde_json::{Map, Value, json};

use crate::{
    Door, auth, body,
    problem::{Answered, Problem},
};

/// `POST /api/v1/auth/users`: `{"user", "password", "admin"}` makes a user, `{"user", "service": true}` a service account.
pub(crate) async fn add_user(
    State(door): State<Door>,
    Extension(session): Extension<Session>,
    headers: HeaderMap,
    body: Body,
) -> Answered {
    let given = body::object(&door, &headers, body).await?;
    known(&given, &["user", "password", "admin", "service"])?;
    let user = text(&given, "user")?;
    let (admin, service) = (truth(&given, "admin")?, truth(&given, "service")?);
    let made = match service {
        true if given.contains_key("password") => {
            return Err(Problem::invalid("a service account has API keys, and no password").at("password"));
        }
        true => off_thread(move || session.add_service_account(&user, admin)).await?,
        false => {
            let password = text(&given, "password")?;
            off_thread(move || session.add_user(&user, &password, admin)).await?
        }
    };
    Ok((StatusCode::CREATED, Json(json!({ "user": crate::users::told(&made) }))).into_response())
}

/// `POST /api/v1/auth/password`: `{"user", "password"}` changes a password.
pub(crate) async fn set_password(
    State(door): State<Door>,
    Extension(session): Extension<Session>,
    headers: HeaderMap,
    body: Body,
) -> Answered {
    let given = body::object(&door, &headers, body).await?;
    known(&given, &["user", "password"])?;
    let (user, password) = (text(&given, "user")?, text(&given, "password")?);
    off_thread(move || session.set_password(&user, &password)).await?;
    Ok(Json(json!({})).into_response())
}

/// `POST /api/v1/packages/reload`: loads the package folders again; with findings, the last good version keeps serving.
pub(crate) async fn reload(Extension(session): Extension<Session>) -> Answered {
    let registry = off_thread(move || session.reload()).await?;
    let packages: Map<String, Value> =
        registry.packages.values().map(|p| (p.name.to_string(), json!(p.version.to_string()))).collect();
    Ok(Json(json!({ "registry": registry.version, "packages": packages })).into_response())
}

pub(crate) async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Problem> {
    let broken = |_| Error::new(ErrorKind::Internal, "INTERNAL_ERROR", "the work broke off");
    // The work goes on when its client goes away: so does what it takes of its tenant's turns.
    let turn = auth::turn();
    let work = move || {
        let _turn = turn;
        work()
    };
    Ok(tokio::task::spawn_blocking(work).await.map_err(broken)??)
}

pub(crate) fn known(given: &Map<String, Value>, keys: &[&str]) -> Result<(), Problem> {
    match given.keys().find(|key| !keys.contains(&key.as_str())) {
        Some(unknown) => {
            Err(Problem::invalid(format!("unknown key {unknown:?}; there are {}", keys.join(", ")))
                .at(unknown))
        }
        None => Ok(()),
    }
}

/// A key that is true or false; false when it is not there.
pub(crate) fn truth(given: &Map<String, Value>, name: &str) -> Result<bool, Problem> {
    match given.get(name) {
        None => Ok(false),
        Some(Value::Bool(truth)) => Ok(*truth),
        Some(_) => Err(Problem::invalid(format!("{name} is true or false")).at(name)),
    }
}

pub(crate) fn text(given: &Map<String, Value>, name: &str) -> Result<String, Problem> {
    match given.get(name) {
        Some(Value::String(text)) => Ok(text.clone()),
        _ => Err(Problem::invalid(format!("{name:?} is needed, a text")).at(name)),
    }
}
