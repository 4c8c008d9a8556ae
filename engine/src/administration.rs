//! What an administrator does through a session: users and what they are given, passwords, packages; and what each user may do with
//! sessions and keys of his own.

pub(crate) mod directory;
mod keys;
mod rights;

use std::sync::Arc;

use quarry_metadata::Registry;

pub use rights::UserRights;

use crate::{
    error::{Error, ErrorKind, Result},
    identity::{Event, EventKind, Means, Principal},
    session::Session,
    system::Credential,
};

impl Session {
    /// Makes a user. Blocks: hashing a password takes its time.
    ///
    /// # Errors
    ///
    /// `Denied` unless an administrator asks; those of [`crate::Engine::add_user`].
    pub fn add_user(&self, name: &str, password: &str, admin: bool) -> Result<Principal> {
        self.must_administer("users")?;
        let made = self.engine().add_user(name, password, admin)?;
        self.tell(self.event(EventKind::UserMade).of_user(&made.user_id));
        Ok(made)
    }

    /// Makes a service account.
    ///
    /// # Errors
    ///
    /// `Denied` unless an administrator asks; those of [`crate::Engine::add_service_account`].
    pub fn add_service_account(&self, name: &str, admin: bool) -> Result<Principal> {
        self.must_administer("users")?;
        let made = self.engine().add_service_account(name, admin)?;
        self.tell(self.event(EventKind::UserMade).of_user(&made.user_id));
        Ok(made)
    }

    /// Changes a password: one's own, or as an administrator anyone's. Blocks.
    ///
    /// # Errors
    ///
    /// `Denied` for someone else's; those of [`crate::Engine::set_password`].
    pub fn set_password(&self, name: &str, password: &str) -> Result<()> {
        match name == self.principal().user_name {
            true => self.must_be_in_person("password")?,
            false => self.must_administer("users")?,
        }
        let user_id = self.engine().change_password(name, password)?;
        self.tell(self.event(EventKind::PasswordChanged).of_user(&user_id));
        Ok(())
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

    /// Whoever has a key only, or a token of an issuer, may not make what outlives it.
    pub(crate) fn must_be_in_person(&self, what: &str) -> Result<()> {
        match self.principal().means() {
            Means::Password | Means::Session(_) | Means::Console => Ok(()),
            Means::Key(_) | Means::Issuer(_) => {
                let message = format!("log in by password to look after your own {what}");
                Err(Error::new(ErrorKind::Denied, "PERMISSION_DENIED", message))
            }
        }
    }

    /// The user whom `name` means: oneself, or as an administrator anyone.
    pub(crate) fn must_look_after(&self, name: &str) -> Result<Credential> {
        if name != self.principal().user_name {
            self.must_administer("users")?;
        }
        self.engine().must_know(name)
    }

    pub(crate) fn event(&self, kind: EventKind) -> Event {
        self.engine().gate().event(kind).by(self.principal()).from(&self.options().origin)
    }

    pub(crate) fn tell(&self, event: Event) {
        self.engine().gate().teller.tell(&event);
    }

    /// Refuses whoever may not look after users.
    ///
    /// # Errors
    ///
    /// `Denied`.
    pub fn must_manage_users(&self) -> Result<()> {
        self.must_administer("users")
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
