//! Whose tenant somebody comes to who has proven nothing yet.
//!
//! A tenant that is closed is opened for it, which costs files, memory and one of the places of open tenants. So a stranger has only so many
//! opened before he is who he says, told by his address, and none while what he tries is throttled. Whatever stands in the way, of this kind
//! or because the tenant can't be opened, is logged and not told: he who tells a name is led to the main tenant, which
//! does not know it, just as where there is no such tenant; he who has a token is told to come again, and so is for a while whoever names none.
//!
//! A name and password that are right must not be called wrong for it. So whoever is refused where he named a tenant is told the same, whether
//! there is one, open or not: that he may be right and come later; and to come later and nothing else while no more is opened for him.

use std::sync::Arc;

use quarry_storage::TenantName;

use super::{Database, Engines, LOGIN_SEPARATOR};
use crate::{
    engine::Engine,
    error::{Error, ErrorKind, Result},
    identity::{Origin, Principal, gate::NAME_BYTES_MAX, ledger::TENANT_END},
};

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
        let named = named(login).filter(|(_, tenant)| *tenant != TenantName::main());
        let later =
            named.as_ref().and_then(|(user, tenant)| self.may_come(tenant, Some(*user), origin).err());
        let (engine, user) = self.of_login(login, origin).await;
        match engine.login_from(user, password, origin).await {
            Ok(principal) => {
                self.came_in(&engine, origin);
                Ok((engine, principal))
            }
            Err(refused) if refused.kind == ErrorKind::Unauthenticated && named.is_some() => {
                Err(later.unwrap_or_else(refused_or_not_open))
            }
            Err(error) => Err(error),
        }
    }

    /// Whose login this is, and the user's name there.
    pub(crate) async fn of_login<'a>(&self, login: &'a str, origin: &Origin) -> (Arc<Engine>, &'a str) {
        let named = named(login).filter(|(_, tenant)| self.is_known(tenant));
        if let Some((user, tenant)) = named
            && let Some(engine) = self.for_stranger(tenant, Some(user), origin).await
        {
            return (engine, user);
        }
        (self.main().clone(), login)
    }

    /// Whose token or key this is. Whether it is one at all, that tenant says.
    ///
    /// # Errors
    ///
    /// `Limited` when no more is opened for him now; `Unavailable` when a tenant can't be opened. Both the same where there is no such tenant:
    /// a token that may be good is not refused, for its client would throw it away.
    pub async fn of_secret(&self, secret: &str, origin: &Origin) -> Result<Arc<Engine>> {
        let named = secret.split_once(TENANT_END).and_then(|(name, _)| TenantName::try_from(name).ok());
        let main = TenantName::main();
        let Some(tenant) = named.filter(|tenant| *tenant != main) else { return Ok(self.main().clone()) };
        if let Some(engine) = self.open_one(&tenant).ok().flatten() {
            return Ok(engine);
        }
        self.may_come(&tenant, None, origin)?;
        self.note_opening(&tenant, origin);
        let doorstep = &self.main().process().doorstep;
        if self.must_be_there(&tenant).is_err() {
            return if doorstep.has_failed(self.now()) { Err(not_opened()) } else { Ok(self.main().clone()) };
        }
        self.opened_for_stranger(tenant).await.ok_or_else(|| {
            doorstep.note_failure(self.now());
            not_opened()
        })
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
        if let Some(engine) = self.open_one(&tenant).ok().flatten() {
            return Ok(Database::Of(engine));
        }
        self.note_opening(&tenant, origin);
        let engine = match self.must_be_there(&tenant) {
            Ok(_) => self.opened_for_stranger(tenant).await,
            Err(_) => None,
        };
        Ok(engine.map_or_else(|| Database::Nobodys(self.main().clone()), Database::Of))
    }

    /// Whoever comes from there has proven to a tenant who he is: it was opened for him rightly.
    pub fn came_in(&self, to: &Engine, origin: &Origin) {
        self.main().process().doorstep.came_in(to.tenant(), origin);
    }

    async fn for_stranger(
        &self,
        tenant: TenantName,
        user: Option<&str>,
        origin: &Origin,
    ) -> Option<Arc<Engine>> {
        if tenant == TenantName::main() {
            return Some(self.main().clone());
        }
        if let Some(engine) = self.open_one(&tenant).ok().flatten() {
            return Some(engine);
        }
        match self.may_come(&tenant, user, origin) {
            Ok(()) => {
                self.note_opening(&tenant, origin);
                self.opened_for_stranger(tenant).await
            }
            Err(error) => {
                tracing::info!(%tenant, code = error.code, "not opened for somebody who comes in: {error}");
                None
            }
        }
    }

    fn may_come(&self, tenant: &TenantName, user: Option<&str>, origin: &Origin) -> Result<()> {
        self.main().process().doorstep.may_come(tenant, user, origin, self.now())
    }

    fn note_opening(&self, tenant: &TenantName, origin: &Origin) {
        self.main().process().doorstep.note_opening(tenant, origin, self.now());
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
