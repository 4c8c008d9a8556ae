//! What users are given, and what they are logged in with.

use quarry_metadata::permissions::Capability;

use crate::{
    active::nearest,
    error::{Error, ErrorKind, Result},
    identity::{
        BUILT_IN, EventKind, PermissionGrant, SessionInfo, UserKind,
        grants::{self, GRANTS_MAX},
        sessions,
    },
    session::Session,
    system::GRANT,
};

/// A user who may log in, as administrators and he himself see what he was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRights {
    /// The user's id.
    pub user_id: String,
    /// The login name.
    pub user_name: String,
    /// A person or a program.
    pub kind: UserKind,
    /// May administer users and packages.
    pub admin: bool,
    /// Has a password.
    pub has_password: bool,
    /// What was given to him, by name; ended grants are among them.
    pub grants: Vec<PermissionGrant>,
}

impl Session {
    /// What a user was given. Blocks.
    ///
    /// # Errors
    ///
    /// `Denied` for someone else unless an administrator asks; `Missing` for who can't log in.
    pub fn rights_of(&self, user: &str) -> Result<UserRights> {
        let known = self.must_look_after(user)?;
        let snapshot = self.engine().store().snapshot();
        Ok(UserRights {
            user_id: known.user_id.to_string(),
            user_name: known.name.to_string(),
            kind: known.kind,
            admin: known.admin,
            has_password: known.password.is_some(),
            grants: grants::of_user(&snapshot, &known.user_id)?,
        })
    }

    /// Gives a user a permission set, until an instant or for good; one that he has is given anew. Blocks.
    ///
    /// # Errors
    ///
    /// `Denied` unless an administrator asks, or who manages users and has the set himself; `Missing` for a user or a set that is not there; `Invalid` for an instant that has passed;
    /// `Limited` past 200 sets.
    pub fn grant(&self, user: &str, set: &str, expires_micros: Option<i64>) -> Result<Vec<PermissionGrant>> {
        self.must_manage(Some(user))?;
        self.must_have(set)?;
        self.must_be_set(set)?;
        let known = self.engine().must_know(user)?;
        let by = self.principal().user_id.clone();
        let given = self.engine().gate().ledger.write(&by, |draft| {
            if expires_micros.is_some_and(|ends| ends <= draft.now_micros) {
                let message = "the grant would have ended already; name an instant to come";
                return Err(Error::invalid(message).at("expires"));
            }
            let row = draft.row(GRANT, &known.user_id)?;
            let mut given = row.as_ref().map_or_else(|| Ok(Vec::new()), grants::of_row)?;
            given.retain(|grant| grant.set != set);
            if given.len() >= GRANTS_MAX {
                return Err(Error::limited("permission sets of one user", given.len() + 1, GRANTS_MAX));
            }
            given.push(PermissionGrant {
                set: set.to_owned(),
                expires_micros,
                given_by: by.clone(),
                given_at_micros: draft.now_micros,
            });
            given.sort_by(|a, b| a.set.cmp(&b.set));
            draft.put(GRANT, grants::to_row(&known.user_id, &given)?)?;
            Ok(given)
        })?;
        self.tell(self.event(EventKind::Granted).of_user(&known.user_id).about(set));
        Ok(given)
    }

    /// Takes a permission set from a user. Blocks.
    ///
    /// # Errors
    ///
    /// `Denied` unless an administrator asks; `Missing` for a user who is not there or does not have it.
    pub fn revoke(&self, user: &str, set: &str) -> Result<Vec<PermissionGrant>> {
        self.must_manage(Some(user))?;
        self.must_have(set)?;
        let known = self.engine().must_know(user)?;
        let by = self.principal().user_id.clone();
        let given = self.engine().gate().ledger.write(&by, |draft| {
            let row = draft.row(GRANT, &known.user_id)?;
            let mut given = row.as_ref().map_or_else(|| Ok(Vec::new()), grants::of_row)?;
            let before = given.len();
            given.retain(|grant| grant.set != set);
            if given.len() == before {
                let message = format!("{user:?} does not have the permission set {set:?}");
                return Err(Error::new(ErrorKind::Missing, "GRANT_NOT_FOUND", message));
            }
            match given.is_empty() {
                true => drop(draft.remove(GRANT, &known.user_id)?),
                false => draft.put(GRANT, grants::to_row(&known.user_id, &given)?)?,
            }
            Ok(given)
        })?;
        self.tell(self.event(EventKind::Revoked).of_user(&known.user_id).about(set));
        Ok(given)
    }

    /// The names of the permission sets that may be given: for who manages users all there are, the built-in ones and those of the active
    /// packages; for others their own.
    pub fn permission_sets(&self) -> Vec<String> {
        let active = self.engine().active();
        if !self.principal().admin && !self.has(Capability::ManageUsers) {
            return active.roles_of(self.principal()).iter().map(|role| role.to_string()).collect();
        }
        self.all_permission_sets()
    }

    fn all_permission_sets(&self) -> Vec<String> {
        let registry = self.engine().registry();
        let declared = registry.permission_sets.keys().cloned();
        let mut names: Vec<String> = BUILT_IN.into_iter().map(str::to_owned).chain(declared).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    pub(crate) fn must_be_set(&self, set: &str) -> Result<()> {
        grants::check_name(set)?;
        let names = self.all_permission_sets();
        if names.iter().any(|name| name == set) {
            return Ok(());
        }
        let near = nearest(set, names.iter().map(String::as_str));
        let message = format!("there is no permission set {set:?}{near}");
        Err(Error::new(ErrorKind::Missing, "PERMISSION_SET_NOT_FOUND", message))
    }

    /// The sessions of a user, the newest first. Blocks.
    ///
    /// # Errors
    ///
    /// `Denied` for someone else unless an administrator asks; `Missing`.
    pub fn sessions_of(&self, user: &str) -> Result<Vec<SessionInfo>> {
        let known = self.must_look_after(user)?;
        let ledger = &self.engine().gate().ledger;
        sessions::list(&ledger.snapshot(), &known.user_id, ledger.now())
    }

    /// Ends a session of a user. Blocks.
    ///
    /// # Errors
    ///
    /// As [`Self::sessions_of`]; `Missing` when he has no such session.
    pub fn end_session(&self, user: &str, id: &str) -> Result<()> {
        let known = self.must_look_after(user)?;
        let by = self.principal().user_id.clone();
        self.engine().gate().ledger.write(&by, |draft| sessions::end(draft, &known.user_id, id))?;
        let kind = match self.principal().session_id() == Some(id) {
            true => EventKind::LoggedOut,
            false => EventKind::SessionEnded,
        };
        self.tell(self.event(kind).of_user(&known.user_id).about(id));
        Ok(())
    }

    /// Ends all sessions of a user; how many there were. Blocks.
    ///
    /// # Errors
    ///
    /// As [`Self::sessions_of`].
    pub fn end_sessions(&self, user: &str) -> Result<usize> {
        let known = self.must_look_after(user)?;
        let by = self.principal().user_id.clone();
        let ended =
            self.engine().gate().ledger.write(&by, |draft| sessions::end_all(draft, &known.user_id))?;
        self.tell(self.event(EventKind::SessionEnded).of_user(&known.user_id).about("all"));
        Ok(ended)
    }

    /// Ends the session that this request's access token belongs to. Blocks.
    ///
    /// # Errors
    ///
    /// `Invalid` for who did not come with an access token.
    pub fn log_out(&self) -> Result<()> {
        let Some(id) = self.principal().session_id() else {
            let message = "there is nothing to log out of: no access token was sent";
            return Err(Error::invalid(message));
        };
        self.end_session(&self.principal().user_name, id)
    }

    /// Lifts what failed logins of a name have brought: a wait, or a lock; whether there was anything.
    ///
    /// # Errors
    ///
    /// `Denied` unless an administrator asks.
    pub fn lift_lock(&self, user: &str) -> Result<bool> {
        self.must_manage(Some(user))?;
        let lifted = self.engine().gate().lift(user);
        let known = self.engine().must_know(user).ok();
        let event = self.event(EventKind::LockLifted);
        self.tell(match &known {
            Some(known) => event.of_user(&known.user_id),
            None => event,
        });
        Ok(lifted)
    }
}
