//! The keys that an issuer publishes: fetched when they are first wanted, kept, and fetched again when they are old or a token names one
//! that is not among them: issuers change their keys.
//!
//! Bounds: an answer of [`BYTES_MAX`] within [`SECONDS_MAX`], [`KEYS_MAX`] keys; a key that nobody knows makes us ask once a minute,
//! however many tokens name it. Where the issuer can't be reached, known keys hold for a day.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jsonwebtoken::{
    DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse},
};
use parking_lot::{Mutex, RwLock};
use serde_json::Value;

use super::{Algorithm, Issuer, issuer::is_safe_url};

/// Bytes of an answer.
const BYTES_MAX: usize = 256 << 10;
/// How long an answer may take.
const SECONDS_MAX: u64 = 10;
/// Keys of one issuer.
const KEYS_MAX: usize = 100;
/// Keys are fetched again when they are so old.
const FRESH_MICROS: i64 = 3_600_000_000;
/// Nor are they used when they are so old.
const STALE_MICROS: i64 = 24 * 3_600_000_000;
/// How often is asked, at most: also for keys that nobody knows, and after a failure.
const PAUSE_MICROS: i64 = 60_000_000;
/// How long one waits while another asks.
const PATIENCE: Duration = Duration::from_secs(SECONDS_MAX * 2);
/// Bytes of an RSA modulus: 2,048 bits.
const MODULUS_BYTES_MIN: usize = 256;

/// Bounds of a fetch.
#[derive(Clone, Copy, Debug)]
pub struct FetchLimits {
    /// Longer answers are refused.
    pub bytes_max: usize,
    /// From the beginning to the end.
    pub timeout: Duration,
}

/// Gets documents of issuers. The engine itself touches no socket.
pub trait Fetch: Send + Sync {
    /// The body of the answer to a GET, which must have succeeded; redirects are not followed. Blocks.
    ///
    /// # Errors
    ///
    /// What went wrong, for the server's log.
    fn get(&self, url: &str, limits: FetchLimits) -> Result<Vec<u8>, String>;
}

/// A key for one algorithm.
pub(super) struct SigningKey {
    id: Option<String>,
    algorithm: Algorithm,
    pub decoding: DecodingKey,
}

/// What was found.
pub(super) enum Found {
    /// Keys that may have made the signature; more than one only where the issuer gives them the same id.
    Keys(Vec<Arc<SigningKey>>),
    /// No such key.
    Unknown,
    /// The keys can't be had now.
    Unavailable,
}

/// The keys of an issuer.
pub(super) struct Keys {
    name: String,
    issuer: String,
    jwks_url: Option<String>,
    fetch: Arc<dyn Fetch>,
    known: RwLock<Known>,
    /// Held by whoever asks.
    asking: Mutex<()>,
}

#[derive(Default)]
struct Known {
    keys: Vec<Arc<SigningKey>>,
    fetched_micros: Option<i64>,
    asked_micros: Option<i64>,
}

impl Known {
    fn is_younger(&self, micros: i64, now_micros: i64) -> bool {
        self.fetched_micros.is_some_and(|at| now_micros.saturating_sub(at) < micros)
    }

    fn may_ask(&self, now_micros: i64) -> bool {
        self.asked_micros.is_none_or(|at| now_micros.saturating_sub(at) >= PAUSE_MICROS)
    }

    /// The keys that a token may mean. One that names none means the only key of its algorithm.
    fn matching(&self, id: Option<&str>, algorithm: Algorithm) -> Vec<Arc<SigningKey>> {
        let fit = self.keys.iter().filter(|key| key.algorithm == algorithm);
        let fit: Vec<_> = match id {
            Some(id) => fit.filter(|key| key.id.as_deref() == Some(id)).cloned().collect(),
            None => fit.cloned().collect(),
        };
        match (id, fit.len()) {
            (None, 2..) => Vec::new(),
            _ => fit,
        }
    }
}

impl Keys {
    pub fn of(issuer: &Issuer, fetch: Arc<dyn Fetch>) -> Self {
        Self {
            name: issuer.name.clone(),
            issuer: issuer.issuer.clone(),
            jwks_url: issuer.jwks_url.clone(),
            fetch,
            known: RwLock::default(),
            asking: Mutex::default(),
        }
    }

    /// The keys that a token may mean. May ask the issuer; blocks.
    pub fn find(&self, id: Option<&str>, algorithm: Algorithm, now_micros: i64) -> Found {
        {
            let known = self.known.read();
            let found = known.matching(id, algorithm);
            if !found.is_empty() && known.is_younger(FRESH_MICROS, now_micros) {
                return Found::Keys(found);
            }
            if !known.may_ask(now_micros) {
                return usable(&known, found, now_micros);
            }
        }
        let Some(_asking) = self.asking.try_lock_for(PATIENCE) else { return Found::Unavailable };
        // Another may have asked meanwhile.
        if self.known.read().may_ask(now_micros) {
            self.ask(now_micros);
        }
        let known = self.known.read();
        usable(&known, known.matching(id, algorithm), now_micros)
    }

    fn ask(&self, now_micros: i64) {
        let fetched = self.fetch_keys();
        let mut known = self.known.write();
        known.asked_micros = Some(now_micros);
        match fetched {
            Ok(keys) => {
                known.keys = keys;
                known.fetched_micros = Some(now_micros);
            }
            Err(error) => tracing::warn!("the keys of the issuer {:?} can't be had: {error}", self.name),
        }
    }

    fn fetch_keys(&self) -> Result<Vec<Arc<SigningKey>>, String> {
        let url = match &self.jwks_url {
            Some(url) => url.clone(),
            None => self.discover()?,
        };
        let document = self.get(&url)?;
        let Some(Value::Array(keys)) = document.get("keys") else {
            return Err(format!("{url} has no keys"));
        };
        if keys.len() > KEYS_MAX {
            return Err(format!("{url} has {} keys; at most {KEYS_MAX} are taken", keys.len()));
        }
        // Keys for other ends, and of kinds that are not used here, are among them.
        Ok(keys.iter().filter_map(signing_key).map(Arc::new).collect())
    }

    /// Where the keys are, as the issuer's own document says.
    fn discover(&self) -> Result<String, String> {
        let base = self.issuer.trim_end_matches('/');
        let url = format!("{base}/.well-known/openid-configuration");
        let document = self.get(&url)?;
        if document.get("issuer").and_then(Value::as_str) != Some(&self.issuer) {
            return Err(format!("{url} speaks of another issuer"));
        }
        match document.get("jwks_uri").and_then(Value::as_str) {
            Some(uri) if is_safe_url(uri) => Ok(uri.to_owned()),
            _ => Err(format!("{url} has no jwks_uri that begins with https://")),
        }
    }

    fn get(&self, url: &str) -> Result<BTreeMap<String, Value>, String> {
        let limits = FetchLimits { bytes_max: BYTES_MAX, timeout: Duration::from_secs(SECONDS_MAX) };
        let bytes = self.fetch.get(url, limits)?;
        if bytes.len() > BYTES_MAX {
            return Err(format!("{url} answers with more than {BYTES_MAX} bytes"));
        }
        serde_json::from_slice(&bytes).map_err(|error| format!("{url} is no JSON object: {error}"))
    }
}

/// What may still be used of what is known.
fn usable(known: &Known, found: Vec<Arc<SigningKey>>, now_micros: i64) -> Found {
    match (known.is_younger(STALE_MICROS, now_micros), found.is_empty()) {
        (false, _) => Found::Unavailable,
        (true, true) => Found::Unknown,
        (true, false) => Found::Keys(found),
    }
}

/// A published key, where it is one that signatures may be checked by.
fn signing_key(value: &Value) -> Option<SigningKey> {
    let jwk: Jwk = serde_json::from_value(value.clone()).ok()?;
    let common = &jwk.common;
    if common.public_key_use.as_ref().is_some_and(|usage| *usage != PublicKeyUse::Signature) {
        return None;
    }
    let verifies = |operations: &Vec<KeyOperations>| operations.contains(&KeyOperations::Verify);
    if common.key_operations.as_ref().is_some_and(|operations| !verifies(operations)) {
        return None;
    }
    let algorithm = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => Algorithm::Rs256,
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => Algorithm::Es256,
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => Algorithm::EdDsa,
        _ => return None,
    };
    let declared = value.get("alg").and_then(Value::as_str);
    if declared.is_some_and(|declared| declared != algorithm.name()) {
        return None;
    }
    let decoding = DecodingKey::from_jwk(&jwk).ok()?;
    if let jsonwebtoken::DecodingKeyKind::RsaModulusExponent { n, .. } = decoding.kind()
        && n.iter().skip_while(|byte| **byte == 0).count() < MODULUS_BYTES_MIN
    {
        return None;
    }
    Some(SigningKey { id: jwk.common.key_id.clone(), algorithm, decoding })
}
