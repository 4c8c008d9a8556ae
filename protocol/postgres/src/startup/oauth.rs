//! OAUTHBEARER (RFC 7628): a token of an issuer that is trusted, in place of a password, as PostgreSQL 18 takes it.
//!
//! 1. It is offered beside SCRAM wherever the process trusts any issuer, of whatever tenant: that one is offered tells nobody which tenants
//!    there are. And only where nobody listens, for whoever has the token can use it: over TLS, or from this machine.
//! 2. The client's one message brings the token. It is proven as at every other door ([`Engine::by_issuer`]), and must be of the user who was
//!    named at the start.
//! 3. Who brings none, or another one, is told where tokens are made; he answers with one byte, and that is the end.
//!
//! What is told is the same whatever is wrong, and for whom there is nobody.

use std::sync::Arc;

use bytes::Bytes;
use pgwire::messages::startup::Authentication;
use quarry_engine::{Engine, Principal};
use serde_json::json;

use super::{Login, origin, read_password};
use crate::{
    error::{PgError, Result},
    sqlstate::SqlState,
    wire::Wire,
};

/// Its name among mechanisms.
pub(super) const MECHANISM: &str = "OAUTHBEARER";
/// Between the parts of a message.
const SEPARATOR: char = '\x01';
/// What a client asks an issuer for; which scopes a token must have, its audience says.
const SCOPE: &str = "openid";

/// Whether it is offered to this client.
pub(super) fn is_offered(wire: &Wire, engine: &Engine) -> bool {
    let is_local = wire.peer().is_some_and(|address| address.to_canonical().is_loopback());
    engine.takes_issuers_tokens() && (is_local || wire.certificate().is_some())
}

/// The exchange from the client's first message on.
pub(super) async fn exchange(
    wire: &mut Wire,
    engine: &Arc<Engine>,
    named: Login<'_>,
    first: &[u8],
) -> Result<Principal> {
    let token = token_in(first).ok_or_else(malformed)?;
    if let Some(token) = token.filter(|_| !named.is_nobody) {
        match engine.by_issuer(token, Some(named.login), &origin(wire)).await {
            Ok(principal) => {
                wire.put(&Authentication::Ok);
                return Ok(principal);
            }
            // Told to nobody who has proven nothing; the reason is an event, too.
            Err(error) => tracing::debug!(code = error.code, "a token was refused: {error}"),
        }
    }
    let mut told = json!({ "status": "invalid_token", "scope": SCOPE });
    let discovery = engine.discovery().filter(|_| !named.is_nobody);
    if let (Some(discovery), Some(told)) = (discovery, told.as_object_mut()) {
        told.insert("openid-configuration".to_owned(), discovery.into());
    }
    wire.put(&Authentication::SASLContinue(Bytes::from(told.to_string())));
    wire.flush().await?;
    match read_password(wire).await?.as_ref() {
        b"\x01" => {
            let message = format!("OAuth bearer authentication failed for user \"{}\"", named.user);
            Err(PgError::fatal(SqlState::INVALID_AUTHORIZATION, message))
        }
        _ => Err(malformed()),
    }
}

/// The token in a client's first message: `n,,`, then `auth=Bearer …` and other pairs, each with a separator behind it, and one more.
/// None where it is no such message; nothing in it where it only asks where tokens are made, or brings what can be none.
fn token_in(message: &[u8]) -> Option<Option<&str>> {
    let text = std::str::from_utf8(message).ok()?;
    // A binding to the channel there is not, and nobody acts for somebody else.
    let text = text.strip_prefix("n,,").or_else(|| text.strip_prefix("y,,"))?;
    let pairs = text.strip_prefix(SEPARATOR)?.strip_suffix(SEPARATOR)?;
    let mut found = None;
    for pair in pairs.split_terminator(SEPARATOR) {
        let (key, value) = pair.split_once('=')?;
        let is_key = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphabetic());
        let is_value = value.bytes().all(|byte| matches!(byte, 0x20..=0x7e | b'\t' | b'\r' | b'\n'));
        if !is_key || !is_value || (key == "auth" && found.is_some()) {
            return None;
        }
        if key == "auth" {
            found = Some(value);
        }
    }
    if !pairs.is_empty() && !pairs.ends_with(SEPARATOR) {
        return None;
    }
    // Who says nothing of it at all speaks of something else.
    Some(bearer(found?))
}

/// The token of an `Authorization` header (RFC 6750).
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim_start_matches(' ');
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() && token.bytes().all(is_plain))
        .then_some(token)
}

fn malformed() -> PgError {
    PgError::fatal(SqlState::PROTOCOL_VIOLATION, "malformed OAUTHBEARER message")
}

#[cfg(test)]
mod tests;
