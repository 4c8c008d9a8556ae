//! The empty store that cases begin on.

use std::sync::Arc;

use quarry_storage::{CommitInfo, Key, Resources, Snapshot, Store, StoreOptions, World};
use tempfile::TempDir;

use crate::{
    active::{Active, USER},
    error::{Error, ErrorKind, Result},
    opening,
    work::{Actor, Work},
};

/// Who acts in cases.
const TESTER: &str = "tester";

/// An empty store, in a folder that goes with it.
pub(super) struct Ground {
    pub snapshot: Snapshot,
    /// Who acts.
    pub user: Key,
    store: Arc<Store>,
    _folder: TempDir,
}

impl Ground {
    /// Makes it, with the tables of these packages and the user who acts; its cache and its threads are these.
    ///
    /// # Errors
    ///
    /// `Unavailable` when no folder can be made; those of the store; findings about a user who has nothing but a name.
    pub fn make(active: &Arc<Active>, resources: &Arc<Resources>) -> Result<Ground> {
        let no_folder = |error: std::io::Error| {
            let message = "no folder can be made for the store that cases are tried on";
            Error::new(ErrorKind::Unavailable, "STORE_UNAVAILABLE", message).caused_by(error)
        };
        let folder = tempfile::tempdir().map_err(no_folder)?;
        let world = World::real();
        let store = Store::open(folder.path(), StoreOptions::default(), world.clone(), resources)?;
        store.define_tables(active.tables(&store.snapshot(), None))?;
        let user = Key::from(format!("{}_{TESTER}", active.object(USER)?.id_prefix));
        let actor = Actor::of(user.clone(), world.clock.now_micros());
        let mut work = Work::new(active.clone(), store.snapshot(), actor, world);
        opening::create_record(&mut work, &user, TESTER, None)?;
        store.commit(work.writes().clone(), CommitInfo::default())?;
        Ok(Ground { snapshot: store.snapshot(), user, store, _folder: folder })
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        // What is in it is thrown away: whether the last of it was written does not matter.
        let _ = self.store.close();
    }
}
