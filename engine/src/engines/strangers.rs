//! Whose tenant somebody comes to who has proven nothing yet.
//!
//! A tenant that is closed is opened for it, which costs files, memory and one of the places of open tenants. So a stranger has only so many
//! opened before he is who he says, told by his address, and none while what he tries is throttled. Whatever stands in the way, of this kind
//! or because the tenant can't be opened, is logged and not told: he who tells a name is led to the main tenant, which
//! does not know it, just as where there is no such tenant; he who has a token is told to come again, and so is for a while whoever names none.
//!
//! A name and password that are right must not be called wrong for it. So whoever is refused where he named a tenant is told the same, whether
//! there is one, open or not: that he may be right and come later; and to come later and nothing else while no more is opened for him.
//!
//! And whoever is refused is counted the same: as if a tenant had been opened for him, whether it was, was open before, or is none.

use std::sync::Arc;

use quarry_storage::TenantName;

use super::{Database, Engines, LOGIN_SEPARATOR};
use crate::{
    engine::Engine,
    error::{Error, ErrorKind, Result},
    identity::{
        Origin, Principal, Tokens,
        gate::{Doorstep, NAME_BYTES_MAX, Told},
        ledger::TENANT_END,
    },
};

/// Who judges a login.
struct Led<'a> {
    engine: Arc<Engine>,
    /// The name as it is known there.
    user: &'a str,
    /// The tenant that was named, other than the main one, be there such a one or not.
    named: Option<TenantName>,
    /// What he is told unless he is proven, where no more is opened for him.
    later: Option<Error>,
}

impl Engines {
    /// Proves somebody by his login name and password, to the tenant that the name tells.
    ///
    /// # Errors
    ///
    /// Those of [`Engine::login_from`]. Who names a tenant other than the main one, be there such a one or not, is told that it may not be
    /// open; and `Limited` while no more is opened for him, unless he is proven.
    pub async fn log_in(
        &self,
        login: &str,
        password: &str,
        origin: &Origin,
    ) -> Result<(Arc<Engine>, Principal)> {
        let Led { engine, user, named, later } = self.led(login, origin).await;
        let told = named.as_ref().map(|_| Told::whole(login));
        let refused = match engine.login_as((user, told), password, origin).await {
            Ok(principal) => {
                self.came_in(&engine, origin);
                return Ok((engine, principal));
            }
            Err(refused) => refused,
        };
        match named.filter(|_| refused.kind == ErrorKind::Unauthenticated) {
            Some(tenant) => {
                let later = later.or_else(|| self.note_refusal(&tenant, origin).err());
                Err(later.unwrap_or_else(refused_or_not_open))
            }
            None => Err(refused),
        }
    }

    /// Whose login this is, and the user's name there.
    #[cfg(test)]
    pub(crate) async fn of_login<'a>(&self, login: &'a str, origin: &Origin) -> (Arc<Engine>, &'a str) {
        let Led { engine, user, .. } = self.led(login, origin).await;
        (engine, user)
    }

    async fn led<'a>(&self, login: &'a str, origin: &Origin) -> Led<'a> {
        let here = |user, named, later| Led { engine: self.main().clone(), user, named, later };
        let Some((user, tenant)) = named(login) else { return here(login, None, None) };
        if tenant == TenantName::main() {
            return here(user, None, None);
        }
        // Asked whether or not it is open, or there: each of them is told the same.
        let later = self.may_come(&tenant, Some(user), origin).err();
        match self.for_stranger(&tenant, later.as_ref(), origin).await {
            Some(engine) => Led { engine, user, named: Some(tenant), later },
            None => here(login, Some(tenant), later),
        }
    }

    /// Proves somebody by an access token or a key, to the tenant that it tells.
    ///
    /// # Errors
    ///
    /// Those of [`Engine::by_bearer`]; `Limited` when too many came from there in vain; `Unavailable` when the tenant can't be opened.
    pub async fn by_bearer(&self, token: &str, origin: &Origin) -> Result<(Arc<Engine>, Principal)> {
        let engine = self.of_secret(token, origin).await?;
        let principal = engine.by_bearer(token, origin).await;
        let principal = self.judged(token, (&engine, origin), principal)?;
        Ok((engine, principal))
    }

    /// Exchanges a refresh token for the next pair, at the tenant that it tells.
    ///
    /// # Errors
    ///
    /// Those of [`Engine::refresh`], and as [`Self::by_bearer`].
    pub async fn refresh(&self, token: &str, origin: &Origin) -> Result<(Tokens, Principal)> {
        let engine = self.of_secret(token, origin).await?;
        let refreshed = engine.refresh(token, origin).await;
        self.judged(token, (&engine, origin), refreshed)
    }

    /// What came of a token: whoever is proven has come in, and whoever is not is counted.
    fn judged<T>(&self, secret: &str, (engine, origin): (&Engine, &Origin), judged: Result<T>) -> Result<T> {
        match judged {
            Ok(proven) => {
                self.came_in(engine, origin);
                Ok(proven)
            }
            Err(refused) => {
                let tenant = tenant_of(secret).filter(|_| refused.kind == ErrorKind::Unauthenticated);
                tenant.map_or(Ok(()), |tenant| self.note_refusal(&tenant, origin))?;
                Err(refused)
            }
        }
    }

    /// Whose token or key this is. Whether it is one at all, that tenant says.
    ///
    /// # Errors
    ///
    /// `Limited` when no more is opened for him now; `Unavailable` when a tenant can't be opened: a token that may be good is not refused, for
    /// its client would throw it away. Then for a while the same where there is no such tenant.
    pub(crate) async fn of_secret(&self, secret: &str, origin: &Origin) -> Result<Arc<Engine>> {
        let Some(tenant) = tenant_of(secret) else { return Ok(self.main().clone()) };
        // Who comes with a good one to a tenant that is open costs nothing, and is not asked what others from there did.
        if let Some(engine) = self.open_one(&tenant).ok().flatten() {
            return Ok(engine);
        }
        if self.must_be_there(&tenant).is_err() {
            if !self.doorstep().has_failed(self.now()) {
                return Ok(self.main().clone());
            }
            self.note_refusal(&tenant, origin)?;
            return Err(not_opened());
        }
        self.may_come(&tenant, None, origin)?;
        self.note_opening(&tenant, origin);
        if let Some(engine) = self.opened_for_stranger(tenant.clone()).await {
            return Ok(engine);
        }
        self.doorstep().note_failure(self.now());
        self.note_refusal(&tenant, origin)?;
        Err(not_opened())
    }

    /// Whether a user of that name may be one of a tenant's: longer names are nobody's.
    pub fn may_be_login(user: &str, tenant: &str) -> bool {
        user.len().saturating_add(LOGIN_SEPARATOR.len_utf8()).saturating_add(tenant.len()) <= NAME_BYTES_MAX
    }

    /// Whose database this is, to which somebody comes as this user.
    ///
    /// # Errors
    ///
    /// `Limited` when no more is opened for him now; the same where there is no such tenant, for what a name is proven by (its salt) must not
    /// change when its tenant is closed.
    pub async fn of_database(&self, name: &str, user: &str, origin: &Origin) -> Result<Database> {
        let Ok(tenant) = TenantName::try_from(name) else {
            return Ok(Database::NoTenants(self.main().clone()));
        };
        if tenant == TenantName::main() {
            return Ok(Database::Of(self.main().clone()));
        }
        // Asked for what is open, too: whom nothing is opened for now must not see what is.
        self.may_come(&tenant, Some(user), origin)?;
        let engine = self.for_stranger(&tenant, None, origin).await;
        Ok(engine.map_or_else(|| Database::Nobodys(self.main().clone()), Database::Of))
    }

    /// Who came to a database was refused, or left before he was proven.
    pub fn turned_away(&self, database: &str, origin: &Origin) {
        let tenant = TenantName::try_from(database).ok().filter(|tenant| *tenant != TenantName::main());
        // He is told of it when he comes again.
        drop(tenant.map(|tenant| self.note_refusal(&tenant, origin)));
    }

    /// Whoever comes from there has proven to a tenant who he is: it was opened for him rightly.
    pub fn came_in(&self, to: &Engine, origin: &Origin) {
        self.doorstep().came_in(to.tenant(), origin);
    }

    /// The engine of a tenant other than the main one, for who has proven nothing: the one that is open, or opened for him where nothing stands
    /// `against` it. None, too, where there is no such tenant.
    async fn for_stranger(
        &self,
        tenant: &TenantName,
        against: Option<&Error>,
        origin: &Origin,
    ) -> Option<Arc<Engine>> {
        self.must_be_there(tenant).ok()?;
        if let Some(engine) = self.open_one(tenant).ok().flatten() {
            return Some(engine);
        }
        if let Some(error) = against {
            tracing::info!(%tenant, code = error.code, "not opened for somebody who comes in: {error}");
            return None;
        }
        self.note_opening(tenant, origin);
        self.opened_for_stranger(tenant.clone()).await
    }

    fn doorstep(&self) -> &Doorstep {
        &self.main().process().doorstep
    }

    fn may_come(&self, tenant: &TenantName, user: Option<&str>, origin: &Origin) -> Result<()> {
        self.doorstep().may_come(tenant, user, origin, self.now())
    }

    fn note_opening(&self, tenant: &TenantName, origin: &Origin) {
        self.doorstep().note_opening(tenant, origin, self.now());
    }

    fn note_refusal(&self, tenant: &TenantName, origin: &Origin) -> Result<()> {
        self.doorstep().note_refusal(tenant, origin, self.now())
    }

    async fn opened_for_stranger(&self, tenant: TenantName) -> Option<Arc<Engine>> {
        match self.get(tenant.clone()).await {
            Ok(engine) => Some(engine),
            Err(error) => {
                tracing::error!(%tenant, code = error.code, "not opened for somebody who comes in: {error}");
                None
            }
        }
    }
}

/// A user's name, and the tenant's, where a login tells one.
fn named(login: &str) -> Option<(&str, TenantName)> {
    // Too long for any name: what is before the tenant's is never looked at alone.
    let whole = Some(login).filter(|login| login.len() <= NAME_BYTES_MAX)?;
    let (user, tenant) = whole.rsplit_once(LOGIN_SEPARATOR)?;
    Some((user, TenantName::try_from(tenant).ok()?))
}

/// The tenant, other than the main one, that a token or key tells.
fn tenant_of(secret: &str) -> Option<TenantName> {
    let (name, _) = secret.split_once(TENANT_END)?;
    TenantName::try_from(name).ok().filter(|tenant| *tenant != TenantName::main())
}

/// The same for a wrong password, an unknown user, and a tenant that there is not or that is not opened.
fn refused_or_not_open() -> Error {
    let message =
        "wrong user or password, or the tenant can't be opened now: if they are right, try again later";
    Error::new(ErrorKind::Unauthenticated, "UNAUTHENTICATED", message)
}

fn not_opened() -> Error {
    let message = "this can't be looked up now; try again later";
    Error::new(ErrorKind::Unavailable, "TENANT_UNAVAILABLE", message)
}
