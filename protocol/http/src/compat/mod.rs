//! Endpoints as the published clients of the ObjectQL family expect them: a translation to questions and changes of ours, and
//! of their answers back. Nothing is decided here; what each endpoint takes and how it differs is told in `docs/compat.md`.
//!
//! 1. `names` finds the objects and fields that a client spells its own way (`Account`, `AccountId`).
//! 2. `question` makes a [`quarry_engine::Query`] of a query string or a body, `write` makes [`quarry_engine::Change`]s.
//! 3. `answer` writes lists as they stream, and records.
//! 4. What goes wrong is told in the manner of the endpoint (`manner`).

mod absent;
mod actions;
mod analytics;
mod answer;
mod batch;
mod clone;
mod command;
mod data;
mod discovery;
mod export;
mod import;
mod manner;
mod many;
mod metadata;
mod names;
mod older;
mod publish;
mod query;
mod question;
mod rpc;
mod version;
mod write;

use axum::{
    Router,
    extract::Request,
    http::{Method, StatusCode},
    middleware::{Next, from_fn},
    routing::{get, post},
};
pub(crate) use manner::Manner;

use crate::{
    Door,
    problem::{Answered, Problem},
};

/// The routes of these endpoints that ask for a login.
pub(crate) fn routes() -> Router<Door> {
    let data = Router::new()
        .route("/api/v1/data/{object}", get(data::list).post(data::create))
        .route("/api/v1/data/{object}/query", post(data::ask))
        .route("/api/v1/data/{object}/createMany", post(many::create))
        .route("/api/v1/data/{object}/updateMany", post(many::update))
        .route("/api/v1/data/{object}/deleteMany", post(many::delete))
        .route("/api/v1/data/{object}/batch", post(many::batch))
        .route("/api/v1/data/{object}/export", get(export::export))
        .route("/api/v1/data/{object}/import", post(import::import))
        .route("/api/v1/data/{object}/{id}/clone", post(clone::clone))
        .route("/api/v1/data/{object}/{id}", get(data::read).patch(data::update).delete(data::delete))
        .route("/api/v1/batch", post(batch::apply))
        .route("/api/v1/actions/{object}/{action}", post(actions::invoke))
        .route("/api/v1/actions/{object}/{action}/{id}", post(actions::invoke_on))
        .route("/api/v1/analytics/query", post(analytics::query))
        .route("/api/v1/analytics/meta", get(analytics::meta));
    let meta = Router::new()
        .route("/api/v1/meta", get(metadata::kinds))
        .route("/api/v1/meta/object", get(metadata::list))
        .route(
            "/api/v1/meta/object/{name}",
            get(metadata::one).put(publish::put).delete(absent::object_stays),
        )
        .route("/api/v1/meta/object/{name}/state/{field}", get(metadata::state));
    let older = Router::new()
        .route("/api/objectql", post(rpc::answer))
        .route("/api/query", post(query::answer))
        .route("/api/command", post(command::apply))
        .route("/api/data/{object}", get(older::list).post(older::create))
        .route("/api/data/{object}/bulk-update", post(older::update_many))
        .route("/api/data/{object}/bulk-delete", post(older::delete_many))
        .route(
            "/api/data/{object}/{id}",
            get(older::read).put(older::update).patch(older::update).delete(older::delete),
        )
        .route("/api/metadata", get(older::objects))
        .route("/api/metadata/objects", get(older::objects))
        .route("/api/metadata/object", get(older::objects))
        .route("/api/metadata/objects/{name}", get(older::object))
        .route("/api/metadata/object/{name}", get(older::object));
    let built = data.merge(meta).merge(older).route_layer(from_fn(no_parameters));
    built.merge(absent::routes())
}

/// What is sent in a body takes no parameters: one in the query string would be passed over.
async fn no_parameters(request: Request, next: Next) -> Answered {
    let query = request.uri().query().unwrap_or_default();
    if request.method() == Method::POST && !query.is_empty() {
        let message = format!("the body says what is asked; {query:?} is not looked at");
        return Err(Problem::new(StatusCode::BAD_REQUEST, "UNSUPPORTED_QUERY_PARAM", message));
    }
    Ok(next.run(request).await)
}

/// Those that answer to anybody: where the others are.
pub(crate) fn open_routes() -> Router<Door> {
    Router::new()
        .route("/api/v1/discovery", get(discovery::discovery))
        .route("/.well-known/objectstack", get(discovery::discovery))
}
