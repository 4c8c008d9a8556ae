//! The gate everyone comes through: password logins (slow on purpose, few at once, throttled by name), SCRAM
//! exchanges, bearer tokens.
//!
//! Proofs of one name are checked one after another, each under the throttle as the one before has left it.

use std::sync::Arc;

use quarry_storage::{Store, World};
use tokio::sync::Semaphore;

use super::{
    Principal, ScramVerifier, Token, credentials, password,
    proofs::{Proof, Proofs},
    scram,
    throttle::Throttle,
    tokens::Tokens,
    turns::{Turn, Turns},
};
use crate::error::{Error, ErrorKind, Result};

/// Passwords checked at once: each takes a core and 19 MiB for some tens of milliseconds.
const CHECKS_MAX: usize = 2;
/// Logins that may wait for such a check.
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
    turns: Turns,
    proofs: Proofs,
    checks: Arc<Semaphore>,
    waiting: Semaphore,
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
            turns: Turns::default(),
            proofs,
            checks: Arc::new(Semaphore::new(CHECKS_MAX)),
            waiting: Semaphore::new(WAITING_MAX),
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
        // Even the quick look at what was proven before answers a guess: it is made in turn, too.
        let turn = Arc::new(self.turns.take(name).await.ok_or_else(busy)?);
        let is_counted = match self.on_blocking_thread(&turn, name, password, Self::remembered).await? {
            Remembered::Proven(principal) => return Ok(principal),
            Remembered::Wrong => true,
            Remembered::Nothing => false,
        };
        let waiting = self.waiting.try_acquire().map_err(|_| busy())?;
        let check = self.checks.clone().acquire_owned().await.map_err(|_| busy())?;
        drop(waiting);
        let held = Arc::new((turn, check));
        let checked = move |gate: &Self, name: &str, password: &str| gate.check(name, password, is_counted);
        self.on_blocking_thread(&held, name, password, checked).await
    }

    /// Runs a step of a login where it may block, holding `held` to its end even when nobody waits for it any more.
    async fn on_blocking_thread<T: Send + 'static>(
        self: &Arc<Self>,
        held: &Arc<impl Send + Sync + 'static>,
        name: &str,
        password: &str,
        step: impl FnOnce(&Self, &str, &str) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (gate, name, password, held) = (self.clone(), name.to_owned(), password.to_owned(), held.clone());
        let run = move || {
            let _held = held;
            step(&gate, &name, &password)
        };
        tokio::task::spawn_blocking(run).await?
    }

    /// The quick part of a login: was this password proven a moment ago? A failure is counted here, not when the slow
    /// part has confirmed it: the client may be gone by then.
    fn remembered(&self, name: &str, password: &str) -> Result<Remembered> {
        let now = self.world.clock.now_micros();
        self.throttle.check(name, now)?;
        let (principal, changed_at) = match self.proofs.find(name, password, now) {
            Proof::Right { principal, changed_at_micros } => (principal, changed_at_micros),
            Proof::Wrong => {
                self.throttle.failed(name, now);
                return Ok(Remembered::Wrong);
            }
            Proof::Unknown => return Ok(Remembered::Nothing),
        };
        let credential = credentials::by_user(&self.store.snapshot(), &principal.user_id)?;
        match credential.filter(|c| c.changed_at_micros == changed_at && *c.name == *name) {
            Some(credential) => Ok(Remembered::Proven(credential.principal())),
            None => Ok(Remembered::Nothing),
        }
    }

    /// The slow part of a login.
    fn check(&self, name: &str, password: &str, is_counted: bool) -> Result<Principal> {
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
                if !is_counted {
                    self.throttle.failed(name, now);
                }
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

    /// The right to check one proof of a SCRAM exchange.
    ///
    /// # Errors
    ///
    /// `Limited` when the name failed too often meanwhile, or too many wait.
    pub async fn attempt(self: &Arc<Self>, name: &str) -> Result<Attempt> {
        let turn = self.turns.take(name).await.ok_or_else(busy)?;
        self.throttle.check(name, self.world.clock.now_micros())?;
        Ok(Attempt { gate: self.clone(), name: name.to_owned(), is_proven: false, _turn: turn })
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
    pub async fn by_token(&self, token: &str) -> Result<Principal> {
        let principal = self.tokens.find(token, self.world.clock.now_micros())?;
        let store = self.store.clone();
        let find = move || credentials::by_user(&store.snapshot(), &principal.user_id);
        match tokio::task::spawn_blocking(find).await?? {
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

/// What is known of a name and its password without looking at the hash.
enum Remembered {
    Proven(Principal),
    /// Another password was right a moment ago. Counted as a failure.
    Wrong,
    Nothing,
}

/// One proof about to be checked, in its turn. Counts as a failure unless it is told to be right.
pub struct Attempt {
    gate: Arc<Gate>,
    name: String,
    is_proven: bool,
    _turn: Turn,
}

impl Attempt {
    /// The proof was right: the name's failures are forgotten.
    pub fn proven(mut self) {
        self.is_proven = true;
        self.gate.throttle.proven(&self.name);
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if !self.is_proven && self.name.len() <= NAME_BYTES_MAX {
            self.gate.throttle.failed(&self.name, self.gate.world.clock.now_micros());
        }
    }
}

fn busy() -> Error {
    Error::new(ErrorKind::Limited, "LOGINS_BUSY", "too many logins at once; try again in a moment")
}

fn refused() -> Error {
    Error::new(ErrorKind::Unauthenticated, "UNAUTHENTICATED", "wrong user or password")
}
