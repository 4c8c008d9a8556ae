//! Password hashes: argon2id in PHC form, with the parameters that OWASP names as its first choice for logins.

use std::borrow::Cow;

use argon2::{
    Algorithm, Argon2, Params, PasswordHash, PasswordHasher, PasswordVerifier, Version,
    password_hash::SaltString,
};
use unicode_normalization::UnicodeNormalization;

use crate::error::{Error, ErrorKind, Result};

const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// A password may not be longer: hashing must not be a way to keep the server busy.
const PASSWORD_BYTES_MAX: usize = 1024;
/// Nor shorter.
const PASSWORD_CHARACTERS_MIN: usize = 8;

/// Whether a password may be chosen.
///
/// # Errors
///
/// `Violated` when it is too short, too long, or holds a control character (which SCRAM clients refuse to send).
pub(crate) fn check(password: &str) -> Result<()> {
    let refuse = |message: String| Err(Error::new(ErrorKind::Violated, "INVALID_PASSWORD", message));
    if password.chars().count() < PASSWORD_CHARACTERS_MIN {
        return refuse(format!("the password must have at least {PASSWORD_CHARACTERS_MIN} characters"));
    }
    if password.len() > PASSWORD_BYTES_MAX {
        return refuse(format!("the password must have at most {PASSWORD_BYTES_MAX} bytes"));
    }
    if password.chars().any(char::is_control) {
        return refuse("the password may not hold control characters".to_owned());
    }
    Ok(())
}

/// The form in which a password is hashed, the same at both doors: SASLprep (RFC 4013) as far as it changes what
/// people type, that is NFKC with every space a plain one.
pub(crate) fn prepared(password: &str) -> Cow<'_, str> {
    if password.is_ascii() {
        return Cow::Borrowed(password);
    }
    let spaces = password.chars().filter(|c| *c != '\u{ad}').map(|c| if c.is_whitespace() { ' ' } else { c });
    Cow::Owned(spaces.nfkc().collect())
}

/// The argon2id hash of a password. Slow on purpose.
///
/// # Errors
///
/// `Internal`, which does not happen with the parameters above.
pub(crate) fn hash(password: &str, salt: &[u8; 16]) -> Result<String> {
    let failed = |error: String| Error::internal(format!("a password can't be hashed: {error}"));
    let salt = SaltString::encode_b64(salt).map_err(|e| failed(e.to_string()))?;
    let hash = hasher()?.hash_password(prepared(password).as_bytes(), &salt);
    Ok(hash.map_err(|e| failed(e.to_string()))?.to_string())
}

/// A hash that no password has, which takes as long to check one against as any other.
pub(crate) fn nobodys() -> String {
    // 16 bytes of salt and 32 of hash, all zero.
    let (salt, hash) = ("A".repeat(22), "A".repeat(43));
    format!("$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}${salt}${hash}")
}

/// Whether the password is the hash's. Slow on purpose; compares in constant time.
///
/// # Errors
///
/// `Internal` when the hash is damaged: then nobody is logged in by it.
pub(crate) fn verify(password: &str, hash: &str) -> Result<bool> {
    if password.len() > PASSWORD_BYTES_MAX {
        return Ok(false);
    }
    let hash = PasswordHash::new(hash).map_err(|_| Error::internal("a password hash can't be read"))?;
    match hasher()?.verify_password(prepared(password).as_bytes(), &hash) {
        Ok(()) => Ok(true),
        Err(argon2::password_hash::Error::Password) => Ok(false),
        Err(error) => Err(Error::internal(format!("a password can't be checked: {error}"))),
    }
}

/// Whether a hash was made as one is made now, or better.
pub(crate) fn is_strong(hash: &str) -> bool {
    let Ok(hash) = PasswordHash::new(hash) else { return false };
    let Ok(params) = Params::try_from(&hash) else { return false };
    let is_wide = params.m_cost() >= MEMORY_KIB && params.t_cost() >= PASSES && params.p_cost() >= LANES;
    hash.algorithm == Algorithm::Argon2id.ident() && is_wide
}

fn hasher() -> Result<Argon2<'static>> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None)
        .map_err(|e| Error::internal(format!("argon2 refuses its parameters: {e}")))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}
