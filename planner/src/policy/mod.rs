//! Which records a user may see or change, and what is shown to him of a value: decided where a table is read.
//!
//! 1. A [`Shape`] says of each object which records may be seen ([`Records`]) and which fields are masked. [`Policies`] are those of a
//!    shape, made once and shared by all who have it.
//! 2. [`Viewer`] is one user: what is known of him (his record, his teams, who is below him, what was shared with him) is read
//!    when a policy asks for it.
//! 3. [`prepare`] makes a [`test::Test`] of both for one state of the store; the scan asks it of every row before anything else
//!    sees the row ([`guard::Guard`]), the pipeline asks it of keys ([`Policies::allowed`]).
//!
//! What can't be decided is not allowed.

mod ahead;
mod condition;
mod far;
mod guard;
mod ids;
mod keys;
mod lists;
mod meaning;
mod prepare;
mod share;
mod sight;
mod test;
mod viewer;

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

use quarry_metadata::{
    FieldKind, FieldName, Object, ObjectName, Registry,
    permissions::{Act, Records, Shape},
};
use quarry_storage::{Key, Snapshot};

pub(crate) use guard::Guard;
pub use lists::UserLists;
pub use share::{SHARE, share_table};
pub(crate) use sight::Sight;
pub use viewer::Viewer;

use crate::{error::Result, lower};

/// The policies of a shape.
#[derive(Debug)]
pub struct Policies {
    registry: Arc<Registry>,
    shape: Arc<Shape>,
}

/// What holds for reading one object.
#[derive(Debug)]
pub(crate) struct Policy {
    /// The object with all its fields.
    pub(crate) object: Arc<Object>,
    /// Which records are seen.
    pub(crate) records: Records,
    /// Fields that are not shown as they are.
    pub(crate) sights: Vec<(FieldName, Sight)>,
    policies: Arc<Policies>,
}

/// A state of the store, and who looks at it.
#[derive(Clone)]
pub(crate) struct Seeing {
    snapshot: Snapshot,
    viewer: Arc<Viewer>,
}

impl Seeing {
    pub(crate) fn new(snapshot: Snapshot, viewer: Arc<Viewer>) -> Seeing {
        Seeing { snapshot, viewer }
    }

    /// The state, for what is no matter of records and values: how many there may be.
    pub(crate) fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    pub(crate) fn viewer(&self) -> &Arc<Viewer> {
        &self.viewer
    }
}

impl Policies {
    pub(crate) fn new(registry: Arc<Registry>, shape: Arc<Shape>) -> Policies {
        Policies { registry, shape }
    }

    /// Whose.
    pub fn shape(&self) -> &Arc<Shape> {
        &self.shape
    }

    /// Which records an act may be done with.
    pub(crate) fn records(&self, object: &Object, act: Act) -> Records {
        self.shape.records(object, act)
    }

    /// The policy of an object, or of its deleted records; none where every record and value is seen as it is.
    pub(crate) fn of(self: &Arc<Self>, name: &ObjectName, deleted: bool) -> Option<Policy> {
        if self.shape.sees_all() {
            return None;
        }
        // One that is not there any more is in no view of who does not see everything.
        let object = self.registry.get(name.as_str())?;
        let stored = if deleted { Arc::new(lower::bin_of(object)) } else { Arc::clone(object) };
        let records = self.records(object, Act::Read);
        let sights: Vec<_> = object
            .fields
            .values()
            .filter_map(|field| Some((field.name.clone(), self.sight(object, field)?)))
            .collect();
        if records == Records::All && sights.is_empty() {
            return None;
        }
        Some(Policy { object: stored, records, sights, policies: Arc::clone(self) })
    }

    fn sight(&self, object: &Object, field: &quarry_metadata::Field) -> Option<Sight> {
        let right = self.shape.field(object, field);
        if !right.reads {
            return None;
        }
        if let Some(mask) = right.mask {
            return Some(Sight::Masked(mask));
        }
        if let Some(reference) = object.polymorphic(field.name.as_str())
            && !reference.is_member(field.name.as_str())
        {
            let members =
                reference.members.iter().map(|member| (member.field.clone(), member.target.clone()));
            let members: Vec<_> = members.collect();
            let all = members.iter().all(|(_, target)| self.sees_all_of(target));
            return (!all).then_some(Sight::OneOf(members));
        }
        match &field.kind {
            FieldKind::Lookup { target, .. } if !self.sees_all_of(target) => {
                Some(Sight::Reference(target.clone()))
            }
            FieldKind::References { target, .. } if !self.sees_all_of(target) => {
                Some(Sight::References(target.clone()))
            }
            _ => None,
        }
    }

    fn sees_all_of(&self, object: &ObjectName) -> bool {
        let object = self.registry.objects.get(object);
        object.is_some_and(|object| self.records(object, Act::Read) == Records::All)
    }

    /// What may be done with records of an object.
    pub(crate) fn acts(&self, name: &ObjectName) -> BTreeSet<Act> {
        let object = self.registry.get(name.as_str());
        let may = |act: &Act| object.is_some_and(|object| self.shape.may(object, *act));
        Act::ALL.into_iter().filter(may).collect()
    }

    /// An object of the registry that says what may be seen, by its name or one that it had.
    pub(crate) fn object(&self, name: &str) -> Option<&Arc<Object>> {
        self.registry.get(name)
    }

    /// Whether an act may be done with every record of an object.
    pub fn allows_all(&self, object: &Object, act: Act) -> bool {
        self.records(object, act) == Records::All
    }

    /// Of records with these keys, those that an act may be done with in a state; keys of records that are not there are not among them.
    /// `deleted` records are looked for in the bin. Blocks.
    ///
    /// # Errors
    ///
    /// Those of storage; `Limited` when too much would have to be known of the user.
    pub fn allowed(
        self: &Arc<Self>,
        (snapshot, viewer): (&Snapshot, &Arc<Viewer>),
        (object, act, deleted): (&Object, Act, bool),
        keys: &[Key],
    ) -> Result<HashSet<Key>> {
        let Some(object) = self.registry.get(object.name.as_str()) else { return Ok(HashSet::new()) };
        let records = self.records(object, act);
        match deleted {
            true => self.among((snapshot, viewer), (&lower::bin_of(object), &records), keys),
            false => self.among((snapshot, viewer), (object, &records), keys),
        }
    }

    /// Of records with these keys, those that are among some. Blocks.
    ///
    /// # Errors
    ///
    /// As [`Self::allowed`].
    pub fn among(
        self: &Arc<Self>,
        (snapshot, viewer): (&Snapshot, &Arc<Viewer>),
        (object, records): (&Object, &Records),
        keys: &[Key],
    ) -> Result<HashSet<Key>> {
        let seeing = Seeing::new(snapshot.clone(), Arc::clone(viewer));
        let far = prepare::far(self, &seeing, object, records, 0)?;
        let found = far.among(keys.iter().map(|key| &**key))?;
        Ok(found.into_iter().map(Key::from).collect())
    }
}
