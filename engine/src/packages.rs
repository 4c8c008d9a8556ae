//! Packages: published once, activated while everything runs, never changed.
//!
//! The road of a version:
//!
//! 1. [`Session::check_packages`] compiles it with the packages that are active (*draft* until it does, *validated* then);
//!    [`Session::plan_packages`] says what is different, and what activating it would do to the records.
//! 2. [`Session::publish`] keeps it in the tenant's own store, under the hash of its content: it is in the log, and durable.
//!    The same version can't be published with other content, nor a version that would break who uses the active one.
//! 3. [`Session::activate`] makes the columns and indexes it needs, writes the defaults of new required fields in bounded
//!    transactions, and swaps what serves. Whoever began before ends on the version he began with; only when fields were
//!    filled does a transaction from before have to begin again, which a plain change does by itself.
//! 4. The version before it is *superseded*: a session may go on with it ([`Session::pin`]), and [`Session::rollback`] makes
//!    it active again.
//!
//! Package folders are one source of versions: see [`folders`].

mod count;
mod doubles;
mod fill;
mod folders;
mod pins;
mod recompute;
mod shelf;
mod summarize;
mod switch;
mod walk;

use std::{collections::BTreeMap, time::Duration};

use quarry_metadata::{
    Bundle, Issues,
    evolution::{Class, Difference, Effect},
    foreign::{Imported, Wanted, import},
};
use serde::Serialize;

pub(crate) use folders::{Opened, open, read};
pub(crate) use pins::{Pinned, Pins};
use switch::Asked;
pub(crate) use switch::Candidates;

use crate::{
    error::{Error, ErrorKind, Result},
    identity::EventKind,
    opening,
    session::Session,
};

/// How long a session without a deadline waits for others who publish or activate.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// How far a version has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PackageState {
    /// Kept, and not active yet.
    Published,
    /// It serves.
    Active,
    /// It served; sessions may still be pinned to it.
    Superseded,
}

/// How far packages have come that are not published yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckedState {
    /// They do not compile.
    Draft,
    /// They compile with what is active.
    Validated,
}

/// What checking packages found.
#[derive(Clone, Debug)]
pub struct Checked {
    /// How far they have come.
    pub state: CheckedState,
    /// All findings; only warnings when they compile.
    pub issues: Issues,
}

/// Who did something, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stamp {
    /// Microseconds since 1970, UTC.
    pub at_micros: i64,
    /// The user's id.
    pub by: String,
}

/// A published version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Published {
    /// The package.
    pub name: String,
    /// The version; a build of one (`1.2.0+3f2a9c017b2d`) where a folder held other content than was published.
    pub version: semver::Version,
    /// BLAKE3 of its content.
    pub hash: String,
    /// How far it has come.
    pub state: PackageState,
    /// When it was published.
    pub published: Stamp,
    /// When it was last activated.
    pub activated: Option<Stamp>,
    /// When another took its place.
    pub superseded: Option<Stamp>,
}

impl Published {
    /// `crm@1.2.0`.
    pub fn id(&self) -> String {
        format!("{}@{}", self.name, self.version)
    }
}

/// One thing that an activation does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// What.
    pub effect: Effect,
    /// How many records it reads or writes.
    pub records: u64,
}

/// What activating versions would do.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Plan {
    /// The versions.
    pub packages: Vec<String>,
    /// Whether it may be.
    pub allowed: bool,
    /// What is different from what is active.
    pub differences: Vec<Difference>,
    /// What is done, in order.
    pub steps: Vec<Step>,
}

impl Plan {
    /// The error that tells why it may not be; none when it may.
    fn refusal(&self) -> Option<Error> {
        let refused: Vec<&Difference> =
            self.differences.iter().filter(|difference| difference.class != Class::Allowed).collect();
        if refused.is_empty() {
            return None;
        }
        let told: String = refused.iter().map(|difference| format!("\n{difference}")).collect();
        let message = format!("the new version would break who uses the active one:{told}");
        let finding = |difference: &&Difference| crate::Finding {
            change: 0,
            object: difference.subject.to_string(),
            id: None,
            field: None,
            code: difference.code.into(),
            message: difference.to_string(),
            constraint: None,
        };
        let mut error = Error::new(ErrorKind::Violated, "BREAKING_CHANGE", message);
        error.findings = refused.iter().map(finding).collect();
        Some(error)
    }
}

impl Session {
    /// Every version that was ever published, by package and version.
    ///
    /// # Errors
    ///
    /// `Denied` unless an administrator asks; those of the store.
    pub fn packages(&self) -> Result<Vec<Published>> {
        self.must_administer("packages")?;
        shelf::all(&self.engine().store().snapshot())
    }

    /// One version with its files.
    ///
    /// # Errors
    ///
    /// `Denied`; `Missing` when it was never published.
    pub fn package(&self, id: &str) -> Result<(Published, Bundle)> {
        self.must_administer("packages")?;
        shelf::must_get(&self.engine().store().snapshot(), id)
    }

    /// Compiles packages, each as its files by path, together with the active ones of other names; nothing is kept.
    ///
    /// # Errors
    ///
    /// `Denied`; those of the store.
    pub fn check_packages(&self, packages: &[BTreeMap<String, String>]) -> Result<Checked> {
        self.must_administer("packages")?;
        let mut bundles = Vec::with_capacity(packages.len());
        let mut issues = Issues::default();
        for (at, files) in packages.iter().enumerate() {
            match Bundle::of_files(&format!("packages[{at}]"), files) {
                Ok(bundle) => bundles.push(bundle),
                Err(found) => issues.0.extend(found.0),
            }
        }
        if issues.has_errors() {
            return Ok(Checked { state: CheckedState::Draft, issues });
        }
        Ok(match self.engine().compiles(&bundles)? {
            Ok(issues) => Checked { state: CheckedState::Validated, issues },
            Err(issues) => Checked { state: CheckedState::Draft, issues },
        })
    }

    /// Brings packages of other programs, as their files by path, into a form that compiles with the active ones; nothing is
    /// kept. Blocks.
    ///
    /// # Errors
    ///
    /// `Denied`; `Invalid` with all issues where nothing that compiles could be made of them.
    pub fn import_packages(&self, files: &BTreeMap<String, String>, wanted: &Wanted) -> Result<Imported> {
        self.must_administer("packages")?;
        import(files, &self.engine().active().bundles, wanted).map_err(opening::uncompiled)
    }

    /// What activating packages would do; nothing is done. Blocks: records are counted.
    ///
    /// # Errors
    ///
    /// `Denied`; `Invalid` with all issues.
    pub fn plan_packages(&self, bundles: &[Bundle]) -> Result<Plan> {
        self.must_administer("packages")?;
        let engine = self.engine();
        let candidate = engine.prospect(bundles)?;
        engine.plan(&engine.active(), &candidate, bundles)
    }

    /// What activating published versions would do; nothing is done. Blocks.
    ///
    /// # Errors
    ///
    /// `Denied`; `Missing` when one was never published.
    pub fn plan_published(&self, ids: &[String]) -> Result<Plan> {
        self.must_administer("packages")?;
        self.plan_packages(&shelf::bundles(&self.engine().store().snapshot(), ids)?)
    }

    fn asked(&self) -> Asked<'_> {
        let wait_max = self.options().timeout.unwrap_or(WAIT_MAX);
        Asked { by: &self.principal().user_id, wait_max }
    }

    /// Publishes packages, all or none. What is published already with the same content stays as it is. Blocks.
    ///
    /// # Errors
    ///
    /// `Denied`; `Violated` when a version is published with other content, or would break who uses the active one;
    /// `Invalid` with all issues; `Limited`, `PUBLISHING_BUSY` when others are at it for longer than a question of the session may take. Nothing
    /// was kept.
    pub fn publish(&self, bundles: &[Bundle]) -> Result<Vec<Published>> {
        self.must_administer("packages")?;
        let published = self.engine().publish(bundles, self.asked())?;
        let ids: Vec<String> = published.iter().map(Published::id).collect();
        self.tell_of(EventKind::Published, &ids.join(" "));
        Ok(published)
    }

    /// Activates published versions, all at once: what comes after this call is served by them. Blocks.
    ///
    /// # Errors
    ///
    /// `Denied`, `Missing`; `Violated` when a version that never was active would break who uses the active one. What was
    /// active goes on serving.
    pub fn activate(&self, ids: &[String]) -> Result<Plan> {
        self.must_administer("packages")?;
        let plan = self.engine().activate(ids, self.asked())?;
        self.tell_of(EventKind::Activated, &ids.join(" "));
        Ok(plan)
    }

    /// Activates the version of a package that was active before; the records stay. Blocks.
    ///
    /// # Errors
    ///
    /// `Denied`; `Missing` when there was none.
    pub fn rollback(&self, package: &str) -> Result<Plan> {
        self.must_administer("packages")?;
        let before = shelf::before(&self.engine().store().snapshot(), package)?;
        let plan = self.engine().activate(&[before.id()], self.asked())?;
        self.tell_of(EventKind::RolledBack, &before.id());
        Ok(plan)
    }
}
