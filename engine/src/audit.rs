//! The log of events: who came in and who did not, who was given what, what was published and activated, who was refused what, kept
//! as rows of a system table and so in the tenant's own log: durable, in the chain of hashes, checked by `quarry verify`, and for no door
//! to change. `audit.events` shows them (`planner/src/view/audit/events.rs`).
//!
//! 1. [`EventLog::record`] takes an event on whatever thread it happened; nothing is waited for.
//! 2. What anybody can make happen as often as he likes is counted: one row for each minute, kind, user, address and reason, and past
//!    [`COUNTED_MAX`] of those in a minute one row for all others of a kind. So a flood of a day costs a few megabytes, whoever makes it.
//! 3. [`EventLog::write`] writes what waits as one transaction, a moment after the first came, and at the end of each minute what was
//!    counted in it.
//!
//! A crash may lose what happened in the last moment ([`SOON`]) and the last minute's counts, never what a record or a right was changed by: those are
//! commits of their own.

pub(crate) mod holds;
mod retention;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use quarry_planner::EVENT_COLUMNS;
use quarry_storage::{ChainLink, Csn, Key, Row, Value};
use tokio::sync::Notify;

use crate::{
    engine::Engine,
    error::Result,
    identity::{Event, EventKind, Events, Principal, ledger::Ledger},
    session::Session,
    system::EVENT,
};

/// Events that wait to be written; what comes beside is lost, and that is told.
const WAITING_MAX: usize = 10_000;
/// Rows that count, of one minute.
const COUNTED_MAX: usize = 100;
const MINUTE_MICROS: i64 = 60_000_000;
/// How long an event waits for others, to be written with them.
const SOON: Duration = Duration::from_millis(200);
const MINUTE: Duration = Duration::from_secs(60);
/// Who writes them.
const ACTOR: &str = "audit";
/// What an event is about may be so long.
const SUBJECT_BYTES_MAX: usize = 200;

/// Keeps events in the store.
pub(crate) struct EventLog {
    ledger: Ledger,
    waiting: Mutex<Waiting>,
    /// One writes at a time.
    writing: Mutex<()>,
    came: Arc<Notify>,
    is_looked_after: AtomicBool,
}

#[derive(Default)]
struct Waiting {
    rows: Vec<Counted>,
    lost: u64,
    /// The minute that is counted, since 1970.
    minute: i64,
    counted: HashMap<Kin, Counted>,
}

/// Events that are counted as one.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Kin {
    kind: EventKind,
    user: Option<Arc<str>>,
    subject: Option<Arc<str>>,
    reason: Option<&'static str>,
    address: Option<IpAddr>,
}

/// One row: the first event of its kin, how many there were, and how many of them are written.
#[derive(Clone)]
struct Counted {
    id: String,
    first: Event,
    last_micros: i64,
    count: i64,
    written: i64,
}

impl EventLog {
    pub fn new(ledger: Ledger) -> Arc<Self> {
        Arc::new(Self {
            ledger,
            waiting: Mutex::default(),
            writing: Mutex::default(),
            came: Arc::default(),
            is_looked_after: AtomicBool::new(false),
        })
    }

    /// Writes what waits, and what was counted in minutes that are over; with `all`, in this one too. Blocks.
    ///
    /// # Errors
    ///
    /// Those of the store; what waited goes on waiting.
    pub fn write(&self, all: bool) -> Result<()> {
        let _turn = self.writing.lock();
        let now = self.ledger.now();
        let (due, lost) = self.waiting.lock().take(now / MINUTE_MICROS, all);
        if lost > 0 {
            tracing::error!("{lost} events were not kept: too many waited to be written");
        }
        let written =
            self.ledger.write(ACTOR, |draft| due.iter().try_for_each(|one| draft.put(EVENT, one.row())));
        if written.is_err() {
            self.waiting.lock().give_back(due);
        }
        written
    }

    /// Looks after itself from now on, where there is a runtime to do it on.
    fn look_after(self: &Arc<Self>) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if self.is_looked_after.swap(true, Ordering::Relaxed) {
            return;
        }
        let (log, came) = (Arc::downgrade(self), self.came.clone());
        runtime.spawn(async move {
            loop {
                tokio::select! {
                    () = came.notified() => tokio::time::sleep(SOON).await,
                    () = tokio::time::sleep(MINUTE) => {}
                }
                let Some(log) = log.upgrade() else { return };
                match tokio::task::spawn_blocking(move || log.write(false)).await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => tracing::error!("events can't be kept now: {error}"),
                    Err(error) => tracing::error!("keeping events broke off: {error}"),
                }
            }
        });
    }
}

/// What the gate tells its events to.
pub(crate) struct Taker(pub Arc<EventLog>);

impl Events for Taker {
    fn record(&self, event: &Event) {
        self.0.look_after();
        let id = self.0.ledger.world().ids.ulid();
        self.0.waiting.lock().add(event, id);
        self.0.came.notify_one();
    }

    fn counts(&self) -> bool {
        true
    }
}

impl Waiting {
    fn add(&mut self, event: &Event, id: String) {
        let one = Counted { id, first: event.clone(), last_micros: event.at_micros, count: 1, written: 0 };
        if !event.kind.is_frequent() {
            match self.rows.len() < WAITING_MAX {
                true => self.rows.push(one),
                false => self.lost += 1,
            }
            return;
        }
        self.begin(event.at_micros / MINUTE_MICROS);
        let kin = Kin::of(event);
        let is_one_more = self.counted.len() >= COUNTED_MAX && !self.counted.contains_key(&kin);
        let (kin, one) = if is_one_more { (Kin::others(event.kind), one.of_nobody()) } else { (kin, one) };
        match self.counted.get_mut(&kin) {
            Some(counted) => {
                counted.count += 1;
                counted.last_micros = event.at_micros;
            }
            None => drop(self.counted.insert(kin, one)),
        }
    }

    /// A minute begins: what was counted in the one before is due.
    fn begin(&mut self, minute: i64) {
        if self.minute != minute {
            self.minute = minute;
            self.rows.extend(self.counted.drain().map(|(_, one)| one).filter(|one| one.count > one.written));
        }
    }

    /// What is to be written now, and how many events were lost.
    fn take(&mut self, minute: i64, all: bool) -> (Vec<Counted>, u64) {
        self.begin(minute);
        let mut due = std::mem::take(&mut self.rows);
        for one in self.counted.values_mut() {
            // The first is told at once, the others at the end of the minute.
            if one.written == 0 || (all && one.count > one.written) {
                one.written = one.count;
                due.push(one.clone());
            }
        }
        due.sort_by(|one, other| (one.first.at_micros, &one.id).cmp(&(other.first.at_micros, &other.id)));
        (due, std::mem::take(&mut self.lost))
    }

    fn give_back(&mut self, rows: Vec<Counted>) {
        let room = WAITING_MAX.saturating_sub(self.rows.len());
        self.lost += u64::try_from(rows.len().saturating_sub(room)).unwrap_or(u64::MAX);
        self.rows.extend(rows.into_iter().take(room));
    }
}

impl Kin {
    fn of(event: &Event) -> Kin {
        Kin {
            kind: event.kind,
            user: event.user.clone().or_else(|| event.actor.clone()),
            subject: event.subject.clone(),
            reason: event.reason,
            address: event.origin.address.map(network),
        }
    }

    fn others(kind: EventKind) -> Kin {
        Kin { kind, user: None, subject: None, reason: Some(OTHERS), address: None }
    }
}

/// The reason of a row that counts what has no row of its own.
const OTHERS: &str = "others";

/// Whoever has one address of IPv6 has all that begin like it.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))),
        address => address,
    }
}

impl Counted {
    fn of_nobody(mut self) -> Self {
        self.first = Event { reason: Some(OTHERS), ..Event::new(self.first.kind, self.first.at_micros) };
        self
    }

    /// In the order of [`EVENT_COLUMNS`].
    fn row(&self) -> Row {
        let text = |text: Option<&str>| text.map_or(Value::Null, |text| Value::Text(Key::from(text)));
        let Event { kind, actor, means, user, subject, reason, origin, at_micros } = &self.first;
        let address = origin.address.map(|address| address.to_canonical().to_string());
        let cells: [Value; EVENT_COLUMNS] = [
            text(Some(&self.id)),
            Value::Timestamp(*at_micros),
            text(Some(kind.name())),
            text(actor.as_deref()),
            text(*means),
            text(user.as_deref()),
            text(subject.as_deref().map(|subject| cut(subject, SUBJECT_BYTES_MAX))),
            text(*reason),
            text(origin.door),
            text(address.as_deref()),
            text(origin.request_id.as_deref()),
            text(origin.client.as_deref()),
            Value::Int(self.count),
            Value::Timestamp(self.last_micros),
        ];
        Row(Arc::from(cells))
    }
}

fn cut(text: &str, bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes)).unwrap_or(text)
}

impl Engine {
    /// The entries of the log from one to another, both with it, and the number of the newest one. They hold everything that is kept, what is proof
    /// of who someone is too: for who could read the data folder as well.
    ///
    /// # Errors
    ///
    /// Those of the store; damage comes as an entry is read.
    pub fn chain(&self, from: u64, to: u64) -> Result<impl Iterator<Item = Result<ChainLink>> + use<>> {
        let links = self.store().snapshot().chain(Csn(from), Csn(to))?;
        Ok(links.map(|link| Ok(link?)))
    }

    /// From now on events are kept in the store, and so in the log.
    pub fn keep_events(&self) {
        let log = EventLog::new(Ledger::new(self.store().clone(), self.world().clone()));
        self.tell_events_to(Arc::new(Taker(log.clone())));
        *self.event_log().write() = Some(log);
    }

    /// Writes all events that wait. Blocks. Nothing where they are not kept.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub fn write_events(&self) -> Result<()> {
        let log = self.event_log().read().clone();
        log.map_or(Ok(()), |log| log.write(true))
    }

    /// Tells of something that the process itself did, or someone who looks after it.
    pub fn tell(&self, kind: EventKind, by: Option<&Principal>, about: &str) {
        let event = self.gate().event(kind).about(about);
        self.gate().teller.tell(&by.map_or(event.clone(), |principal| event.by(principal)));
    }
}

impl Session {
    /// Tells of what this session was refused: where it asked, and the code of the answer.
    pub fn tell_denied(&self, place: &str, code: &'static str) {
        let place = cut(place, SUBJECT_BYTES_MAX);
        self.tell(self.event(EventKind::Denied).about(place).because(code));
    }

    /// Tells of something that this session did.
    pub fn tell_of(&self, kind: EventKind, about: &str) {
        self.tell(self.event(kind).about(cut(about, SUBJECT_BYTES_MAX)));
    }
}
