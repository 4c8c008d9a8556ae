//! What the door knows of the objects: GraphQL's names on one side, the registry's on the other. Made from a
//! session's views, so that what a session may not see has no name here.

mod acts;
mod enum_names;
mod enums;
mod kind;

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use indexmap::IndexMap;
use quarry_metadata::{
    Field, FieldKind, FieldName, Object, ObjectName, Relation, RelationKind, RelationName,
    naming::{camel_case, deleted, ids_of_references, pascal_case, plural, relation_of_lookup},
    permissions::Act,
};
use quarry_planner::{ObjectView, Views};

pub(crate) use acts::{ActType, Parameter};
use enum_names::{EnumNames, NameOf};
pub(crate) use enums::EnumType;
pub(crate) use kind::{Kind, PartsType};

use crate::error::{Failure, Result};

/// Every object a session may see, with the root fields that lead to it.
#[derive(Debug)]
pub(crate) struct Model {
    pub objects: IndexMap<ObjectName, Arc<ObjectType>>,
    roots: HashMap<String, Root>,
    /// Actions by their root field.
    acts: IndexMap<String, ActType>,
}

/// What a root field does, and to what.
#[derive(Clone, Debug)]
pub(crate) struct Root {
    pub object: Arc<ObjectType>,
    pub action: Action,
}

/// What a root field does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    One,
    Many,
    Create,
    CreateMany,
    Update,
    UpdateMany,
    Upsert,
    Delete,
    DeleteMany,
    Undelete,
}

/// What can be done with an object.
const ACTIONS: [Action; 9] = [
    Action::One,
    Action::Many,
    Action::Create,
    Action::CreateMany,
    Action::Update,
    Action::UpdateMany,
    Action::Upsert,
    Action::Delete,
    Action::DeleteMany,
];

impl Action {
    /// Whether it is a field of the query root.
    pub fn reads(self) -> bool {
        matches!(self, Action::One | Action::Many)
    }

    /// What one must be allowed to do with some records, beyond seeing them.
    fn takes(self) -> &'static [Act] {
        match self {
            Action::One | Action::Many => &[],
            Action::Create | Action::CreateMany => &[Act::Create],
            Action::Update | Action::UpdateMany => &[Act::Update],
            Action::Upsert => &[Act::Create, Act::Update],
            Action::Delete | Action::DeleteMany | Action::Undelete => &[Act::Delete],
        }
    }
}

/// An object as GraphQL shows it.
#[derive(Debug)]
pub(crate) struct ObjectType {
    pub name: ObjectName,
    /// What may be done with some of its records.
    acts: BTreeSet<Act>,
    /// `CaseComment`; the names of its inputs and connections begin with it.
    pub type_name: String,
    /// `caseComment`
    one: String,
    /// `CaseComments`
    plural_type_name: String,
    pub description: Option<String>,
    pub members: IndexMap<String, Member>,
    /// Fields that are set and never shown.
    write_only: IndexMap<String, FieldType>,
    pub searchable: bool,
    /// Names that it had; its root fields answer to them too.
    pub former: Vec<Former>,
    pub nature: Nature,
}

/// What its records are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nature {
    Plain,
    /// What is deleted may come back.
    KeepsDeleted,
    /// They are in the recycle bin: looked at, and not written.
    Deleted,
}

/// What an object was called.
#[derive(Debug)]
pub(crate) struct Former {
    type_name: String,
    one: String,
    plural_type_name: String,
}

/// A field of an object type.
#[derive(Debug)]
pub(crate) enum Member {
    Field(FieldType),
    ToOne(Way),
    /// The records of a list of references.
    ToSeveral(Way),
    ToMany(Way),
}

/// A field that holds a value.
#[derive(Debug)]
pub(crate) struct FieldType {
    pub name: FieldName,
    pub kind: Kind,
    pub writable: bool,
    pub description: Option<String>,
    /// Why it is not to be used any more.
    pub deprecated: Option<String>,
}

/// A relation.
#[derive(Debug)]
pub(crate) struct Way {
    pub relation: RelationName,
    pub target: ObjectName,
    /// The lookup that carries it, here (to-one) or there (to-many).
    pub lookup: FieldName,
}

impl Model {
    /// The model of what `views` show.
    ///
    /// # Errors
    ///
    /// Internal when two things would have one name: the package compiler should have refused them.
    pub fn new(views: &Views) -> Result<Model> {
        let mut model = Model { objects: IndexMap::new(), roots: HashMap::new(), acts: IndexMap::new() };
        let enum_names = EnumNames::new(&views.registry);
        for view in views.objects.values() {
            let object = model.add(ObjectType::new(view, views, &enum_names, &view.object)?)?;
            let rules = views.registry.rules.get(&object.name);
            for action in rules.into_iter().flat_map(|rules| rules.actions.values()) {
                let act = ActType::new(action, &object, &enum_names, &view.object);
                if let Some(other) = model.acts.insert(act.root_name(), act) {
                    let (one, two) = (&object.name, &other.object.name);
                    let message =
                        format!("actions of {one} and {two} both are root field {}", other.root_name());
                    return Err(Failure::internal(message));
                }
            }
        }
        for (name, view) in &views.bins {
            let Some(live) = views.get(name.as_str()) else { continue };
            model.add(ObjectType::new(view, views, &enum_names, &live.object)?)?;
        }
        if let Some(name) =
            model.acts.keys().find(|name| model.root(name).is_some_and(|root| !root.action.reads()))
        {
            return Err(Failure::internal(format!("an action and an object both lead to root field {name}")));
        }
        for object in model.objects.values() {
            for (name, action) in object.former_roots() {
                // A name that something else has by now is that thing's.
                model.roots.entry(name).or_insert_with(|| Root { object: Arc::clone(object), action });
            }
        }
        Ok(model)
    }

    fn add(&mut self, object: ObjectType) -> Result<Arc<ObjectType>> {
        let object = Arc::new(object);
        for action in object.actions() {
            let name = object.root_name(action);
            let root = Root { object: Arc::clone(&object), action };
            if let Some(other) = self.roots.insert(name.clone(), root) {
                let (one, two) = (&object.name, &other.object.name);
                return Err(Failure::internal(format!("{one} and {two} both lead to root field {name}")));
            }
        }
        self.objects.insert(object.name.clone(), Arc::clone(&object));
        Ok(object)
    }

    /// The root field of that name.
    pub fn root(&self, name: &str) -> Option<&Root> {
        self.roots.get(name)
    }

    /// The action of that root field.
    pub fn act(&self, name: &str) -> Option<&ActType> {
        self.acts.get(name)
    }

    /// Every action.
    pub fn acts(&self) -> impl Iterator<Item = &ActType> {
        self.acts.values()
    }

    /// The object at the end of a relation.
    ///
    /// # Errors
    ///
    /// Internal: the model holds no way to an object it does not hold.
    pub fn target(&self, way: &Way) -> Result<&Arc<ObjectType>> {
        self.objects.get(&way.target).ok_or_else(|| Failure::internal(format!("no object {}", way.target)))
    }
}

impl ObjectType {
    /// `live` is the object itself, or for a view of deleted records the one that they were of.
    fn new(view: &ObjectView, views: &Views, enum_names: &EnumNames, live: &Object) -> Result<Self> {
        let object = &view.object;
        let nature = match object.name != live.name {
            true => Nature::Deleted,
            false if object.recycle_bin => Nature::KeepsDeleted,
            false => Nature::Plain,
        };
        let called = |name: &str| match nature {
            Nature::Deleted => deleted(name),
            Nature::Plain | Nature::KeepsDeleted => name.to_owned(),
        };
        let names = |name: &ObjectName| Former {
            type_name: pascal_case(&called(name.as_str())),
            one: camel_case(&called(name.as_str())),
            plural_type_name: pascal_case(&called(&plural(name.as_str()))),
        };
        let Former { type_name, one, plural_type_name } = names(&live.name);
        let mut members = IndexMap::new();
        let visible = view.fields.iter().filter_map(|name| object.field(name.as_str()));
        for field in visible {
            let member = FieldType::new(field, &enum_names.of(live, field));
            insert(&mut members, &type_name, field_name(field), Member::Field(member))?;
        }
        for relation in object.relations.values() {
            if let Some(member) = way(relation, view, views) {
                insert(&mut members, &type_name, camel_case(relation.name.as_str()), member)?;
            }
        }
        former_members(&mut members, view, views, (enum_names, live));
        let written = object.fields.values().filter(|field| field.is_write_only());
        let written =
            written.map(|field| (field_name(field), FieldType::new(field, &enum_names.of(live, field))));
        Ok(Self {
            former: live.alias.iter().map(names).collect(),
            nature,
            write_only: written.collect(),
            one,
            plural_type_name,
            description: object.description.clone(),
            searchable: !object.searchable.is_empty(),
            acts: view.acts.clone(),
            name: object.name.clone(),
            type_name,
            members,
        })
    }

    /// What can be done with it.
    pub fn actions(&self) -> impl Iterator<Item = Action> + use<'_> {
        let nature = self.nature;
        let plain = ACTIONS.into_iter().filter(move |action| nature != Nature::Deleted || action.reads());
        let all = plain.chain((nature == Nature::KeepsDeleted).then_some(Action::Undelete));
        all.filter(|action| action.takes().iter().all(|act| self.acts.contains(act)))
    }

    /// The name of a root field: `account`, `accounts`, `createAccount`, `updateAccounts` …
    pub fn root_name(&self, action: Action) -> String {
        root_name(action, &self.one, &self.type_name, &self.plural_type_name)
    }

    /// The names that its root fields had.
    pub fn former_roots(&self) -> impl Iterator<Item = (String, Action)> {
        self.former.iter().flat_map(|former| {
            let Former { one, type_name, plural_type_name } = former;
            self.actions().map(move |action| (root_name(action, one, type_name, plural_type_name), action))
        })
    }

    /// The fields that hold values.
    pub fn fields(&self) -> impl Iterator<Item = (&String, &FieldType)> {
        self.members.iter().filter_map(|(name, member)| match member {
            Member::Field(field) => Some((name, field)),
            Member::ToOne(_) | Member::ToSeveral(_) | Member::ToMany(_) => None,
        })
    }

    /// The fields that a change may set.
    pub fn writable(&self) -> impl Iterator<Item = (&String, &FieldType)> {
        self.fields().chain(&self.write_only).filter(|(_, field)| field.writable)
    }

    /// The GraphQL name of a field.
    pub fn name_of(&self, field: &str) -> Option<&str> {
        self.fields()
            .chain(&self.write_only)
            .find(|(_, member)| member.name.as_str() == field)
            .map(|(name, _)| name.as_str())
    }

    /// The field of that GraphQL name, when it holds a value.
    pub fn field(&self, name: &str) -> Option<&FieldType> {
        match self.members.get(name)? {
            Member::Field(field) => Some(field),
            Member::ToOne(_) | Member::ToSeveral(_) | Member::ToMany(_) => None,
        }
    }
}

fn root_name(action: Action, one: &str, type_name: &str, plural_type_name: &str) -> String {
    let many = plural_type_name;
    match action {
        Action::One => one.to_owned(),
        Action::Many => lower_first(many),
        Action::Create => format!("create{type_name}"),
        Action::CreateMany => format!("create{many}"),
        Action::Update => format!("update{type_name}"),
        Action::UpdateMany => format!("update{many}"),
        Action::Upsert => format!("upsert{type_name}"),
        Action::Delete => format!("delete{type_name}"),
        Action::DeleteMany => format!("delete{many}"),
        Action::Undelete => format!("undelete{type_name}"),
    }
}

impl FieldType {
    fn new(field: &Field, name: &NameOf<'_>) -> Self {
        let numbered = matches!(field.kind, FieldKind::AutoNumber { .. });
        let assignable = !field.system || field.name.as_str() == "owner" || field.kind == FieldKind::Id;
        Self {
            name: field.name.clone(),
            kind: Kind::of(field, name),
            writable: assignable && !numbered && !field.readonly,
            description: field.description.clone(),
            deprecated: field.deprecated.clone(),
        }
    }
}

/// Former names go on as members of their own, behind the others; one that something else has by now is that thing's.
fn former_members(
    members: &mut IndexMap<String, Member>,
    view: &ObjectView,
    views: &Views,
    (enum_names, live): (&EnumNames, &Object),
) {
    let object = &view.object;
    for field in view.fields.iter().filter_map(|name| object.fields.get(name)) {
        for alias in &field.alias {
            let former = Field { name: alias.clone(), ..field.clone() };
            let mut member = FieldType::new(field, &enum_names.of(live, field));
            member.deprecated = Some(format!("called {} now", field_name(field)));
            members.entry(field_name(&former)).or_insert(Member::Field(member));
        }
    }
    for relation in object.relations.values() {
        for alias in &relation.alias {
            if let Some(member) = way(relation, view, views) {
                members.entry(camel_case(alias.as_str())).or_insert(member);
            }
        }
    }
}

/// A lookup's own field ends in `Id`, that of a list of references in `Ids`, so that the name is free for the relation.
fn field_name(field: &Field) -> String {
    match field.kind {
        FieldKind::Lookup { .. } => camel_case(&format!("{}_id", relation_of_lookup(field.name.as_str()))),
        FieldKind::References { .. } => ids_of_references(field.name.as_str()),
        _ => camel_case(field.name.as_str()),
    }
}

/// A relation whose lookup and whose other end the session may see.
fn way(relation: &Relation, view: &ObjectView, views: &Views) -> Option<Member> {
    let target = views.get(relation.target.as_str())?;
    let way = |lookup: &FieldName| Way {
        relation: relation.name.clone(),
        target: relation.target.clone(),
        lookup: lookup.clone(),
    };
    match &relation.kind {
        RelationKind::ToOne { field } => view.fields.contains(field).then(|| Member::ToOne(way(field))),
        RelationKind::ToSeveral { field } => {
            view.fields.contains(field).then(|| Member::ToSeveral(way(field)))
        }
        RelationKind::ToMany { field } => target.fields.contains(field).then(|| Member::ToMany(way(field))),
    }
}

fn insert(members: &mut IndexMap<String, Member>, object: &str, name: String, member: Member) -> Result<()> {
    match members.insert(name.clone(), member) {
        None => Ok(()),
        Some(_) => Err(Failure::internal(format!("type {object} would have two fields {name}"))),
    }
}

fn lower_first(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}
