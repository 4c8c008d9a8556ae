//! Users: who they are, how they prove it, what they were given.
//!
//! 1. A door reads what a client sends and hands it to the gate ([`gate`]): a password, an access token, an API key, or a token of an
//!    issuer that is trusted.
//! 2. The gate finds the user's [`system::Credential`](crate::system::Credential) and makes a [`Principal`] of it, with the permission
//!    sets that hold now ([`grants`]). Nothing of that is kept in a token: it is read anew with each request, so a right that was
//!    taken, a user who was deactivated or a key that was revoked is gone with the next one.
//! 3. What happened is told ([`event`]).
//!
//! Passwords are kept as an argon2id hash (HTTP) and a SCRAM-SHA-256 verifier (Postgres), tokens and keys as SHA-256 hashes, all of them in
//! system tables that no view shows.

pub(crate) mod credentials;
pub mod event;
pub(crate) mod gate;
pub(crate) mod grants;
pub mod jwt;
pub(crate) mod keys;
pub(crate) mod ledger;
pub(crate) mod password;
mod places;
pub(crate) mod principal;
mod proofs;
pub(crate) mod registrar;
mod scram;
mod secret;
pub(crate) mod sessions;
pub(crate) mod sweep;
mod throttle;
mod turns;

pub use event::{Event, EventKind, Events, Origin, Recent};
pub use gate::Attempt;
pub use grants::{BUILT_IN, PermissionGrant};
pub use keys::{KeyInfo, MadeKey, NewKey};
pub use principal::{Means, Principal, UserKind};
pub(crate) use secret::{KEY as KEY_PREFIX, REFRESH as REFRESH_PREFIX};
pub use sessions::{SessionInfo, Tokens};
pub use throttle::Lock;

/// How logins are looked after, beyond what an engine is opened with.
#[derive(Clone, Debug)]
pub struct IdentityOptions {
    /// How long a session lasts from its login on, however often it is refreshed, seconds.
    pub session_seconds: u64,
    /// When a name is locked; none: never.
    pub lock: Option<Lock>,
}

impl Default for IdentityOptions {
    fn default() -> Self {
        Self { session_seconds: 30 * 86_400, lock: Some(Lock { failures: 50, seconds: 3_600 }) }
    }
}

/// What a SCRAM-SHA-256 server keeps (RFC 5802).
#[derive(Clone)]
#[allow(missing_docs)]
pub struct ScramVerifier {
    pub salt: Vec<u8>,
    pub iterations: u32,
    pub stored_key: Vec<u8>,
    pub server_key: Vec<u8>,
}

impl std::fmt::Debug for ScramVerifier {
    /// Without what is secret: who has the stored key can try passwords against it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ScramVerifier").field("iterations", &self.iterations).finish_non_exhaustive()
    }
}

/// A bearer token as given to a client; only its hash is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// The secret text.
    pub text: String,
    /// When it ends, microseconds UTC.
    pub expires_micros: i64,
}

impl std::fmt::Debug for Token {
    /// Without the secret: tokens must not find their way into a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token").field("expires_micros", &self.expires_micros).finish_non_exhaustive()
    }
}
