//! Sessions that go on with an older version: they see the objects as it declared them, on the same records.
//!
//! A pinned session reads through the views of its version over today's tables: what was renamed since has its old name, what
//! was added is not there. It writes through today's pipeline, in which former names answer: defaults and rules of today hold
//! for its records too, and it may only name what its version has.

use std::sync::Arc;

use parking_lot::Mutex;
use quarry_metadata::{Bundle, ObjectName};
use quarry_planner::Views;
use semver::{Version, VersionReq};

use super::{PackageState, shelf};
use crate::{
    active::{Active, nearest},
    change::{Applied, Change, Finding, Operation, Outcome, Record},
    engine::Engine,
    error::{Error, ErrorKind, Result},
    session::Session,
};

/// Compiled combinations that are kept; the one unused for longest goes first.
const KEPT_MAX: usize = 16;

/// Compiled combinations of versions, the last used at the end.
#[derive(Default)]
pub(crate) struct Pins(Mutex<Vec<Arc<Pinned>>>);

/// Packages of which some are of an older version than the active one.
pub(crate) struct Pinned {
    /// What was asked for: `crm@1.4`.
    text: String,
    /// The registry that was active when it was made.
    base: String,
    pub(crate) active: Arc<Active>,
}

impl Engine {
    /// The model with the packages that `text` names in their older versions: `crm@1.4, products@2`.
    fn pinned(&self, text: &str) -> Result<Arc<Pinned>> {
        let now = self.active();
        let is_it = |kept: &Arc<Pinned>| kept.text == text && kept.base == now.registry.version;
        {
            let mut kept = self.pins().0.lock();
            if let Some(place) = kept.iter().rposition(is_it) {
                let found = kept.remove(place);
                kept.push(found.clone());
                return Ok(found);
            }
        }
        let mut bundles: Vec<Bundle> = now.bundles.clone();
        for asked in text.split(',') {
            let version = self.version(asked.trim())?;
            bundles.retain(|bundle| bundle.name() != version.name());
            bundles.push(version);
        }
        let active = Active::of(bundles, Some(&now)).map_err(|error| {
            let message = format!("{text:?} does not go with the other packages as they are now: {error}");
            Error::new(ErrorKind::Invalid, "VERSION_NOT_AVAILABLE", message)
        })?;
        let made = Arc::new(Pinned {
            text: text.to_owned(),
            base: now.registry.version.clone(),
            active: Arc::new(active),
        });
        let mut kept = self.pins().0.lock();
        if kept.len() >= KEPT_MAX {
            kept.remove(0);
        }
        kept.push(made.clone());
        Ok(made)
    }

    /// The newest version that was ever active and that `crm@1.4` or `crm@1.4.2` means.
    fn version(&self, asked: &str) -> Result<Bundle> {
        let invalid = || {
            let message = format!("{asked:?} is no version of a package; name one like crm@1.4");
            Error::new(ErrorKind::Invalid, "INVALID_VERSION", message)
        };
        let (package, version) = asked.split_once('@').ok_or_else(invalid)?;
        let is_meant: Box<dyn Fn(&Version) -> bool> = match Version::parse(version) {
            Ok(exact) => Box::new(move |version| *version == exact),
            Err(_) => {
                let range = VersionReq::parse(&format!("~{version}")).map_err(|_| invalid())?;
                Box::new(move |version| range.matches(version))
            }
        };
        let snapshot = self.store().snapshot();
        let mut known = shelf::all(&snapshot)?;
        known.retain(|version| version.name == package && version.state != PackageState::Published);
        let found = known.iter().rev().find(|known| is_meant(&known.version));
        let found = found.ok_or_else(|| {
            let versions: Vec<String> = known.iter().map(|known| known.version.to_string()).collect();
            let message =
                format!("{asked:?} never was active; there are {:?}: {}", package, versions.join(", "));
            Error::new(ErrorKind::Missing, "VERSION_NOT_FOUND", message)
        })?;
        Ok(shelf::must_get(&snapshot, &found.id())?.1)
    }
}

impl Session {
    /// Goes on with an older version of a package, or of several with commas between them; an empty text ends that.
    ///
    /// # Errors
    ///
    /// `Invalid` when it can't be read or does not go with the other packages; `Missing` when it never was active.
    pub fn pin(&mut self, text: &str) -> Result<()> {
        let pinned = match text.trim() {
            "" => None,
            text => Some(self.engine().pinned(text)?),
        };
        self.set_pinned(pinned);
        Ok(())
    }

    /// What it is pinned to: empty, or as [`Self::pin`] took it.
    pub fn pinned_version(&self) -> &str {
        self.pinned().map_or("", |pinned| &pinned.text)
    }
}

impl Pinned {
    /// Refuses changes that name what this version does not have.
    ///
    /// # Errors
    ///
    /// `Missing` for an object; `Violated` with every field.
    pub(crate) fn must_know(&self, changes: &[Change], views: &Views) -> Result<()> {
        let mut findings = Vec::new();
        for (number, change) in changes.iter().enumerate() {
            let placed = |error: Error| error.at(format!("changes[{number}].object"));
            findings.extend(self.findings(number, change, views).map_err(placed)?);
        }
        if findings.is_empty() { Ok(()) } else { Err(Error::of_findings(findings)) }
    }

    fn findings(&self, number: usize, change: &Change, views: &Views) -> Result<Vec<Finding>> {
        let view = views.get(&change.object).ok_or_else(|| {
            let near = nearest(&change.object, views.objects.keys().map(ObjectName::as_str));
            let message = format!("there is no object {:?}{near}", change.object);
            Error::new(ErrorKind::Missing, "OBJECT_NOT_FOUND", message)
        })?;
        let object = &view.object;
        let named: Vec<&str> = match &change.operation {
            Operation::Create(data)
            | Operation::Update { data, .. }
            | Operation::UpdateWhere { data, .. } => names(data),
            Operation::Upsert { on, data } => on.iter().map(String::as_str).chain(names(data)).collect(),
            Operation::Delete { .. }
            | Operation::DeleteWhere { .. }
            | Operation::Undelete { .. }
            | Operation::Act { .. } => Vec::new(),
        };
        let unknown = named.into_iter().filter(|name| object.field(name).is_none());
        let finding = |name: &str| Finding {
            change: number,
            object: change.object.clone(),
            id: None,
            field: Some(name.to_owned()),
            code: "unknown_field".into(),
            message: format!("{} has no field {name:?} in {}", object.name, self.text),
            constraint: None,
        };
        Ok(unknown.map(finding).collect())
    }

    /// What was done, by the names of this version.
    pub(crate) fn applied(&self, now: &Active, mut applied: Applied) -> Applied {
        let told = |outcome: Outcome| Outcome { object: self.object(now, &outcome.object), ..outcome };
        applied.outcomes = applied.outcomes.into_iter().map(told).collect();
        self.name(now, &mut applied.warnings.told);
        applied
    }

    /// Findings by the names of this version; a field that it does not have keeps its name.
    pub(crate) fn told(&self, now: &Active, mut error: Error) -> Error {
        self.name(now, &mut error.findings);
        if let Some(warnings) = &mut error.warnings {
            self.name(now, &mut warnings.told);
        }
        error
    }

    fn name(&self, now: &Active, findings: &mut [Finding]) {
        for finding in findings {
            let (today, here) = (now.registry.get(&finding.object), self.object(now, &finding.object));
            let column =
                finding.field.as_ref().and_then(|field| today?.field(field)).map(|field| field.column());
            let field = column.and_then(|column| {
                self.active.registry.get(&here)?.fields.values().find(|field| field.column() == column)
            });
            if let Some(field) = field {
                finding.field = Some(field.name.to_string());
            }
            finding.object = here;
        }
    }

    fn object(&self, now: &Active, name: &str) -> String {
        let table = now.registry.get(name).map_or(name, |object| object.table());
        let found = self.active.registry.objects.values().find(|object| object.table() == table);
        found.map_or_else(|| name.to_owned(), |object| object.name.to_string())
    }
}

fn names(data: &Record) -> Vec<&str> {
    data.keys().map(String::as_str).collect()
}
