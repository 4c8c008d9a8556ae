//! What the configuration says of an issuer.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{
    error::{Error, Result},
    identity::grants,
};

/// How far clocks may be apart, seconds.
const CLOCK_SKEW_SECONDS_MAX: u64 = 300;

/// An issuer of tokens that is trusted.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Issuer {
    /// What it is called here: in events, and in what users are told.
    pub name: String,
    /// Whose users it vouches for; without it, the main tenant's. Of another tenant's, a token is sent with the tenant's name and `~` before it.
    #[serde(default)]
    pub tenant: Option<String>,
    /// Its claim `iss`, to the letter.
    pub issuer: String,
    /// Whom its tokens must be for: one of these in the claim `aud`.
    pub audience: Vec<String>,
    /// Where its keys are; without it, discovery tells (`/.well-known/openid-configuration` below the issuer).
    #[serde(default)]
    pub jwks_url: Option<String>,
    /// The algorithms that it may sign by.
    #[serde(default = "all_algorithms")]
    pub algorithms: Vec<Algorithm>,
    /// How far its clock and ours may be apart.
    #[serde(default = "clock_skew")]
    pub clock_skew_seconds: u64,
    /// The claim that is the login name. `email` counts only beside `email_verified: true`.
    #[serde(default = "subject")]
    pub user_claim: String,
    /// The claim that holds groups or roles: its name, or names with points between them.
    #[serde(default)]
    pub groups_claim: Option<String>,
    /// The permission sets that a group brings. Groups that are not here bring none.
    #[serde(default)]
    pub permission_sets: BTreeMap<String, Vec<String>>,
    /// Fields of the user's record, texts, and the claims that fill them. What a token does not say is emptied.
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
    /// Makes a user of whoever is none.
    #[serde(default)]
    pub provision: bool,
    /// Lets users who are administrators act as such by its tokens.
    #[serde(default)]
    pub may_administer: bool,
}

/// An algorithm of signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Algorithm {
    /// RSA, PKCS#1 1.5, SHA-256.
    #[serde(rename = "RS256")]
    Rs256,
    /// ECDSA on P-256, SHA-256.
    #[serde(rename = "ES256")]
    Es256,
    /// Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
}

impl Algorithm {
    /// As headers of tokens and keys name it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Algorithm::Rs256 => "RS256",
            Algorithm::Es256 => "ES256",
            Algorithm::EdDsa => "EdDSA",
        }
    }
}

impl From<Algorithm> for jsonwebtoken::Algorithm {
    fn from(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Rs256 => jsonwebtoken::Algorithm::RS256,
            Algorithm::Es256 => jsonwebtoken::Algorithm::ES256,
            Algorithm::EdDsa => jsonwebtoken::Algorithm::EdDSA,
        }
    }
}

impl TryFrom<jsonwebtoken::Algorithm> for Algorithm {
    type Error = ();

    fn try_from(algorithm: jsonwebtoken::Algorithm) -> Result<Self, ()> {
        match algorithm {
            jsonwebtoken::Algorithm::RS256 => Ok(Algorithm::Rs256),
            jsonwebtoken::Algorithm::ES256 => Ok(Algorithm::Es256),
            jsonwebtoken::Algorithm::EdDSA => Ok(Algorithm::EdDsa),
            _ => Err(()),
        }
    }
}

fn all_algorithms() -> Vec<Algorithm> {
    vec![Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa]
}

fn clock_skew() -> u64 {
    60
}

fn subject() -> String {
    "sub".to_owned()
}

impl Issuer {
    /// Whether it is configured well.
    ///
    /// # Errors
    ///
    /// `Invalid`, naming what is not.
    pub(super) fn check(&self) -> Result<()> {
        let refuse = |what: &str| Err(Error::invalid(format!("the issuer {:?}: {what}", self.name)));
        if self.name.is_empty() || self.issuer.is_empty() || self.user_claim.is_empty() {
            return refuse("name, issuer and user_claim must say something");
        }
        if self.audience.is_empty() || self.audience.iter().any(String::is_empty) {
            return refuse(
                "audience must name whom the tokens are for: without it, tokens for others would be taken",
            );
        }
        if self.algorithms.is_empty() {
            return refuse("algorithms must name at least one");
        }
        if self.clock_skew_seconds > CLOCK_SKEW_SECONDS_MAX {
            return refuse("clock_skew_seconds may be at most 300");
        }
        if !is_safe_url(&self.issuer) && self.jwks_url.is_none() {
            return refuse("issuer must begin with https://, or jwks_url must be there");
        }
        if self.jwks_url.as_ref().is_some_and(|url| !is_safe_url(url)) {
            return refuse("jwks_url must begin with https://");
        }
        if self.groups_claim.is_none() && !self.permission_sets.is_empty() {
            return refuse("permission_sets needs groups_claim");
        }
        self.permission_sets.values().flatten().try_for_each(|set| grants::check_name(set))
    }
}

/// Keys come over https, or from this very machine.
pub(super) fn is_safe_url(url: &str) -> bool {
    if url.starts_with("https://") {
        return true;
    }
    let host = url.strip_prefix("http://").and_then(|rest| rest.split('/').next()).unwrap_or_default();
    ["127.0.0.1", "localhost", "[::1]"].iter().any(|here| {
        host.strip_prefix(here).is_some_and(|port| {
            port.is_empty()
                || port.strip_prefix(':').is_some_and(|port| port.bytes().all(|b| b.is_ascii_digit()))
        })
    })
}
