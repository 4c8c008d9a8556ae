//! Media types: what a client accepts, and what it sends.

use axum::http::{HeaderMap, header};

/// The two forms of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Media {
    /// `application/graphql-response+json`: the status tells what happened.
    GraphqlResponse,
    /// `application/json`: a well-formed request is a 200.
    Json,
}

impl Media {
    /// Its header value.
    pub fn content_type(self) -> &'static str {
        match self {
            Media::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
            Media::Json => "application/json; charset=utf-8",
        }
    }

    /// The form the client likes best; `application/json` where it does not care. Nothing when it takes neither.
    pub fn accepted(headers: &HeaderMap) -> Option<Media> {
        let mut best: Option<(Media, f32)> = None;
        let mut asked = false;
        for (name, quality) in ranges(headers) {
            asked = true;
            let media = match name.as_str() {
                "application/graphql-response+json" => Media::GraphqlResponse,
                "application/json" | "application/*" | "*/*" => Media::Json,
                _ => continue,
            };
            if quality > 0.0 && best.is_none_or(|(_, other)| quality > other) {
                best = Some((media, quality));
            }
        }
        if asked { best.map(|(media, _)| media) } else { Some(Media::Json) }
    }
}

/// Whether a browser asks for a page.
pub(crate) fn accepts_page(headers: &HeaderMap) -> bool {
    ranges(headers).any(|(name, quality)| name == "text/html" && quality > 0.0)
}

/// Whether a body is JSON in UTF-8.
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let mut parts = value.split(';').map(|part| part.trim().to_ascii_lowercase());
    let name = parts.next();
    let utf8 = parts.all(|part| match part.strip_prefix("charset=") {
        Some(charset) => matches!(charset.trim_matches('"'), "utf-8" | "utf8"),
        None => true,
    });
    name.as_deref() == Some("application/json") && utf8
}

fn ranges(headers: &HeaderMap) -> impl Iterator<Item = (String, f32)> {
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(|range| {
        let mut parts = range.split(';').map(|part| part.trim().to_ascii_lowercase());
        let name = parts.next().unwrap_or_default();
        let quality = parts.find_map(|part| part.strip_prefix("q=").and_then(|q| q.parse().ok()));
        (name, quality.unwrap_or(1.0))
    })
}
