//! Who is asking: a bearer token, an API key or HTTP Basic becomes a session. What a request without one may do is listed in
//! [`crate::router`]; all else is refused here.

mod keys;
mod login;
mod sessions;

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, Method, StatusCode, header},
    middleware::Next,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
pub(crate) use keys::{keys_told, list as list_keys, made_told, make as make_key, new_key, revoke};
pub(crate) use login::{log_out, login, me, refresh};
use quarry_engine::{Engine, Origin, Principal, RequestTurn, Session, SessionOptions};
pub(crate) use sessions::{
    end as end_session, end_all as end_sessions, list as list_sessions, sessions_told,
};

use crate::{
    Door,
    administration::off_thread,
    connections::Peer,
    front::asks_page,
    problem::{Answered, Problem},
};

/// An API key, for clients that can't send it as a bearer token.
const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// The time zone for dates, by its IANA name.
const TIME_ZONE: &str = "x-quarry-time-zone";
/// Versions of packages to see the objects in: `crm@1.4`.
const VERSION: &str = "x-quarry-version";

tokio::task_local! {
    /// The turn of the request that is answered.
    static TURN: Arc<RequestTurn>;
}

/// The turn of the request that is answered, for work that may outlive it; none where it needs none.
pub(crate) fn turn() -> Option<Arc<RequestTurn>> {
    TURN.try_with(Arc::clone).ok()
}

/// Puts the caller's session into the request, or refuses it.
pub(crate) async fn admit(State(door): State<Door>, request: Request, next: Next) -> Answered {
    if is_page(&request) {
        return Ok(next.run(request).await);
    }
    let origin = origin(&request);
    let (engine, principal) = principal(&door, request.headers(), &origin).await?;
    let options = SessionOptions { origin, ..options(&door, request.headers())? };
    let session = engine.session(principal, options);
    // Held while it is worked on, not while the client reads; by what goes on when the client has gone, too.
    let turn = Arc::new(session.engine().begin_request().await?);
    let (engine, line) = (Arc::clone(session.engine()), session.line().clone());
    let work = TURN.scope(Arc::clone(&turn), answered(session, request, next));
    engine.in_turn(&turn, &line, Box::pin(work)).await
}

/// Answers a request that has its turn.
async fn answered(mut session: Session, mut request: Request, next: Next) -> Answered {
    if request.headers().contains_key(VERSION) {
        session = pinned(session, request.headers()).await?;
    }
    let (asked, path) = (session.clone(), request.uri().path().to_owned());
    request.extensions_mut().insert(session);
    let response = next.run(request).await;
    if let Some(problem) = response.extensions().get::<Problem>()
        && problem.status == StatusCode::FORBIDDEN
    {
        asked.tell_denied(&path, problem.code);
    }
    Ok(response)
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

/// From where a request comes.
pub(crate) fn origin<T>(request: &axum::http::Request<T>) -> Origin {
    let peer = request.extensions().get::<Peer>();
    let said = request.headers().get(header::USER_AGENT).and_then(|said| said.to_str().ok());
    let origin = Origin {
        door: Some("http"),
        address: peer.map(|peer| peer.client),
        request_id: request.extensions().get::<RequestId>().map(|id| id.0.clone()),
        client: None,
    };
    origin.with_client(said.unwrap_or_default())
}

/// The id that a request was given, or brought.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(pub std::sync::Arc<str>);

/// Who is asking, and of which tenant: what proves the one says the other.
async fn principal(
    door: &Door,
    headers: &HeaderMap,
    origin: &Origin,
) -> Result<(Arc<Engine>, Principal), Problem> {
    let refuse = |message: &str| Problem::new(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", message);
    let given: Vec<_> = headers.get_all(header::AUTHORIZATION).iter().collect();
    let keys: Vec<_> = headers.get_all(API_KEY).iter().collect();
    let text = match (given.as_slice(), keys.as_slice()) {
        ([], []) => {
            let message =
                "log in: send a bearer token from POST /api/v1/auth/login, an API key, or HTTP Basic";
            return Err(refuse(message));
        }
        ([one], []) => one.to_str().map_err(|_| refuse("the Authorization header can't be read"))?,
        ([], [key]) => {
            let key = key.to_str().map_err(|_| refuse("the X-Api-Key header can't be read"))?;
            return Ok(door.engines.by_bearer(key.trim(), origin).await?);
        }
        ([_, ..], [_, ..]) => return Err(refuse("send the Authorization header or X-Api-Key, not both")),
        ([..], []) => return Err(refuse("the request has two Authorization headers")),
        ([], [..]) => return Err(refuse("the request has two X-Api-Key headers")),
    };
    let (scheme, rest) = text.split_once(' ').unwrap_or((text, ""));
    match scheme.to_ascii_lowercase().as_str() {
        "bearer" => Ok(door.engines.by_bearer(rest.trim(), origin).await?),
        "basic" => {
            let decoded = STANDARD.decode(rest.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            let pair = decoded.as_deref().and_then(|pair| pair.split_once(':'));
            let (user, password) = pair.ok_or_else(|| refuse("the Basic credentials can't be read"))?;
            Ok(door.engines.log_in(user, password, origin).await?)
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
