//! The gate everyone comes through: password logins (slow on purpose, few at once, throttled by name), SCRAM
//! exchanges, bearer tokens.

use std::sync::Arc;

use quarry_storage::{Store, World};
use tokio::sync::Semaphore;

use super::{
    Principal, ScramVerifier, Token, credentials, password, proofs::Proofs, scram, throttle::Throttle,
    tokens::Tokens,
};
use crate::error::{Error, ErrorKind, Result};

/// Passwords checked at once: each takes a core and 19 MiB for some tens of milliseconds.
const CHECKS_MAX: usize = 2;
/// Logins that may wait for their turn.
const WAITING_MAX: usize = 64;
/// Longer names are nobody's.
const NAME_BYTES_MAX: usize = 256;

pub(crate) struct Gate {
    store: Arc<Store>,
    world: World,
    token_seconds: u64,
    /// What fake verifiers are made from; stable over restarts.
    scram_secret: Vec<u8>,
    /// The hash that an unknown user's password is checked against, to take as long.
    nobody_hash: String,
    tokens: Tokens,
    throttle: Throttle,
    proofs: Proofs,
    checks: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

impl Gate {
    /// A gate over the store's credentials.
    ///
    /// # Errors
    ///
    /// None in practice.
    pub fn new(store: Arc<Store>, world: World, token_seconds: u64, scram_secret: Vec<u8>) -> Result<Self> {
        let nobody_hash = password::hash("nobody's password", &[0; 16])?;
        let proofs = Proofs::new(world.ids.secret());
        Ok(Self {
            store,
            world,
            token_seconds,
            scram_secret,
            nobody_hash,
            tokens: Tokens::default(),
            throttle: Throttle::default(),
            proofs,
            checks: Arc::new(Semaphore::new(CHECKS_MAX)),
            waiting: Arc::new(Semaphore::new(WAITING_MAX)),
        })
    }

    /// Proves a user by password.
    ///
    /// # Errors
    ///
    /// `Unauthenticated`, the same for a wrong password and an unknown user; `Limited` when the name failed too often, or
    /// too many wait.
    pub async fn login(self: &Arc<Self>, name: &str, password: &str) -> Result<Principal> {
        if name.len() > NAME_BYTES_MAX {
            return Err(refused());
        }
        self.throttle.check(name, self.world.clock.now_micros())?;
        if let Some(principal) = self.proven_before(name, password)? {
            return Ok(principal);
        }
        let busy = || {
            Error::new(ErrorKind::Limited, "LOGINS_BUSY", "too many logins at once; try again in a moment")
        };
        let turn = self.waiting.clone().try_acquire_owned().map_err(|_| busy())?;
        let check = self.checks.clone().acquire_owned().await.map_err(|_| busy())?;
        let (gate, name, password) = (self.clone(), name.to_owned(), password.to_owned());
        let checked = move || {
            let _held = (turn, check);
            gate.check(&name, &password)
        };
        tokio::task::spawn_blocking(checked).await?
    }

    fn proven_before(&self, name: &str, password: &str) -> Result<Option<Principal>> {
        let Some((principal, changed_at)) = self.proofs.find(name, password, self.world.clock.now_micros())
        else {
            return Ok(None);
        };
        let credential = credentials::by_user(&self.store.snapshot(), &principal.user_id)?;
        Ok(credential
            .filter(|c| c.changed_at_micros == changed_at && *c.name == *name)
            .map(|c| c.principal()))
    }

    /// The slow part of a login.
    fn check(&self, name: &str, password: &str) -> Result<Principal> {
        let credential = credentials::by_name(&self.store.snapshot(), name)?;
        let hash = credential.as_ref().map_or(self.nobody_hash.as_str(), |c| &c.password_hash);
        let right = password::verify(password, hash)?;
        let now = self.world.clock.now_micros();
        match credential {
            Some(credential) if right => {
                self.throttle.proven(name);
                let principal = credential.principal();
                self.proofs.keep(&principal, password, credential.changed_at_micros, now);
                Ok(principal)
            }
            _ => {
                self.throttle.failed(name, now);
                Err(refused())
            }
        }
    }

    /// What a SCRAM exchange checks against.
    ///
    /// # Errors
    ///
    /// `Limited` when the name failed too often; those of the store.
    pub fn scram(&self, name: &str) -> Result<(ScramVerifier, Option<Principal>)> {
        self.throttle.check(name, self.world.clock.now_micros())?;
        let credential = match name.len() {
            0..=NAME_BYTES_MAX => credentials::by_name(&self.store.snapshot(), name)?,
            _ => None,
        };
        match credential {
            Some(credential) => Ok((credential.scram.clone(), Some(credential.principal()))),
            None => Ok((scram::fake(&self.scram_secret, name)?, None)),
        }
    }

    /// How a SCRAM exchange ended.
    pub fn scram_ended(&self, name: &str, proven: bool) {
        match proven {
            true => self.throttle.proven(name),
            false if name.len() <= NAME_BYTES_MAX => {
                self.throttle.failed(name, self.world.clock.now_micros())
            }
            false => {}
        }
    }

    /// A bearer token.
    ///
    /// # Errors
    ///
    /// `Limited` past the number of live tokens.
    pub fn issue_token(&self, principal: &Principal) -> Result<Token> {
        let now = self.world.clock.now_micros();
        let lasts = i64::try_from(self.token_seconds).unwrap_or(i64::MAX).saturating_mul(1_000_000);
        self.tokens.issue(principal, self.world.ids.secret(), now, now.saturating_add(lasts))
    }

    /// Who a bearer token is for; someone whose credential is gone has no token any more.
    ///
    /// # Errors
    ///
    /// `Unauthenticated`; those of the store.
    pub fn by_token(&self, token: &str) -> Result<Principal> {
        let principal = self.tokens.find(token, self.world.clock.now_micros())?;
        match credentials::by_user(&self.store.snapshot(), &principal.user_id)? {
            Some(credential) => Ok(credential.principal()),
            None => Err(refused()),
        }
    }

    /// Ends what a user has proven so far: the password changed.
    pub fn forget(&self, principal: &Principal) {
        self.tokens.revoke(&principal.user_id);
        self.proofs.forget(&principal.user_name);
    }
}

fn refused() -> Error {
    Error::new(ErrorKind::Unauthenticated, "UNAUTHENTICATED", "wrong user or password")
}
