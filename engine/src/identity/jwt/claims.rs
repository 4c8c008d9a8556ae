//! What a token says, once it is known to be its issuer's.

use std::{sync::Arc, time::Duration};

use serde_json::{Map, Value};

use super::{Issuer, Reason};

/// The claims, as they are: names of other people's choosing.
pub(super) type Claims = Map<String, Value>;

/// Bytes of a login name.
const NAME_BYTES_MAX: usize = 256;
/// Characters of what people call someone.
const DISPLAY_CHARACTERS_MAX: usize = 160;
/// Groups that are looked at.
const GROUPS_MAX: usize = 1_000;
/// A token is taken for no longer than this, whatever it says.
const LASTING_MICROS_MAX: i64 = 24 * 3_600_000_000;

/// Whether a token holds now, by a clock that may be some seconds off; when it ends.
///
/// # Errors
///
/// Why it does not.
pub(super) fn must_hold(claims: &Claims, skew_seconds: u64, now_micros: i64) -> Result<i64, Reason> {
    let skew = i64::try_from(skew_seconds).unwrap_or(i64::MAX).saturating_mul(1_000_000);
    let ends = instant(claims, "exp")?.ok_or("CLAIM_MISSING")?;
    if ends.saturating_add(skew) <= now_micros {
        return Err("EXPIRED");
    }
    for begins in ["nbf", "iat"] {
        if instant(claims, begins)?.is_some_and(|begins| begins.saturating_sub(skew) > now_micros) {
            return Err("NOT_YET_VALID");
        }
    }
    Ok(ends.saturating_add(skew).min(now_micros.saturating_add(LASTING_MICROS_MAX)))
}

/// Seconds since 1970 as microseconds; a fraction is cut off. Anything but a number is refused, so that nothing is taken for "never".
fn instant(claims: &Claims, name: &str) -> Result<Option<i64>, Reason> {
    /// The year 9999.
    const SECONDS_MAX: f64 = 253_402_300_799.0;
    let Some(value) = claims.get(name) else { return Ok(None) };
    let Value::Number(number) = value else { return Err("TOKEN_MALFORMED") };
    if let Some(seconds) = number.as_i64() {
        return Ok(Some(seconds.saturating_mul(1_000_000)));
    }
    match number.as_f64() {
        Some(seconds) if (0.0..=SECONDS_MAX).contains(&seconds) => {
            let since = Duration::try_from_secs_f64(seconds).map_err(|_| "TOKEN_MALFORMED")?;
            i64::try_from(since.as_micros()).map(Some).map_err(|_| "TOKEN_MALFORMED")
        }
        _ => Err("TOKEN_MALFORMED"),
    }
}

/// The login name.
///
/// # Errors
///
/// When there is none that can be one.
pub(super) fn user_name(claims: &Claims, claim: &str) -> Result<String, Reason> {
    let Some(Value::String(name)) = find(claims, claim) else { return Err("CLAIM_MISSING") };
    // Whoever can choose his mail address would choose an administrator's.
    if claim == "email" && claims.get("email_verified") != Some(&Value::Bool(true)) {
        return Err("EMAIL_NOT_VERIFIED");
    }
    let is_plain =
        !name.trim().is_empty() && name.len() <= NAME_BYTES_MAX && !name.chars().any(char::is_control);
    match is_plain && !name.starts_with(crate::identity::KEY_PREFIX) {
        true => Ok(name.clone()),
        false => Err("USER_NAME_REFUSED"),
    }
}

/// What people call him.
pub(super) fn display_name(claims: &Claims) -> Option<String> {
    let name = claims.get("name")?.as_str()?;
    let is_plain = !name.trim().is_empty() && !name.chars().any(char::is_control);
    is_plain.then(|| name.chars().take(DISPLAY_CHARACTERS_MAX).collect())
}

/// The permission sets that the groups bring.
pub(super) fn permission_sets(claims: &Claims, issuer: &Issuer) -> Vec<Arc<str>> {
    let Some(claim) = &issuer.groups_claim else { return Vec::new() };
    let groups: Vec<&str> = match find(claims, claim) {
        Some(Value::Array(groups)) => groups.iter().take(GROUPS_MAX).filter_map(Value::as_str).collect(),
        // Some write them as one text.
        Some(Value::String(groups)) => groups.split([' ', ',']).take(GROUPS_MAX).collect(),
        _ => Vec::new(),
    };
    let sets = groups.into_iter().filter_map(|group| issuer.permission_sets.get(group)).flatten();
    let mut sets: Vec<Arc<str>> = sets.map(|set| Arc::from(set.as_str())).collect();
    sets.sort_unstable();
    sets.dedup();
    sets
}

/// What claims say of fields of the user's record.
///
/// # Errors
///
/// When one of them is no text.
pub(super) fn fields(claims: &Claims, issuer: &Issuer) -> Result<Vec<(String, Option<String>)>, Reason> {
    let field = |(field, claim): (&String, &String)| match find(claims, claim) {
        None | Some(Value::Null) => Ok((field.clone(), None)),
        Some(Value::String(text)) => Ok((field.clone(), Some(text.clone()))),
        Some(_) => Err("CLAIM_MALFORMED"),
    };
    issuer.fields.iter().map(field).collect()
}

/// A claim by its name, or else by names with points between them.
fn find<'a>(claims: &'a Claims, name: &str) -> Option<&'a Value> {
    if let Some(found) = claims.get(name) {
        return Some(found);
    }
    let mut names = name.split('.');
    let first = claims.get(names.next()?)?;
    names.try_fold(first, |value, name| value.as_object()?.get(name))
}
