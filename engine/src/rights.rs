//! What a client may do: asked before its changes go through the pipeline, and of what they lead to.
//!
//! What packages do of themselves (triggers, summaries, the steps of actions) is not the client's: they write as the system.

mod told;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use parking_lot::Mutex;
use quarry_metadata::{
    Field, FieldKind, Object, ObjectName, Registry,
    permissions::{Act, Capability, Reason, Records, Shape},
};
use quarry_planner::{ObjectView, Viewer, Views};
use quarry_storage::{Key, Snapshot};

use crate::{
    active::{Active, nearest},
    error::{Error, ErrorKind, Result},
    identity::Principal,
    pipeline::{Action, Step},
};

/// Shapes whose views are kept beside a registry; past it, one that nobody has asked for lately is made anew.
const SHAPES_MAX: usize = 256;

/// What one user may do, on the registry that serves.
pub(crate) struct Rights {
    pub views: Arc<Views>,
    pub viewer: Arc<Viewer>,
    /// Looks after users and packages.
    pub admin: bool,
}

/// The views of those who have the same permission sets.
#[derive(Default)]
pub(crate) struct Shapes(Mutex<HashMap<ShapeKey, Arc<Views>>>);

/// A registry's version, and the permission sets.
type ShapeKey = (String, Vec<Arc<str>>);

impl Shapes {
    /// The views of a shape on a registry that may be an older one than that of `now`.
    fn views(&self, registry: &Arc<Registry>, now: &Arc<Registry>, sets: &[Arc<str>]) -> Arc<Views> {
        let key = (now.version.clone(), sets.to_vec());
        if let Some(known) = self.0.lock().get(&key) {
            return Arc::clone(known);
        }
        let shape = Shape::of(now, sets.iter().map(|set| &**set));
        let views = Arc::new(Views::of(registry, now, Arc::new(shape)));
        let mut known = self.0.lock();
        if known.len() >= SHAPES_MAX {
            known.clear();
        }
        Arc::clone(known.entry(key).or_insert(views))
    }
}

impl Active {
    /// What a principal sees of this registry; what he may is said by the one of `now`.
    pub fn views_of(&self, principal: &Principal, now: &Active) -> Arc<Views> {
        match principal.admin {
            true => Arc::clone(&self.views),
            false => self.shapes.views(&self.registry, &now.registry, &principal.permission_sets),
        }
    }
}

impl Active {
    /// The names of the permission sets that a principal has, with those that they include.
    pub fn roles_of(&self, principal: &Principal) -> Arc<[Arc<str>]> {
        match (principal.permission_sets.is_empty(), principal.admin) {
            (true, _) => Arc::default(),
            (_, false) => self.views_of(principal, self).policies.shape().roles().into(),
            (_, true) => {
                Shape::of(&self.registry, principal.permission_sets.iter().map(|set| &**set)).roles().into()
            }
        }
    }
}

impl Rights {
    /// Those of a principal on the registry that serves, in a state.
    pub fn of(
        active: &Active,
        principal: &Principal,
        snapshot: Snapshot,
        clock: (i64, chrono_tz::Tz),
    ) -> Rights {
        Self::by(active, active, principal, snapshot, clock)
    }

    /// Those of a principal on a registry that may be an older one than that of `now`, which says what he may.
    pub fn by(
        active: &Active,
        now: &Active,
        principal: &Principal,
        snapshot: Snapshot,
        clock: (i64, chrono_tz::Tz),
    ) -> Rights {
        let views = active.views_of(principal, now);
        Rights { admin: principal.admin, ..Self::with(active, views, (&principal.user_id, snapshot), clock) }
    }

    /// Nothing, for nobody.
    pub fn nothing(active: &Active, snapshot: Snapshot) -> Rights {
        let views = active.shapes.views(&active.registry, &active.registry, &[]);
        Self::with(active, views, ("", snapshot), (0, chrono_tz::UTC))
    }

    fn with(
        active: &Active,
        views: Arc<Views>,
        (user_id, snapshot): (&str, Snapshot),
        clock: (i64, chrono_tz::Tz),
    ) -> Rights {
        let parts = (Arc::clone(&active.registry), Arc::clone(views.policies.shape()));
        let viewer = Viewer::new(user_id, parts, snapshot, clock).remembering(Arc::clone(&active.lists));
        Rights { views, viewer: Arc::new(viewer), admin: false }
    }

    fn shape(&self) -> &Shape {
        self.views.policies.shape()
    }

    /// Whether everything may be done.
    pub fn is_all(&self) -> bool {
        self.shape().has(Capability::ModifyAllData)
    }

    /// Whether one of the permission sets gives it.
    pub fn has(&self, capability: Capability) -> bool {
        self.shape().has(capability)
    }

    /// The object as the client sees it.
    pub fn view(&self, object: &str) -> Option<&Arc<ObjectView>> {
        self.views.get(object)
    }

    /// Refuses what may be done with no record of the object.
    ///
    /// # Errors
    ///
    /// `Missing` for an object that is not seen, as for one that is not there; `Denied`.
    pub fn must_begin(&self, step: &Step) -> Result<()> {
        let view = self.must_see(&step.object)?;
        let whole = self.views.whole.get(view.object.name.as_str()).unwrap_or(&view.object);
        let may = |act| self.shape().may(whole, act);
        let (may, doing) = match &step.action {
            Action::Create(_) => (may(Act::Create), "create"),
            Action::Update { .. } => (may(Act::Update), "change"),
            Action::Upsert { .. } => (may(Act::Create) && may(Act::Update), "create and change"),
            Action::Delete { .. } => (may(Act::Delete), "delete"),
            Action::Undelete { .. } => (may(Act::Delete), "bring back"),
            Action::Act { name, .. } => return self.must_act(view, name),
        };
        if may { Ok(()) } else { Err(denied(format!("you may not {doing} records of {}", view.object.name))) }
    }

    /// Refuses an object that is not seen.
    ///
    /// # Errors
    ///
    /// `Missing`, with the nearest name among those that are seen.
    pub fn must_see(&self, object: &str) -> Result<&Arc<ObjectView>> {
        self.view(object).ok_or_else(|| {
            let near = nearest(object, self.views.objects.keys().map(ObjectName::as_str));
            let message = format!("there is no object {object:?}{near}");
            Error::new(ErrorKind::Missing, "OBJECT_NOT_FOUND", message)
        })
    }

    fn must_act(&self, view: &ObjectView, action: &str) -> Result<()> {
        let object = &view.object.name;
        let seen = self.views.registry.rules.get(object).map(|rules| &rules.actions);
        if seen.is_some_and(|actions| actions.contains_key(action)) {
            return Ok(());
        }
        let names = seen.into_iter().flat_map(|actions| actions.keys());
        let near = nearest(action, names.map(String::as_str));
        let message = format!("{object} has no action {action:?}{near}");
        Err(Error::new(ErrorKind::Missing, "ACTION_NOT_FOUND", message))
    }

    /// What allows or denies an act, set by set.
    pub fn reasons(&self, object: &Object, act: Act) -> Vec<Reason> {
        self.shape().reasons(object, act)
    }

    /// Whether an act may be done with records of an object at all.
    pub fn may(&self, object: &Object, act: Act) -> bool {
        self.shape().may(object, act)
    }

    /// Whether every record is there for an act.
    pub fn all_for(&self, object: &Object, act: Act) -> bool {
        self.views.policies.allows_all(object, act)
    }

    /// Of these records, those that an act may be done with. Blocks.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub fn allowed(
        &self,
        snapshot: &Snapshot,
        (object, act, deleted): (&Object, Act, bool),
        keys: &[Key],
    ) -> Result<HashSet<Key>> {
        Ok(self.views.policies.allowed((snapshot, &self.viewer), (object, act, deleted), keys)?)
    }

    /// Of these records, those that are among some. Blocks.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub fn among(
        &self,
        snapshot: &Snapshot,
        (object, records): (&Object, &Records),
        keys: &[Key],
    ) -> Result<HashSet<Key>> {
        Ok(self.views.policies.among((snapshot, &self.viewer), (object, records), keys)?)
    }

    /// Whether a record is seen. Blocks.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub fn sees(&self, snapshot: &Snapshot, object: &ObjectName, key: &Key) -> Result<bool> {
        let Some(view) = self.view(object.as_str()) else { return Ok(false) };
        if self.all_for(&view.object, Act::Read) {
            return Ok(true);
        }
        let about = (&*view.object, Act::Read, false);
        Ok(!self.allowed(snapshot, about, std::slice::from_ref(key))?.is_empty())
    }

    /// Whether a record may be given to another owner.
    pub fn may_transfer(&self, object: &Object) -> bool {
        self.shape().may_transfer(object)
    }

    /// What a record must be that has an owner whom the client did not say, or may say.
    pub fn left(&self, object: &Object) -> Records {
        self.shape().left(object)
    }

    /// Whether a field may be given a value, in a new record or in one that is there.
    pub fn may_give(&self, object: &Object, field: &Field, is_new: bool) -> bool {
        let right = self.shape().field(object, field);
        if is_new { right.creates } else { right.updates }
    }

    /// Whether a field's value may be told as it is.
    pub fn shows(&self, object: &ObjectName, field: &Field) -> bool {
        let Some(view) = self.view(object.as_str()) else { return false };
        let seen = view.field(field.name.as_str());
        let is_reference = matches!(field.kind, FieldKind::Lookup { .. } | FieldKind::References { .. });
        seen.is_some_and(|seen| seen.mask.is_none()) && !is_reference
    }
}

/// What may not be done.
pub(crate) fn denied(message: String) -> Error {
    Error::new(ErrorKind::Denied, "PERMISSION_DENIED", message)
}
