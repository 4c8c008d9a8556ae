//! What happens at the gate, told to whoever keeps it: who came in and who did not, by which proof, from where; who was
//! given or lost a right; which keys and sessions were made and ended.
//!
//! [`tell`] is the one way such a thing is told: it goes to the server's log and to the engine's [`Events`]. Nothing secret is in
//! an [`Event`]: no password, token or key, and no login name that nobody has (people type passwords into the field of the name).

#[cfg(test)]
mod tests;

use std::{collections::VecDeque, fmt, net::IpAddr, sync::Arc};

use parking_lot::{Mutex, RwLock};
use quarry_storage::CommitOrigin;

use super::Principal;

/// Events that [`Recent`] keeps.
const RECENT_EVENTS_MAX: usize = 1_000;

/// Where a request came from, as far as its door knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// `http`, `postgres`; none for a process that opened the data folder itself.
    pub door: Option<&'static str>,
    /// The client's address.
    pub address: Option<IpAddr>,
    /// The request's id, as the client is told it too.
    pub request_id: Option<Arc<str>>,
    /// What the client says it is: its `User-Agent`, its `application_name`.
    pub client: Option<Arc<str>>,
}

/// What a client says it is may be so long.
const CLIENT_BYTES_MAX: usize = 200;

impl Origin {
    /// The same, of a client that says it is this. Anybody may say anything: it is cut to one short line.
    #[must_use]
    pub fn with_client(mut self, said: &str) -> Self {
        let mut line: String = said.chars().take(CLIENT_BYTES_MAX).filter(|c| !c.is_control()).collect();
        while line.len() > CLIENT_BYTES_MAX {
            line.pop();
        }
        self.client = Some(line).filter(|line| !line.is_empty()).map(Arc::from);
        self
    }

    /// As the log keeps it beside a transaction; none for a process that opened the data folder itself.
    pub(crate) fn to_commit(&self) -> Option<CommitOrigin> {
        let text = |text: &Option<Arc<str>>| text.as_deref().unwrap_or_default().to_owned();
        Some(CommitOrigin {
            door: self.door?.to_owned(),
            address: self.address.map(|address| address.to_canonical().to_string()).unwrap_or_default(),
            request: text(&self.request_id),
            client: text(&self.client),
        })
    }
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum EventKind {
    LoggedIn,
    LoginFailed,
    LockedOut,
    LockLifted,
    SessionRefreshed,
    /// A refresh token came a second time: its session was ended.
    RefreshReplayed,
    LoggedOut,
    SessionEnded,
    TokenRefused,
    KeyMade,
    KeyRevoked,
    Granted,
    Revoked,
    UserMade,
    UserChanged,
    UserDeleted,
    PasswordChanged,
    /// Something was asked for that the user may not do or see.
    Denied,
    Published,
    Activated,
    RolledBack,
    /// Records or history were taken out of the system as a whole.
    Exported,
    CertificateLoaded,
    TenantMade,
    TenantSuspended,
    TenantResumed,
    TenantDeleted,
    HoldPlaced,
    HoldLifted,
    /// A tenant may have more or less.
    TenantLimited,
    /// Old history was let go of.
    HistoryForgotten,
}

impl EventKind {
    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            EventKind::LoggedIn => "logged_in",
            EventKind::LoginFailed => "login_failed",
            EventKind::LockedOut => "locked_out",
            EventKind::LockLifted => "lock_lifted",
            EventKind::SessionRefreshed => "session_refreshed",
            EventKind::RefreshReplayed => "refresh_replayed",
            EventKind::LoggedOut => "logged_out",
            EventKind::SessionEnded => "session_ended",
            EventKind::TokenRefused => "token_refused",
            EventKind::KeyMade => "key_made",
            EventKind::KeyRevoked => "key_revoked",
            EventKind::Granted => "granted",
            EventKind::Revoked => "revoked",
            EventKind::UserMade => "user_made",
            EventKind::UserChanged => "user_changed",
            EventKind::UserDeleted => "user_deleted",
            EventKind::PasswordChanged => "password_changed",
            EventKind::Denied => "denied",
            EventKind::Published => "published",
            EventKind::Activated => "activated",
            EventKind::RolledBack => "rolled_back",
            EventKind::Exported => "exported",
            EventKind::CertificateLoaded => "certificate_loaded",
            EventKind::TenantMade => "tenant_made",
            EventKind::TenantSuspended => "tenant_suspended",
            EventKind::TenantResumed => "tenant_resumed",
            EventKind::TenantDeleted => "tenant_deleted",
            EventKind::HoldPlaced => "hold_placed",
            EventKind::HoldLifted => "hold_lifted",
            EventKind::TenantLimited => "tenant_limited",
            EventKind::HistoryForgotten => "history_forgotten",
        }
    }

    /// Something was refused: worth a warning.
    pub fn is_refusal(self) -> bool {
        matches!(
            self,
            EventKind::LoginFailed
                | EventKind::LockedOut
                | EventKind::RefreshReplayed
                | EventKind::TokenRefused
                | EventKind::Denied
        )
    }

    /// Anybody can make it happen as often as he likes.
    pub fn is_frequent(self) -> bool {
        let comes_in =
            matches!(self, EventKind::LoggedIn | EventKind::SessionRefreshed | EventKind::LoggedOut);
        comes_in || self.is_refusal()
    }
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When, microseconds UTC, by the engine's clock.
    pub at_micros: i64,
    /// What.
    pub kind: EventKind,
    /// The id of the user who did it; none where nobody was proven.
    pub actor: Option<Arc<str>>,
    /// How the actor had proven himself: `password`, `session`, `key`, `issuer`, `console`.
    pub means: Option<&'static str>,
    /// The id of the user whom it concerns; none where there is no such user.
    pub user: Option<Arc<str>>,
    /// What else it concerns: the id of a session or a key, the name of a permission set or an issuer.
    pub subject: Option<Arc<str>>,
    /// Why it was refused, as a stable code.
    pub reason: Option<&'static str>,
    /// From where.
    pub origin: Origin,
}

impl Event {
    /// Something that happened now, by nobody known and from nowhere known yet.
    pub fn new(kind: EventKind, at_micros: i64) -> Self {
        Self {
            at_micros,
            kind,
            actor: None,
            means: None,
            user: None,
            subject: None,
            reason: None,
            origin: Origin::default(),
        }
    }

    /// The same, done by someone.
    #[must_use]
    pub fn by(mut self, principal: &Principal) -> Self {
        self.actor = Some(principal.user_id.as_str().into());
        self.means = Some(principal.means().name());
        self
    }

    /// The same, concerning a user.
    #[must_use]
    pub fn of_user(mut self, user_id: &str) -> Self {
        self.user = Some(user_id.into());
        self
    }

    /// The same, about this session, key, set or issuer.
    #[must_use]
    pub fn about(mut self, subject: &str) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// The same, refused for a reason.
    #[must_use]
    pub fn because(mut self, reason: &'static str) -> Self {
        self.reason = Some(reason);
        self
    }

    /// The same, from there.
    #[must_use]
    pub fn from(mut self, origin: &Origin) -> Self {
        self.origin = origin.clone();
        self
    }
}

impl fmt::Display for Event {
    /// A line for the log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.name())?;
        let mut told = |name: &str, value: Option<&str>| match value {
            Some(value) => write!(f, " {name}={value:?}"),
            None => Ok(()),
        };
        told("user", self.user.as_deref())?;
        told("subject", self.subject.as_deref())?;
        told("actor", self.actor.as_deref())?;
        told("means", self.means)?;
        told("reason", self.reason)?;
        told("door", self.origin.door)?;
        told("address", self.origin.address.map(|address| address.to_string()).as_deref())?;
        told("request", self.origin.request_id.as_deref())
    }
}

/// Who keeps events. Called on the threads that answer clients, so it may not wait for anything slow; what it can't keep it tells the
/// server's log itself.
pub trait Events: Send + Sync {
    /// Keeps one.
    fn record(&self, event: &Event);

    /// Whether refusals are counted there, within bounds of its own, so that it may be told of all of them.
    fn counts(&self) -> bool {
        false
    }
}

/// Tells of an event: the server's log, and whoever keeps them.
pub fn tell(events: &dyn Events, event: &Event) {
    match event.kind.is_refusal() {
        true => tracing::warn!(target: "quarry::identity", "{event}"),
        false => tracing::info!(target: "quarry::identity", "{event}"),
    }
    events.record(event);
}

/// Refusals told in a minute: whoever guesses day and night shall fill neither the log nor the disk.
const REFUSALS_A_MINUTE_MAX: u32 = 600;
const MINUTE_MICROS: i64 = 60_000_000;

/// Tells the engine's events to whoever keeps them now: [`Recent`] until someone else does.
pub(crate) struct Teller {
    recent: Arc<Recent>,
    events: RwLock<Arc<dyn Events>>,
    /// The minute, and the refusals in it.
    refusals: Mutex<(i64, u32)>,
}

impl Default for Teller {
    fn default() -> Self {
        let recent = Arc::<Recent>::default();
        Self { events: RwLock::new(recent.clone()), recent, refusals: Mutex::default() }
    }
}

impl Teller {
    /// From now on they are kept there.
    pub fn tell_to(&self, events: Arc<dyn Events>) {
        *self.events.write() = events;
    }

    /// Those in memory; none once others keep them.
    pub fn recent(&self) -> Vec<Event> {
        self.recent.all()
    }

    /// Tells one; of very many refusals, the server's log has only the first in each minute.
    pub fn tell(&self, event: &Event) {
        let events = self.events.read().clone();
        match event.kind.is_refusal() && !self.may_refuse(event.at_micros / MINUTE_MICROS) {
            true if events.counts() => events.record(event),
            true => {}
            false => tell(&*events, event),
        }
    }

    fn may_refuse(&self, minute: i64) -> bool {
        let mut refusals = self.refusals.lock();
        if refusals.0 != minute {
            *refusals = (minute, 0);
        }
        refusals.1 = refusals.1.saturating_add(1);
        if refusals.1 == REFUSALS_A_MINUTE_MAX + 1 {
            tracing::warn!(target: "quarry::identity", "more than {REFUSALS_A_MINUTE_MAX} refused logins in a minute; the rest of it is not told");
        }
        refusals.1 <= REFUSALS_A_MINUTE_MAX
    }
}

/// The newest events, in memory; the oldest makes room.
#[derive(Default)]
pub struct Recent {
    events: Mutex<VecDeque<Event>>,
}

impl Recent {
    /// All that are kept, the oldest first.
    pub fn all(&self) -> Vec<Event> {
        self.events.lock().iter().cloned().collect()
    }
}

impl Events for Recent {
    fn record(&self, event: &Event) {
        let mut events = self.events.lock();
        if events.len() >= RECENT_EVENTS_MAX {
            events.pop_front();
        }
        events.push_back(event.clone());
    }
}
