//! `GET /api/v1/openapi.json`: what the session can ask of this door, as an OpenAPI 3.1 document, with labels in its locale; and
//! `GET /api/v1/docs`, a page of ours that shows it.
//!
//! 1. `schema` makes a JSON Schema of a field: as it is read, as a new record takes it, as a change takes it.
//! 2. `object` makes the schemas and paths of one object.
//! 3. `fixed` has what is there whatever the objects are: questions, changes, contents, the login, errors, parameters.
//! 4. [`answer`] puts them together, once for each view and locale, and keeps the text.

mod fixed;
mod identity;
mod object;
mod page;
mod schema;

use std::{
    collections::VecDeque,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::Arc,
};

use axum::{
    Extension,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
pub(crate) use page::{page, script, style};
use parking_lot::Mutex;
use quarry_engine::{Session, TenantName, Views};
use serde_json::{Map, Value, json};
use tokio::sync::OnceCell;

use crate::{
    Door,
    administration::off_thread,
    problem::{Answered, Problem},
};

/// Documents that are kept, of all tenants …
const KEPT_MAX: usize = 64;
/// … and of one: the newest views in some locales. One that asks for many takes nothing of the others'.
const TENANT_KEPT_MAX: usize = 8;

/// The documents that were asked for last, the newest first.
#[derive(Clone, Default)]
pub(crate) struct Documents {
    kept: Arc<Mutex<VecDeque<Kept>>>,
}

/// A document, and what it was made of.
struct Kept {
    tenant: TenantName,
    views: Arc<Views>,
    locale: String,
    /// Made by the first who asks; who asks meanwhile waits for it, and nobody else.
    document: Arc<OnceCell<Document>>,
}

/// A text, and what it is known by.
#[derive(Clone)]
struct Document {
    text: Bytes,
    tag: String,
}

/// The document; `ETag` names the registry and the locale, and differs with what is told.
pub(crate) async fn answer(
    State(door): State<Door>,
    Extension(session): Extension<Session>,
    headers: HeaderMap,
) -> Answered {
    let context = session.context();
    let locale = plain(&context.locale);
    let tenant = session.engine().tenant();
    let Document { text, tag } = door.documents.document(tenant, &context.views, &locale).await?;
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let is_known = known.is_some_and(|known| known.split(',').any(|one| one.trim() == tag));
    let mut response: Response = match is_known {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => ([(header::CONTENT_TYPE, "application/json")], text).into_response(),
    };
    let headers = response.headers_mut();
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers
        .insert(header::VARY, HeaderValue::from_static("authorization, accept-language, x-quarry-version"));
    Ok(response)
}

impl Documents {
    /// The document of these views; made once for all who ask at the same time.
    async fn document(
        &self,
        tenant: &TenantName,
        views: &Arc<Views>,
        locale: &str,
    ) -> Result<Document, Problem> {
        let place = self.place(tenant, views, locale);
        let (making, wanted) = (Arc::clone(views), locale.to_owned());
        let make = || off_thread(move || Ok(Document::of(&making, &wanted)));
        Ok(place.get_or_try_init(make).await?.clone())
    }

    fn place(&self, tenant: &TenantName, views: &Arc<Views>, locale: &str) -> Arc<OnceCell<Document>> {
        let mut kept = self.kept.lock();
        let is_this = |kept: &Kept| Arc::ptr_eq(&kept.views, views) && kept.locale == locale;
        if let Some(found) = kept.iter().position(is_this).and_then(|at| kept.remove(at)) {
            let document = Arc::clone(&found.document);
            kept.push_front(found);
            return document;
        }
        let own = |kept: &Kept| kept.tenant == *tenant;
        if kept.iter().filter(|kept| own(kept)).count() >= TENANT_KEPT_MAX
            && let Some(oldest) = kept.iter().rposition(own)
        {
            kept.remove(oldest);
        }
        kept.truncate(KEPT_MAX - 1);
        let document = Arc::<OnceCell<Document>>::default();
        let (views, locale) = (Arc::clone(views), locale.to_owned());
        kept.push_front(Kept { tenant: tenant.clone(), views, locale, document: Arc::clone(&document) });
        document
    }
}

impl Document {
    fn of(views: &Views, locale: &str) -> Document {
        let text = document(views, locale).to_string();
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        let (registry, told) = (&views.registry.version, hasher.finish());
        let tag = format!("\"{registry}-{told:016x}-{locale}-{}\"", env!("CARGO_PKG_VERSION"));
        Document { text: Bytes::from(text), tag }
    }
}

/// A locale as it may stand in a header.
fn plain(locale: &str) -> String {
    /// Longer ones are nobody's.
    const LENGTH_MAX: usize = 35;
    locale.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-' || *c == '_').take(LENGTH_MAX).collect()
}

/// The whole document.
fn document(views: &Views, locale: &str) -> Value {
    let (mut paths, mut schemas) = (fixed::paths(), fixed::schemas());
    let mut tags = fixed::tags();
    for view in views.objects.values() {
        object::schemas(view, locale, &mut schemas);
        object::paths(views, view, locale, &mut paths);
        tags.push(object::tag(view, locale));
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Quarry",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Records, questions and changes of the objects that this login sees. What is not told here stands in the manual.",
            "x-registry": views.registry.version,
        },
        "servers": [{ "url": "/" }],
        "security": [{ "bearer": [] }, { "basic": [] }],
        "tags": tags,
        "paths": paths,
        "components": {
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer", "description": "A token of POST /api/v1/auth/login, an API key, or a token of a trusted issuer." },
                "basic": { "type": "http", "scheme": "basic" },
            },
            "parameters": fixed::parameters(),
            "headers": fixed::headers(),
            "responses": fixed::errors(),
            "schemas": schemas,
        },
    })
}

/// A reference to a component.
fn refer(kind: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/components/{kind}/{name}") })
}

/// A JSON body of a schema.
fn content(schema: Value) -> Value {
    json!({ "application/json": { "schema": schema } })
}

/// The answers of an operation: the good ones, and for each of `errors` the component of that status; anything else is an error too.
fn responses(good: &[(&str, Value)], errors: &[&str]) -> Value {
    let mut all: Map<String, Value> =
        good.iter().map(|(status, response)| ((*status).to_owned(), response.clone())).collect();
    all.extend(
        errors.iter().map(|status| ((*status).to_owned(), refer("responses", &format!("Error{status}")))),
    );
    all.insert("default".into(), refer("responses", "Error"));
    Value::Object(all)
}
