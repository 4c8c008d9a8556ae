//! What must be at hand to evaluate an expression.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::expression::{
    Expression,
    tree::{Children, Literal, Node, NodeKind, Path, Root, UserList},
    value_type::Type,
};

/// Everything that an expression reads.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Needs {
    /// Stored fields, of the record and of those its lookups lead to, with their types.
    pub fields: BTreeMap<(Root, Path), Type>,
    /// Child relations, with the fields that are read of each child; its `id` need not be among them.
    pub children: BTreeMap<Children, BTreeMap<Path, Type>>,
    /// The user's lists.
    pub lists: BTreeSet<UserList>,
    /// The instant.
    pub now: bool,
    /// The day.
    pub today: bool,
    /// The session's time zone.
    pub zone: bool,
}

impl Needs {
    /// Takes in what another expression needs.
    pub fn add(&mut self, other: Needs) {
        self.fields.extend(other.fields);
        for (children, paths) in other.children {
            self.children.entry(children).or_default().extend(paths);
        }
        self.lists.extend(other.lists);
        self.now |= other.now;
        self.today |= other.today;
        self.zone |= other.zone;
    }

    /// Whether it reads anything of this record.
    pub fn reads(&self, root: &Root) -> bool {
        self.fields.keys().any(|(known, _)| known == root)
    }

    /// The fields read of a record and of those its lookups lead to.
    pub fn of<'a>(&'a self, root: &'a Root) -> impl Iterator<Item = (&'a Path, &'a Type)> {
        self.fields
            .iter()
            .filter(move |((known, _), _)| known == root)
            .map(|((_, path), type_)| (path, type_))
    }
}

impl Expression {
    /// What must be at hand to evaluate it.
    pub fn needs(&self) -> Needs {
        let mut needs = Needs::default();
        collect(&self.node, &mut Vec::new(), &mut needs);
        needs
    }

    /// The names that it looks for among the user's permission sets.
    pub(crate) fn roles_named(&self) -> BTreeSet<&str> {
        let mut named = BTreeSet::new();
        roles_named(&self.node, &mut named);
        named
    }
}

// As deep as an expression may be.
fn roles_named<'a>(node: &'a Node, named: &mut BTreeSet<&'a str>) {
    if let NodeKind::In { item, list } = &node.kind
        && let (NodeKind::Literal(Literal::Text(name)), NodeKind::UserList(UserList::Roles)) =
            (&item.kind, &list.kind)
    {
        named.insert(name);
    }
    for operand in node.operands() {
        roles_named(operand, named);
    }
}

/// A variable of a comprehension; over children it is a record of them.
struct Bound<'a> {
    name: &'a str,
    children: Option<&'a Children>,
}

fn collect<'a>(node: &'a Node, bound: &mut Vec<Bound<'a>>, needs: &mut Needs) {
    match &node.kind {
        NodeKind::Field { root, path } => {
            let name = if let Root::Named(name) = root { Some(name.as_str()) } else { None };
            match name.and_then(|name| bound.iter().rev().find(|known| known.name == name)) {
                Some(Bound { children: Some(children), .. }) => {
                    let paths = needs.children.entry((*children).clone()).or_default();
                    paths.insert(path.clone(), node.type_.clone());
                }
                Some(_) => {}
                None => drop(needs.fields.insert((root.clone(), path.clone()), node.type_.clone())),
            }
        }
        NodeKind::Children(children) => drop(needs.children.entry(children.clone()).or_default()),
        NodeKind::UserList(list) => drop(needs.lists.insert(*list)),
        NodeKind::Now => needs.now = true,
        NodeKind::Today => needs.today = true,
        NodeKind::Call { .. } => needs.zone |= node.reads_zone(),
        NodeKind::Comprehension { list, variable, body, .. } => {
            collect(list, bound, needs);
            bound.push(Bound { name: variable, children: children_of(list) });
            collect(body, bound, needs);
            bound.pop();
            return;
        }
        _ => {}
    }
    for operand in node.operands() {
        collect(operand, bound, needs);
    }
}

/// The child relation whose records a list holds.
fn children_of(list: &Node) -> Option<&Children> {
    match &list.kind {
        NodeKind::Children(children) => Some(children),
        NodeKind::Comprehension { list, .. } => children_of(list),
        _ => None,
    }
}

/// The names of the variables that comprehensions inside a node bind.
pub(crate) fn variables(node: &Node, names: &mut BTreeSet<String>) {
    if let NodeKind::Comprehension { variable, .. } = &node.kind {
        names.insert(variable.clone());
    }
    for operand in node.operands() {
        variables(operand, names);
    }
}
