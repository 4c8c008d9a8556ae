//! What an administrator does through a session: users, passwords, packages.

use std::sync::Arc;

use quarry_metadata::Registry;

use crate::{
    error::{Error, ErrorKind, Result},
    identity::Principal,
    session::Session,
};

impl Session {
    /// Makes a user. Blocks: hashing a password takes its time.
    ///
    /// # Errors
    ///
    /// `Denied` unless an administrator asks; those of [`crate::Engine::add_user`].
    pub fn add_user(&self, name: &str, password: &str, admin: bool) -> Result<Principal> {
        self.must_administer("users")?;
        self.engine().add_user(name, password, admin)
    }

    /// Changes a password: one's own, or as an administrator anyone's. Blocks.
    ///
    /// # Errors
    ///
    /// `Denied` for someone else's; those of [`crate::Engine::set_password`].
    pub fn set_password(&self, name: &str, password: &str) -> Result<()> {
        if name != self.principal().user_name {
            self.must_administer("users")?;
        }
        self.engine().set_password(name, password)
    }

    /// Loads the package folders again. Blocks.
    ///
    /// # Errors
    ///
    /// `Denied` unless an administrator asks; `Invalid` with all findings, and the last good version keeps serving.
    pub fn reload(&self) -> Result<Arc<Registry>> {
        self.must_administer("packages")?;
        self.engine().reload()
    }

    /// For what belongs to the server and to no record.
    ///
    /// # Errors
    ///
    /// `Denied` unless an administrator asks.
    pub fn must_administer(&self, what: &str) -> Result<()> {
        if self.principal().admin {
            return Ok(());
        }
        let message = format!("only an administrator may look after {what}");
        Err(Error::new(ErrorKind::Denied, "PERMISSION_DENIED", message))
    }
}
