//! The engine: opens the parts and puts them together.

use std::{path::PathBuf, sync::Arc};

use quarry_metadata::{Issues, Registry};
use quarry_planner::{Planner, PlannerOptions};
use quarry_storage::{StoreOptions, World};

use crate::{
    error::Result,
    identity::{Principal, ScramVerifier, Token},
    session::{Session, SessionOptions},
};

/// Where things are and how large they may get.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// The data folder; the tenant `main` is `tenant/main` below it.
    pub data: PathBuf,
    /// Package folders.
    pub packages: Vec<PathBuf>,
    /// The first admin's password; none: a random one, told in [`Opened`].
    pub admin_password: Option<String>,
    /// How long a bearer token lasts, seconds.
    pub token_seconds: u64,
    /// The store's limits.
    pub store: StoreOptions,
    /// The planner's limits.
    pub planner: PlannerOptions,
}

/// What opening did.
pub struct Opened {
    /// The engine.
    pub engine: Arc<Engine>,
    /// The random password of the `admin` user made by this first start, to be printed once.
    pub admin_password: Option<String>,
    /// Warnings of the packages.
    pub warnings: Issues,
}

/// One process's engine over one tenant, `main`.
pub struct Engine;

impl Engine {
    /// Loads the packages, opens the store, makes the tables and, at first start, the `admin` user.
    ///
    /// # Errors
    ///
    /// `Invalid` with all issues of the packages in the message; those of the store.
    pub fn open(options: EngineOptions, world: World) -> Result<Opened> {
        let _ = (options, world);
        todo!()
    }

    /// The registry that serves now.
    pub fn registry(&self) -> Arc<Registry> {
        todo!()
    }

    /// Loads the package folders again; on any error the last good registry keeps serving.
    ///
    /// # Errors
    ///
    /// `Invalid` with all issues.
    pub fn reload(&self) -> Result<Arc<Registry>> {
        todo!()
    }

    /// The planner.
    pub fn planner(&self) -> &Planner {
        todo!()
    }

    /// Proves a user by password (argon2id; takes as long for an unknown user; throttled).
    ///
    /// # Errors
    ///
    /// `Unauthenticated`, the same for a wrong password and an unknown user; `Limited` after too many tries.
    pub async fn login(&self, user: &str, password: &str) -> Result<Principal> {
        let _ = (user, password);
        todo!()
    }

    /// A bearer token for a proven user.
    ///
    /// # Errors
    ///
    /// `Limited` past the number of live tokens.
    pub fn issue_token(&self, principal: &Principal) -> Result<Token> {
        let _ = principal;
        todo!()
    }

    /// Who a bearer token is for.
    ///
    /// # Errors
    ///
    /// `Unauthenticated`.
    pub fn by_token(&self, token: &str) -> Result<Principal> {
        let _ = token;
        todo!()
    }

    /// What a SCRAM exchange checks against, with the principal it proves. For an unknown user: a verifier made from
    /// a server secret, stable per name, that no password satisfies, and no principal.
    ///
    /// # Errors
    ///
    /// Those of the store: then nobody is logged in.
    pub fn scram(&self, user: &str) -> Result<(ScramVerifier, Option<Principal>)> {
        let _ = user;
        todo!()
    }

    /// A session for a proven user.
    pub fn session(self: &Arc<Self>, principal: Principal, options: SessionOptions) -> Session {
        let _ = (principal, options);
        todo!()
    }

    /// Makes a user, or changes a password.
    ///
    /// # Errors
    ///
    /// `Violated` when the name is taken (add) or unknown (passwd), or the password is shorter than 8 characters.
    pub fn add_user(&self, name: &str, password: &str, admin: bool) -> Result<Principal> {
        let _ = (name, password, admin);
        todo!()
    }

    /// As [`Self::add_user`].
    ///
    /// # Errors
    ///
    /// As [`Self::add_user`].
    pub fn set_password(&self, name: &str, password: &str) -> Result<()> {
        let _ = (name, password);
        todo!()
    }

    /// Closes the store; no call after it succeeds.
    ///
    /// # Errors
    ///
    /// Those of the last sync.
    pub fn close(&self) -> Result<()> {
        todo!()
    }
}
