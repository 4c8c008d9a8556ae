//! The engine: opens the parts and puts them together.

use std::{path::PathBuf, sync::Arc, thread::available_parallelism};

use parking_lot::{Mutex, RwLock};
use quarry_metadata::{Issues, Registry};
use quarry_planner::{
    MemoryShare, Planner, PlannerOptions,
    turns::{Place, Turns},
};
use quarry_storage::{
    ResourceOptions, Resources, Store, TenantName, TenantOptions, Tenants, World, must_be_store,
    read_catalogue,
};
use tokio::sync::{Semaphore, watch};

use crate::{
    active::Active,
    admission::Trusted,
    audit::{EventLog, holds},
    commits::{Commits, Right},
    content::ContentOptions,
    engines::must_be_encrypted,
    error::{Error, ErrorKind, Result},
    identity::{
        Principal,
        gate::{Doorstep, Gate},
        ledger::Ledger,
    },
    opening,
    packages::{self, Candidates, Pins},
    quota::{FairTurns, ForAll, Quota, TenantLimits},
    session::{Session, SessionOptions},
    system::{is_always_written, is_counted},
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
    /// How long an access token lasts, seconds.
    pub token_seconds: u64,
    /// The limits of each tenant's store, and of how many are open.
    pub tenants: TenantOptions,
    /// The limits of what all stores of the process share.
    pub resources: ResourceOptions,
    /// The planner's limits.
    pub planner: PlannerOptions,
    /// The limits of contents.
    pub contents: ContentOptions,
}

/// What opening did.
pub struct Opened {
    /// The engine.
    pub engine: Arc<Engine>,
    /// The random password of the `admin` user made by this first start, to be printed once.
    pub admin_password: Option<String>,
    /// Warnings of the packages.
    pub warnings: Issues,
    /// Why what lies in the package folders does not serve: the active packages of the store do.
    pub refused: Option<Error>,
}

/// The engine over one tenant.
pub struct Engine {
    tenant: TenantName,
    store: Arc<Store>,
    process: Arc<Process>,
    world: World,
    active: RwLock<Arc<Active>>,
    /// Published and activated is one at a time.
    switching: Mutex<()>,
    /// Held by who lets go of history, and by who places a hold.
    forgetting: Mutex<()>,
    /// Held by each commit, and alone by an activation while it fills what was written meanwhile.
    commits: Commits,
    pins: Pins,
    candidates: Candidates,
    gate: Arc<Gate>,
    quota: Quota,
    own_limits: RwLock<TenantLimits>,
    /// What its questions may hold together.
    memory: MemoryShare,
    memory_bytes_max: RwLock<Option<u64>>,
    /// Where events are kept, if they are.
    events: RwLock<Option<Arc<EventLog>>>,
    retry_turn: tokio::sync::Mutex<()>,
    /// Held by who makes a package's next version of the one before.
    publishing: Arc<tokio::sync::Mutex<()>>,
    /// Held while cases are tried: they have a store of their own.
    trying: Mutex<()>,
    contents: ContentOptions,
    /// One for each upload at once.
    uploads: Arc<Semaphore>,
    /// Nobody comes in any more, and whoever is in goes.
    ended: watch::Sender<bool>,
}

/// What the engines of a process have in common.
pub(crate) struct Process {
    pub data: PathBuf,
    packages: Vec<PathBuf>,
    token_seconds: u64,
    /// With the memory that all questions of all tenants share.
    pub planner: Planner,
    contents: ContentOptions,
    pub tenants: Tenants,
    /// Of requests.
    turns: Arc<FairTurns>,
    /// Of calls of many changes.
    pub large_calls: Arc<Turns>,
    /// What each tenant may have.
    pub for_all: RwLock<ForAll>,
    /// Of logins.
    pub doorstep: Doorstep,
    /// Who vouches for users.
    pub trusted: Mutex<Option<Trusted>>,
}

impl Engine {
    /// Loads the packages, opens the store of the tenant `main`, makes the tables and, at first start, the `admin` user.
    ///
    /// # Errors
    ///
    /// `Invalid` with all issues of the packages in the message; those of the store.
    pub fn open(options: EngineOptions, world: World) -> Result<Opened> {
        let EngineOptions { data, packages, admin_password, token_seconds, mut tenants, .. } = options;
        let EngineOptions { resources, planner, contents, .. } = options;
        let resources = Resources::new(resources);
        tenants.store.is_counted = is_counted;
        tenants.store.is_always_written = is_always_written;
        let tenants = Tenants::new(&data, tenants, world.clone(), &resources);
        let calls_waiting_max = planner.heavy_waiting_max;
        let planner = Planner::new(planner);
        let main = TenantName::main();
        let records = read_catalogue(&data, &world)?;
        let told = records.iter().find(|record| record.name == main);
        if let Some(told) = told {
            must_be_encrypted(told, &main.folder(&data), &world)?;
        }
        let own_limits = told.map(|told| TenantLimits::of_kept(&told.limits)).unwrap_or_default();
        let process = Arc::new(Process {
            data,
            packages,
            token_seconds,
            planner,
            contents,
            tenants,
            turns: Arc::default(),
            large_calls: Turns::new(available_parallelism().map_or(2, usize::from), calls_waiting_max),
            for_all: RwLock::default(),
            doorstep: Doorstep::default(),
            trusted: Mutex::default(),
        });
        let opened = Self::over((process, world), &main, admin_password, None)?;
        opened.engine.set_own_limits(own_limits);
        Ok(opened)
    }

    /// Another tenant of the same data folder and the same package folders, made if there is none. Records, users and versions are
    /// its own; it shares threads and caches, and what comes out the same of its packages is held once.
    ///
    /// # Errors
    ///
    /// As [`Self::open`]; `Limited` when too many tenants are open.
    pub fn open_tenant(&self, tenant: &TenantName, admin_password: Option<String>) -> Result<Opened> {
        let parts = (self.process.clone(), self.world.clone());
        let opened = Self::over(parts, tenant, admin_password, Some(&self.active()))?;
        opened.engine.set_identity_options(self.gate().options());
        opened.engine.set_own_limits(TenantLimits::default());
        opened.engine.trust_as_process();
        if self.event_log().read().is_some() {
            opened.engine.keep_events();
        }
        Ok(opened)
    }

    fn over(
        (process, world): (Arc<Process>, World),
        tenant: &TenantName,
        admin_password: Option<String>,
        known: Option<&Active>,
    ) -> Result<Opened> {
        let is_first_start = must_be_store(&process.tenants.folder(tenant), &world).is_err();
        let folders = packages::read(&process.packages, is_first_start, known)?;
        let store = process.tenants.get_or_make(tenant)?;
        let packages::Opened { active, folders } = packages::open(&store, folders, known)?;
        let active = Arc::new(active);
        store.define_tables(active.tables(&store.snapshot(), None))?;
        holds::resolve(&Ledger::new(store.clone(), world.clone()), &active.registry)?;
        let random_password = opening::first_admin(&store, &active, &world, admin_password)?;
        let stored = (store.clone(), world.clone());
        let mut gate = Gate::new(stored, process.token_seconds, tenant, &process.doorstep)?;
        gate.ledger.mark_with(tenant);
        let engine = Engine {
            tenant: tenant.clone(),
            ended: watch::Sender::new(false),
            store,
            world,
            active: RwLock::new(active),
            switching: Mutex::new(()),
            forgetting: Mutex::new(()),
            commits: Commits::default(),
            pins: Pins::default(),
            candidates: Candidates::default(),
            gate: Arc::new(gate),
            quota: Quota::new(process.turns.clone()),
            own_limits: RwLock::default(),
            memory: process.planner.memory_share(),
            memory_bytes_max: RwLock::default(),
            events: RwLock::default(),
            retry_turn: tokio::sync::Mutex::new(()),
            publishing: Arc::default(),
            trying: Mutex::new(()),
            uploads: Arc::new(Semaphore::new(process.contents.uploads_max)),
            contents: process.contents.clone(),
            process,
        };
        let refused = folders.and_then(|folders| engine.offer(&folders)).err();
        let warnings = engine.registry().warnings.clone();
        let engine = Arc::new(engine);
        Ok(Opened { engine, admin_password: random_password, warnings, refused })
    }

    /// Whose records these are.
    pub fn tenant(&self) -> &TenantName {
        &self.tenant
    }

    /// Returns when the tenant was suspended or is deleted: whoever is connected goes then.
    pub async fn ended(&self) {
        let mut ended = self.ended.subscribe();
        if ended.wait_for(|ended| *ended).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Sends away whoever is connected, and lets nobody in.
    pub(crate) fn end(&self) {
        self.ended.send_replace(true);
    }

    /// Lets people in again.
    pub(crate) fn resume(&self) {
        self.ended.send_replace(false);
    }

    /// Whether nobody may come in.
    pub(crate) fn has_ended(&self) -> bool {
        *self.ended.borrow()
    }

    /// Told to who has proven himself.
    ///
    /// # Errors
    ///
    /// `Denied` when the tenant is suspended.
    pub fn must_serve(&self) -> Result<()> {
        if !self.has_ended() {
            return Ok(());
        }
        let message = format!("the tenant {} is suspended", self.tenant);
        Err(Error::new(ErrorKind::Denied, "TENANT_SUSPENDED", message))
    }

    pub(crate) fn process(&self) -> &Arc<Process> {
        &self.process
    }

    /// The registry that serves now.
    pub fn registry(&self) -> Arc<Registry> {
        self.active().registry.clone()
    }

    /// Looks at the package folders again: what is new in them is published and activated. On any error the last good
    /// version keeps serving.
    ///
    /// # Errors
    ///
    /// `Invalid` with all issues; `Violated` with what would break.
    pub fn reload(&self) -> Result<Arc<Registry>> {
        self.reload_folders(&self.process.packages)?;
        Ok(self.registry())
    }

    /// The planner.
    pub fn planner(&self) -> &Planner {
        &self.process.planner
    }

    /// A session for a proven user.
    pub fn session(self: &Arc<Self>, principal: Principal, options: SessionOptions) -> Session {
        Session::new(self.clone(), principal, options)
    }

    /// Closes the store; no call after it succeeds.
    ///
    /// # Errors
    ///
    /// Those of the last sync.
    pub fn close(&self) -> Result<()> {
        if let Err(error) = self.write_events() {
            tracing::error!("the last events were not kept: {error}");
        }
        Ok(self.store.close()?)
    }

    pub(crate) fn quota(&self) -> &Quota {
        &self.quota
    }

    pub(crate) fn own_limits(&self) -> &RwLock<TenantLimits> {
        &self.own_limits
    }

    /// See [`Self::memory_share`].
    pub(crate) fn own_memory(&self) -> &MemoryShare {
        &self.memory
    }

    pub(crate) fn memory_bytes_max(&self) -> &RwLock<Option<u64>> {
        &self.memory_bytes_max
    }

    /// See [`crate::audit`].
    pub(crate) fn event_log(&self) -> &RwLock<Option<Arc<EventLog>>> {
        &self.events
    }

    pub(crate) fn gate(&self) -> &Arc<Gate> {
        &self.gate
    }

    pub(crate) fn active(&self) -> Arc<Active> {
        self.active.read().clone()
    }

    /// From now on `active` serves.
    pub(crate) fn serve(&self, active: Arc<Active>) {
        *self.active.write() = active;
    }

    /// Held by whoever publishes or activates.
    pub(crate) fn switching(&self) -> &Mutex<()> {
        &self.switching
    }

    /// Held by whoever lets go of history, or places a hold.
    pub(crate) fn forgetting(&self) -> &Mutex<()> {
        &self.forgetting
    }

    /// See [`Self::may_commit`].
    pub(crate) fn commits(&self) -> &Commits {
        &self.commits
    }

    /// The right to commit what was made under a model, held until the commit is done.
    ///
    /// # Errors
    ///
    /// `Conflict` when fields of records were filled since: what it made lacks them.
    pub(crate) fn may_commit(&self, fills: u64) -> Result<Right> {
        self.still(self.commits.read(), fills)
    }

    /// As [`Self::may_commit`]; none where it would have to be waited for.
    ///
    /// # Errors
    ///
    /// As [`Self::may_commit`].
    pub(crate) fn may_commit_now(&self, fills: u64) -> Result<Option<Right>> {
        self.commits.try_read().map(|right| self.still(right, fills)).transpose()
    }

    fn still(&self, right: Right, fills: u64) -> Result<Right> {
        if self.active().fills() == fills {
            return Ok(right);
        }
        let message = "the packages were changed meanwhile, and records with them; begin again";
        Err(Error::new(ErrorKind::Conflict, "CONCURRENT_UPDATE", message))
    }

    pub(crate) fn pins(&self) -> &Pins {
        &self.pins
    }

    /// What was compiled last and does not serve yet.
    pub(crate) fn candidates(&self) -> &Candidates {
        &self.candidates
    }

    pub(crate) fn store(&self) -> &Arc<Store> {
        &self.store
    }

    pub(crate) fn world(&self) -> &World {
        &self.world
    }

    /// Bytes that a content may have.
    pub fn content_bytes_max(&self) -> u64 {
        self.contents.content_bytes_max
    }

    pub(crate) fn content_options(&self) -> &ContentOptions {
        &self.contents
    }

    pub(crate) fn uploads(&self) -> &Arc<Semaphore> {
        &self.uploads
    }

    /// Held by whoever makes the next version of a package of the one before, while that is read and until it is active.
    pub fn publishing(&self) -> &Arc<tokio::sync::Mutex<()>> {
        &self.publishing
    }

    /// Held by whoever tries cases.
    pub(crate) fn trying(&self) -> &Mutex<()> {
        &self.trying
    }

    /// A place in the line of calls of many changes, of all tenants; none when too many of this one wait there already.
    pub fn turn_of_large_calls(&self) -> Option<Place> {
        self.process.large_calls.ask(&self.tenant)
    }

    /// How many of them run now, and how many wait for their turn.
    pub fn large_calls(&self) -> (usize, usize) {
        self.process.large_calls.taken()
    }

    /// Held by whoever tries again after a conflict.
    pub(crate) fn retry_turn(&self) -> &tokio::sync::Mutex<()> {
        &self.retry_turn
    }
}
