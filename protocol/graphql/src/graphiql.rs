//! GraphiQL for browsers, from this binary: no outside host is asked for anything. The page logs in by itself.
//!
//! What it is made of, with versions and licences: `assets/README.md`.

use axum::{
    extract::Path,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};

/// A file of the page, gzip.
struct Asset {
    name: &'static str,
    content_type: &'static str,
    gzip: &'static [u8],
}

const SCRIPT: &str = "text/javascript; charset=utf-8";

static ASSETS: [Asset; 5] = [
    Asset { name: "react.js", content_type: SCRIPT, gzip: include_bytes!("../assets/react.js.gz") },
    Asset { name: "react-dom.js", content_type: SCRIPT, gzip: include_bytes!("../assets/react-dom.js.gz") },
    Asset { name: "graphiql.js", content_type: SCRIPT, gzip: include_bytes!("../assets/graphiql.js.gz") },
    Asset {
        name: "graphiql.css",
        content_type: "text/css; charset=utf-8",
        gzip: include_bytes!("../assets/graphiql.css.gz"),
    },
    Asset {
        name: "licences.txt",
        content_type: "text/plain; charset=utf-8",
        gzip: include_bytes!("../assets/licences.txt.gz"),
    },
];

const PAGE: &str = include_str!("../assets/page.html");
const PAGE_SCRIPT: &str = include_str!("../assets/page.js");

/// Scripts from here alone; GraphiQL sets styles and draws icons from data.
const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; \
                      frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

/// The page.
pub(crate) fn page() -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, PAGE).into_response()
}

/// A file of the page.
pub(crate) async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Response {
    if name == "page.js" {
        return ([(header::CONTENT_TYPE, SCRIPT), (header::CACHE_CONTROL, "no-cache")], PAGE_SCRIPT)
            .into_response();
    }
    let Some(asset) = ASSETS.iter().find(|asset| asset.name == name) else {
        return (StatusCode::NOT_FOUND, "no such asset\n").into_response();
    };
    let encodings = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let mut encodings = encodings.flat_map(|value| value.split(','));
    if !encodings.any(|encoding| encoding.trim().starts_with("gzip") || encoding.trim() == "*") {
        return (StatusCode::NOT_ACCEPTABLE, "this file is kept as gzip; send Accept-Encoding: gzip\n")
            .into_response();
    }
    let headers = [
        (header::CONTENT_TYPE, asset.content_type),
        (header::CONTENT_ENCODING, "gzip"),
        (header::CACHE_CONTROL, "public, max-age=86400"),
        (header::VARY, "accept-encoding"),
    ];
    (headers, asset.gzip).into_response()
}
