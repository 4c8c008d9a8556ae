//! Looking after a data folder that no server has open.

use std::path::Path;

use quarry_planner::lower;
use quarry_storage::{
    Report, ResourceOptions, Resources, Store, StoreOptions, TableName, TenantName, World, must_be_store,
    verify,
};

use crate::{content::contents_of, error::Result};

/// Looks at all that is stored, and tells what is damaged; changes nothing.
///
/// # Errors
///
/// `Unavailable` while a server runs; `Invalid` when there is no store.
pub fn verify_data(data: &Path, world: &World) -> Result<Report> {
    Ok(verify(&TenantName::main().folder(data), world, contents_of)?)
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
