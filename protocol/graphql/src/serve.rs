//! The HTTP side: routes, media types, status codes (GraphQL over HTTP).

use std::sync::Arc;

use axum::{
    Extension, Router,
    body::Body,
    extract::{DefaultBodyLimit, Query, State, rejection::BytesRejection},
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
    routing::get,
};
use bytes::Bytes;
use quarry_engine::{Engine, Session};
use quarry_planner::Views;
use serde_json::{Map, Value, json};
use tokio::runtime::Handle;

use crate::{
    GraphqlOptions,
    door::{Door, Reply},
    doors::Doors,
    error::{Failure, Fault, Result, status},
    graphiql,
    media::{Media, accepts_page},
    request::Question,
    run::Beside,
};

struct Service {
    doors: Doors,
    options: GraphqlOptions,
}

/// `POST /graphql`, `GET /graphql` (queries; a page for browsers) and the page's assets.
///
/// The door that mounts it proves who asks and puts a [`Session`] into the request's extensions; a request for data
/// without one is refused. The page itself needs none. That door also bounds the size of bodies.
pub fn router(engine: Arc<Engine>, options: GraphqlOptions) -> Router {
    let service = Arc::new(Service { doors: Doors::default(), options });
    // The first question need not wait for the schema, nor any other door for it. A failure is told to whoever asks.
    let warmed = Arc::clone(&service);
    let warm =
        move || drop(warmed.doors.for_views(&Arc::new(Views::new(engine.registry())), &warmed.options));
    match Handle::try_current() {
        Ok(runtime) => drop(runtime.spawn_blocking(warm)),
        Err(_) => warm(),
    }
    Router::new()
        .route("/graphql", get(on_get).post(on_post))
        .route("/graphql/assets/{name}", get(graphiql::asset))
        .layer(DefaultBodyLimit::disable())
        .with_state(service)
}

/// The schema that a user who may see everything has, in GraphQL's own language.
///
/// # Errors
///
/// The message of what makes it no schema.
pub fn sdl(views: &Views) -> Result<String, String> {
    let door = Door::new(views, &GraphqlOptions::default()).map_err(|failure| failure.message)?;
    Ok(door.sdl())
}

async fn on_post(
    State(service): State<Arc<Service>>,
    session: Option<Extension<Session>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let Some(media) = Media::accepted(&headers) else { return not_acceptable() };
    let question = match body {
        Ok(body) => Question::from_body(&headers, &body),
        Err(error) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            Err(Failure::new(Fault::TooLarge, "the body is larger than allowed; send less at once"))
        }
        Err(error) => Err(Failure::new(Fault::Request, format!("the body can't be read: {error}"))),
    };
    service.answer(session, question, media).await
}

async fn on_get(
    State(service): State<Arc<Service>>,
    session: Option<Extension<Session>>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    let pairs = Query::<Vec<(String, String)>>::try_from_uri(&uri).map(|Query(pairs)| pairs);
    let asks = pairs.as_ref().is_ok_and(|pairs| pairs.iter().any(|(name, _)| name == "query"));
    if accepts_page(&headers) && !asks {
        return graphiql::page();
    }
    let Some(media) = Media::accepted(&headers) else { return not_acceptable() };
    let question = match pairs {
        Ok(pairs) => Question::from_query_string(pairs),
        Err(error) => Err(Failure::new(Fault::Request, format!("the query string can't be read: {error}"))),
    };
    service.answer(session, question, media).await
}

impl Service {
    async fn answer(
        &self,
        session: Option<Extension<Session>>,
        question: Result<Question>,
        media: Media,
    ) -> Response {
        let Some(Extension(session)) = session else {
            let message = "log in: send a bearer token, or a user name and password by HTTP Basic";
            return refused(&[Failure::new(Fault::Unauthenticated, message)], media);
        };
        let reply = match question {
            Ok(question) => {
                let context = session.context();
                match self.doors.for_views(&context.views, &self.options) {
                    Ok(door) => door.answer(&session, &context, question, &self.options).await,
                    Err(failure) => Reply::Refused(vec![failure]),
                }
            }
            Err(failure) => Reply::Refused(vec![failure]),
        };
        let failures = match &reply {
            Reply::Refused(failures) => failures,
            Reply::Ran(ran) => &ran.failures,
        };
        if failures.iter().any(Failure::is_denial) {
            session.tell_denied("/graphql", "PERMISSION_DENIED");
        }
        match reply {
            Reply::Refused(failures) => refused(&failures, media),
            Reply::Ran(ran) => {
                let mut body = Vec::with_capacity(ran.data.len() + 16);
                body.push(b'{');
                if !ran.failures.is_empty() {
                    body.extend_from_slice(b"\"errors\":");
                    body.extend_from_slice(errors(&ran.failures).to_string().as_bytes());
                    body.push(b',');
                }
                body.extend_from_slice(b"\"data\":");
                body.extend_from_slice(&ran.data);
                if !ran.beside.warnings.is_empty() {
                    body.extend_from_slice(b",\"extensions\":");
                    body.extend_from_slice(extensions(&ran.beside).to_string().as_bytes());
                }
                body.push(b'}');
                respond(StatusCode::OK, media, body)
            }
        }
    }
}

fn errors(failures: &[Failure]) -> Value {
    failures.iter().map(Failure::to_json).collect()
}

fn extensions(beside: &Beside) -> Value {
    let mut told = Map::from_iter([("warnings".to_owned(), errors(&beside.warnings))]);
    if beside.more > 0 {
        told.insert("warningsLeftOut".to_owned(), beside.more.into());
    }
    Value::Object(told)
}

fn refused(failures: &[Failure], media: Media) -> Response {
    let code = failures.first().map_or("INTERNAL", Failure::code);
    let status = status(code, media);
    let body = json!({ "errors": errors(failures) }).to_string().into_bytes();
    let mut response = respond(status, media, body);
    let extra = match status {
        StatusCode::UNAUTHORIZED => Some((
            header::WWW_AUTHENTICATE,
            "Bearer realm=\"quarry\", Basic realm=\"quarry\", charset=\"UTF-8\"",
        )),
        StatusCode::METHOD_NOT_ALLOWED => Some((header::ALLOW, "POST")),
        _ => None,
    };
    if let Some((name, value)) = extra {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

fn not_acceptable() -> Response {
    let message = "answers are application/graphql-response+json or application/json";
    refused(&[Failure::new(Fault::NotAcceptable, message)], Media::Json)
}

fn respond(status: StatusCode, media: Media, body: Vec<u8>) -> Response {
    let headers = [(header::CONTENT_TYPE, media.content_type()), (header::CACHE_CONTROL, "no-store")];
    (status, headers, Body::from(body)).into_response()
}
