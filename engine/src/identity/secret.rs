//! Secrets that clients hold and the server only recognises: 32 unpredictable bytes, of which the SHA-256 is kept. They can't be guessed,
//! so a fast hash is enough; it is compared in constant time.
//!
//! | begins with | is | then |
//! |---|---|---|
//! | `qa_` | an access token | the id of its session, `_`, the secret |
//! | `qr_` | a refresh token | the id of its session, `.`, what all tokens of that session have, `.`, the secret |
//! | `qk_` | an API key | its id, `_`, the secret |
//!
//! In front of them there is `<tenant>~` where that is not the main one: a door asks that tenant alone, which knows its own secrets only.
//!
//! The prefixes are there to be recognised, by people and by programs that look for leaked secrets.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use quarry_storage::{Value, World};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The beginning of an access token.
pub(crate) const ACCESS: &str = "qa_";
/// The beginning of a refresh token.
pub(crate) const REFRESH: &str = "qr_";
/// The beginning of an API key, and of its id.
pub(crate) const KEY: &str = "qk_";

/// Bytes of an id.
pub(crate) const ID_BYTES: usize = 26;

/// A new secret, as text.
pub(crate) fn make(world: &World) -> String {
    URL_SAFE_NO_PAD.encode(world.ids.secret())
}

/// A new id that tells nothing: 26 characters, small.
pub(crate) fn id(world: &World) -> String {
    world.ids.ulid().to_ascii_lowercase()
}

/// What is kept of a secret.
pub(crate) fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

/// What is kept of a secret, as a column.
pub(crate) fn digest_value(text: &str) -> Value {
    Value::Bytes(digest(text).as_slice().into())
}

/// Whether a text is the secret of which this is kept; takes as long whatever they have in common.
pub(crate) fn is(text: &str, kept: &Value) -> bool {
    match kept {
        Value::Bytes(kept) => bool::from(digest(text).as_slice().ct_eq(kept)),
        _ => false,
    }
}

/// Id and secret of `qa_<id>_<secret>` or `qk_<id>_<secret>`.
pub(crate) fn parts<'a>(text: &'a str, prefix: &str) -> Option<(&'a str, &'a str)> {
    text.strip_prefix(prefix)?.split_once('_').filter(|(id, secret)| !id.is_empty() && !secret.is_empty())
}
