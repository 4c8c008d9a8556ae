//! From one set of active packages to the next.

use std::{
    collections::BTreeMap,
    sync::{Arc, Weak},
    time::Duration,
};

use parking_lot::{Mutex, MutexGuard};
use quarry_metadata::{
    Bundle, Issues, Registry,
    evolution::{Class, Difference, Effect, Model, Subject, Surroundings, compare},
};
use quarry_planner::lower;
use quarry_storage::{CommitInfo, Key, WriteSet};

use super::{
    PackageState, Plan, Published, Stamp, Step,
    count::Counter,
    doubles,
    fill::Fill,
    recompute::Recomputed,
    shelf,
    summarize::Summarized,
    walk::{Made, Walk},
};
use crate::{
    active::Active,
    engine::Engine,
    error::{Error, ErrorKind, Result},
    work::{Actor, Work},
};

/// Whether a switch must keep everything that worked working.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// It must.
    Evolves,
    /// It goes back to what was active once.
    GoesBack,
}

/// What becomes active, and why.
pub(super) struct Switch<'a> {
    pub(super) bundles: &'a [Bundle],
    pub(super) rule: Rule,
    /// Those that package folders hold.
    pub(super) offered: &'a [Bundle],
    pub(super) by: &'a str,
}

/// Who asks to publish or activate, and how long he waits for others who do.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub by: &'a str,
    pub wait_max: Duration,
}

/// What was compiled last and does not serve yet: who looks at a plan, publishes and activates compiles the same packages.
#[derive(Default)]
pub(crate) struct Candidates(Mutex<Option<Candidate>>);

struct Candidate {
    /// What served when it was made.
    beside: Weak<Active>,
    made: Arc<Active>,
}

impl Candidates {
    fn get(&self, beside: &Arc<Active>, bundles: &[Bundle]) -> Option<Arc<Active>> {
        let kept = self.0.lock();
        let candidate =
            kept.as_ref().filter(|kept| std::ptr::eq(kept.beside.as_ptr(), Arc::as_ptr(beside)))?;
        let made = &candidate.made.bundles;
        let from_there = made.iter().zip(bundles).all(|(one, other)| one.origin() == other.origin());
        (are_same(made, bundles) && from_there).then(|| candidate.made.clone())
    }

    fn keep(&self, beside: &Arc<Active>, made: &Arc<Active>) {
        *self.0.lock() = Some(Candidate { beside: Arc::downgrade(beside), made: made.clone() });
    }

    fn clear(&self) {
        *self.0.lock() = None;
    }
}

/// Whether two packages are of the same version and content.
pub(super) fn is_same(one: &Bundle, other: &Bundle) -> bool {
    one.id() == other.id() && one.hash() == other.hash()
}

fn are_same(some: &[Bundle], others: &[Bundle]) -> bool {
    some.len() == others.len() && some.iter().zip(others).all(|(one, other)| is_same(one, other))
}

impl Engine {
    /// The active packages with some of them exchanged or added, compiled.
    ///
    /// # Errors
    ///
    /// `Invalid` with all issues.
    pub(crate) fn candidate(&self, bundles: &[Bundle]) -> Result<Arc<Active>> {
        let active = self.active();
        let bundles = merged(&active.bundles, bundles)?;
        if are_same(&bundles, &active.bundles) {
            return Ok(active);
        }
        if let Some(known) = self.candidates().get(&active, &bundles) {
            return Ok(known);
        }
        let made = Arc::new(Active::of(bundles, Some(&active))?);
        self.candidates().keep(&active, &made);
        Ok(made)
    }

    /// As [`Self::candidate`], as these packages are when they are kept: who activates them then finds them compiled.
    ///
    /// # Errors
    ///
    /// `Invalid` with all issues, with the places that the packages came with.
    pub(super) fn prospect(&self, bundles: &[Bundle]) -> Result<Arc<Active>> {
        let kept: Vec<Bundle> = bundles.iter().map(|bundle| bundle.moved(&bundle.id())).collect();
        self.candidate(&kept).or_else(|_| self.candidate(bundles))
    }

    /// Whether the active packages compile with some of them exchanged or added: the warnings, or all issues.
    ///
    /// # Errors
    ///
    /// `Invalid` when a package is given twice.
    pub(super) fn compiles(&self, bundles: &[Bundle]) -> Result<Result<Issues, Issues>> {
        let bundles = merged(&self.active().bundles, bundles)?;
        Ok(Registry::compile(&bundles).map(|(registry, _)| registry.warnings))
    }

    /// What going from one to the other does.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub(super) fn plan(&self, old: &Active, new: &Active, bundles: &[Bundle]) -> Result<Plan> {
        let counter = Counter { snapshot: self.store().snapshot() };
        let surroundings = Surroundings { places: &new.places, records: &counter, dependents: &[&Model] };
        let mut differences = compare(&old.registry, &new.registry, surroundings);
        differences.extend(self.other_columns(old, new));
        differences.extend(doubles::differences(&counter.snapshot, &new.registry)?);
        let steps = differences.iter().flat_map(|difference| &difference.effects).map(|effect| {
            let object = match effect {
                Effect::Backfill { object, .. }
                | Effect::Summarize { object, .. }
                | Effect::Recompute { object, .. }
                | Effect::BuildIndex { object, .. } => Some(object),
                Effect::NewTable { .. } | Effect::NewColumn { .. } => None,
            };
            let object = object.and_then(|name| new.registry.get(name.as_str()));
            let records = object.map_or(0, |object| counter.records(object.table()));
            Step { effect: effect.clone(), records }
        });
        Ok(Plan {
            packages: bundles.iter().map(Bundle::id).collect(),
            allowed: differences.iter().all(|difference| difference.class == Class::Allowed),
            steps: steps.collect(),
            differences,
        })
    }

    /// Fields whose values the store would have to keep in another way than it does.
    fn other_columns(&self, old: &Active, new: &Active) -> Vec<Difference> {
        let snapshot = self.store().snapshot();
        let mut found = Vec::new();
        for object in new.registry.objects.values().filter(|object| !old.serves(object)) {
            let Ok(table) = snapshot.table(object.table()) else { continue };
            for field in object.stored_fields() {
                let position = table.spec().position(field.column());
                let stored = position.and_then(|at| table.spec().columns.get(at)).map(|c| c.column_type);
                let wanted = lower::column_type(field);
                if let Some(stored) = stored.filter(|stored| *stored != wanted) {
                    let subject = Subject::Field(object.name.clone(), field.name.clone());
                    let message = format!(
                        "its values are kept as {stored:?}, and can't be kept as {wanted:?} yet; add another field"
                    );
                    found.push(Difference::refused("column-type", subject, message));
                }
            }
        }
        found
    }

    fn switching_within(&self, wait_max: Duration) -> Result<MutexGuard<'_, ()>> {
        self.switching().try_lock_for(wait_max).ok_or_else(|| {
            let message = "packages are being published or activated by others; try again later";
            Error::new(ErrorKind::Limited, "PUBLISHING_BUSY", message)
        })
    }

    /// See [`crate::Session::publish`].
    pub(crate) fn publish(&self, bundles: &[Bundle], asked: Asked<'_>) -> Result<Vec<Published>> {
        let _alone = self.switching_within(asked.wait_max)?;
        let by = asked.by;
        let snapshot = self.store().snapshot();
        let mut new = Vec::new();
        let mut told = Vec::new();
        for bundle in bundles {
            match shelf::get(&snapshot, &bundle.id())? {
                Some((known, _)) if known.hash == bundle.hash() => told.push(known),
                Some((known, _)) => return Err(other_content(&known, bundle)),
                None => new.push(bundle),
            }
        }
        let candidate = self.prospect(bundles)?;
        if let Some(refusal) = self.plan(&self.active(), &candidate, bundles)?.refusal() {
            return Err(refusal);
        }
        let mut work = self.work(&self.active(), by);
        for bundle in new {
            let version = self.fresh(bundle, by);
            shelf::put(&mut work, &version, bundle)?;
            told.push(version);
        }
        self.commit_own(work)?;
        Ok(told)
    }

    /// See [`crate::Session::activate`].
    pub(crate) fn activate(&self, ids: &[String], asked: Asked<'_>) -> Result<Plan> {
        let _alone = self.switching_within(asked.wait_max)?;
        let by = asked.by;
        let snapshot = self.store().snapshot();
        let mut bundles = Vec::with_capacity(ids.len());
        let mut goes_back = true;
        for id in ids {
            let (version, bundle) = shelf::must_get(&snapshot, id)?;
            goes_back &= version.activated.is_some();
            bundles.push(bundle);
        }
        let rule = if goes_back { Rule::GoesBack } else { Rule::Evolves };
        self.switch(&Switch { bundles: &bundles, rule, offered: &[], by })
    }

    /// Makes packages active: tables, defaults, then all at once what serves. Blocks; one at a time.
    ///
    /// # Errors
    ///
    /// `Invalid`, `Violated`; those of the store. What was active goes on serving.
    pub(super) fn switch(&self, switch: &Switch<'_>) -> Result<Plan> {
        let old = self.active();
        let new = self.candidate(switch.bundles)?;
        let plan = self.plan(&old, &new, switch.bundles)?;
        if switch.rule == Rule::Evolves
            && let Some(refusal) = plan.refusal()
        {
            return Err(refusal);
        }
        let made = made_by(&plan.steps);
        new.follow(&old, !made.is_empty());
        self.store().define_tables(new.tables(&self.store().snapshot(), Some(&old)))?;
        let walk = |since| Walk { engine: self, active: &new, by: switch.by, since };
        walk(None).make(&made)?;
        let again = self.store().snapshot();
        walk(None).make(&made)?;
        // From here nobody commits: what was written since is made too, and then the new version serves.
        let _nobody_commits = self.commits().write();
        walk(Some(again)).make(&made)?;
        self.shelve(&new, switch)?;
        self.serve(new);
        self.candidates().clear();
        Ok(plan)
    }

    /// Writes the new states; what is not on the shelf yet is put there.
    fn shelve(&self, new: &Arc<Active>, switch: &Switch<'_>) -> Result<()> {
        let snapshot = self.store().snapshot();
        let mut work = self.work(new, switch.by);
        let stamp = || Some(self.stamp(switch.by));
        for bundle in switch.bundles {
            let id = bundle.id();
            for known in shelf::all(&snapshot)? {
                let goes = known.name == bundle.name().as_str() && known.state == PackageState::Active;
                if goes && known.id() != id {
                    let (known, content) = shelf::must_get(&snapshot, &known.id())?;
                    let gone = Published { state: PackageState::Superseded, superseded: stamp(), ..known };
                    shelf::put(&mut work, &gone, &content)?;
                }
            }
            let known = shelf::get(&snapshot, &id)?.map(|(known, _)| known);
            let known = known.unwrap_or_else(|| self.fresh(bundle, switch.by));
            let now = Published { state: PackageState::Active, activated: stamp(), ..known };
            shelf::put(&mut work, &now, bundle)?;
        }
        for bundle in switch.offered {
            shelf::offer(&mut work, bundle)?;
        }
        self.commit_own(work)
    }

    fn fresh(&self, bundle: &Bundle, by: &str) -> Published {
        Published {
            name: bundle.name().to_string(),
            version: bundle.version().clone(),
            hash: bundle.hash().to_owned(),
            state: PackageState::Published,
            published: self.stamp(by),
            activated: None,
            superseded: None,
        }
    }

    fn stamp(&self, by: &str) -> Stamp {
        Stamp { at_micros: self.world().clock.now_micros(), by: by.to_owned() }
    }

    /// A transaction of the server's own, in the name of someone.
    pub(crate) fn work(&self, active: &Arc<Active>, by: &str) -> Work {
        let now_micros = self.world().clock.now_micros();
        let actor = Actor::of(Key::from(by), now_micros);
        Work::new(active.clone(), self.store().snapshot(), actor, self.world().clone())
    }

    /// Makes it durable.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub(crate) fn commit_own(&self, work: Work) -> Result<()> {
        // The server's own work is never refused for want of room: it is what makes some.
        self.commit_as(work, WriteSet::frees_room)
    }

    /// As [`Self::commit_own`], of what somebody asked for: it is refused when there is no room for what the server keeps, either.
    ///
    /// # Errors
    ///
    /// `Limited`; those of the store.
    pub(crate) fn commit_asked(&self, work: Work) -> Result<()> {
        self.commit_as(work, |writes| writes)
    }

    fn commit_as(&self, work: Work, how: impl FnOnce(WriteSet) -> WriteSet) -> Result<()> {
        if work.writes().is_empty() {
            return Ok(());
        }
        let info = CommitInfo {
            actor: work.actor.user_id.to_string(),
            transaction: work.world.ids.ulid(),
            time_micros: work.actor.now_micros,
            package_version: work.active.registry.version.clone(),
            origin: None,
        };
        self.store().commit(how(work.writes().clone()), info)?;
        Ok(())
    }
}

/// Active packages with some exchanged or added.
fn merged(active: &[Bundle], bundles: &[Bundle]) -> Result<Vec<Bundle>> {
    let mut by_name: BTreeMap<String, Bundle> =
        active.iter().map(|bundle| (bundle.name().to_string(), bundle.clone())).collect();
    let mut seen = Vec::new();
    for bundle in bundles {
        if seen.contains(bundle.name()) {
            let message = format!("the package {:?} is given twice", bundle.name());
            return Err(Error::new(ErrorKind::Invalid, "INVALID_PACKAGES", message));
        }
        seen.push(bundle.name().clone());
        by_name.insert(bundle.name().to_string(), bundle.clone());
    }
    Ok(by_name.into_values().collect())
}

/// What steps make of the records that are there.
fn made_by(steps: &[Step]) -> Made {
    let mut made = Made::default();
    for step in steps {
        match step.effect.clone() {
            Effect::Backfill { object, field } => made.fills.push(Fill { object, field }),
            Effect::Summarize { object, field } => made.summaries.push(Summarized { object, field }),
            Effect::Recompute { object, field } => made.formulas.push(Recomputed { object, field }),
            Effect::NewTable { .. } | Effect::NewColumn { .. } | Effect::BuildIndex { .. } => {}
        }
    }
    made
}

fn other_content(known: &Published, bundle: &Bundle) -> Error {
    let message = format!(
        "{} is published with other content ({} there, {} here); a published version never changes: raise its version",
        known.id(),
        known.hash.get(..12).unwrap_or(&known.hash),
        bundle.hash().get(..12).unwrap_or(bundle.hash())
    );
    Error::new(ErrorKind::Violated, "VERSION_PUBLISHED", message)
}
