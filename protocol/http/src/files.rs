//! `/api/v1/files`, where contents are sent, and `/api/v1/objects/:object/:id/content/:field[/:item]`, where they are fetched.
//! Both stream: of a content no more than a few pieces are in memory.

use std::{ops::Range, time::Duration};

use axum::{
    Extension,
    body::Body,
    extract::{Path, Query as UrlQuery, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures::{StreamExt, TryStreamExt};
use quarry_engine::{Download, Session, Uploaded};
use serde_json::Value;

use crate::{
    Door,
    body::is_too_large,
    layers::{too_large, too_slow},
    problem::{Answered, Problem, log},
};

/// Where contents are sent.
pub(crate) const FILES: &str = "/api/v1/files";

/// Takes the body as a content of the name that the query string gives: `201`, and what is told of it.
pub(crate) async fn upload(
    State(door): State<Door>,
    Extension(session): Extension<Session>,
    UrlQuery(given): UrlQuery<Vec<(String, String)>>,
    headers: HeaderMap,
    body: Body,
) -> Answered {
    let [(key, name)] = given.as_slice() else {
        return Err(
            Problem::invalid("give the content's name, and nothing else: ?name=picture.png").at("name")
        );
    };
    if key != "name" {
        let message = format!("unknown parameter {key:?}; known is name");
        return Err(Problem::new(StatusCode::BAD_REQUEST, "UNSUPPORTED_QUERY_PARAM", message).at(key));
    }
    let media_type = headers.get(header::CONTENT_TYPE);
    let media_type = media_type.map(|value| value.to_str().unwrap_or_default());
    if media_type
        .is_some_and(|told| told.trim_start().to_ascii_lowercase().starts_with("multipart/form-data"))
    {
        let message = "send the content itself as the body, not a form";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE", message));
    }
    let length = headers.get(header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
    let mut upload = session.upload_of(name, media_type, length).await?;
    let mut frames = body.into_data_stream();
    let stalled = Duration::from_secs(door.options.stalled_seconds_max);
    while let Some(frame) =
        tokio::time::timeout(stalled, frames.next()).await.map_err(|_| too_slow(stalled))?
    {
        match frame {
            Ok(bytes) => upload.add(&bytes).await?,
            Err(error) if is_too_large(&error) => return Err(too_large(door.upload_bytes_max())),
            Err(_) => return Err(Problem::invalid("the body did not come to its end")),
        }
    }
    let told = Value::Object(upload.finish().await?.to_json());
    let never = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((StatusCode::CREATED, never, axum::Json(told)).into_response())
}

/// The content of a field.
pub(crate) async fn download(
    Extension(session): Extension<Session>,
    Path((object, id, field)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Answered {
    Ok(answer(&session.download(&object, &id, &field, None).await?, &headers))
}

/// One of the contents of a field.
pub(crate) async fn download_one(
    Extension(session): Extension<Session>,
    Path((object, id, field, item)): Path<(String, String, String, String)>,
    headers: HeaderMap,
) -> Answered {
    Ok(answer(&session.download(&object, &id, &field, Some(&item)).await?, &headers))
}

/// All of it, the range that is asked for, or that nothing has changed.
fn answer(download: &Download, asked: &HeaderMap) -> Response {
    let about = download.about();
    let tag = format!("\"{}\"", about.hash);
    let text = |name: HeaderName| asked.get(name).and_then(|value| value.to_str().ok());
    let mut response = match text(header::IF_NONE_MATCH) {
        Some(known) if is_one(known, &tag) => StatusCode::NOT_MODIFIED.into_response(),
        _ => {
            let holds = text(header::IF_RANGE).is_none_or(|known| known == tag);
            let range = text(header::RANGE).filter(|_| holds).and_then(|text| range(text, about.bytes));
            match range {
                None => part(download, StatusCode::OK, 0..about.bytes),
                Some(Some(range)) => part(download, StatusCode::PARTIAL_CONTENT, range),
                Some(None) => {
                    let mut response = StatusCode::RANGE_NOT_SATISFIABLE.into_response();
                    set(&mut response, header::CONTENT_RANGE, &format!("bytes */{}", about.bytes));
                    response
                }
            }
        }
    };
    set(&mut response, header::ETAG, &tag);
    set(&mut response, header::ACCEPT_RANGES, "bytes");
    set(&mut response, header::CACHE_CONTROL, "private, no-cache");
    response
}

fn part(download: &Download, status: StatusCode, range: Range<u64>) -> Response {
    let about = download.about();
    let bytes = download.bytes(range.clone()).inspect_err(log);
    let mut response = (status, Body::from_stream(bytes)).into_response();
    set(&mut response, header::CONTENT_TYPE, &about.media_type);
    set(&mut response, header::CONTENT_LENGTH, &(range.end - range.start).to_string());
    set(&mut response, header::CONTENT_DISPOSITION, &disposition(about));
    // A browser shows nothing of it as a page of ours, whatever its sender says that it is.
    set(&mut response, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(&mut response, header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'");
    if status == StatusCode::PARTIAL_CONTENT {
        let told = format!("bytes {}-{}/{}", range.start, range.end.saturating_sub(1), about.bytes);
        set(&mut response, header::CONTENT_RANGE, &told);
    }
    response
}

fn set(response: &mut Response, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// Whether a list of tags has this one, or all.
fn is_one(known: &str, tag: &str) -> bool {
    known.split(',').map(str::trim).any(|known| known == "*" || known.trim_start_matches("W/") == tag)
}

/// The one range of bytes that is asked for: inner none when it is of no byte that is there; outer none for what may be taken as if
/// it were not asked, which is several ranges and what can't be read (RFC 9110, 14.2).
fn range(text: &str, bytes: u64) -> Option<Option<Range<u64>>> {
    let (first, last) = text.strip_prefix("bytes=")?.trim().split_once('-')?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let number = |text: &str| is_number(text).then(|| text.parse().unwrap_or(u64::MAX));
    let range = match (first, last) {
        ("", last) => bytes.saturating_sub(number(last)?)..bytes,
        (first, "") => number(first)?..bytes,
        (first, last) if number(last)? < number(first)? => return None,
        (first, last) => number(first)?..number(last)?.saturating_add(1).min(bytes),
    };
    Some((range.start < range.end).then_some(range))
}

/// A file to be kept, by its name: in ASCII for who knows no better, and as it is (RFC 6266, RFC 8187).
fn disposition(about: &Uploaded) -> String {
    let is_plain = |c: char| (c.is_ascii_graphic() || c == ' ') && !['"', '\\', '%'].contains(&c);
    let plain: String = about.name.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
    let is_attribute = |b: u8| b.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&b);
    let encode = |b: u8| if is_attribute(b) { char::from(b).to_string() } else { format!("%{b:02X}") };
    let encoded: String = about.name.bytes().map(encode).collect();
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}
