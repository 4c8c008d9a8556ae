//! The HTTP door: queries, changes, objects, login, health. It translates; it decides nothing.
//!
//! The road of a request:
//!
//! 1. [`serve`] accepts a connection, counts it, makes its TLS handshake, and gives it a deadline for its headers.
//! 2. [`router`] finds the handler; around all of them: a request id, what browsers are told, a catch for panics, a deadline, a
//!    limit for the body.
//! 3. `auth` makes the caller's [`quarry_engine::Session`] from a bearer token or HTTP Basic; without one there is no way in.
//! 4. The handler reads the body strictly (`body`), asks the engine, and streams the answer (`rows`).
//! 5. What goes wrong is a `Problem` (`problem`), with its status from the one table in `status`.

mod administration;
mod audit;
mod auth;
mod body;
mod browsers;
mod certificate;
mod changes;
mod compat;
mod connections;
mod explain;
mod files;
mod front;
mod health;
mod layers;
mod listing;
mod meta;
mod objects;
mod openapi;
mod packages;
mod problem;
mod proxies;
mod query;
mod recycle;
mod rows;
mod scim;
mod shares;
mod status;
mod tenants;
#[cfg(test)]
mod tests;
mod users;
mod warnings;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    middleware::{from_fn, from_fn_with_state},
    routing::{delete, get, post},
};
pub use browsers::Origins;
pub use connections::serve;
pub use proxies::Proxies;
use quarry_engine::Engines;
use quarry_listen::Tls;
use tower_http::catch_panic::CatchPanicLayer;

/// Limits, each with its unit.
#[derive(Clone, Debug)]
pub struct HttpOptions {
    /// A request's body may be so large. (A content that is sent: the engine's `content_bytes_max`.)
    pub body_bytes_max: usize,
    /// As that, of who has not logged in.
    pub open_body_bytes_max: usize,
    /// A body of which nothing comes for so long is given up.
    pub body_stalled_seconds_max: u64,
    /// A request line with its headers may be so large (at least 8192).
    pub header_bytes_max: usize,
    /// A request may have so many headers.
    pub headers_max: usize,
    /// A request must have come in within this, and have begun to be answered (unless a question may run longer).
    pub request_seconds_max: u64,
    /// A question is ended when it has run so long; none: never.
    pub query_timeout: Option<Duration>,
    /// As that, of a content that is sent.
    pub upload_seconds_max: u64,
    /// Its headers must have come within this; an idle connection is closed after it.
    pub header_seconds_max: u64,
    /// A client that does not read its answer for so long is let go.
    pub stalled_seconds_max: u64,
    /// Open connections; more wait to be accepted.
    pub connections_max: usize,
    /// Of these, from one address (of IPv6, from one /64); more are told so and closed.
    pub connections_per_address_max: usize,
    /// On shutdown, running requests may take so long.
    pub drain_seconds_max: u64,
    /// The certificate; without one there is no TLS.
    pub tls: Option<Arc<Tls>>,
    /// What comes without TLS is not answered.
    pub tls_required: bool,
    /// For so long a browser that came over TLS comes over nothing else; 0: it is not told.
    pub hsts_seconds: u64,
    /// Which pages of other sites may ask.
    pub origins: Origins,
    /// Who is believed when he tells for whom he asks.
    pub proxies: Proxies,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            body_bytes_max: 8 << 20,
            open_body_bytes_max: 16 << 10,
            body_stalled_seconds_max: 30,
            header_bytes_max: 64 << 10,
            headers_max: 100,
            request_seconds_max: 120,
            upload_seconds_max: 3600,
            query_timeout: Some(Duration::from_secs(60)),
            header_seconds_max: 15,
            stalled_seconds_max: 60,
            connections_max: 4096,
            connections_per_address_max: 4096,
            drain_seconds_max: 10,
            tls: None,
            tls_required: false,
            hsts_seconds: 365 * 24 * 60 * 60,
            origins: Origins::default(),
            proxies: Proxies::default(),
        }
    }
}

/// What every handler has.
#[derive(Clone)]
pub(crate) struct Door {
    pub engines: Engines,
    pub options: Arc<HttpOptions>,
    pub documents: openapi::Documents,
}

impl Door {
    /// How long a body may take to come in.
    fn body_time(&self) -> Duration {
        Duration::from_secs(self.options.request_seconds_max)
    }

    /// Bytes of a content that is sent.
    fn upload_bytes_max(&self) -> usize {
        usize::try_from(self.engines.main().content_bytes_max()).unwrap_or(usize::MAX)
    }

    /// How long a request may take until its answer begins; none when a question may run for ever.
    fn request_time(&self) -> Option<Duration> {
        /// What a handler needs beside its question.
        const MARGIN: Duration = Duration::from_secs(5);
        self.options.query_timeout.map(|timeout| self.body_time().max(timeout.saturating_add(MARGIN)))
    }
}

/// All routes of the door, those of GraphQL included.
pub fn router(engines: impl Into<Engines>, options: HttpOptions) -> Router {
    let engines = engines.into();
    let door = Door {
        engines: engines.clone(),
        options: Arc::new(options),
        documents: openapi::Documents::default(),
    };
    let open = Router::new()
        .route("/", get(front::front))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .route("/health/startup", get(health::ready))
        .route("/api/v1/auth/login", post(auth::login))
        .route("/api/v1/auth/refresh", post(auth::refresh))
        .route("/api/v1/docs", get(openapi::page))
        .route("/api/v1/docs/docs.js", get(openapi::script))
        .route("/api/v1/docs/docs.css", get(openapi::style))
        .merge(compat::open_routes())
        .route_layer(from_fn_with_state(door.clone(), layers::small));
    let api = Router::new()
        .route("/api/v1/query", post(query::answer))
        .route("/api/v1/sql", post(query::sql))
        .route("/api/v1/auth/users", post(administration::add_user))
        .route("/api/v1/auth/password", post(administration::set_password))
        .route("/api/v1/auth/logout", post(auth::log_out))
        .route("/api/v1/auth/me", get(auth::me))
        .route("/api/v1/auth/sessions", get(auth::list_sessions).delete(auth::end_sessions))
        .route("/api/v1/auth/sessions/{id}", delete(auth::end_session))
        .route("/api/v1/auth/keys", get(auth::list_keys).post(auth::make_key))
        .route("/api/v1/auth/keys/{id}", delete(auth::revoke))
        .merge(users::routes())
        .merge(shares::routes())
        .merge(explain::routes())
        .merge(scim::routes())
        .merge(tenants::routes())
        .route("/api/v1/packages", get(packages::list))
        .route("/api/v1/packages/{name}/{version}", get(packages::one))
        .route("/api/v1/packages/check", post(packages::check))
        .route("/api/v1/packages/import", post(packages::import))
        .route("/api/v1/packages/diff", post(packages::diff))
        .route("/api/v1/packages/plan", post(packages::plan))
        .route("/api/v1/packages/test", post(packages::test))
        .route("/api/v1/packages/publish", post(packages::publish))
        .route("/api/v1/packages/activate", post(packages::activate))
        .route("/api/v1/packages/rollback", post(packages::rollback))
        .route("/api/v1/packages/reload", post(administration::reload))
        .merge(upkeep_routes())
        .route("/api/v1/changes", post(changes::apply))
        .route("/api/v1/objects/{object}", get(objects::list).post(objects::create))
        .route("/api/v1/objects/{object}/deleted", get(recycle::list).delete(recycle::purge_all))
        .route("/api/v1/objects/{object}/deleted/{id}", delete(recycle::purge))
        .route("/api/v1/objects/{object}/{id}/undelete", post(recycle::undelete))
        .route(
            "/api/v1/objects/{object}/{id}",
            get(objects::read).patch(objects::update).delete(objects::delete),
        )
        .route("/api/v1/objects/{object}/{id}/actions/{action}", post(objects::act))
        .route("/api/v1/objects/{object}/{id}/content/{field}", get(files::download))
        .route("/api/v1/objects/{object}/{id}/content/{field}/{item}", get(files::download_one))
        .route(files::FILES, post(files::upload))
        .route("/api/v1/openapi.json", get(openapi::answer))
        .route("/api/v1/meta/objects", get(meta::list))
        .route("/api/v1/meta/objects/{object}", get(meta::one))
        .merge(compat::routes())
        .with_state(door.clone())
        .merge(quarry_graphql::router(engines.main().clone(), quarry_graphql::GraphqlOptions::default()))
        .route_layer(from_fn_with_state(door.clone(), auth::admit));
    surrounded(open.with_state(door.clone()).merge(api), door)
}

/// What administrators look after the server by.
fn upkeep_routes() -> Router<Door> {
    Router::new()
        .route("/api/v1/audit/holds", get(audit::holds).post(audit::place).delete(audit::lift))
        .route("/api/v1/server/certificate", get(certificate::told))
        .route("/api/v1/server/certificate/reload", post(certificate::reload))
}

/// With what is around every handler; the last one is the outermost.
fn surrounded(routes: Router, door: Door) -> Router {
    routes
        .fallback(layers::no_route)
        .method_not_allowed_fallback(layers::no_method)
        .layer(CatchPanicLayer::custom(layers::panicked))
        .layer(from_fn_with_state(door.clone(), layers::bounded))
        .layer(from_fn_with_state(door.clone(), browsers::same_site))
        .layer(door.options.origins.cors())
        .layer(from_fn(layers::identified))
        .layer(from_fn_with_state(door, browsers::told))
}
