//! Tokens that others have made: JSON Web Tokens of issuers that the configuration trusts (OpenID Connect).
//!
//! The road of such a token ([`Issuers::prove`]):
//!
//! 1. Its claim `iss` says who claims to have made it. That is not believed yet: it only chooses among the issuers that are trusted.
//! 2. Its header says by which algorithm and which key. The algorithm must be one that the configuration allows for this issuer, the
//!    key one that the issuer publishes *for that algorithm* ([`keys`]): a public key is never a secret of HMAC, and `none` is no
//!    algorithm. The key's id is compared with those of the published keys, and is used for nothing else; keys and addresses of keys
//!    that the token itself brings (`jwk`, `jku`, `x5u`) are not looked at.
//! 3. The signature is checked ([`ring`]), then audience, issuer and times.
//! 4. Claims become a login name and permission sets ([`claims`]).
//!
//! Whatever is wrong, the client is told the same; the reason is in the event.

mod claims;
mod issuer;
mod keys;
mod ring;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use issuer::{Algorithm, Issuer};
use jsonwebtoken::{Header, Validation, dangerous::insecure_decode_claims, decode, decode_header};
pub use keys::{Fetch, FetchLimits};
use keys::{Found, Keys};
use serde::Deserialize;

use crate::error::{Error, Result};

/// Bytes of a token.
const TOKEN_BYTES_MAX: usize = 16 << 10;
/// Bytes of a key's id.
const KEY_ID_BYTES_MAX: usize = 256;

/// All issuers that are trusted.
#[derive(Default)]
pub(crate) struct Issuers(Vec<Trusted>);

/// One of them with its keys.
struct Trusted {
    issuer: Issuer,
    keys: Keys,
}

/// Someone whom an issuer vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Vouched {
    /// The issuer's name.
    pub issuer: Arc<str>,
    /// The login name.
    pub user_name: String,
    /// What people call him.
    pub display_name: Option<String>,
    /// The permission sets that his claims bring.
    pub permission_sets: Vec<Arc<str>>,
    /// What claims say of fields of the user's record; none where they say nothing.
    pub fields: Vec<(String, Option<String>)>,
    /// When the token ends, microseconds UTC.
    pub until_micros: i64,
    /// Whether he may be made a user when he is none.
    pub provision: bool,
    /// Whether he may administer when the user of that name may.
    pub may_administer: bool,
}

/// Why a token is refused: stable, for events.
pub(crate) type Reason = &'static str;

#[derive(Deserialize)]
struct Unproven {
    #[serde(default)]
    iss: Option<String>,
}

impl Issuers {
    /// Trusts these issuers.
    ///
    /// # Errors
    ///
    /// `Invalid` for one that is not configured well.
    pub fn new(issuers: Vec<Issuer>, fetch: &Arc<dyn Fetch>) -> Result<Self> {
        ring::install();
        for (at, issuer) in issuers.iter().enumerate() {
            issuer.check()?;
            let is_same = |other: &Issuer| other.name == issuer.name || other.issuer == issuer.issuer;
            if issuers.iter().take(at).any(is_same) {
                return Err(Error::invalid(format!("the issuer {:?} is configured twice", issuer.name)));
            }
        }
        let trusted = |issuer: Issuer| Trusted { keys: Keys::of(&issuer, fetch.clone()), issuer };
        Ok(Self(issuers.into_iter().map(trusted).collect()))
    }

    /// Whether a bearer token may be one of an issuer: three parts between points.
    pub fn may_be(text: &str) -> bool {
        text.bytes().filter(|b| *b == b'.').count() == 2
    }

    /// Whom a token proves at an instant. May fetch the issuer's keys; blocks.
    ///
    /// # Errors
    ///
    /// Why it does not, and the issuer's name where it is a trusted one.
    pub fn prove(&self, text: &str, now_micros: i64) -> Result<Vouched, (Reason, Option<&str>)> {
        if text.len() > TOKEN_BYTES_MAX {
            return Err(("TOKEN_TOO_LARGE", None));
        }
        let claimed: Unproven = insecure_decode_claims(text).map_err(|_| ("TOKEN_MALFORMED", None))?;
        let is_his = |trusted: &&Trusted| claimed.iss.as_deref() == Some(trusted.issuer.issuer.as_str());
        let trusted = self.0.iter().find(is_his).ok_or(("ISSUER_UNKNOWN", None))?;
        trusted.prove(text, now_micros).map_err(|reason| (reason, Some(trusted.issuer.name.as_str())))
    }
}

impl Trusted {
    fn prove(&self, text: &str, now_micros: i64) -> Result<Vouched, Reason> {
        // An algorithm that is none, or that nobody knows, is no header.
        let header = decode_header(text).map_err(|_| "TOKEN_MALFORMED")?;
        let algorithm = self.allowed(&header)?;
        if header.kid.as_ref().is_some_and(|kid| kid.len() > KEY_ID_BYTES_MAX) {
            return Err("KEY_UNKNOWN");
        }
        let keys = match self.keys.find(header.kid.as_deref(), algorithm, now_micros) {
            Found::Keys(keys) => keys,
            Found::Unknown => return Err("KEY_UNKNOWN"),
            Found::Unavailable => return Err("KEYS_UNAVAILABLE"),
        };
        let mut validation = Validation::new(algorithm.into());
        validation.set_audience(&self.issuer.audience);
        validation.set_issuer(&[&self.issuer.issuer]);
        validation.set_required_spec_claims(&["aud", "iss"]);
        // Times are compared with the clock that the engine was given (`claims`).
        validation.validate_exp = false;
        validation.validate_nbf = false;
        let mut reason = "SIGNATURE_WRONG";
        for key in keys.iter() {
            match decode::<claims::Claims>(text, &key.decoding, &validation) {
                Ok(proven) => return self.vouched(&proven.claims, now_micros),
                Err(error) => reason = told(&error),
            }
        }
        Err(reason)
    }

    /// The algorithm of a token, where this issuer may use it.
    fn allowed(&self, header: &Header) -> Result<Algorithm, Reason> {
        let algorithm = Algorithm::try_from(header.alg).map_err(|()| "ALGORITHM_REFUSED")?;
        if !self.issuer.algorithms.contains(&algorithm) {
            return Err("ALGORITHM_REFUSED");
        }
        // RFC 8725, section 3.11: a token made for something else is no access token.
        let is_known = |typ: &str| ["jwt", "at+jwt", "application/at+jwt"].contains(&typ);
        if header.typ.as_deref().is_some_and(|typ| !is_known(&typ.to_ascii_lowercase())) {
            return Err("TYPE_REFUSED");
        }
        // RFC 7515, section 4.1.11: what must be understood and is not refuses the token.
        match header.crit.is_some() {
            true => Err("CRITICAL_HEADER"),
            false => Ok(algorithm),
        }
    }

    fn vouched(&self, claims: &claims::Claims, now_micros: i64) -> Result<Vouched, Reason> {
        let issuer = &self.issuer;
        let until_micros = claims::must_hold(claims, issuer.clock_skew_seconds, now_micros)?;
        Ok(Vouched {
            issuer: issuer.name.as_str().into(),
            user_name: claims::user_name(claims, &issuer.user_claim)?,
            display_name: claims::display_name(claims),
            permission_sets: claims::permission_sets(claims, issuer),
            fields: claims::fields(claims, issuer)?,
            until_micros,
            provision: issuer.provision,
            may_administer: issuer.may_administer,
        })
    }
}

fn told(error: &jsonwebtoken::errors::Error) -> Reason {
    use jsonwebtoken::errors::ErrorKind;
    match error.kind() {
        ErrorKind::InvalidAudience => "AUDIENCE_WRONG",
        ErrorKind::InvalidIssuer => "ISSUER_UNKNOWN",
        ErrorKind::MissingRequiredClaim(_) => "CLAIM_MISSING",
        ErrorKind::InvalidAlgorithm | ErrorKind::MissingAlgorithm => "ALGORITHM_REFUSED",
        ErrorKind::InvalidSignature => "SIGNATURE_WRONG",
        _ => "TOKEN_MALFORMED",
    }
}
