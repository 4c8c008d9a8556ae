//! Sessions that go on with an older version: they see the objects as it declared them, on the same records.
//!
//! A pinned session reads through the views of its version over today's tables: what was renamed since has its old name, what
//! was added is not there. It writes through today's pipeline, in which former names answer: defaults and rules of today hold
//! for its records too, and it may only name what its version has.

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, sync::Arc};

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
/// Combinations that don't go, which are as many texts; likewise.
const UNFIT_MAX: usize = 64;
/// Texts of which it is known what they mean; likewise.
const TEXTS_MAX: usize = 128;
/// Versions that a text may name.
const VERSIONS_MAX: usize = 100;
/// The longest text, bytes.
const TEXT_BYTES_MAX: usize = 4096;

/// Compiled combinations of versions. However many ways there are to write one, it is compiled once, and one at a time.
#[derive(Default)]
pub(crate) struct Pins {
    kept: Mutex<Kept>,
    /// Held by who compiles one.
    compiling: Mutex<()>,
}

/// The last used at the end.
#[derive(Default)]
struct Kept {
    pinned: Vec<Made>,
    /// Apart: however many are asked for that don't go, none that goes is compiled again for it.
    unfit: Vec<Made>,
    texts: Vec<Text>,
}

/// What came of compiling a combination beside what is active: one that does not go is not tried again for each request.
#[derive(Clone)]
struct Made {
    versions: String,
    base: String,
    made: Result<Arc<Pinned>, Arc<str>>,
}

/// What a client's text means while a registry is active.
#[derive(Clone)]
struct Text {
    text: String,
    base: String,
    versions: String,
}

/// Packages of which some are of an older version than the active one.
pub(crate) struct Pinned {
    /// The versions, in one order: `crm@1.4.2, products@2.0.0`.
    versions: String,
    pub(crate) active: Arc<Active>,
}

impl Kept {
    fn of_text(&mut self, text: &str, base: &str) -> Option<Result<Arc<Pinned>>> {
        let place = self.texts.iter().rposition(|known| known.text == text && known.base == base)?;
        let known = self.texts.remove(place);
        let found = self.of_versions(&known.versions, base);
        self.texts.push(known);
        found
    }

    fn of_versions(&mut self, versions: &str, base: &str) -> Option<Result<Arc<Pinned>>> {
        let is_it = |kept: &Made| kept.versions == versions && kept.base == base;
        let all = [&mut self.pinned, &mut self.unfit];
        let (list, place) =
            all.into_iter().find_map(|list| list.iter().rposition(is_it).map(|place| (list, place)))?;
        let found = list.remove(place);
        list.push(found.clone());
        Some(found.made.map_err(|why| unfit(&why)))
    }

    fn keep_text(&mut self, text: Text) {
        self.texts.retain(|known| known.text != text.text);
        if self.texts.len() >= TEXTS_MAX {
            self.texts.remove(0);
        }
        self.texts.push(text);
    }

    fn keep(&mut self, made: Made) {
        let (list, max) = match made.made {
            Ok(_) => (&mut self.pinned, KEPT_MAX),
            Err(_) => (&mut self.unfit, UNFIT_MAX),
        };
        if list.len() >= max {
            list.remove(0);
        }
        list.push(made);
    }
}

impl Engine {
    /// The model with the packages that `text` names in their older versions: `crm@1.4, products@2`.
    fn pinned(&self, text: &str) -> Result<Arc<Pinned>> {
        let now = self.active();
        let base = &now.registry.version;
        let pins = self.pins();
        if let Some(found) = pins.kept.lock().of_text(text, base) {
            return found;
        }
        let chosen = self.chosen(text)?;
        let ids: Vec<String> = chosen.values().map(Bundle::id).collect();
        let versions = ids.join(", ");
        let known = Text { text: text.to_owned(), base: base.clone(), versions: versions.clone() };
        let _compiling = pins.compiling.lock();
        {
            let mut kept = pins.kept.lock();
            if let Some(found) = kept.of_versions(&versions, base) {
                kept.keep_text(known);
                return found;
            }
        }
        let mut bundles: Vec<Bundle> = now.bundles.clone();
        bundles.retain(|bundle| !chosen.contains_key(bundle.name().as_str()));
        bundles.extend(chosen.into_values());
        let made = match Active::of(bundles, Some(&now)) {
            Ok(active) => Ok(Arc::new(Pinned { versions: versions.clone(), active: Arc::new(active) })),
            Err(error) => {
                let versions = &versions;
                let why = format!("{versions} does not go with the other packages as they are now: {error}");
                Err(Arc::from(why))
            }
        };
        let mut kept = pins.kept.lock();
        kept.keep_text(known);
        kept.keep(Made { versions, base: base.clone(), made: made.clone() });
        made.map_err(|why| unfit(&why))
    }

    /// The versions that a text names, by package.
    fn chosen(&self, text: &str) -> Result<BTreeMap<String, Bundle>> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(Error::limited("bytes of a list of versions", text.len(), TEXT_BYTES_MAX));
        }
        let asked: Vec<&str> = text.split(',').map(str::trim).collect();
        if asked.len() > VERSIONS_MAX {
            return Err(Error::limited("versions named at once", asked.len(), VERSIONS_MAX));
        }
        let mut chosen = BTreeMap::new();
        for asked in asked {
            let version = self.version(asked)?;
            if let Some(other) = chosen.insert(version.name().to_string(), version) {
                let message = format!("two versions of {} are named", other.name());
                return Err(Error::new(ErrorKind::Invalid, "INVALID_VERSION", message));
            }
        }
        Ok(chosen)
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
            text => Some((text.into(), self.engine().pinned(text)?)),
        };
        self.set_pinned(pinned);
        Ok(())
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
            message: format!("{} has no field {name:?} in {}", object.name, self.versions),
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

fn unfit(why: &str) -> Error {
    Error::new(ErrorKind::Invalid, "VERSION_NOT_AVAILABLE", why)
}

fn names(data: &Record) -> Vec<&str> {
    data.keys().map(String::as_str).collect()
}
