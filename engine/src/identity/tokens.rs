//! Bearer tokens: 32 unpredictable bytes, of which only the SHA-256 is kept, so that a look into the server's memory or
//! a core dump gives none away. They end by the clock, by a new password, and with the process.

use std::collections::HashMap;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use super::{Principal, Token};
use crate::error::{Error, ErrorKind, Result};

/// Tokens alive at once.
const TOKENS_MAX: usize = 100_000;

#[derive(Default)]
pub(crate) struct Tokens {
    live: Mutex<HashMap<[u8; 32], Live>>,
}

struct Live {
    principal: Principal,
    expires_micros: i64,
}

impl Tokens {
    /// A new token.
    ///
    /// # Errors
    ///
    /// `Limited` past [`TOKENS_MAX`].
    pub fn issue(
        &self,
        principal: &Principal,
        secret: [u8; 32],
        now: i64,
        expires_micros: i64,
    ) -> Result<Token> {
        let text = URL_SAFE_NO_PAD.encode(secret);
        let mut live = self.live.lock();
        if live.len() >= TOKENS_MAX {
            live.retain(|_, token| token.expires_micros > now);
        }
        if live.len() >= TOKENS_MAX {
            return Err(Error::limited("live tokens", live.len() + 1, TOKENS_MAX));
        }
        live.insert(digest(&text), Live { principal: principal.clone(), expires_micros });
        Ok(Token { text, expires_micros })
    }

    /// Whose token it is. Looked up by its hash: how long that takes tells nothing of the token.
    ///
    /// # Errors
    ///
    /// `Unauthenticated`.
    pub fn find(&self, text: &str, now_micros: i64) -> Result<Principal> {
        let key = digest(text);
        let mut live = self.live.lock();
        match live.get(&key) {
            Some(token) if token.expires_micros > now_micros => Ok(token.principal.clone()),
            Some(_) => {
                live.remove(&key);
                Err(refused())
            }
            None => Err(refused()),
        }
    }

    /// Ends all tokens of a user.
    pub fn revoke(&self, user_id: &str) {
        self.live.lock().retain(|_, token| token.principal.user_id != user_id);
    }
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

fn refused() -> Error {
    Error::new(
        ErrorKind::Unauthenticated,
        "UNAUTHENTICATED",
        "the token is unknown or has ended; log in again",
    )
}
