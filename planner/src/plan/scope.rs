//! The objects a plan reads, found by following paths from one object; the columns it needs of each.

use std::sync::Arc;

use datafusion::{
    catalog::default_table_source::provider_as_source,
    common::{Column, JoinType, TableReference},
    functions::core::expr_fn::get_field,
    logical_expr::{Expr, LogicalPlanBuilder},
};
use indexmap::IndexSet;
use quarry_metadata::{Field, FieldKind, FieldName};
use quarry_storage::Snapshot;

use crate::{
    coerce::Class,
    error::{Error, ErrorKind, Result},
    nearest,
    view::{ObjectView, Restriction, SCORE, Views},
};

/// Something that can be compared, sorted or grouped.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    pub(crate) expr: Expr,
    pub(crate) class: Class,
}

/// One object (the root, or one reached by a to-one path), read under its own alias.
#[derive(Clone, Debug)]
struct Node {
    view: Arc<ObjectView>,
    /// The node it was reached from, with the lookup followed there.
    from: Option<(usize, String)>,
    columns: IndexSet<String>,
}

/// The objects of one plan.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    views: Arc<Views>,
    view: Arc<ObjectView>,
    nodes: Vec<Node>,
    depth_max: usize,
    has_score: bool,
}

/// What to say when a name is not known.
#[derive(Clone, Copy)]
pub(crate) struct At<'a> {
    pub(crate) code: &'static str,
    pub(crate) place: &'a str,
}

impl Scope {
    pub(crate) fn new(views: Arc<Views>, view: Arc<ObjectView>, depth_max: usize, has_score: bool) -> Scope {
        let root = Node { view: Arc::clone(&view), from: None, columns: IndexSet::new() };
        Scope { views, view, nodes: vec![root], depth_max, has_score }
    }

    pub(crate) fn view(&self) -> &Arc<ObjectView> {
        &self.view
    }

    /// A column of the root.
    pub(crate) fn column(&mut self, name: &str) -> Expr {
        self.read(0, name)
    }

    fn read(&mut self, index: usize, name: &str) -> Expr {
        if let Some(node) = self.nodes.get_mut(index) {
            node.columns.insert(name.to_owned());
        }
        Expr::Column(Column::new(Some(alias(index)), name))
    }

    /// The field at the end of a path.
    ///
    /// # Errors
    ///
    /// `Missing` when a name in it is not in the view where it stands.
    pub(crate) fn field(&mut self, path: &str, at: At<'_>) -> Result<(Expr, Field)> {
        let mut node = 0;
        let mut names = path.split('.').peekable();
        let mut depth = 0;
        while let Some(name) = names.next() {
            if names.peek().is_none() {
                let view = Arc::clone(&self.node(node)?.view);
                let field = view.field(name).or_else(|| view.to_one(name).map(|(_, lookup)| lookup));
                let field = field.ok_or_else(|| unknown(&view, name, path, at))?;
                return Ok((self.read(node, field.name.as_str()), field.clone()));
            }
            let view = &self.node(node)?.view;
            if let Some(field) = view.field(name).filter(|field| is_composite(field)).cloned() {
                let expr = self.read(node, name);
                return part((expr, field), names, path, at);
            }
            depth += 1;
            if depth > self.depth_max {
                return Err(Error::limited(
                    at.place,
                    format!("paths go at most {} relations far", self.depth_max),
                ));
            }
            node = self.follow(node, name, path, at)?;
        }
        Err(Error::invalid(at.code, at.place, "an empty path"))
    }

    /// Whether the root has a field of that name that is made of parts.
    pub(crate) fn is_composite(&self, name: &str) -> bool {
        self.view.field(name).is_some_and(is_composite)
    }

    /// What stands at the end of a path, to be compared, sorted or grouped.
    ///
    /// # Errors
    ///
    /// As [`Self::field`].
    pub(crate) fn subject(&mut self, path: &str, at: At<'_>) -> Result<Subject> {
        if path == SCORE && self.has_score {
            return Ok(Subject { expr: self.column(SCORE), class: Class::Score });
        }
        let (expr, field) = self.field(path, at)?;
        Ok(Subject { expr, class: Class::of(&field) })
    }

    fn node(&self, index: usize) -> Result<&Node> {
        self.nodes.get(index).ok_or_else(|| Error::internal("a path left its scope"))
    }

    fn follow(&mut self, from: usize, name: &str, path: &str, at: At<'_>) -> Result<usize> {
        let view = Arc::clone(&self.node(from)?.view);
        let Some((relation, lookup)) = view.to_one(name) else {
            if view.to_many(name).is_some() || view.to_several(name).is_some() {
                let message = format!("{name:?} in {path:?} leads to several records: use \"expand\"");
                return Err(Error::invalid(at.code, at.place, message));
            }
            return Err(unknown(&view, name, path, at));
        };
        let via = Some((from, lookup.name.as_str().to_owned()));
        if let Some(known) = self.nodes.iter().position(|node| node.from == via) {
            return Ok(known);
        }
        let target =
            self.views.get(relation.target.as_str()).ok_or_else(|| unknown(&view, name, path, at))?;
        let target = Arc::clone(target);
        self.read(from, lookup.name.as_str());
        self.nodes.push(Node { view: target, from: via, columns: IndexSet::from(["id".to_owned()]) });
        Ok(self.nodes.len() - 1)
    }

    /// The scans and joins: each object once, only the columns that are read.
    ///
    /// # Errors
    ///
    /// `Internal`.
    pub(crate) fn plan(&self, snapshot: &Snapshot, restriction: Restriction) -> Result<LogicalPlanBuilder> {
        let mut plan = scan(0, self.node(0)?, snapshot, restriction)?;
        for (index, node) in self.nodes.iter().enumerate().skip(1) {
            let Some((from, lookup)) = &node.from else { continue };
            let right = scan(index, node, snapshot, Restriction::None)?.build()?;
            let left_key = Column::new(Some(alias(*from)), lookup);
            let right_key = Column::new(Some(alias(index)), "id");
            plan = plan.join(right, JoinType::Left, (vec![left_key], vec![right_key]), None)?;
        }
        Ok(plan)
    }
}

fn is_composite(field: &Field) -> bool {
    matches!(field.kind, FieldKind::Composite { .. })
}

/// The part of a composite that `names` lead to.
fn part<'a>(
    whole: (Expr, Field),
    names: impl Iterator<Item = &'a str>,
    path: &str,
    at: At<'_>,
) -> Result<(Expr, Field)> {
    let refuse = |name: &FieldName, why: &str| {
        Err(Error::invalid(at.code, at.place, format!("{:?} in {path:?} {why}", name.as_str())))
    };
    let (mut expr, mut field) = whole;
    for name in names {
        let parts = match &field.kind {
            FieldKind::Composite { many: true, .. } => {
                return refuse(&field.name, "is a list: no path leads into it");
            }
            FieldKind::Composite { parts, .. } if parts.is_empty() => {
                return refuse(&field.name, "has no declared parts");
            }
            FieldKind::Composite { parts, .. } => parts,
            _ => return refuse(&field.name, "has no parts"),
        };
        let Some(found) = parts.get(name) else {
            let hint = nearest::hint(name, parts.keys().map(FieldName::as_str));
            let message = format!("{:?} has no part {name:?} (in {path:?}){hint}", field.name.as_str());
            return Err(Error::new(ErrorKind::Missing, "INVALID_FIELD", at.place, message));
        };
        (expr, field) = (get_field(expr, name), found.clone());
    }
    Ok((expr, field))
}

fn alias(index: usize) -> TableReference {
    TableReference::bare(format!("t{index}"))
}

fn scan(
    index: usize,
    node: &Node,
    snapshot: &Snapshot,
    restriction: Restriction,
) -> Result<LogicalPlanBuilder> {
    let provider = node.view.provider(snapshot, restriction)?;
    let schema = provider.schema();
    let mut projection =
        node.columns.iter().map(|name| schema.index_of(name)).collect::<Result<Vec<_>, _>>()?;
    projection.sort_unstable();
    Ok(LogicalPlanBuilder::scan(alias(index), provider_as_source(provider), Some(projection))?)
}

/// The same words for a field that is not there and for one that this session may not see.
pub(crate) fn unknown(view: &ObjectView, name: &str, path: &str, at: At<'_>) -> Error {
    let relations = view.object.relations.values().filter(|relation| {
        let name = relation.name.as_str();
        view.to_one(name).is_some() || view.to_many(name).is_some() || view.to_several(name).is_some()
    });
    let known = view
        .fields
        .iter()
        .map(|field| field.as_str())
        .chain(relations.map(|relation| relation.name.as_str()));
    let hint = nearest::hint(name, known);
    let within = if name == path { String::new() } else { format!(" (in {path:?})") };
    let message = format!("{:?} has no field {name:?}{within}{hint}", view.object.name);
    Error::new(ErrorKind::Missing, "INVALID_FIELD", at.place, message)
}
