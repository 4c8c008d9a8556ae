//! How one comes in: what clients prove themselves by becomes a principal, and what a process may do that has opened the data folder
//! itself.

use std::sync::Arc;

use quarry_storage::{Mark, TenantName};

use crate::{
    engine::Engine,
    error::Result,
    identity::{
        Attempt, Event, EventKind, Events, IdentityOptions, Origin, Principal, REFRESH_PREFIX as REFRESH,
        ScramVerifier, Tokens, UserKind, credentials,
        gate::{Told, token_refused},
        jwt::{Fetch, Issuer, Issuers},
        registrar::{Registrar, check_fields},
    },
    opening,
};

/// Bytes of a token or key; longer ones are not looked at.
const TOKEN_BYTES_MAX: usize = 16 << 10;

/// The issuers of all tenants of a process, and who fetches their keys.
#[derive(Clone)]
pub(crate) struct Trusted {
    issuers: Vec<Issuer>,
    fetch: Arc<dyn Fetch>,
}

impl Trusted {
    /// Those that vouch for users of a tenant.
    fn of(&self, tenant: &TenantName) -> Vec<Issuer> {
        let (tenant, main) = (tenant.to_string(), TenantName::main().to_string());
        let is_own = |issuer: &&Issuer| *issuer.tenant.as_ref().unwrap_or(&main) == tenant;
        self.issuers.iter().filter(is_own).cloned().collect()
    }
}

impl Engine {
    /// From now on logins are looked after so.
    pub fn set_identity_options(&self, options: IdentityOptions) {
        self.gate().set_options(options);
    }

    /// From now on tokens of these issuers are taken, and of no others; their keys are fetched by `fetch`. Those of other tenants are trusted by
    /// these, when they are opened.
    ///
    /// # Errors
    ///
    /// `Invalid` for an issuer that is not configured well, of this tenant or another.
    pub fn trust_issuers(&self, issuers: Vec<Issuer>, fetch: Arc<dyn Fetch>) -> Result<()> {
        let all = Trusted { issuers, fetch };
        for tenant in all.issuers.iter().filter_map(|issuer| issuer.tenant.as_deref()) {
            let tenant = TenantName::try_from(tenant)?;
            Issuers::new(all.of(&tenant), &all.fetch)?;
        }
        self.trust(&all)?;
        *self.process().trusted.lock() = Some(all);
        Ok(())
    }

    /// Takes tokens of those issuers that vouch for users of this tenant.
    fn trust(&self, all: &Trusted) -> Result<()> {
        let own = all.of(self.tenant());
        let active = self.active();
        own.iter().try_for_each(|issuer| check_fields(&active, issuer))?;
        self.gate().trust(Issuers::new(own, &all.fetch)?);
        Ok(())
    }

    /// As its process was told. What does not fit this tenant is told in the log, and nobody comes in by it.
    pub(crate) fn trust_as_process(&self) {
        let trusted = self.process().trusted.lock().clone();
        if let Some(Err(error)) = trusted.map(|all| self.trust(&all)) {
            tracing::error!(tenant = %self.tenant(), "its issuers are not trusted: {error}");
        }
    }

    /// From now on what happens at the gate is told there too, and not kept in memory.
    pub fn tell_events_to(&self, events: Arc<dyn Events>) {
        self.gate().teller.tell_to(events);
    }

    /// What happened at the gate lately, the oldest first, while nobody else keeps it.
    pub fn recent_events(&self) -> Vec<Event> {
        self.gate().teller.recent()
    }

    /// Proves a user by password (argon2id; takes as long for an unknown user; throttled), without saying from where.
    ///
    /// # Errors
    ///
    /// As [`Self::login_from`].
    pub async fn login(&self, user: &str, password: &str) -> Result<Principal> {
        self.login_from(user, password, &Origin::default()).await
    }

    /// Proves a user by password.
    ///
    /// # Errors
    ///
    /// `Unauthenticated`, the same for a wrong password and an unknown user; `Limited` after too many tries; `Denied` when the tenant is
    /// suspended, to who has proven himself.
    pub async fn login_from(&self, user: &str, password: &str, origin: &Origin) -> Result<Principal> {
        self.login_as((user, None), password, origin).await
    }

    /// The same for one who told his name to another tenant than this, or may have.
    pub(crate) async fn login_as(
        &self,
        user: (&str, Option<Told>),
        password: &str,
        origin: &Origin,
    ) -> Result<Principal> {
        let principal = self.gate().login(user, password, origin).await?;
        self.must_serve()?;
        Ok(principal)
    }

    /// Begins a session of someone proven by password: an access token for some minutes, and a refresh token.
    ///
    /// # Errors
    ///
    /// `Unauthenticated` when the user may not log in any more; those of the store.
    pub async fn begin_session(&self, principal: &Principal, origin: &Origin) -> Result<Tokens> {
        let (gate, principal, origin) = (self.gate().clone(), principal.clone(), origin.clone());
        tokio::task::spawn_blocking(move || gate.begin_session(&principal, &origin)).await?
    }

    /// Exchanges a refresh token for the next pair; it does so once.
    ///
    /// # Errors
    ///
    /// `Unauthenticated`; for a token that was used before, the whole session has ended too.
    pub async fn refresh(&self, refresh_token: &str, origin: &Origin) -> Result<(Tokens, Principal)> {
        if refresh_token.len() > TOKEN_BYTES_MAX {
            return Err(token_refused());
        }
        let text = self.gate().ledger.unmarked(refresh_token).ok_or_else(token_refused)?.to_owned();
        let (gate, origin) = (self.gate().clone(), origin.clone());
        // A suspended tenant exchanges nothing; whoever has such a token is told, for it was given out here.
        let is_open = self.must_serve();
        let refresh = move || match is_open {
            Ok(()) => gate.refresh(&text, &origin),
            Err(suspended) => match gate.knows_refresh(&text)? {
                true => Err(suspended),
                false => Err(token_refused()),
            },
        };
        tokio::task::spawn_blocking(refresh).await?
    }

    /// Who a bearer token is for: an access token, an API key, or a token of an issuer that is trusted. Read anew each time: rights that were taken are gone.
    ///
    /// # Errors
    ///
    /// `Unauthenticated`; `Unavailable` when the keys of the token's issuer can't be had.
    pub async fn by_bearer(&self, token: &str, origin: &Origin) -> Result<Principal> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(token_refused());
        }
        let text = self.gate().ledger.unmarked(token).ok_or_else(token_refused)?.to_owned();
        let (gate, origin) = (self.gate().clone(), origin.clone());
        if !Issuers::may_be(&text) || text.starts_with(REFRESH) {
            let principal = tokio::task::spawn_blocking(move || gate.by_secret(&text, &origin)).await??;
            self.must_serve()?;
            return Ok(principal);
        }
        self.by_issuer(&text, None, &origin).await
    }

    /// Whom a token of an issuer is for, where it is known already of which tenant: without the tenant's name before it. Where a user was named
    /// before, a token of another is refused.
    ///
    /// # Errors
    ///
    /// As [`Self::by_bearer`].
    pub async fn by_issuer(&self, token: &str, named: Option<&str>, origin: &Origin) -> Result<Principal> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(token_refused());
        }
        let (gate, text, origin) = (self.gate().clone(), token.to_owned(), origin.clone());
        let (store, active, world) = (self.store().clone(), self.active(), self.world().clone());
        let registrar = Registrar { store, active, world };
        let named = named.map(str::to_owned);
        let prove = move || gate.by_issuer((text.as_str(), named.as_deref()), &origin, &registrar);
        let principal = tokio::task::spawn_blocking(prove).await??;
        self.must_serve()?;
        Ok(principal)
    }

    /// Whether the process takes tokens of any issuer, for whatever tenant.
    pub fn takes_issuers_tokens(&self) -> bool {
        self.process().trusted.lock().as_ref().is_some_and(|all| !all.issuers.is_empty())
    }

    /// Where the main tenant's issuer tells of itself, as a stranger may be told. Of others nobody is told: it would say that there is such a
    /// tenant.
    pub fn discovery(&self) -> Option<String> {
        let main = TenantName::main();
        if *self.tenant() != main {
            return None;
        }
        let trusted = self.process().trusted.lock();
        let issuer = trusted.as_ref()?.of(&main).into_iter().next()?.issuer;
        Some(format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/')))
    }

    /// What someone proven may now: for connections that live longer than a request.
    ///
    /// # Errors
    ///
    /// `Unauthenticated` when what he logged in with does not hold any more; those of the store.
    pub fn renewed(&self, principal: &Principal) -> Result<Principal> {
        self.gate().renewed(principal)
    }

    /// As [`Self::renewed`]; nothing where the same would come of it as when this was told.
    pub(crate) fn renewed_since(
        &self,
        principal: &Principal,
        given_by: Option<&Mark>,
    ) -> Result<Option<(Principal, Option<Mark>)>> {
        self.gate().renewed_since(principal, given_by)
    }

    /// What a SCRAM exchange checks against, with the principal it proves: of a user's password, or of an API key where the name is
    /// the key's id. For an unknown name: a verifier made from a server secret, stable per name, that no password satisfies, and no
    /// principal.
    ///
    /// # Errors
    ///
    /// `Limited` when the name failed too often; those of the store: then nobody is logged in.
    pub fn scram(&self, user: &str) -> Result<(ScramVerifier, Option<Principal>)> {
        self.gate().scram(user)
    }

    /// What a SCRAM exchange checks against for a name that is nobody's, of a tenant that there is not: as [`Self::scram`] of an unknown one.
    ///
    /// # Errors
    ///
    /// `Limited` when the name failed too often.
    pub fn scram_of_nobody(&self, name: &str) -> Result<ScramVerifier> {
        self.gate().scram_of_nobody(name)
    }

    /// The right to check one proof of a SCRAM exchange: one at a time for each name, and a failure unless
    /// [`Attempt::proven`] is called, so that guessing is slowed down at that door too.
    ///
    /// # Errors
    ///
    /// `Limited` when the name or the address failed too often.
    pub async fn attempt(&self, user: &str, origin: &Origin) -> Result<Attempt> {
        self.gate().attempt(user, origin).await
    }

    /// The same for a name that is nobody's, of a tenant that there is not.
    ///
    /// # Errors
    ///
    /// As [`Self::attempt`].
    pub async fn attempt_of_nobody(&self, login: &str, origin: &Origin) -> Result<Attempt> {
        self.gate().attempt_of_nobody(login, origin).await
    }

    /// Makes a user with a password.
    ///
    /// # Errors
    ///
    /// `Violated` when the name is taken, or the password is shorter than 8 characters.
    pub fn add_user(&self, name: &str, password: &str, admin: bool) -> Result<Principal> {
        self.make_user(opening::NewUser {
            name,
            display_name: None,
            password: Some(password),
            admin,
            kind: UserKind::Person,
            adopts: true,
        })
    }

    /// Makes a service account: a user who has API keys, and no password.
    ///
    /// # Errors
    ///
    /// `Violated` when the name is taken.
    pub fn add_service_account(&self, name: &str, admin: bool) -> Result<Principal> {
        self.make_user(opening::NewUser {
            name,
            display_name: None,
            password: None,
            admin,
            kind: UserKind::Service,
            adopts: true,
        })
    }

    pub(crate) fn make_user(&self, user: opening::NewUser<'_>) -> Result<Principal> {
        opening::add_user(self.store(), &self.active(), self.world(), user)
    }

    /// Gives a user another password. Ends the user's sessions.
    ///
    /// # Errors
    ///
    /// `Violated` when there is no such user, he is a service account, or the password may not be chosen.
    pub fn set_password(&self, name: &str, password: &str) -> Result<()> {
        let user_id = self.change_password(name, password)?;
        self.gate().teller.tell(&self.gate().event(EventKind::PasswordChanged).of_user(&user_id));
        Ok(())
    }

    /// As [`Self::set_password`], without telling of it; the user's id.
    pub(crate) fn change_password(&self, name: &str, password: &str) -> Result<String> {
        let user_id = opening::set_password(self.store(), &self.active(), self.world(), name, password)?;
        self.gate().forget(&user_id, name)?;
        Ok(user_id.to_string())
    }

    /// The user `admin`, for a process that has opened the data folder itself: whoever can do that needs no password.
    ///
    /// # Errors
    ///
    /// `Missing` when there is no such user any more.
    pub fn operator(&self) -> Result<Principal> {
        opening::operator(self.store(), self.world())
    }

    /// Removes sessions whose time is over, keys that ended long ago, and grants that ended; how many there were. Blocks.
    ///
    /// # Errors
    ///
    /// Those of the store. What was removed before stays so.
    pub fn remove_ended(&self) -> Result<u64> {
        crate::identity::sweep::sweep(&self.gate().ledger)
    }

    /// A user who has a credential, whether or not he may log in.
    ///
    /// # Errors
    ///
    /// `Missing` when there is none of that name.
    pub(crate) fn must_know(&self, name: &str) -> Result<crate::system::Credential> {
        credentials::any_by_name(&self.store().snapshot(), name)?.ok_or_else(|| {
            let message = format!("there is no user {name:?} who could log in");
            crate::Error::new(crate::ErrorKind::Missing, "USER_NOT_FOUND", message)
        })
    }
}
