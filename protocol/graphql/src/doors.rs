//! One door per set of views, made when first asked for and kept while it is used.

use std::sync::{Arc, Mutex, PoisonError};

use quarry_planner::Views;

use crate::{GraphqlOptions, door::Door, error::Result};

/// Doors kept at most; the one unused for longest goes first.
const DOORS_MAX: usize = 16;

/// The doors, the last used at the end.
#[derive(Default)]
pub(crate) struct Doors {
    kept: Mutex<Vec<Kept>>,
}

struct Kept {
    views: Arc<Views>,
    door: Arc<Door>,
}

impl Doors {
    /// The door for a session's views.
    ///
    /// # Errors
    ///
    /// Internal when the views make no schema.
    pub fn for_views(&self, views: &Arc<Views>, options: &GraphqlOptions) -> Result<Arc<Door>> {
        if let Some(door) = self.known(views) {
            return Ok(door);
        }
        // Made outside the lock; two that make the same one at the same time both succeed.
        let door = Arc::new(Door::new(views, options)?);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= DOORS_MAX {
            kept.remove(0);
        }
        kept.push(Kept { views: Arc::clone(views), door: Arc::clone(&door) });
        Ok(door)
    }

    fn known(&self, views: &Arc<Views>) -> Option<Arc<Door>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let place = kept.iter().rposition(|kept| same(&kept.views, views))?;
        let mut found = kept.remove(place);
        found.views = Arc::clone(views);
        let door = Arc::clone(&found.door);
        kept.push(found);
        Some(door)
    }
}

/// Whether two sets of views show the same.
fn same(one: &Arc<Views>, other: &Arc<Views>) -> bool {
    if Arc::ptr_eq(one, other) {
        return true;
    }
    // Whoever sees something else of a registry has another name for it.
    one.registry.version == other.registry.version
}
