//! What browsers are told, and what is not taken from them.
//!
//! A page of another site may make a browser send requests here. It never reads an answer unless its origin is named in the configuration
//! (CORS); and what changes something, or asks GraphQL, is refused when the browser says that another site's page is behind it (CSRF).
//! Clients that are no browsers say nothing of the kind, and nothing changes for them.

#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::{Door, connections::Peer, problem::Problem};

/// What may be sent beside what needs no permission.
const REQUEST_HEADERS: [HeaderName; 9] = [
    header::AUTHORIZATION,
    header::CONTENT_TYPE,
    header::IF_MATCH,
    header::IF_NONE_MATCH,
    header::RANGE,
    HeaderName::from_static("prefer"),
    HeaderName::from_static("x-quarry-time-zone"),
    HeaderName::from_static("x-quarry-version"),
    HeaderName::from_static("x-request-id"),
];
/// What may be read beside what needs no permission.
const RESPONSE_HEADERS: [HeaderName; 6] = [
    header::ETAG,
    header::LOCATION,
    header::RETRY_AFTER,
    header::CONTENT_RANGE,
    header::CONTENT_DISPOSITION,
    HeaderName::from_static("x-request-id"),
];
const METHODS: [Method; 6] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
/// How long a browser may remember what it was told before its request.
const REMEMBERED: Duration = Duration::from_secs(600);

/// Which pages of other sites may ask, and read what is answered.
#[derive(Clone, Debug, Default)]
pub struct Origins {
    named: Vec<String>,
    any: bool,
    with_credentials: bool,
}

impl Origins {
    /// `origins`: blanks between them, each as a browser writes it (`https://app.example.com`), or `*` for every page of every site;
    /// nothing for none. `with_credentials`: a page may also let the browser send a login that it remembers.
    ///
    /// # Errors
    ///
    /// What is no origin; `*` with credentials: every page could act in the name of who is logged in.
    pub fn parse(origins: &str, with_credentials: bool) -> Result<Self, String> {
        let named: Vec<String> = origins.split_whitespace().map(str::to_owned).collect();
        let any = named.iter().any(|origin| origin == "*");
        if any && (named.len() > 1 || with_credentials) {
            return Err("\"*\" stands alone, and without credentials: name the origins".into());
        }
        let origins = Self { named, any, with_credentials };
        if let Some(odd) = origins.named.iter().find(|origin| !any && !is_origin(origin)) {
            return Err(format!("{odd:?} is no origin like https://app.example.com"));
        }
        Ok(origins)
    }

    /// Whether a page of every site may ask.
    pub fn is_any(&self) -> bool {
        self.any
    }

    /// Those that are named.
    pub fn named(&self) -> &[String] {
        &self.named
    }

    /// Whether a request may be what a page here, or one that is named, or no page at all has sent.
    ///
    /// As Go's `http.CrossOriginProtection`: by `Sec-Fetch-Site`, which pages can't set, and else by `Origin`. Where every page may
    /// ask, a bearer token is enough: no browser sends one by itself.
    fn trusts(&self, headers: &HeaderMap) -> bool {
        let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
        let origin = text(header::ORIGIN);
        if origin.is_some_and(|origin| self.named.iter().any(|named| named == origin)) {
            return true;
        }
        let is_bearer = || {
            text(header::AUTHORIZATION)
                .and_then(|value| value.get(..7))
                .is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer "))
        };
        if self.any && is_bearer() {
            return true;
        }
        match (text(HeaderName::from_static("sec-fetch-site")), origin) {
            (Some("same-origin" | "none"), _) | (None, None) => true,
            (Some(_), _) => false,
            (None, Some(origin)) => {
                let rest = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
                rest.is_some() && rest == text(header::HOST)
            }
        }
    }

    /// Answers what browsers ask before a request of another site, and lets its pages read answers.
    pub(crate) fn cors(&self) -> CorsLayer {
        let layer = CorsLayer::new()
            .allow_methods(METHODS)
            .allow_headers(REQUEST_HEADERS)
            .expose_headers(RESPONSE_HEADERS)
            .max_age(REMEMBERED);
        if self.any {
            return layer.allow_origin(AllowOrigin::any());
        }
        let named = Arc::new(self.named.clone());
        let is_named = move |origin: &HeaderValue, _: &Parts| {
            origin.to_str().is_ok_and(|origin| named.iter().any(|named| named == origin))
        };
        layer.allow_origin(AllowOrigin::predicate(is_named)).allow_credentials(self.with_credentials)
    }
}

/// As a browser writes it.
fn is_origin(text: &str) -> bool {
    let Ok(uri) = text.parse::<Uri>() else { return false };
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else { return false };
    let has_usual_port = matches!((scheme, authority.port_u16()), ("http", Some(80)) | ("https", Some(443)));
    let is_plain = !authority.as_str().contains('@') && text.to_ascii_lowercase() == text && !has_usual_port;
    ["http", "https"].contains(&scheme) && is_plain && format!("{scheme}://{authority}") == text
}

fn refused() -> Problem {
    let message = "a page of another site asks; name its origin in cors_origins if it may";
    Problem::new(StatusCode::FORBIDDEN, "CROSS_ORIGIN", message)
}

/// Refuses what a page of another site makes a browser send: changes, and questions to GraphQL, which change nothing by GET but cost.
pub(crate) async fn same_site(State(door): State<Door>, request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let asks = request.uri().path() == "/graphql" && request.uri().query().is_some_and(|q| !q.is_empty());
    if (asks || !reads) && !door.options.origins.trusts(request.headers()) {
        return refused().into_response();
    }
    next.run(request).await
}

/// What every answer tells a browser, unless its handler said otherwise: take the content for what it says it is, show it in nobody's frame,
/// run nothing in it, tell no other site where one was.
pub(crate) async fn told(State(door): State<Door>, request: Request, next: Next) -> Response {
    let is_tls = request.extensions().get::<Peer>().is_some_and(|peer| peer.is_tls);
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let defaults = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in defaults {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    let seconds = door.options.hsts_seconds;
    if is_tls && seconds > 0 {
        let value = HeaderValue::try_from(format!("max-age={seconds}"));
        headers.extend(value.ok().map(|value| (header::STRICT_TRANSPORT_SECURITY, value)));
    }
    response
}
