//! Who is asking: a bearer token or HTTP Basic becomes a session. What a request without one may do is listed in
//! [`crate::router`]; all else is refused here.

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use quarry_engine::{Principal, Session, SessionOptions};
use serde_json::{Value, json};

use crate::{
    Door,
    administration::off_thread,
    body,
    front::asks_page,
    problem::{Answered, Problem},
};

/// The time zone for dates, by its IANA name.
const TIME_ZONE: &str = "x-quarry-time-zone";
/// Versions of packages to see the objects in: `crm@1.4`.
const VERSION: &str = "x-quarry-version";

/// Puts the caller's session into the request, or refuses it.
pub(crate) async fn admit(State(door): State<Door>, mut request: Request, next: Next) -> Answered {
    if is_page(&request) {
        return Ok(next.run(request).await);
    }
    let principal = principal(&door, request.headers()).await?;
    let options = options(&door, request.headers())?;
    let mut session = door.engine.session(principal, options);
    if request.headers().contains_key(VERSION) {
        session = pinned(session, request.headers()).await?;
    }
    request.extensions_mut().insert(session);
    Ok(next.run(request).await)
}

/// The session on the versions that the client knows. What can't be had is refused: another version is no answer.
async fn pinned(mut session: Session, headers: &HeaderMap) -> Result<Session, Problem> {
    let text = headers.get(VERSION).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    if text.trim().is_empty() {
        return Err(Problem::invalid("name a version like crm@1.4").at(VERSION));
    }
    let pin = move || session.pin(&text).map(|()| session);
    off_thread(pin).await.map_err(|problem| problem.at(VERSION))
}

/// The page with the GraphQL editor, as a browser asks for it: it holds no data; what it asks is admitted as all else.
fn is_page(request: &Request) -> bool {
    let is_query = request.uri().query().is_some_and(|query| !query.is_empty());
    let path = request.uri().path();
    let is_route =
        path == "/graphql" || path.starts_with("/graphql/assets/") || path.starts_with("/graphiql");
    let is_asset = is_route && path != "/graphql";
    request.method() == Method::GET && is_route && !is_query && (is_asset || asks_page(request.headers()))
}

async fn principal(door: &Door, headers: &HeaderMap) -> Result<Principal, Problem> {
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let refuse = |message: &str| Problem::new(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", message);
    let Some(first) = given.next() else {
        return Err(refuse("log in: send a bearer token from POST /api/v1/auth/login, or HTTP Basic"));
    };
    if given.next().is_some() {
        return Err(refuse("the request has two Authorization headers"));
    }
    let text = first.to_str().map_err(|_| refuse("the Authorization header can't be read"))?;
    let (scheme, rest) = text.split_once(' ').unwrap_or((text, ""));
    match scheme.to_ascii_lowercase().as_str() {
        "bearer" => Ok(door.engine.by_token(rest.trim()).await?),
        "basic" => {
            let decoded = STANDARD.decode(rest.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            let pair = decoded.as_deref().and_then(|pair| pair.split_once(':'));
            let (user, password) = pair.ok_or_else(|| refuse("the Basic credentials can't be read"))?;
            Ok(door.engine.login(user, password).await?)
        }
        _ => Err(refuse("the Authorization header must be Bearer or Basic")),
    }
}

/// What the client chooses by headers: the locale of labels, the time zone of dates.
fn options(door: &Door, headers: &HeaderMap) -> Result<SessionOptions, Problem> {
    let mut options = SessionOptions { timeout: door.options.query_timeout, ..SessionOptions::default() };
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(languages) = text("accept-language") {
        let first = languages.split([',', ';']).next().unwrap_or_default().trim();
        if !first.is_empty() && first != "*" {
            options.locale = first.to_owned();
        }
    }
    if headers.contains_key(TIME_ZONE) {
        let name = text(TIME_ZONE).unwrap_or_default();
        options.time_zone = name.parse().map_err(|_| {
            Problem::invalid(format!("{name:?} is no time zone; name one like Europe/Berlin")).at(TIME_ZONE)
        })?;
    }
    Ok(options)
}

/// `POST /api/v1/auth/login`: `{"user", "password"}` for `{"token", "expires", "user"}`.
pub(crate) async fn login(State(door): State<Door>, headers: HeaderMap, body: Body) -> Answered {
    let given = body::object(&door, &headers, body).await?;
    if let Some(unknown) = given.keys().find(|key| !["user", "password"].contains(&key.as_str())) {
        return Err(Problem::invalid(format!(
            "unknown key {unknown:?}; a login has \"user\" and \"password\""
        )));
    }
    let text = |name: &str| match given.get(name) {
        Some(Value::String(text)) => Ok(text.as_str()),
        _ => Err(Problem::invalid(format!("a login needs {name:?}, a text")).at(name)),
    };
    let principal = door.engine.login(text("user")?, text("password")?).await?;
    let token = door.engine.issue_token(&principal)?;
    let expires = chrono::DateTime::from_timestamp_micros(token.expires_micros).unwrap_or_default();
    let told = json!({
        "token": token.text,
        "expires": expires.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        "user": { "id": principal.user_id, "name": principal.user_name, "admin": principal.admin },
    });
    let mut response: Response = axum::Json(told).into_response();
    let never = axum::http::HeaderValue::from_static("no-store");
    response.headers_mut().insert(header::CACHE_CONTROL, never);
    Ok(response)
}
