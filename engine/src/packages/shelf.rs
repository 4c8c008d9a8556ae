//! The shelf: published versions as rows of the store. What is written in a version never changes; its state does.

use std::collections::BTreeMap;

use quarry_metadata::Bundle;
use quarry_storage::{Row, ScanRequest, Snapshot, Value};

use super::{PackageState, Published, Stamp};
use crate::{
    error::{Error, ErrorKind, Result},
    system::{OFFERED, PACKAGE},
    work::{Work, keys_in},
};

/// Versions that are read at once.
const VERSIONS_MAX: usize = 100_000;

/// Every version, by package and version.
///
/// # Errors
///
/// `Internal` when a row can't be read.
pub(super) fn all(snapshot: &Snapshot) -> Result<Vec<Published>> {
    let table = snapshot.table(PACKAGE)?;
    let mut keys = Vec::new();
    for part in table.scan(ScanRequest { projection: Some(vec![0]), ..ScanRequest::default() })? {
        for batch in part {
            keys_in(batch?.columns().first(), &mut keys)?;
        }
    }
    if keys.len() > VERSIONS_MAX {
        return Err(Error::limited("published versions", keys.len(), VERSIONS_MAX));
    }
    let mut versions = Vec::with_capacity(keys.len());
    for key in keys {
        if let Some(row) = table.get(&key)? {
            versions.push(published(&row)?);
        }
    }
    versions.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
    Ok(versions)
}

/// A version, if it was published.
///
/// # Errors
///
/// `Internal` when its row can't be read.
pub(super) fn get(snapshot: &Snapshot, id: &str) -> Result<Option<(Published, Bundle)>> {
    get_beside(snapshot, id, &[])
}

/// As [`get`]; what is word for word one that is `known` is not parsed again.
fn get_beside(snapshot: &Snapshot, id: &str, known: &[Bundle]) -> Result<Option<(Published, Bundle)>> {
    let Some(row) = snapshot.table(PACKAGE)?.get(id)? else { return Ok(None) };
    let version = published(&row)?;
    let bundle = bundle(&version, &row, known)?;
    Ok(Some((version, bundle)))
}

/// As [`get`].
///
/// # Errors
///
/// `Missing` when it never was published.
pub(super) fn must_get(snapshot: &Snapshot, id: &str) -> Result<(Published, Bundle)> {
    get(snapshot, id)?.ok_or_else(|| unpublished(id))
}

fn unpublished(id: &str) -> Error {
    let message = format!("there is no published version {id:?}; a version is named like crm@1.2.0");
    Error::new(ErrorKind::Missing, "VERSION_NOT_FOUND", message)
}

/// The content of some versions.
///
/// # Errors
///
/// As [`must_get`].
pub(super) fn bundles(snapshot: &Snapshot, ids: &[String]) -> Result<Vec<Bundle>> {
    ids.iter().map(|id| Ok(must_get(snapshot, id)?.1)).collect()
}

/// The content of what is active; what is word for word one that is `known` is not parsed again.
///
/// # Errors
///
/// `Internal` when a row can't be read.
pub(super) fn active(snapshot: &Snapshot, known: &[Bundle]) -> Result<Vec<Bundle>> {
    let all = all(snapshot)?;
    let ids = all.iter().filter(|version| version.state == PackageState::Active).map(Published::id);
    ids.map(|id| Ok(get_beside(snapshot, &id, known)?.ok_or_else(|| unpublished(&id))?.1)).collect()
}

/// The version of a package that was active before the one that is.
///
/// # Errors
///
/// `Missing` when there was none.
pub(super) fn before(snapshot: &Snapshot, package: &str) -> Result<Published> {
    let superseded = all(snapshot)?.into_iter().filter(|version| version.name == package);
    let last = superseded
        .filter(|version| version.state == PackageState::Superseded)
        .max_by_key(|version| version.superseded.as_ref().map(|stamp| stamp.at_micros));
    last.ok_or_else(|| {
        let message = format!("no other version of {package:?} was active before");
        Error::new(ErrorKind::Missing, "VERSION_NOT_FOUND", message)
    })
}

/// Puts a version on the shelf, or its new state. However many tenants have it on theirs, its files are in memory once while
/// they are not folded.
///
/// # Errors
///
/// Those of the store.
pub(super) fn put(work: &mut Work, version: &Published, bundle: &Bundle) -> Result<()> {
    let text = |text: &str| Value::Text(text.into());
    let state = match version.state {
        PackageState::Published => "published",
        PackageState::Active => "active",
        PackageState::Superseded => "superseded",
    };
    let mut values = vec![text(&version.id()), text(&version.hash), Value::Text(bundle.text()), text(state)];
    for stamp in [Some(&version.published), version.activated.as_ref(), version.superseded.as_ref()] {
        values.push(stamp.map_or(Value::Null, |stamp| Value::Timestamp(stamp.at_micros)));
        values.push(stamp.map_or(Value::Null, |stamp| text(&stamp.by)));
    }
    work.put_system(PACKAGE, Row(values.into()))
}

/// The hash of what a folder last held of a package.
///
/// # Errors
///
/// Those of the store.
pub(super) fn offered(snapshot: &Snapshot, package: &str) -> Result<Option<String>> {
    let row = snapshot.table(OFFERED)?.get(package)?;
    Ok(row.and_then(|row| match row.get(1) {
        Value::Text(hash) => Some(hash.to_string()),
        _ => None,
    }))
}

/// Remembers what a folder holds of a package.
///
/// # Errors
///
/// Those of the store.
pub(super) fn offer(work: &mut Work, bundle: &Bundle) -> Result<()> {
    let text = |text: &str| Value::Text(text.into());
    work.put_system(OFFERED, Row([text(bundle.name().as_str()), text(bundle.hash())].into()))
}

fn bundle(version: &Published, row: &Row, known: &[Bundle]) -> Result<Bundle> {
    let damaged =
        |why: String| Error::internal(format!("the published {} can't be read: {why}", version.id()));
    let Value::Text(files) = row.get(2) else { return Err(damaged("it has no files".to_owned())) };
    let is_known = |known: &&Bundle| known.hash() == version.hash && known.text() == *files;
    if let Some(known) = known.iter().find(is_known) {
        return Ok(known.moved(&version.id()).as_build(version.version.build.clone()));
    }
    let files: BTreeMap<String, String> =
        serde_json::from_str(files).map_err(|error| damaged(error.to_string()))?;
    let bundle = Bundle::of_files(&version.id(), &files).map_err(|issues| damaged(issues.to_string()))?;
    if bundle.hash() != version.hash {
        return Err(damaged("its content is not what its hash says".to_owned()));
    }
    Ok(bundle.as_build(version.version.build.clone()))
}

fn published(row: &Row) -> Result<Published> {
    let damaged = || Error::internal("a published package can't be read");
    let text = |column: usize| match row.get(column) {
        Value::Text(text) => Ok(text.to_string()),
        _ => Err(damaged()),
    };
    let stamp = |column: usize| match row.get(column) {
        Value::Timestamp(at_micros) => Ok(Some(Stamp { at_micros: *at_micros, by: text(column + 1)? })),
        Value::Null => Ok(None),
        _ => Err(damaged()),
    };
    let id = text(0)?;
    let (name, version) = id.split_once('@').ok_or_else(damaged)?;
    let state = match text(3)?.as_str() {
        "published" => PackageState::Published,
        "active" => PackageState::Active,
        "superseded" => PackageState::Superseded,
        _ => return Err(damaged()),
    };
    Ok(Published {
        name: name.to_owned(),
        version: version.parse().map_err(|_| damaged())?,
        hash: text(1)?,
        state,
        published: stamp(4)?.ok_or_else(damaged)?,
        activated: stamp(6)?,
        superseded: stamp(8)?,
    })
}
