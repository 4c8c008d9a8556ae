//! SCRAM-SHA-256 verifiers (RFC 5802, RFC 7677): what a server keeps instead of a password.

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

use super::{ScramVerifier, password};
use crate::error::{Error, Result};

/// As PostgreSQL's own servers count.
const ITERATIONS: u32 = 4096;

/// The verifier of a password.
///
/// # Errors
///
/// None in practice: HMAC takes keys of any length.
pub(crate) fn verifier(password: &str, salt: &[u8; 16]) -> Result<ScramVerifier> {
    let password = password::prepared(password);
    let salted = pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(password.as_bytes(), salt, ITERATIONS);
    let client_key = mac(&salted, &[b"Client Key"])?;
    Ok(ScramVerifier {
        salt: salt.to_vec(),
        iterations: ITERATIONS,
        stored_key: Sha256::digest(&client_key).to_vec(),
        server_key: mac(&salted, &[b"Server Key"])?,
    })
}

/// The verifier told for a name that nobody has: the same at each try, so that it does not tell known names from
/// unknown ones; no password satisfies it, for nobody knows what its stored key is the hash of.
///
/// # Errors
///
/// None in practice.
pub(crate) fn fake(secret: &[u8], name: &str) -> Result<ScramVerifier> {
    let mut salt = mac(secret, &[b"salt\0", name.as_bytes()])?;
    salt.truncate(16);
    Ok(ScramVerifier {
        salt,
        iterations: ITERATIONS,
        stored_key: mac(secret, &[b"stored\0", name.as_bytes()])?,
        server_key: mac(secret, &[b"server\0", name.as_bytes()])?,
    })
}

/// HMAC-SHA-256 over parts.
///
/// # Errors
///
/// None in practice.
pub(crate) fn mac(key: &[u8], parts: &[&[u8]]) -> Result<Vec<u8>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(|e| Error::internal(e.to_string()))?;
    for part in parts {
        mac.update(part);
    }
    Ok(mac.finalize().into_bytes().to_vec())
}
