//! Object views: an object as one session may see it. The only way to a scan.

use std::sync::Arc;

use indexmap::IndexMap;
use quarry_metadata::{FieldName, Object, ObjectName, Registry};

/// An object as one session may see it.
#[derive(Debug)]
pub struct ObjectView {
    /// The object.
    pub object: Arc<Object>,
    /// The fields that the session may read, in the object's order.
    pub fields: Vec<FieldName>,
}

/// Everything a session may see.
#[derive(Debug)]
pub struct Views {
    /// The registry it was made from.
    pub registry: Arc<Registry>,
    /// The views by object name.
    pub objects: IndexMap<ObjectName, Arc<ObjectView>>,
}

impl Views {
    /// The views of a principal. (Permissions come with the security work; until then every user who has logged in
    /// sees every object.)
    pub fn new(registry: Arc<Registry>) -> Views {
        let _ = registry;
        todo!()
    }

    /// The view of an object.
    pub fn get(&self, object: &str) -> Option<&Arc<ObjectView>> {
        self.objects.get(object)
    }
}
