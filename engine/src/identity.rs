//! Users: who they are, how they prove it. Passwords are kept as an argon2id hash (HTTP) and a SCRAM-SHA-256
//! verifier (Postgres), in a system table that no view shows.

pub(crate) mod credentials;
pub(crate) mod gate;
mod password;
mod proofs;
mod scram;
mod throttle;
mod tokens;
mod turns;

pub use gate::Attempt;

/// Someone who has proven who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The user record's id.
    pub user_id: String,
    /// The login name.
    pub user_name: String,
    /// May administer users and packages.
    pub admin: bool,
    /// The permission sets that were given to the user and hold now, sorted; what these include is not among them.
    pub permission_sets: std::sync::Arc<[std::sync::Arc<str>]>,
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
