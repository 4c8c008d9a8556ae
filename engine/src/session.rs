//! A session: someone proven, with locale and time zone, on the registry that was current when it began a request.

mod taken;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;
use quarry_metadata::permissions::{Act, Capability};
use quarry_planner::{Answer, HeavyLine, Query, QueryContext, Views, objectql::AsOf, sql::SqlExtras};
use quarry_storage::{Csn, Mark};

use crate::{
    bulk::Bulk,
    change::{Applied, Change, ChangeReport},
    engine::Engine,
    error::{Error, ErrorKind, Result},
    identity::{EventKind, Origin, Principal},
    packages::Pinned,
    rights::denied,
    transaction::Transaction,
};

/// How often changes are tried again after a write conflict.
const RETRIES_MAX: u32 = 10;
/// The pause before the first retry, at most; it doubles.
const PAUSE_MICROS_MAX: u64 = 500;

/// What a client may choose.
#[derive(Clone, Debug)]
pub struct SessionOptions {
    /// For labels.
    pub locale: String,
    /// For dates.
    pub time_zone: chrono_tz::Tz,
    /// A question is ended when it has run so long.
    pub timeout: Option<Duration>,
    /// From where it is asked, as the door knows it.
    pub origin: Origin,
}

impl Default for SessionOptions {
    fn default() -> Self {
        let (locale, time_zone, timeout) = ("en".into(), chrono_tz::UTC, Some(Duration::from_secs(60)));
        Self { locale, time_zone, timeout, origin: Origin::default() }
    }
}

/// A session; cheap to clone.
#[derive(Clone)]
pub struct Session {
    engine: Arc<Engine>,
    principal: Arc<Principal>,
    /// What the principal was last given by; the clones of a session share it.
    given_by: Arc<Mutex<Option<Mark>>>,
    options: SessionOptions,
    /// With what was asked for.
    pinned: Option<(Arc<str>, Arc<Pinned>)>,
    line: HeavyLine,
}

impl Session {
    pub(crate) fn new(engine: Arc<Engine>, principal: Principal, options: SessionOptions) -> Self {
        let (principal, given_by) = (Arc::new(principal), Arc::default());
        Self { engine, principal, given_by, options, pinned: None, line: HeavyLine::default() }
    }

    /// Who.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// Looks what the user may now, and goes on with that: for a connection that lives longer than a request. Tells whether it is
    /// something else than before.
    ///
    /// # Errors
    ///
    /// `Unauthenticated` when what he logged in with does not hold any more.
    pub fn renew(&mut self) -> Result<bool> {
        let given_by = self.given_by.lock().clone();
        let Some((renewed, given_by)) = self.engine.renewed_since(&self.principal, given_by.as_ref())? else {
            return Ok(false);
        };
        if *self.principal == renewed {
            *self.given_by.lock() = given_by;
            return Ok(false);
        }
        // Clones go on with the one they have, until they are renewed too.
        (self.principal, self.given_by) = (Arc::new(renewed), Arc::new(Mutex::new(given_by)));
        Ok(true)
    }

    /// Whether what is begun now would be seen through the like of these views: neither rights of the user nor what they give have changed.
    pub fn sees_as(&self, views: &Arc<Views>) -> bool {
        let now = self.engine.active();
        let pinned = self.pinned.as_ref().map_or(&now, |(_, pinned)| &pinned.active);
        let own = pinned.views_of(&self.principal, &now);
        Arc::ptr_eq(&own, views) || own.policies.shape().gives_as(views.policies.shape())
    }

    /// Refuses changes to who may only read.
    pub(crate) fn must_write(&self) -> Result<()> {
        if !self.principal.read_only {
            return Ok(());
        }
        let message = "what you logged in with may only read";
        Err(Error::new(ErrorKind::Denied, "PERMISSION_DENIED", message))
    }

    /// Its choices.
    pub fn options(&self) -> &SessionOptions {
        &self.options
    }

    /// Its choices, to change (`SET timezone`).
    pub fn options_mut(&mut self) -> &mut SessionOptions {
        &mut self.options
    }

    pub(crate) fn pinned(&self) -> Option<&Arc<Pinned>> {
        self.pinned.as_ref().map(|(_, pinned)| pinned)
    }

    /// What it is pinned to: empty, or as [`Self::pin`] took it.
    pub fn pinned_version(&self) -> &str {
        self.pinned.as_ref().map_or("", |(text, _)| text)
    }

    /// Goes on as who another session belongs to.
    pub(crate) fn become_of(&mut self, other: &Session) {
        self.principal = Arc::clone(&other.principal);
    }

    pub(crate) fn set_pinned(&mut self, pinned: Option<(Arc<str>, Arc<Pinned>)>) {
        self.pinned = pinned;
    }

    /// Whether one of its permission sets gives it a capability.
    pub fn has(&self, capability: Capability) -> bool {
        let active = self.engine.active();
        active.views_of(&self.principal, &active).policies.shape().has(capability)
    }

    /// Refuses to hand on the records of a question as a stream to whom they may not be exported: those of its object, of what it brings
    /// along, and of what its paths, aggregates and formulas lead to.
    ///
    /// # Errors
    ///
    /// `Denied`. What is not seen is for the question itself to tell.
    pub fn must_export(&self, query: &Query) -> Result<()> {
        taken::check(&self.context().views, query)?;
        self.tell_of(EventKind::Exported, &query.object);
        Ok(())
    }

    /// Refuses a stream of whatever SQL asks for to whom not everything that he sees may be exported.
    ///
    /// # Errors
    ///
    /// `Denied`, with an object that stands in the way.
    pub fn must_export_all(&self) -> Result<()> {
        let views = self.context().views;
        match views.objects.values().find(|view| !view.acts.contains(&Act::Export)) {
            None => {
                self.tell_of(EventKind::Exported, "SQL");
                Ok(())
            }
            Some(view) => {
                let name = &view.object.name;
                Err(denied(format!(
                    "you may not export records of {name}: ask for JSON, or by an ObjectQL question"
                )))
            }
        }
    }

    /// The engine it belongs to.
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// Where it is told that its questions wait for their turn among the heavy ones.
    pub fn line(&self) -> &HeavyLine {
        &self.line
    }

    /// The surroundings of a question on the newest state.
    pub fn context(&self) -> QueryContext {
        self.begin().context()
    }

    /// What a question is asked in: the newest state, or the past one that it names.
    ///
    /// # Errors
    ///
    /// `Invalid` for a state that is yet to come or not kept any more; `Limited` when it is too costly to make.
    pub async fn context_of(&self, query: &Query) -> Result<QueryContext> {
        let mut context = self.context();
        let Some(as_of) = query.as_of else { return Ok(context) };
        // A record that was hidden, or given away, since then would be there again.
        let shape = context.views.policies.shape();
        if !shape.sees_all() && !shape.has(Capability::ViewAudit) {
            return Err(denied(
                "past states are for those who see everything, or look at histories".to_owned(),
            )
            .at("asOf"));
        }
        let engine = self.engine.clone();
        let wanted = match as_of {
            AsOf::Csn(csn) => quarry_storage::AsOf::Csn(Csn(csn)),
            AsOf::Time(micros) => quarry_storage::AsOf::Time(micros),
        };
        // Entries behind a kept state are replayed.
        let past = tokio::task::spawn_blocking(move || engine.store().snapshot_at(wanted)).await?;
        context.snapshot = past.map_err(|error| Error::from(error).at("asOf"))?;
        context.as_of = Some(as_of);
        Ok(context)
    }

    /// Answers one question on the newest state, or on the past one that it names.
    ///
    /// # Errors
    ///
    /// The planner's, and those of [`Self::context_of`].
    pub async fn query(&self, query: &Query) -> Result<Answer> {
        Ok(self.engine.planner().query(&self.context_of(query).await?, query).await?)
    }

    /// Answers one SQL query on the newest state.
    ///
    /// # Errors
    ///
    /// The planner's; `Invalid` for anything but one query.
    pub async fn sql(&self, text: &str) -> Result<Answer> {
        let context = self.context();
        let session = self.engine.planner().sql(&context, &SqlExtras::default());
        let batches = session.ask(text).await?;
        Ok(Answer {
            schema: batches.schema(),
            batches,
            count: None,
            next: None,
            csn: context.snapshot.csn().0,
        })
    }

    /// A transaction on the newest state.
    pub fn begin(&self) -> Transaction {
        Transaction::new(self.clone())
    }

    /// Very many new records, to be committed at once.
    pub fn bulk(&self) -> Bulk {
        Bulk::new(self.clone())
    }

    /// All changes as one transaction, retried a few times on a write conflict; `dry_run` keeps nothing.
    ///
    /// # Errors
    ///
    /// `Violated` with all findings, `Conflict`, …; nothing was kept.
    pub async fn change(&self, changes: Vec<Change>, dry_run: bool) -> Result<ChangeReport> {
        Ok(self.change_with(changes, dry_run, |_| ()).await?.0)
    }

    /// As [`Self::change`], and the surroundings in which the changed records are as this commit (or dry run) left them,
    /// whatever others commit meanwhile.
    ///
    /// # Errors
    ///
    /// As [`Self::change`].
    pub async fn change_and_see(
        &self,
        changes: Vec<Change>,
        dry_run: bool,
    ) -> Result<(ChangeReport, QueryContext)> {
        self.change_with(changes, dry_run, Transaction::context).await
    }

    /// Tries, and tries again while the store refuses at commit what the pipeline let pass: others were quicker. The
    /// next try sees what they did, and either succeeds or finds what is wrong with its place. Those who try again
    /// take turns, so that each turn of the wheel lets one through however many want the same record.
    async fn change_with<T>(
        &self,
        changes: Vec<Change>,
        dry_run: bool,
        see: impl Fn(&Transaction) -> T,
    ) -> Result<(ChangeReport, T)> {
        let mut tried = 0;
        let mut turn = None;
        loop {
            let last = dry_run || tried == RETRIES_MAX;
            let mut transaction = self.begin();
            let Applied { outcomes, warnings } = transaction.apply(changes.clone()).await?;
            let seen = see(&transaction);
            if dry_run {
                return Ok((ChangeReport { outcomes, warnings, csn: None }, seen));
            }
            match transaction.commit().await {
                Ok(csn) => return Ok((ChangeReport { outcomes, warnings, csn: Some(csn) }, seen)),
                Err(error) if !last && may_pass(&error) => {}
                Err(error) => return Err(error),
            }
            tried += 1;
            if turn.is_none() {
                // Who waits for it gives back the turn of his request: who has it may wait for one.
                turn = Some(self.line().wait_for(self.engine.retry_turn().lock()).await);
            }
            tokio::time::sleep(self.pause(tried)).await;
        }
    }

    fn pause(&self, tried: u32) -> Duration {
        let most = PAUSE_MICROS_MAX.saturating_mul(1 << tried.min(8));
        let [a, b, c, d, ..] = self.engine.world().ids.secret();
        Duration::from_micros(u64::from(u32::from_le_bytes([a, b, c, d])) % most)
    }
}

/// Another try may succeed, or tell more.
fn may_pass(error: &Error) -> bool {
    matches!(error.kind, ErrorKind::Conflict | ErrorKind::Violated)
}
