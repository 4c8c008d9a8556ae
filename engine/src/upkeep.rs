//! Looking after a data folder that no server has open.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use quarry_planner::lower;
use quarry_storage::{
    Report, ResourceOptions, Resources, ScanRequest, Snapshot, Store, StoreOptions, TableName, TenantName,
    TenantRecord, TenantState, World,
    encryption::{KeyState, key_state, rotate_data_key, rotate_master_key},
    must_be_store, read_catalogue, verify,
};

use crate::{
    content::contents_of,
    error::{Error, ErrorKind, Result},
    identity::password,
    system::{CREDENTIAL, Credential},
    work::keys_in,
};

/// Looks at all that is stored, tenant by tenant, the main one first, and tells what is damaged; changes nothing. A tenant that
/// is half made or half deleted is not looked at.
///
/// # Errors
///
/// `Unavailable` while a server runs; `Invalid` when there is no store, no such location, or no master key for one of them.
pub fn verify_data(
    data: &Path,
    world: &World,
    locations: &BTreeMap<String, PathBuf>,
) -> Result<Vec<(TenantName, Report)>> {
    let mut reports = Vec::new();
    for (name, state, folder) in folders(data, world, locations)? {
        if !matches!(state, TenantState::Making | TenantState::Deleting) {
            reports.push((name, verify(&folder, world, contents_of)?));
        }
    }
    Ok(reports)
}

/// The folders of all tenants, the main one first.
fn folders(
    data: &Path,
    world: &World,
    locations: &BTreeMap<String, PathBuf>,
) -> Result<Vec<(TenantName, TenantState, PathBuf)>> {
    let main = TenantName::main();
    let mut folders = vec![(main.clone(), TenantState::Active, main.folder(data))];
    for TenantRecord { name, state, location, .. } in read_catalogue(data, world)? {
        if name == main {
            continue;
        }
        let missing =
            || Error::invalid(format!("the tenant {name} is pinned to a location that is not there"));
        let base = match &location {
            Some(location) => locations.get(location).ok_or_else(missing)?.as_path(),
            None => data,
        };
        let folder = name.folder(base);
        folders.push((name, state, folder));
    }
    Ok(folders)
}

/// The tenants whose stores were encrypted and have no keys now: they are others, or their keys are gone. None of them is opened.
///
/// # Errors
///
/// `Damaged` catalogue; `Invalid` when there is no such location.
pub fn without_keys(
    data: &Path,
    world: &World,
    locations: &BTreeMap<String, PathBuf>,
) -> Result<Vec<TenantName>> {
    let encrypted = read_catalogue(data, world)?.into_iter().filter(|record| record.is_encrypted);
    let encrypted: Vec<TenantName> = encrypted.map(|record| record.name).collect();
    let mut lost = Vec::new();
    for (name, state, folder) in folders(data, world, locations)? {
        let is_there = matches!(state, TenantState::Active | TenantState::Suspended);
        if is_there && encrypted.contains(&name) && key_state(&folder, world)? == KeyState::Plain {
            lost.push(name);
        }
    }
    Ok(lost)
}

/// Wraps the keys of every encrypted tenant with the world's master key; whether each was changed.
///
/// # Errors
///
/// `Unavailable` while a server runs; `Invalid` when the master key of one of them is not given. Those before are done.
pub fn rewrap_keys(
    data: &Path,
    world: &World,
    locations: &BTreeMap<String, PathBuf>,
) -> Result<Vec<(TenantName, bool)>> {
    let mut done = Vec::new();
    for (name, _, folder) in folders(data, world, locations)? {
        let is_encrypted = key_state(&folder, world)? != KeyState::Plain;
        done.push((name, is_encrypted && rotate_master_key(&folder, world)?));
    }
    Ok(done)
}

/// Gives a tenant a new data key, for what it writes from now on.
///
/// # Errors
///
/// `Missing`; `Unavailable` while a server runs; `Invalid` when it is not encrypted, or its master key is not given.
pub fn rotate_key(
    data: &Path,
    world: &World,
    locations: &BTreeMap<String, PathBuf>,
    tenant: &TenantName,
) -> Result<()> {
    let mut folders = folders(data, world, locations)?.into_iter();
    let missing =
        || Error::new(ErrorKind::Missing, "TENANT_NOT_FOUND", format!("there is no tenant {tenant}"));
    let (_, _, folder) = folders.find(|(name, ..)| name == tenant).ok_or_else(missing)?;
    Ok(rotate_data_key(&folder, world)?)
}

/// Makes the indexes of these objects anew from their records, of all where none is named; how many segments they were.
///
/// # Errors
///
/// `Unavailable` while a server runs; `Missing` for an object without a table; damage of records.
pub fn reindex_data(data: &Path, store: StoreOptions, world: &World, objects: &[String]) -> Result<u64> {
    // A folder without a store has nothing to make anew, and shall not get one.
    let folder = TenantName::main().folder(data);
    must_be_store(&folder, world)?;
    let resources = Resources::new(ResourceOptions::default());
    let store = Store::open(&folder, store, world.clone(), &resources)?;
    // What is deleted is found by indexes too.
    let snapshot = store.snapshot();
    let bins = objects.iter().map(|name| lower::bin_table_of(name));
    let bins = bins.filter(|name| snapshot.table(name).is_ok());
    let tables: Vec<TableName> = objects.iter().cloned().chain(bins).map(TableName::from).collect();
    let count = store.reindex(&tables);
    store.close()?;
    Ok(count?)
}

/// What can be seen of who may log in, without a name or a hash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UsersSeen {
    /// Who may log in by password.
    pub people: u64,
    /// Of all, administrators.
    pub admins: u64,
    /// Passwords whose hash was made with less effort than one made now.
    pub weak_hashes: u64,
    /// Passwords that were not changed for longer than this many days: see [`OLD_PASSWORD_DAYS`].
    pub old_passwords: u64,
    /// Users who were changed at an instant that is yet to come: the clock was, or is, wrong.
    pub changed_later: u64,
}

/// A password that was not changed for so long is old.
pub const OLD_PASSWORD_DAYS: i64 = 730;

/// Looks at who may log in.
///
/// # Errors
///
/// `Unavailable` while a server runs; `Invalid` when there is no store; damage.
pub fn look_at_users(data: &Path, store: StoreOptions, world: &World) -> Result<UsersSeen> {
    let folder = TenantName::main().folder(data);
    must_be_store(&folder, world)?;
    let resources = Resources::new(ResourceOptions::default());
    let store = Store::open(&folder, store, world.clone(), &resources)?;
    let seen = seen_in(&store.snapshot(), world.clock.now_micros());
    store.close()?;
    seen
}

fn seen_in(snapshot: &Snapshot, now_micros: i64) -> Result<UsersSeen> {
    let mut seen = UsersSeen::default();
    let Ok(table) = snapshot.table(CREDENTIAL) else { return Ok(seen) };
    let mut keys = Vec::new();
    let request = ScanRequest { projection: Some(vec![0]), ..ScanRequest::default() };
    for batch in table.scan(request)?.into_iter().flatten() {
        keys_in(batch?.columns().first(), &mut keys)?;
    }
    for key in keys {
        let Some(row) = table.get(&key)? else { continue };
        let credential = Credential::from_row(&row)?;
        seen.admins += u64::from(credential.admin);
        seen.changed_later += u64::from(credential.changed_at_micros > now_micros.saturating_add(60_000_000));
        let Some(proof) = &credential.password else { continue };
        let age_micros = now_micros.saturating_sub(credential.changed_at_micros);
        seen.people += 1;
        seen.weak_hashes += u64::from(!password::is_strong(&proof.hash));
        seen.old_passwords += u64::from(age_micros > OLD_PASSWORD_DAYS * 86_400_000_000);
    }
    Ok(seen)
}
