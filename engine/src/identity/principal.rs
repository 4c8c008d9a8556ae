//! Someone who has proven who they are, by what, and what they were given.

use std::sync::Arc;

use quarry_storage::Snapshot;

use super::grants;
use crate::{error::Result, system::Credential};

/// Someone who has proven who they are. Made by the gate alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The user record's id.
    pub user_id: String,
    /// The login name.
    pub user_name: String,
    /// May administer users and packages.
    pub admin: bool,
    /// A person, or a program.
    pub kind: UserKind,
    /// The permission sets that were given to the user and hold now, sorted; what these include is not among them.
    pub permission_sets: Arc<[Arc<str>]>,
    /// May change nothing, whatever the permission sets say.
    pub read_only: bool,
    /// What it was made from.
    pub(crate) basis: Basis,
}

/// What kind of user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum UserKind {
    /// Someone with a password, or whom an issuer knows.
    #[default]
    Person,
    /// A program: it has API keys, and no password.
    Service,
}

impl UserKind {
    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            UserKind::Person => "person",
            UserKind::Service => "service",
        }
    }
}

/// By what someone has proven himself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Means {
    /// The password, with this request or at the beginning of this connection.
    Password,
    /// An access token of this session.
    Session(Arc<str>),
    /// The API key of this id.
    Key(Arc<str>),
    /// A token of the issuer of this name.
    Issuer(Arc<str>),
    /// Nothing: the process has opened the data folder itself.
    Console,
}

impl Means {
    /// The stable name of its kind.
    pub fn name(&self) -> &'static str {
        match self {
            Means::Password => "password",
            Means::Session(_) => "session",
            Means::Key(_) => "key",
            Means::Issuer(_) => "issuer",
            Means::Console => "console",
        }
    }
}

/// What a principal was made from, so that it can be made anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Basis {
    pub means: Means,
    /// When the credential was last changed: a new password ends what the old one has proven.
    pub version_micros: i64,
    /// When the proof ends by itself.
    pub until_micros: Option<i64>,
    /// Permission sets that the proof itself brings: those of an issuer's claims.
    pub brought: Arc<[Arc<str>]>,
    /// Whether an administrator who has proven himself so may act as one.
    pub may_administer: bool,
}

impl Basis {
    /// Nothing but by what.
    pub fn of(means: Means, credential: &Credential) -> Self {
        let version_micros = credential.changed_at_micros;
        Self { means, version_micros, until_micros: None, brought: Arc::default(), may_administer: true }
    }
}

impl Principal {
    /// The user of a credential, with what was given to him as it holds in this state and at this instant.
    ///
    /// # Errors
    ///
    /// Those of the store; `Internal` when what is kept of the grants is damaged.
    pub(crate) fn of(
        snapshot: &Snapshot,
        credential: &Credential,
        basis: Basis,
        now_micros: i64,
    ) -> Result<Self> {
        let given = grants::of_user(snapshot, &credential.user_id)?;
        Ok(Self {
            user_id: credential.user_id.to_string(),
            user_name: credential.name.to_string(),
            admin: credential.admin && basis.may_administer,
            kind: credential.kind,
            permission_sets: grants::effective(&given, &basis.brought, now_micros),
            read_only: false,
            basis,
        })
    }

    /// Whether the proof ends at some time.
    pub(crate) fn may_end_by_itself(&self) -> bool {
        self.basis.until_micros.is_some() || !matches!(self.means(), Means::Password | Means::Console)
    }

    /// By what it was proven.
    pub fn means(&self) -> &Means {
        &self.basis.means
    }

    /// The session that its access token belongs to.
    pub fn session_id(&self) -> Option<&str> {
        match self.means() {
            Means::Session(id) => Some(id),
            _ => None,
        }
    }
}
