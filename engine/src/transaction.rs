//! A transaction: a snapshot and the changes laid over it.

use std::sync::Arc;

use futures::StreamExt;
use parking_lot::Mutex;
use quarry_metadata::permissions::Capability;
use quarry_planner::{QueryContext, Stop, objectql::Filter};
use quarry_storage::{CommitInfo, Committed, Csn, Key, Savepoint, WriteSet};
use tokio::sync::oneshot;

use crate::{
    beside::{Begun, begin_beside},
    change::{Applied, Change, Operation},
    error::{Error, ErrorKind, Result},
    layout::Layout,
    pipeline::{self, Action, Call, Step},
    recycle,
    rights::Rights,
    session::Session,
    work::{Actor, CallNumber, Work, ids_query, keys_in},
};

/// Changes in one call.
const CHANGES_MAX: usize = 100_000;
/// Records that one `UpdateWhere` or `DeleteWhere` may match.
const MATCHED_RECORDS_MAX: usize = 10_000;

/// Calls that name more records run beside the others.
const SMALL_CALL_RECORDS_MAX: usize = 64;

/// A commit of more rows, or bytes, is encoded on a thread of its own.
const SMALL_ROWS_MAX: usize = 64;
const SMALL_BYTES_MAX: u64 = 256 << 10;

/// An open transaction. Dropping it leaves nothing.
pub struct Transaction {
    session: Session,
    /// The registry whose permission sets it was judged by last.
    judged_by: String,
    /// What he who began it may has changed after it wrote.
    is_outdated: bool,
    /// Locked for as long as a step of work runs, on a blocking thread, or a small commit is encoded; never across an await.
    work: Arc<Mutex<Work>>,
    /// It did more than delete and purge: it is refused when the tenant is full.
    takes_room: bool,
}

/// A mark to come back to.
#[derive(Clone, Debug)]
pub struct Mark {
    place: Savepoint,
    /// Whether what came before takes room.
    takes_room: bool,
}

impl Transaction {
    pub(crate) fn new(session: Session) -> Self {
        let engine = session.engine();
        // The registry first: its tables were there before it served, so the snapshot has them.
        let active = engine.active();
        let snapshot = engine.store().snapshot();
        let (now_micros, time_zone) = (engine.world().clock.now_micros(), session.options().time_zone);
        let rights = Rights::of(&active, session.principal(), snapshot.clone(), (now_micros, time_zone));
        let roles = active.roles_of(session.principal());
        let actor = Actor {
            user_id: Key::from(session.principal().user_id.as_str()),
            roles,
            time_zone,
            locale: session.options().locale.as_str().into(),
            now_micros,
            rights: Some(Arc::new(rights)),
        };
        let judged_by = active.registry.version.clone();
        let work = Work::new(active, snapshot, actor, engine.world().clone());
        let work = Arc::new(Mutex::new(work));
        Self { session, judged_by, is_outdated: false, work, takes_room: false }
    }

    /// Goes on with what its user may now, as `session` knows it: for a transaction that lives longer than a request. The permission sets that
    /// he has, and what they say, are those of now; records, shares and the hierarchy of roles are those of its state, as all that it reads.
    ///
    /// What it wrote before was allowed by what held then: it can't be committed any more, and the client has to begin again.
    pub fn renew(&mut self, session: &Session) {
        let now = session.engine().active();
        if session.principal() == self.session.principal() && now.registry.version == self.judged_by {
            return;
        }
        self.session.become_of(session);
        self.judged_by.clone_from(&now.registry.version);
        let mut work = self.work.lock();
        work.settle();
        self.is_outdated |= !work.writes().is_empty();
        let (active, clock) = (work.active.clone(), (work.actor.now_micros, work.actor.time_zone));
        let snapshot = work.base();
        let rights = Rights::by(&active, &now, session.principal(), snapshot, clock);
        work.actor.roles = active.roles_of(session.principal());
        work.actor.rights = Some(Arc::new(rights));
    }

    /// The surroundings of a question that sees this transaction's own changes.
    pub fn context(&self) -> QueryContext {
        let mut work = self.work.lock();
        work.settle();
        context(&self.session, &mut work)
    }

    /// Runs changes through the pipeline, and tells what warnings they met. All or nothing: on an error, and when it is dropped half-way, the transaction is
    /// as before the call.
    ///
    /// # Errors
    ///
    /// `Violated` with all findings of all records; `Missing`, `Invalid`.
    pub async fn apply(&mut self, changes: Vec<Change>) -> Result<Applied> {
        self.session.must_write()?;
        if changes.len() > CHANGES_MAX {
            return Err(Error::limited("changes in one request", changes.len(), CHANGES_MAX));
        }
        let deletes = |change: &Change| {
            matches!(change.operation, Operation::Delete { .. } | Operation::DeleteWhere { .. })
        };
        self.takes_room |= !changes.iter().all(deletes);
        let number = self.work.lock().begin_call();
        let applied = self.run(number, changes).await;
        let mut work = self.work.lock();
        match &applied {
            Ok(_) => work.keep_call(),
            Err(_) => work.settle(),
        }
        applied
    }

    /// Purges deleted records of an object: they can't come back any more. Tells how many of these ids were in its recycle bin.
    /// All or nothing.
    ///
    /// # Errors
    ///
    /// `Denied` unless an administrator asks; `Missing` for an unknown object, `Invalid` for one that keeps no bin; `Limited`.
    pub async fn purge(&mut self, object: &str, ids: Vec<String>) -> Result<u64> {
        self.session.must_administer("the recycle bin")?;
        if ids.len() > CHANGES_MAX {
            return Err(Error::limited("records purged by one request", ids.len(), CHANGES_MAX));
        }
        let number = self.work.lock().begin_call();
        let (work, object) = (self.work.clone(), object.to_owned());
        let run = move || {
            let mut work = work.lock();
            work.must_run(number)?;
            let layout = work.layout(&object)?;
            let keys: Vec<Key> = ids.into_iter().map(Key::from).collect();
            recycle::purge(&mut work, &pipeline::must_keep(&layout)?.table, &keys, recycle::OfHeld::Refuse)
        };
        let purged = tokio::task::spawn_blocking(run).await;
        let mut work = self.work.lock();
        match &purged {
            Ok(Ok(_)) => work.keep_call(),
            _ => work.settle(),
        }
        purged?
    }

    async fn run(&self, number: CallNumber, changes: Vec<Change>) -> Result<Applied> {
        let mut call = Call::new(changes.len());
        let mut steps = Vec::new();
        if let Some(pinned) = self.session.pinned() {
            let views = pinned.active.views_of(self.session.principal(), &self.work.lock().active.clone());
            pinned.must_know(&changes, &views)?;
        }
        for (change, Change { object, operation, if_revision }) in changes.into_iter().enumerate() {
            let action = match operation {
                Operation::Create(data) => Action::Create(data),
                Operation::Update { id, data } => Action::Update { ids: vec![id.into()], data },
                Operation::Upsert { on, data } => Action::Upsert { on, data },
                Operation::Delete { id } => Action::Delete { ids: vec![id.into()] },
                Operation::Undelete { id } => Action::Undelete { ids: vec![id.into()] },
                Operation::Act { id, action, parameters } => {
                    Action::Act { id: id.into(), name: action, parameters }
                }
                Operation::UpdateWhere { filter, data } => {
                    call = self.run_steps(number, call, std::mem::take(&mut steps)).await?;
                    Action::Update { ids: self.matching(change, &object, if_revision, filter).await?, data }
                }
                Operation::DeleteWhere { filter } => {
                    call = self.run_steps(number, call, std::mem::take(&mut steps)).await?;
                    Action::Delete { ids: self.matching(change, &object, if_revision, filter).await? }
                }
            };
            if if_revision.is_some() && matches!(action, Action::Create(_) | Action::Undelete { .. }) {
                return Err(Error::invalid("there is no record whose revision could be compared")
                    .at(at(change, "ifRevision")));
            }
            steps.push(Step { change, object, if_revision, action });
        }
        let call = self.run_steps(number, call, steps).await?;
        let rights = self.work.lock().actor.limited().cloned();
        let applied = match (call.finish(), rights) {
            (applied, None) => applied,
            (Ok(Applied { outcomes, warnings }), Some(rights)) => {
                Ok(Applied { outcomes, warnings: rights.told_warnings(warnings) })
            }
            (Err(error), Some(rights)) => Err(rights.told_error(error)),
        };
        let Some(pinned) = self.session.pinned() else { return applied };
        let now = self.work.lock().active.clone();
        applied.map(|applied| pinned.applied(&now, applied)).map_err(|error| pinned.told(&now, error))
    }

    /// The layout of the one record that is made or changed by these steps, where there is no other.
    fn of_one_record(&self, steps: &[Step]) -> Option<Arc<Layout>> {
        let [step] = steps else { return None };
        let is_one = step.writes() && step.records() == 1;
        // What is wrong with the object's name is found by the steps.
        if is_one { self.work.try_lock()?.layout(&step.object).ok() } else { None }
    }

    /// Runs steps on a blocking thread: they may read from disk. One record of an object whose records were always quick to write is
    /// written by the thread that asks: waking another takes longer. Many of them take a core for long, so they run on one that gives way, a few
    /// at a time of all tenants: another's single record does not wait for a core behind them. When this is dropped the thread does no further step, and
    /// what it did is undone by what follows.
    async fn run_steps(&self, number: CallNumber, mut call: Call, steps: Vec<Step>) -> Result<Call> {
        if steps.is_empty() {
            return Ok(call);
        }
        let named: usize = steps.iter().map(Step::records).sum();
        let layout = self.of_one_record(&steps);
        let (work, stop) = (self.work.clone(), Stop::new());
        let _wanted = stop.when_dropped();
        let run = move || {
            let mut work = work.lock();
            work.must_run(number)?;
            work.stop_by(stop);
            let done = pipeline::run(&mut work, &mut call, steps);
            // It is called when this call has its answer, too.
            work.stop_by(Stop::default());
            done.map(|()| call)
        };
        if let Some(layout) = layout {
            return match layout.pace.is_quick() {
                true => layout.pace.measured(run),
                false => tokio::task::spawn_blocking(move || layout.pace.measured(run)).await?,
            };
        }
        if named <= SMALL_CALL_RECORDS_MAX {
            return tokio::task::spawn_blocking(run).await?;
        }
        // What the request has of its door is given back while it waits here, and waited for again behind it. By then the work must have begun:
        // a turn of these is never held by one that waits for another.
        self.session.line().wait_for(self.begin_large(run)).await?.done().await
    }

    /// Begins a call of many changes, when its turn comes.
    async fn begin_large<T: Send + 'static>(
        &self,
        run: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<Begun<T>> {
        let turn = self.session.engine().turn_of_large_calls().ok_or_else(calls_busy)?.turn();
        let turn = match self.session.options().timeout {
            Some(most) => tokio::time::timeout(most, turn).await.map_err(|_| calls_busy())?,
            None => turn.await,
        };
        begin_beside("quarry-calls", move || {
            let _turn = turn;
            run()
        })
    }

    /// The ids of the records that match now, under the session's own views.
    async fn matching(
        &self,
        change: usize,
        object: &str,
        if_revision: Option<i64>,
        filter: Filter,
    ) -> Result<Vec<Key>> {
        if if_revision.is_some() {
            let message = "a revision can't be compared with many records; name one by its id";
            return Err(Error::invalid(message).at(at(change, "ifRevision")));
        }
        let context = {
            let mut work = self.work.lock();
            if let Some(rights) = &work.actor.rights {
                rights.must_see(object).map_err(|error| error.at(at(change, "object")))?;
            }
            context(&self.session, &mut work)
        };
        let query = ids_query(object, filter, MATCHED_RECORDS_MAX);
        let planner = self.session.engine().planner();
        let placed = |error: quarry_planner::Error| {
            let error = Error::from(error);
            let path = at(change, &error.path);
            error.at(path)
        };
        let mut batches = planner.query(&context, &query).await.map_err(placed)?.batches;
        let mut keys = Vec::new();
        while let Some(batch) = batches.next().await {
            let batch = batch
                .map_err(|error| Error::internal("the records to change can't be read").caused_by(error))?;
            keys_in(batch.columns().first(), &mut keys)?;
        }
        match keys.len() > MATCHED_RECORDS_MAX {
            true => Err(Error::limited("records matched by one change", keys.len(), MATCHED_RECORDS_MAX)),
            false => Ok(keys),
        }
    }

    /// Looks at what was done so far.
    pub(crate) fn look<T>(&self, at: impl FnOnce(&mut Work) -> T) -> T {
        let mut work = self.work.lock();
        work.settle();
        at(&mut work)
    }

    /// A mark of the state now.
    pub fn mark(&self) -> Mark {
        let mut work = self.work.lock();
        work.settle();
        Mark { place: work.savepoint(), takes_room: self.takes_room }
    }

    /// Waits for the step that runs, of a call that nobody waits for any more. Who looks at what was done so far while there may be one comes by here
    /// first: or he would hold up a thread that others' requests need.
    pub async fn settled(&self) {
        if self.work.try_lock().is_some() {
            return;
        }
        let work = self.work.clone();
        // What the step came to is seen by who looks.
        drop(tokio::task::spawn_blocking(move || drop(work.lock())).await);
    }

    /// Forgets all that came after the mark.
    pub fn rollback_to(&mut self, mark: &Mark) {
        let mut work = self.work.lock();
        work.settle();
        work.rollback_to(mark.place);
        drop(work);
        self.takes_room = mark.takes_room;
    }

    /// Makes it durable; returns the CSN (that of the snapshot when nothing was changed).
    ///
    /// # Errors
    ///
    /// `Conflict`, `Violated`, `Limited`, `Unavailable`; nothing was kept. Where this is dropped before its answer is there, it may be kept.
    pub async fn commit(self) -> Result<u64> {
        if self.is_outdated && !self.look(|work| work.writes().is_empty()) {
            let message = "what you may do was changed while the transaction was open: begin it again";
            return Err(Error::new(ErrorKind::Conflict, "PERMISSIONS_CHANGED", message));
        }
        if let Some(begun) = self.begin_commit() {
            return begun?.await;
        }
        let engine = self.session.engine().clone();
        let commit = move || {
            let mut work = self.work.lock();
            work.settle();
            if work.writes().is_empty() {
                return Ok(work.base_csn());
            }
            let info = self.commit_info(&work);
            let _right = engine.may_commit(work.active.fills())?;
            let committed = engine.store().commit(self.writes_of(&work), info);
            committed.map_err(|error| told(&work, error)).map(|committed| committed.csn.0)
        };
        tokio::task::spawn_blocking(commit).await?
    }

    /// A small commit for which nothing must be waited but its answer: no thread is held by it. None for others.
    fn begin_commit(&self) -> Option<Result<impl Future<Output = Result<u64>> + use<>>> {
        let engine = self.session.engine();
        let mut work = self.work.try_lock()?;
        work.settle();
        let (tell, answer) = oneshot::channel();
        if work.writes().is_empty() {
            drop(tell.send(Ok(Committed { csn: Csn(work.base_csn()) })));
        } else if work.writes().len() > SMALL_ROWS_MAX
            || work.writes().bytes() > SMALL_BYTES_MAX
            || !engine.store().has_room()
        {
            return None;
        } else {
            let right = match engine.may_commit_now(work.active.fills()) {
                Ok(right) => right?,
                Err(error) => return Some(Err(error)),
            };
            let info = self.commit_info(&work);
            engine.store().submit(self.writes_of(&work), info, move |committed| {
                drop(right);
                // Who asked may have gone.
                drop(tell.send(committed));
            });
        }
        drop(work);
        let work = Arc::clone(&self.work);
        Some(Ok(async move {
            let committed = answer.await.map_err(|_| Error::internal("a commit without an answer"))?;
            committed.map_err(|error| told(&work.lock(), error)).map(|committed| committed.csn.0)
        }))
    }

    /// What it writes; deletions are let in where there is no room for more.
    fn writes_of(&self, work: &Work) -> WriteSet {
        let writes = work.writes().clone();
        if self.takes_room { writes } else { writes.frees_room() }
    }

    fn commit_info(&self, work: &Work) -> CommitInfo {
        CommitInfo {
            actor: work.actor.user_id.to_string(),
            transaction: work.world.ids.ulid(),
            time_micros: work.actor.now_micros,
            package_version: work.active.registry.version.clone(),
            origin: self.session.options().origin.to_commit(),
        }
    }
}

/// What the store refused, as it is told to who wrote it.
fn told(work: &Work, error: quarry_storage::Error) -> Error {
    let error = work.active.named(error.into());
    match work.actor.limited() {
        Some(rights) => rights.told_error(error),
        None => error,
    }
}

fn context(session: &Session, work: &mut Work) -> QueryContext {
    let rights = work.actor.rights.clone();
    let snapshot = work.view();
    let rights = rights.unwrap_or_else(|| Arc::new(Rights::nothing(&work.active, snapshot.clone())));
    let views = match session.pinned() {
        Some(pinned) => pinned.active.views_of(session.principal(), &session.engine().active()),
        None => rights.views.clone(),
    };
    QueryContext {
        views,
        snapshot,
        as_of: None,
        viewer: rights.viewer.clone(),
        locale: session.options().locale.clone(),
        time_zone: session.options().time_zone,
        now_micros: work.actor.now_micros,
        timeout: session.options().timeout,
        stop: Stop::default(),
        memory: Some(session.engine().memory_share()),
        reads_audit: rights.has(Capability::ViewAudit),
        tenant: session.engine().tenant().clone(),
        line: session.line().clone(),
    }
}

fn calls_busy() -> Error {
    let message = "too many calls of many changes wait for their turn already; send it again later, or fewer changes at once";
    Error::new(ErrorKind::Limited, "QUESTIONS_BUSY", message)
}

fn at(change: usize, path: &str) -> String {
    format!("changes[{change}].{path}")
}
