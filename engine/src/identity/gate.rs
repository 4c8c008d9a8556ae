//! The gate everyone comes through: password logins (slow on purpose, few at once, throttled by name and by address), SCRAM exchanges,
//! sessions and API keys.
//!
//! Proofs of one name are checked one after another, each under the throttle as the one before has left it.

mod attempt;
mod doorstep;
mod issued;
mod renewal;
mod told;

use std::{collections::HashMap, sync::Arc};

use parking_lot::{Mutex, RwLock};
use quarry_storage::{Store, TableName, TenantName, World};

pub use attempt::Attempt;
pub(crate) use doorstep::Doorstep;
pub(crate) use told::Told;

use super::{
    Event, EventKind, IdentityOptions, Origin, Principal, ScramVerifier, credentials,
    event::Teller,
    jwt::Issuers,
    keys,
    ledger::Ledger,
    password,
    principal::{Basis, Means},
    proofs::{Proof, Proofs},
    secret::{self, KEY},
    sessions::{self, Lasting, Refreshed, Tokens},
    throttle::{Throttle, of_address},
    turns::Turns,
};
use crate::{
    active::USER,
    beside::beside,
    engines::LOGIN_SEPARATOR,
    error::{Error, ErrorKind, Result},
    opening,
    quota::FairTurns,
    system::{CREDENTIAL, Credential, GRANT},
};

/// Longer names are nobody's.
pub(crate) const NAME_BYTES_MAX: usize = 256;
/// Keys whose last use is remembered to be noted.
const NOTED_MAX: usize = 10_000;
/// How often a key's use is noted at most, by this process.
const NOTED_EVERY_MICROS: i64 = 3_600_000_000;

pub(crate) struct Gate {
    pub(crate) ledger: Ledger,
    pub(crate) teller: Teller,
    options: RwLock<Arc<IdentityOptions>>,
    access_seconds: u64,
    /// What fake verifiers are made from.
    fake_secret: Arc<[u8]>,
    /// What stands behind a name in a login: nothing for the main tenant's.
    login_end: String,
    /// The hash that an unknown user's password is checked against, to take as long.
    nobody_hash: String,
    tenant: TenantName,
    names: Arc<Throttle>,
    addresses: Arc<Throttle>,
    turns: Arc<Turns>,
    proofs: Proofs,
    checks: Arc<FairTurns>,
    /// Whose tokens are taken.
    issuers: RwLock<Arc<Issuers>>,
    /// The tables that say what a user is and was given.
    decide_renewal: [TableName; 3],
    /// When the use of a key was last noted, and which tokens of issuers were seen.
    noted: Mutex<HashMap<String, i64>>,
}

impl Gate {
    /// A gate over the store's credentials.
    ///
    /// # Errors
    ///
    /// None in practice.
    pub fn new(
        (store, world): (Arc<Store>, World),
        access_seconds: u64,
        tenant: &TenantName,
        doorstep: &Doorstep,
    ) -> Result<Self> {
        let fake_secret = doorstep.fake_secret(|| opening::scram_secret(&store, &world))?;
        let login_end = match *tenant == TenantName::main() {
            true => String::new(),
            false => format!("{LOGIN_SEPARATOR}{tenant}"),
        };
        let nobody_hash = password::nobodys();
        let proofs = Proofs::new(world.ids.secret());
        let decide_renewal = [CREDENTIAL, USER, GRANT].map(TableName::from);
        Ok(Self {
            ledger: Ledger::new(store, world),
            teller: Teller::default(),
            options: RwLock::default(),
            access_seconds,
            fake_secret,
            login_end,
            nobody_hash,
            tenant: tenant.clone(),
            names: Arc::clone(&doorstep.names),
            addresses: Arc::clone(&doorstep.addresses),
            turns: Arc::clone(&doorstep.turns),
            proofs,
            checks: Arc::clone(&doorstep.checks),
            issuers: RwLock::default(),
            decide_renewal,
            noted: Mutex::default(),
        })
    }

    /// From now on these hold.
    pub fn set_options(&self, options: IdentityOptions) {
        self.names.set_lock(options.lock);
        *self.options.write() = Arc::new(options);
    }

    /// What holds.
    pub fn options(&self) -> IdentityOptions {
        IdentityOptions::clone(&self.options.read())
    }

    /// An event of now.
    pub fn event(&self, kind: EventKind) -> Event {
        Event::new(kind, self.ledger.now())
    }

    /// Proves a user by password; `told`: as what he came, where he was not told to this tenant alone.
    ///
    /// # Errors
    ///
    /// `Unauthenticated`, the same for a wrong password and an unknown user; `Limited` when the name or the address failed too often,
    /// or too many wait.
    pub async fn login(
        self: &Arc<Self>,
        (name, told): (&str, Option<Told>),
        password: &str,
        origin: &Origin,
    ) -> Result<Principal> {
        if name.len() > NAME_BYTES_MAX {
            return Err(refused());
        }
        let told = told.unwrap_or_else(|| self.told(name));
        // Even the quick look at what was proven before answers a guess: it is made in turn, too.
        let turn = Arc::new(self.turns.take(&told, origin).await.ok_or_else(busy)?);
        let (name, password) = (name.to_owned(), password.to_owned());
        let login = Login { name, told, password, origin: origin.clone() };
        let is_counted = match self.on_blocking_thread(&turn, login.clone(), Self::remembered).await? {
            Remembered::Proven(principal) => return Ok(*principal),
            Remembered::Wrong => true,
            Remembered::Nothing => false,
        };
        let check = self.checks.take(login.told.queue).await;
        let gate = self.clone();
        // Held to its end, even when nobody waits for it any more.
        beside("quarry-login", move || {
            let _held = (turn, check);
            gate.check(&login, is_counted)
        })
        .await
    }

    /// Runs a step of a login where it may block, holding `held` to its end even when nobody waits for it any more.
    async fn on_blocking_thread<T: Send + 'static>(
        self: &Arc<Self>,
        held: &Arc<impl Send + Sync + 'static>,
        login: Login,
        step: impl FnOnce(&Self, &Login) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (gate, held) = (self.clone(), held.clone());
        let run = move || {
            let _held = held;
            step(&gate, &login)
        };
        tokio::task::spawn_blocking(run).await?
    }

    /// Whether this name may be tried now, from there.
    fn may_try(&self, told: &Told, origin: &Origin, now_micros: i64) -> Result<()> {
        if let Some(address) = origin.address {
            self.addresses.check(&of_address(address), now_micros)?;
        }
        self.names.check(&told.whole, now_micros)
    }

    /// Counts a failure, and tells of it. The name itself is told only where someone has it.
    fn on_failed(&self, told: &Told, origin: &Origin, user: Option<&Credential>) {
        let now = self.ledger.now();
        let is_locked = self.names.failed(&told.whole, now);
        if let Some(address) = origin.address {
            self.addresses.failed(&of_address(address), now);
        }
        let event = |kind| {
            let event = Event::new(kind, now).from(origin);
            match user {
                Some(user) => event.of_user(&user.user_id),
                None => event,
            }
        };
        let reason = if user.is_some() { "WRONG_PASSWORD" } else { "NO_SUCH_USER" };
        self.teller.tell(&event(EventKind::LoginFailed).because(reason));
        if is_locked {
            self.teller.tell(&event(EventKind::LockedOut).because("TOO_MANY_FAILURES"));
        }
    }

    /// The quick part of a login: was this password proven a moment ago? A failure is counted here, not when the slow
    /// part has confirmed it: the client may be gone by then.
    fn remembered(&self, login: &Login) -> Result<Remembered> {
        let now = self.ledger.now();
        self.may_try(&login.told, &login.origin, now)?;
        let snapshot = self.ledger.snapshot();
        let (user_id, changed_at) = match self.proofs.find(&login.name, &login.password, now) {
            Proof::Right { user_id, changed_at_micros } => (user_id, changed_at_micros),
            Proof::Wrong => {
                let user = credentials::by_name(&snapshot, &login.name)?;
                self.on_failed(&login.told, &login.origin, user.as_ref());
                return Ok(Remembered::Wrong);
            }
            Proof::Unknown => return Ok(Remembered::Nothing),
        };
        let credential = credentials::by_user(&snapshot, &user_id)?;
        match credential.filter(|c| c.changed_at_micros == changed_at && *c.name == *login.name) {
            Some(credential) => {
                let basis = Basis::of(Means::Password, &credential);
                let principal = Principal::of(&snapshot, &credential, basis, now)?;
                Ok(Remembered::Proven(Box::new(principal)))
            }
            None => Ok(Remembered::Nothing),
        }
    }

    /// The slow part of a login. It takes as long for whom nobody knows, and for whom has no password.
    fn check(&self, login: &Login, is_counted: bool) -> Result<Principal> {
        if !is_counted {
            // What came from one address at once, by many names, ends at its failures: no core is spent on the rest.
            self.may_try(&login.told, &login.origin, self.ledger.now())?;
        }
        let snapshot = self.ledger.snapshot();
        let credential = credentials::by_name(&snapshot, &login.name)?;
        let proof = credential.as_ref().and_then(|c| c.password.as_ref());
        let hash = proof.map_or(self.nobody_hash.as_str(), |proof| &proof.hash);
        let right = password::verify(&login.password, hash)? && proof.is_some();
        let now = self.ledger.now();
        match credential {
            Some(credential) if right => {
                self.names.forget(&login.told.whole);
                self.proofs.keep(&credential, &login.password, now);
                let basis = Basis::of(Means::Password, &credential);
                let principal = Principal::of(&snapshot, &credential, basis, now)?;
                self.tell_login(&principal, &login.origin);
                Ok(principal)
            }
            user => {
                if !is_counted {
                    self.on_failed(&login.told, &login.origin, user.as_ref());
                }
                Err(refused())
            }
        }
    }

    fn tell_login(&self, principal: &Principal, origin: &Origin) {
        let event = self.event(EventKind::LoggedIn).by(principal).of_user(&principal.user_id).from(origin);
        self.teller.tell(&event);
    }

    /// What a SCRAM exchange checks against: of a user's password, or of an API key where the name is a key's id.
    ///
    /// # Errors
    ///
    /// `Limited` when the name failed too often; those of the store.
    pub fn scram(&self, name: &str) -> Result<(ScramVerifier, Option<Principal>)> {
        let now = self.ledger.now();
        self.names.check(&self.told(name).whole, now)?;
        let snapshot = self.ledger.snapshot();
        if name.starts_with(KEY) && name.len() <= NAME_BYTES_MAX {
            return match keys::by_id(&snapshot, name, now, credentials::by_user)? {
                Some((principal, verifier)) => Ok((verifier, Some(principal))),
                None => Ok((self.fake(name)?, None)),
            };
        }
        let credential = match name.len() {
            0..=NAME_BYTES_MAX => credentials::by_name(&snapshot, name)?,
            _ => None,
        };
        match credential.as_ref().and_then(|c| c.password.as_ref().zip(Some(c))) {
            Some((proof, credential)) => {
                let basis = Basis::of(Means::Password, credential);
                let principal = Principal::of(&snapshot, credential, basis, now)?;
                Ok((proof.scram.clone(), Some(principal)))
            }
            None => Ok((self.fake(name)?, None)),
        }
    }

    /// Begins a session of someone proven. Blocks.
    ///
    /// # Errors
    ///
    /// `Unauthenticated` when he may not log in any more; those of the store.
    pub fn begin_session(&self, principal: &Principal, origin: &Origin) -> Result<Tokens> {
        let credential = credentials::by_user(&self.ledger.snapshot(), &principal.user_id)?;
        let credential = credential.filter(|c| c.changed_at_micros == principal.basis.version_micros);
        sessions::begin(&self.ledger, &credential.ok_or_else(refused)?, self.lasting(), origin)
    }

    fn lasting(&self) -> Lasting {
        let session_seconds = self.options.read().session_seconds;
        Lasting { access_seconds: self.access_seconds, session_seconds }
    }

    /// Exchanges a refresh token for the next pair. Blocks.
    ///
    /// # Errors
    ///
    /// `Unauthenticated`; when it was used before, its session has ended too.
    pub fn refresh(&self, text: &str, origin: &Origin) -> Result<(Tokens, Principal)> {
        let refreshed = sessions::refresh(&self.ledger, text, self.lasting(), origin, credentials::by_user)?;
        match refreshed {
            Refreshed::Renewed(tokens, user_id) => {
                let (snapshot, now) = (self.ledger.snapshot(), self.ledger.now());
                let principal = sessions::by_id(&snapshot, &tokens.session, now, credentials::by_user)?;
                let principal = principal.ok_or_else(token_refused)?;
                let event = self.event(EventKind::SessionRefreshed).by(&principal).of_user(&user_id);
                self.teller.tell(&event.about(&tokens.session).from(origin));
                Ok((tokens, principal))
            }
            Refreshed::Replayed(user_id, session) => {
                let event = self.event(EventKind::RefreshReplayed).of_user(&user_id).about(&session);
                self.teller.tell(&event.because("REFRESH_TOKEN_USED_BEFORE").from(origin));
                let message = "the refresh token was used before, so its session has ended; log in again";
                Err(Error::new(ErrorKind::Unauthenticated, "UNAUTHENTICATED", message))
            }
            Refreshed::Unknown => {
                let event = self.event(EventKind::TokenRefused).because("REFRESH_TOKEN_UNKNOWN");
                self.teller.tell(&event.from(origin));
                Err(token_refused())
            }
        }
    }

    /// Whether a refresh token is one that could be exchanged. Blocks.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub fn knows_refresh(&self, text: &str) -> Result<bool> {
        sessions::knows_refresh(&self.ledger.snapshot(), text)
    }

    /// Who an access token or an API key is for, as it is now. Blocks.
    ///
    /// # Errors
    ///
    /// `Unauthenticated`; those of the store.
    pub fn by_secret(self: &Arc<Self>, text: &str, origin: &Origin) -> Result<Principal> {
        let (snapshot, now) = (self.ledger.snapshot(), self.ledger.now());
        let found = match text.starts_with(KEY) {
            true => match keys::principal(&snapshot, text, now, credentials::by_user)? {
                Some(keyed) => {
                    if keyed.is_note_due {
                        self.note_use(&keyed.principal, now);
                    }
                    Some(keyed.principal)
                }
                None => None,
            },
            false => sessions::principal(&snapshot, text, now, credentials::by_user)?,
        };
        found.ok_or_else(|| {
            let prefix = if text.starts_with(KEY) { KEY } else { secret::ACCESS };
            let event = self.event(EventKind::TokenRefused).because("TOKEN_UNKNOWN_OR_ENDED").from(origin);
            // The id alone: it is nothing secret, and tells whose old token is still about.
            self.teller.tell(&match secret::parts(text, prefix) {
                Some((id, _)) if id.len() == secret::ID_BYTES => event.about(&format!("{prefix}{id}")),
                _ => event,
            });
            token_refused()
        })
    }

    /// Notes in the background that a key is in use, once in a while.
    fn note_use(self: &Arc<Self>, principal: &Principal, now_micros: i64) {
        let Means::Key(id) = principal.means() else { return };
        let last = self.note(id.to_string(), now_micros);
        if last.is_some_and(|last| now_micros.saturating_sub(last) < NOTED_EVERY_MICROS) {
            return;
        }
        let (gate, id) = (self.clone(), id.to_string());
        // Nobody waits for it: a key works even when that can't be written down.
        std::mem::drop(tokio::task::spawn_blocking(move || {
            if let Err(error) = keys::note_use(&gate.ledger, &id) {
                tracing::debug!("the use of a key can't be noted: {error}");
            }
        }));
    }

    /// Remembers that something was seen now; when it was seen before.
    fn note(&self, what: String, now_micros: i64) -> Option<i64> {
        let mut noted = self.noted.lock();
        if noted.len() >= NOTED_MAX {
            noted.clear();
        }
        noted.insert(what, now_micros)
    }

    /// Whether something was seen before.
    fn was_noted(&self, what: &str) -> bool {
        self.noted.lock().contains_key(what)
    }

    /// Ends what a user has proven so far: the password changed. Blocks.
    ///
    /// # Errors
    ///
    /// Those of the store; the sessions do not hold any more all the same.
    pub fn forget(&self, user_id: &str, name: &str) -> Result<()> {
        self.proofs.forget(name);
        self.ledger.write(user_id, |draft| sessions::end_all(draft, user_id)).map(drop)
    }
}

/// A name and a password from somewhere.
#[derive(Clone)]
struct Login {
    name: String,
    told: Told,
    password: String,
    origin: Origin,
}

/// What is known of a name and its password without looking at the hash.
enum Remembered {
    Proven(Box<Principal>),
    /// Another password was right a moment ago. Counted as a failure.
    Wrong,
    Nothing,
}

pub(super) fn busy() -> Error {
    Error::new(ErrorKind::Limited, "LOGINS_BUSY", "too many logins at once; try again in a moment")
}

fn refused() -> Error {
    Error::new(ErrorKind::Unauthenticated, "UNAUTHENTICATED", "wrong user or password")
}

/// The same for every token and key that is not taken.
pub(crate) fn token_refused() -> Error {
    let message = "the token is unknown or has ended; log in again";
    Error::new(ErrorKind::Unauthenticated, "UNAUTHENTICATED", message)
}
