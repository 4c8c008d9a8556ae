//! What an administrator does through a session: users and what they are given, passwords, packages; and what each user may do with
//! sessions and keys of his own.

pub(crate) mod directory;
mod keys;
mod rights;

use std::sync::Arc;

use quarry_metadata::{Registry, permissions::Capability};

pub use rights::UserRights;

use crate::{
    error::{Error, ErrorKind, Result},
    identity::{Event, EventKind, Means, Principal, UserKind},
    opening::NewUser,
    session::Session,
    system::Credential,
};

impl Session {
    /// Makes a user. Blocks: hashing a password takes its time.
    ///
    /// # Errors
    ///
    /// `Denied` unless an administrator asks, or, for someone who is none, who manages users; those of [`crate::Engine::add_user`].
    pub fn add_user(&self, name: &str, password: &str, admin: bool) -> Result<Principal> {
        match admin {
            true => {
                self.must_administer("users")?;
                self.must_be_in_person("administrators")?;
            }
            false => self.must_manage(None)?,
        }
        let made = self.engine().make_user(NewUser {
            name,
            display_name: None,
            password: Some(password),
            admin,
            kind: UserKind::Person,
            adopts: self.principal().admin,
        })?;
        self.tell(self.event(EventKind::UserMade).of_user(&made.user_id));
        Ok(made)
    }

    /// Makes a service account.
    ///
    /// # Errors
    ///
    /// `Denied` unless an administrator asks; those of [`crate::Engine::add_service_account`].
    pub fn add_service_account(&self, name: &str, admin: bool) -> Result<Principal> {
        match admin {
            true => {
                self.must_administer("users")?;
                self.must_be_in_person("administrators")?;
            }
            false => self.must_manage(None)?,
        }
        let made = self.engine().make_user(NewUser {
            name,
            display_name: None,
            password: None,
            admin,
            kind: UserKind::Service,
            adopts: self.principal().admin,
        })?;
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

    /// Refuses whoever may not look after a user, or after users at all: administrators look after everyone, who has the capability after
    /// everyone but himself and administrators.
    pub(crate) fn must_manage(&self, user: Option<&str>) -> Result<()> {
        if self.principal().admin {
            return Ok(());
        }
        if self.has(Capability::ManageUsers) && !self.principal().read_only {
            let is_free = match user {
                Some(name) => name != self.principal().user_name && !self.engine().must_know(name)?.admin,
                None => true,
            };
            if is_free {
                return Ok(());
            }
        }
        self.must_administer("users")
    }

    /// Refuses a permission set to whom does not have it himself: nobody gives, or takes, more than he has.
    pub(crate) fn must_have(&self, set: &str) -> Result<()> {
        let active = self.engine().active();
        let has = || active.roles_of(self.principal()).iter().any(|role| **role == *set);
        if self.principal().admin || has() {
            return Ok(());
        }
        let message =
            format!("you may give and take only permission sets that you have, and {set:?} is none");
        Err(Error::new(ErrorKind::Denied, "PERMISSION_DENIED", message))
    }

    /// For what belongs to the server and to no record.
    ///
    /// # Errors
    ///
    /// `Denied` unless an administrator asks, or someone whose permission sets give it to him.
    pub fn must_administer(&self, what: &str) -> Result<()> {
        let is_given = what == "packages" && self.has(Capability::ManagePackages);
        if self.principal().admin || is_given && !self.principal().read_only {
            return Ok(());
        }
        let message = format!("only an administrator may look after {what}");
        Err(Error::new(ErrorKind::Denied, "PERMISSION_DENIED", message))
    }
}
