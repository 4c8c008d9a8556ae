//! Warnings beside a success: in the body of a change's answer, and in a header where the body is a record or nothing.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use quarry_engine::Warnings;
use serde_json::{Map, Value};

use crate::problem::finding;

/// A JSON list of findings, in ASCII.
const WARNINGS: HeaderName = HeaderName::from_static("x-quarry-warnings");
/// How many findings are not in it.
const LEFT_OUT: HeaderName = HeaderName::from_static("x-quarry-warnings-left-out");
/// The list is no longer than this; what does not fit is left out.
const HEADER_BYTES_MAX: usize = 4096;

/// Adds `warnings` to a body, and `warningsLeftOut` where there are more than are told.
pub(crate) fn in_body(warnings: &Warnings, told: &mut Map<String, Value>) {
    told.insert("warnings".into(), warnings.told.iter().map(finding).collect());
    if warnings.more > 0 {
        told.insert("warningsLeftOut".into(), warnings.more.into());
    }
}

/// Adds them to the headers of an answer, where there are any.
pub(crate) fn in_headers(warnings: &Warnings, headers: &mut HeaderMap) {
    let mut list = String::from("[");
    let mut left_out = warnings.more;
    for warning in &warnings.told {
        let json = ascii(&finding(warning).to_string());
        if left_out > warnings.more || list.len() + json.len() + 2 > HEADER_BYTES_MAX {
            left_out = left_out.saturating_add(1);
            continue;
        }
        if list.len() > 1 {
            list.push(',');
        }
        list.push_str(&json);
    }
    list.push(']');
    if warnings.is_empty() {
        return;
    }
    // JSON in ASCII has no byte that a header may not have.
    if let Ok(list) = HeaderValue::from_str(&list) {
        headers.insert(WARNINGS, list);
    }
    if left_out > 0 {
        headers.insert(LEFT_OUT, HeaderValue::from(left_out));
    }
}

/// JSON with everything but ASCII escaped.
fn ascii(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for character in json.chars() {
        if character.is_ascii() && character != '\u{7f}' {
            out.push(character);
            continue;
        }
        let mut units = [0; 2];
        for unit in character.encode_utf16(&mut units) {
            out.push_str(&format!("\\u{unit:04x}"));
        }
    }
    out
}

#[cfg(test)]
mod tests;
