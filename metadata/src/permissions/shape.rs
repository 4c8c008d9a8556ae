//! What someone may do who has some permission sets: the sets together, as one.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
};

use super::{Act, Actions, Capability, Effect, FieldGrant, FieldRead, Grant, Mask, PermissionSet, Sharing};
use crate::{
    expression::Expression,
    model::{Field, FieldKind, Object, Registry},
    name::{FieldName, ObjectName},
};

/// The set that lets read everything, in every registry.
pub const READ_ALL_DATA: &str = "read_all_data";
/// The set that lets read and change everything, in every registry.
pub const WRITE_ALL_DATA: &str = "write_all_data";

/// Some sets together. Whoever has the same sets has the same shape, and sees the same objects and fields; which records, each by
/// himself.
#[derive(Clone, Debug)]
pub struct Shape {
    /// The names of the sets, those included in others among them, sorted: what `user.roles` holds.
    roles: Vec<Arc<str>>,
    sets: Vec<Arc<PermissionSet>>,
    capabilities: BTreeSet<Capability>,
    /// What the sets are about. Objects of other versions of it are known by the names that they had.
    registry: Option<Arc<Registry>>,
}

/// What may be done with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldRight {
    /// It is there.
    pub reads: bool,
    /// What is shown of it, when that is not all.
    pub mask: Option<Mask>,
    /// It may be given a value in a new record.
    pub creates: bool,
    /// It may be given a value in a record that is there.
    pub updates: bool,
}

impl FieldRight {
    const NONE: FieldRight = FieldRight { reads: false, mask: None, creates: false, updates: false };

    /// It may be given a value in some record.
    pub fn writes(self) -> bool {
        self.creates || self.updates
    }
}

/// Which records of an object.
#[derive(Clone, Debug, PartialEq)]
pub enum Records {
    /// Every one.
    All,
    /// None.
    None,
    /// Those whose owner, told by this lookup, is the user or someone below him.
    Owned(FieldName),
    /// Those that were shared with the user for this: `Read` or `Update`.
    Shared(Act),
    /// Those whose parent, told by this lookup, he may read or update.
    Parent(FieldName, ObjectName, Act),
    /// Those for which this is true; null is false.
    When(Arc<Expression>),
    /// Those in all of these.
    And(Vec<Records>),
    /// Those in one of these.
    Or(Vec<Records>),
    /// Those not in these.
    Not(Box<Records>),
}

/// Something that allows or denies an act.
#[derive(Clone, Debug, PartialEq)]
pub struct Reason {
    /// The set that says so; empty where all of them together do.
    pub set: String,
    /// What in it.
    pub layer: Layer,
    /// With which records.
    pub records: Records,
}

/// What in a set allows or denies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layer {
    /// It is allowed with everything.
    Capability(Capability),
    /// `ViewAll` or `ModifyAll` of the object.
    Whole(Act),
    /// The act of the object, for the records that its sharing gives: those that he owns, say.
    Sharing,
    /// A rule by its name.
    Rule(Effect, String),
}

/// Whether what objects and fields say themselves of who sees what is the same in both, as far as they are in both.
fn shows_as(own: &Registry, others: &Registry) -> bool {
    others.objects.values().all(|other| {
        let Some(object) = own.get(other.name.as_str()) else { return true };
        let masked = |field: &Field| {
            object.field(field.name.as_str()).is_none_or(|own_field| own_field.mask == field.mask)
        };
        Arc::ptr_eq(object, other) || object.sharing == other.sharing && other.fields.values().all(masked)
    })
}

impl Shape {
    /// Someone who may do everything: the system, an administrator.
    pub fn all() -> Shape {
        let capabilities = [
            Capability::ViewAllData,
            Capability::ModifyAllData,
            Capability::ManageUsers,
            Capability::ManagePackages,
            Capability::ViewAudit,
            Capability::ExplainAccess,
        ];
        Shape { roles: Vec::new(), sets: Vec::new(), capabilities: capabilities.into(), registry: None }
    }

    /// Someone who has these sets. A name that no package declares any more gives nothing.
    pub fn of<'n>(registry: &Arc<Registry>, names: impl IntoIterator<Item = &'n str>) -> Shape {
        let mut shape = Shape {
            roles: Vec::new(),
            sets: Vec::new(),
            capabilities: BTreeSet::new(),
            registry: Some(Arc::clone(registry)),
        };
        let mut seen = BTreeSet::new();
        let mut waiting: VecDeque<&str> = names.into_iter().collect();
        while let Some(name) = waiting.pop_front() {
            let set = registry.permission_sets.get(name);
            if seen.contains(name) || (set.is_none() && ![READ_ALL_DATA, WRITE_ALL_DATA].contains(&name)) {
                continue;
            }
            seen.insert(name);
            match name {
                READ_ALL_DATA => drop(shape.capabilities.insert(Capability::ViewAllData)),
                WRITE_ALL_DATA => {
                    shape.capabilities.extend([Capability::ViewAllData, Capability::ModifyAllData]);
                }
                _ => {}
            }
            if let Some(set) = set {
                shape.capabilities.extend(&set.capabilities);
                waiting.extend(set.includes.iter().map(String::as_str));
                shape.sets.push(Arc::clone(set));
            }
        }
        if shape.has(Capability::ModifyAllData) {
            shape.capabilities.insert(Capability::ViewAllData);
        }
        shape.roles = seen.into_iter().map(Arc::from).collect();
        shape
    }

    /// The names of the sets, sorted.
    pub fn roles(&self) -> &[Arc<str>] {
        &self.roles
    }

    /// Names what is seen of a registry: whoever sees something else of it has another name for it.
    pub(super) fn version_of(&self, registry: &str) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(registry.as_bytes());
        hasher.update(&[0]).update(self.registry.as_ref().map_or("", |now| &now.version).as_bytes());
        for role in &self.roles {
            hasher.update(&[0]).update(role.as_bytes());
        }
        hasher.finalize().to_hex().to_string()
    }

    /// Whether it gives just what another one does, of another version of the packages perhaps: what was begun under that one may go on. What
    /// there is beyond, as objects that came since, makes no difference.
    pub fn gives_as(&self, other: &Shape) -> bool {
        if self.sees_all() || other.sees_all() {
            return self.capabilities == other.capabilities;
        }
        let same = |(own, others): (&Arc<PermissionSet>, &Arc<PermissionSet>)| {
            Arc::ptr_eq(own, others) || own.objects == others.objects
        };
        self.roles == other.roles
            && self.capabilities == other.capabilities
            && self.sets.len() == other.sets.len()
            && self.sets.iter().zip(&other.sets).all(same)
            && match (&self.registry, &other.registry) {
                (Some(own), Some(others)) => Arc::ptr_eq(own, others) || shows_as(own, others),
                (own, others) => own.is_none() && others.is_none(),
            }
    }

    /// Whether one of the sets allows it.
    pub fn has(&self, capability: Capability) -> bool {
        self.capabilities.contains(&capability)
    }

    /// Whether every record and field is seen as it is.
    pub fn sees_all(&self) -> bool {
        self.has(Capability::ViewAllData)
    }

    fn grants(&self, object: &Object) -> impl Iterator<Item = &Grant> {
        let name = self.now(object).map(|object| &object.name);
        self.sets.iter().filter_map(move |set| set.objects.get(name?))
    }

    /// The object of a version of the registry as the sets know it.
    fn now(&self, object: &Object) -> Option<&Arc<Object>> {
        self.registry.as_ref()?.get(object.name.as_str())
    }

    /// Whether an act may be done with records of an object at all.
    pub fn may(&self, object: &Object, act: Act) -> bool {
        let reads = matches!(act, Act::Read | Act::ViewAll | Act::Export);
        self.has(Capability::ModifyAllData)
            || reads && self.sees_all()
            || self.grants(object).any(|grant| allows(grant, act))
    }

    /// Whether an action may be done with a record that may be updated.
    pub fn may_act(&self, object: &Object, action: &str) -> bool {
        let named = |grant: &Grant| match &grant.actions {
            Actions::All => true,
            Actions::Only(names) => names.contains(action),
        };
        self.has(Capability::ModifyAllData) || self.grants(object).any(named)
    }

    /// What may be done with a field of an object.
    pub fn field(&self, object: &Object, field: &Field) -> FieldRight {
        let mut right = FieldRight::NONE;
        if self.sees_all() {
            let writes = self.has(Capability::ModifyAllData);
            right = FieldRight { reads: true, mask: None, creates: writes, updates: writes };
        }
        let now = self.now(object).and_then(|object| object.field(field.name.as_str()));
        // A field that is not there any more was never granted to anybody.
        let Some(field) = now else { return right };
        for grant in self.grants(object).filter(|grant| allows(grant, Act::Read)) {
            let said = grant.fields.get(&field.name).unwrap_or(&grant.other_fields);
            // What the engine keeps of every record is no matter of grants.
            let is_kept = field.system || matches!(field.kind, FieldKind::Id);
            let said = if is_kept { &FieldGrant::default() } else { said };
            let masked = field.mask.filter(|_| said.read == FieldRead::AsDeclared);
            if said.read == FieldRead::Hidden {
                continue;
            }
            right.mask = if right.reads { right.mask.and(masked) } else { masked };
            right.reads = true;
            right.creates |= said.update && allows(grant, Act::Create);
            right.updates |= said.update && allows(grant, Act::Update);
        }
        right
    }

    /// Which records an act may be done with: `Read`, `Create`, `Update` or `Delete`. Of `Create` and `Update` that is what the record must
    /// be afterwards, too; of `Transfer`, what one that has got another owner must be.
    pub fn records(&self, object: &Object, act: Act) -> Records {
        let all = if act == Act::Read { Capability::ViewAllData } else { Capability::ModifyAllData };
        if self.has(all) {
            return Records::All;
        }
        let Some(object) = self.now(object) else { return Records::None };
        let of = |grant: &Grant| {
            let whole = if act == Act::Read { Act::ViewAll } else { Act::ModifyAll };
            // Whoever gives a record away may leave it to anyone, but not make of it what he may not change.
            let ruled = if act == Act::Transfer { Act::Update } else { act };
            let rules = |effect: Effect| {
                let rules = grant.records.iter().filter(move |rule| rule.effect == effect);
                let rules = rules.filter(move |rule| rule.acts.contains(&ruled));
                any(rules.map(|rule| Records::When(Arc::clone(&rule.when))))
            };
            let given = match allows(grant, whole) {
                true => Records::All,
                false => any([shared(object, act, allows(grant, Act::Transfer)), rules(Effect::Allow)]),
            };
            all_of([given, not(rules(Effect::Deny))])
        };
        any(self.grants(object).filter(|grant| allows(grant, act)).map(of))
    }

    /// What a record must be whose owner the packages have set, or that was given away: nothing that its writer's sets deny.
    pub fn left(&self, object: &Object) -> Records {
        if self.has(Capability::ModifyAllData) {
            return Records::All;
        }
        let Some(object) = self.now(object) else { return Records::None };
        let writes = |grant: &&Grant| allows(grant, Act::Create) || allows(grant, Act::Update);
        any(self.grants(object).filter(writes).map(|grant| {
            let denies = grant.records.iter().filter(|rule| rule.effect == Effect::Deny);
            let denies =
                denies.filter(|rule| rule.acts.contains(&Act::Update) || rule.acts.contains(&Act::Create));
            let allowed = not(any(denies.map(|rule| Records::When(Arc::clone(&rule.when)))));
            // A part stays one of a whole that its writer may change, whoever owns it.
            match object.sharing {
                Sharing::Parent(_) => all_of([shared(object, Act::Update, false), allowed]),
                _ => allowed,
            }
        }))
    }

    /// Each thing that allows or denies an act, set by set: what [`Self::records`] is made of.
    pub fn reasons(&self, object: &Object, act: Act) -> Vec<Reason> {
        let all = if act == Act::Read { Capability::ViewAllData } else { Capability::ModifyAllData };
        let mut reasons = Vec::new();
        if self.has(all) {
            reasons.push(Reason { set: String::new(), layer: Layer::Capability(all), records: Records::All });
        }
        let Some(object) = self.now(object) else { return reasons };
        let whole = if act == Act::Read { Act::ViewAll } else { Act::ModifyAll };
        for set in &self.sets {
            let Some(grant) = set.objects.get(&object.name).filter(|grant| allows(grant, act)) else {
                continue;
            };
            let mut add = |layer: Layer, records: Records| {
                reasons.push(Reason { set: set.name.clone(), layer, records });
            };
            if allows(grant, whole) {
                add(Layer::Whole(whole), Records::All);
            }
            add(Layer::Sharing, shared(object, act, allows(grant, Act::Transfer)));
            for rule in grant.records.iter().filter(|rule| rule.acts.contains(&act)) {
                let layer = Layer::Rule(rule.effect, rule.name.clone());
                add(layer, Records::When(Arc::clone(&rule.when)));
            }
        }
        reasons
    }

    /// Whether the user may give a record to another owner.
    pub fn may_transfer(&self, object: &Object) -> bool {
        self.has(Capability::ModifyAllData) || self.may(object, Act::Transfer)
    }
}

/// A grant of more holds what is less.
fn allows(grant: &Grant, act: Act) -> bool {
    let modifies = grant.allow.contains(&Act::ModifyAll);
    grant.allow.contains(&act)
        || match act {
            Act::Read => modifies || grant.allow.contains(&Act::ViewAll),
            Act::ViewAll | Act::Update | Act::Delete => modifies,
            _ => false,
        }
}

/// What an object's sharing gives to everyone who may do the like with some of its records.
fn shared(object: &Object, act: Act, transfers: bool) -> Records {
    let owned = || owner_field(object).map_or(Records::None, |field| Records::Owned(field.clone()));
    match (&object.sharing, act) {
        (Sharing::Parent(lookup), _) => match object.field(lookup.as_str()).map(|field| &field.kind) {
            Some(FieldKind::Lookup { target, .. }) => {
                let act = if act == Act::Read { Act::Read } else { Act::Update };
                Records::Parent(lookup.clone(), target.clone(), act)
            }
            _ => Records::None,
        },
        (Sharing::PublicReadWrite, _) | (Sharing::PublicRead, Act::Read) => Records::All,
        (_, Act::Create | Act::Transfer) if transfers => Records::All,
        (_, Act::Create | Act::Delete) => owned(),
        (_, act) => any([owned(), Records::Shared(act)]),
    }
}

/// The lookup that tells whose a record is.
pub(crate) fn owner_field(object: &Object) -> Option<&FieldName> {
    let is_user = |name: &&str| {
        let kind = object.fields.get(*name).map(|field| &field.kind);
        matches!(kind, Some(FieldKind::Lookup { target, .. }) if target.as_str() == "user")
    };
    let name = ["owner", "owner_id"].into_iter().find(is_user)?;
    object.fields.get(name).map(|field| &field.name)
}

impl Object {
    /// The lookup that tells whose a record is; none where it leads to no user.
    pub fn owner_field(&self) -> Option<&FieldName> {
        owner_field(self)
    }
}

fn any(of: impl IntoIterator<Item = Records>) -> Records {
    let mut some = Vec::new();
    for records in of {
        match records {
            Records::All => return Records::All,
            Records::None => {}
            Records::Or(inner) => some.extend(inner),
            one if some.contains(&one) => {}
            one => some.push(one),
        }
    }
    match some.len() {
        0 => Records::None,
        1 => some.swap_remove(0),
        _ => Records::Or(some),
    }
}

fn all_of(of: impl IntoIterator<Item = Records>) -> Records {
    let mut some = Vec::new();
    for records in of {
        match records {
            Records::None => return Records::None,
            Records::All => {}
            one => some.push(one),
        }
    }
    match some.len() {
        0 => Records::All,
        1 => some.swap_remove(0),
        _ => Records::And(some),
    }
}

fn not(records: Records) -> Records {
    match records {
        Records::All => Records::None,
        Records::None => Records::All,
        some => Records::Not(Box::new(some)),
    }
}
