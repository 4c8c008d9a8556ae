//! The objects a plan reads, found by following paths from one object; the columns it needs of each.

mod alone;
mod fold;

use std::sync::Arc;

use datafusion::{
    catalog::default_table_source::provider_as_source,
    common::{Column, JoinType, ScalarValue, TableReference},
    functions::core::expr_fn::get_field,
    logical_expr::{Expr, LogicalPlanBuilder, lit},
};
use indexmap::IndexSet;
use quarry_metadata::{
    Field, FieldKind, FieldName, Registry,
    expression::{Children, Expression, Path, Root, Step, Type},
};

pub(super) use fold::FarEnd;

use super::formula::Named;
use crate::{
    coerce::{Class, Clock, days_of},
    error::{Error, ErrorKind, Result},
    expression::{Leaf, Leaves, Mode, lowered},
    nearest,
    policy::Seeing,
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
    alias: TableReference,
    /// The node it was reached from, with the lookup followed there.
    from: Option<(usize, String)>,
    columns: IndexSet<String>,
}

/// A way to many records: the node it begins at, and what refers to it over there.
pub(super) struct Link {
    node: usize,
    lookup: Expr,
}

/// A column that says for each record of a node whether records that count refer to it.
#[derive(Clone, Debug)]
struct Mark {
    node: usize,
    inner: Scope,
    lookup: Expr,
    counts: Expr,
}

/// The objects of one plan.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    views: Arc<Views>,
    view: Arc<ObjectView>,
    nodes: Vec<Node>,
    marks: Vec<Mark>,
    /// Numbers over records at the far end of paths to many.
    folds: Vec<fold::Fold>,
    /// Formulas of the question.
    named: Vec<Named>,
    depth_max: usize,
    has_score: bool,
    clock: Clock,
    /// A formula reads the clock: what was made of it is true for one instant only.
    reads_clock: bool,
}

/// What to say when a name is not known.
#[derive(Clone, Copy)]
pub(crate) struct At<'a> {
    pub(crate) code: &'static str,
    pub(crate) place: &'a str,
}

impl Scope {
    pub(crate) fn new(
        views: Arc<Views>,
        view: Arc<ObjectView>,
        depth_max: usize,
        has_score: bool,
        clock: Clock,
    ) -> Scope {
        let root = Node { view: Arc::clone(&view), alias: alias(0), from: None, columns: IndexSet::new() };
        Scope {
            views,
            view,
            nodes: vec![root],
            marks: Vec::new(),
            folds: Vec::new(),
            named: Vec::new(),
            depth_max,
            has_score,
            clock,
            reads_clock: false,
        }
    }

    pub(crate) fn view(&self) -> &Arc<ObjectView> {
        &self.view
    }

    /// A stored column of the root.
    pub(crate) fn column(&mut self, name: &str) -> Expr {
        self.read(0, name)
    }

    /// Whether a formula that was written out reads the clock.
    pub(crate) fn reads_clock(&self) -> bool {
        self.reads_clock
    }

    /// What the object is held against.
    pub(super) fn registry(&self) -> Arc<Registry> {
        Arc::clone(&self.views.registry)
    }

    /// Whether a name means something already.
    pub(super) fn is_taken(&self, name: &str) -> bool {
        name.contains('.')
            || self.view.field(name).is_some()
            || self.view.object.relation(name).is_some()
            || self.named.iter().any(|named| named.name == name)
    }

    /// Gives a formula its name.
    pub(super) fn name(&mut self, formula: Named) {
        self.named.push(formula);
    }

    /// A formula of the question.
    pub(super) fn named(&self, name: &str) -> Option<&Named> {
        self.named.iter().find(|named| named.name == name)
    }

    /// A formula of the question as what it is computed of, which the session must see.
    ///
    /// # Errors
    ///
    /// `Missing` for what it does not see.
    pub(super) fn written_out(&mut self, expression: &Expression, at: &str) -> Result<Expr> {
        lowered(
            &expression.node,
            &mut FormulaLeaves { scope: self, node: 0, seen_at: Some(at) },
            Mode::Lenient,
        )
    }

    fn read(&mut self, index: usize, name: &str) -> Expr {
        if let Some(node) = self.nodes.get_mut(index) {
            if !node.columns.contains(name) {
                node.columns.insert(name.to_owned());
            }
            return Expr::Column(Column::new(Some(node.alias.clone()), name));
        }
        Expr::Column(Column::new(Some(alias(index)), name))
    }

    /// A field of a node: its column, or, of a formula, what it is computed of. The one place where formulas are written out.
    fn value(&mut self, node: usize, field: &Field) -> Result<Expr> {
        match &field.kind {
            FieldKind::Formula { expression, stored: false, .. } => lowered(
                &expression.node,
                &mut FormulaLeaves { scope: self, node, seen_at: None },
                Mode::Lenient,
            ),
            _ => Ok(self.read(node, field.name.as_str())),
        }
    }

    /// What is made of the field at the end of a path.
    ///
    /// # Errors
    ///
    /// `Missing` when a name in it is not in the view where it stands.
    pub(crate) fn field<T>(
        &mut self,
        path: &str,
        at: At<'_>,
        make: impl FnOnce(Expr, &Field) -> T,
    ) -> Result<T> {
        let mut node = 0;
        let mut names = path.split('.').peekable();
        let mut depth = 0;
        while let Some(name) = names.next() {
            if names.peek().is_none() {
                let view = Arc::clone(&self.node(node)?.view);
                let field = view.field(name).or_else(|| view.to_one(name).map(|(_, lookup)| lookup));
                let field = field.ok_or_else(|| unknown(&view, name, path, at))?;
                return Ok(make(self.value(node, field)?, field));
            }
            let view = &self.node(node)?.view;
            if let Some(field) = view.field(name).filter(|field| is_composite(field)).cloned() {
                let expr = self.read(node, name);
                let (expr, field) = part((expr, field), names, path, at)?;
                return Ok(make(expr, &field));
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
        if let Some(named) = self.named(path) {
            return Ok(named.subject.clone());
        }
        self.field(path, at, |expr, field| Subject { expr, class: Class::of(field) })
    }

    fn node(&self, index: usize) -> Result<&Node> {
        self.nodes.get(index).ok_or_else(|| Error::internal("a path left its scope"))
    }

    fn follow(&mut self, from: usize, name: &str, path: &str, at: At<'_>) -> Result<usize> {
        let view = Arc::clone(&self.node(from)?.view);
        let Some((relation, lookup)) = view.to_one(name) else {
            if view.to_many(name).is_some() || view.to_several(name).is_some() {
                let way = if at.code == "INVALID_FILTER" { "$some" } else { "expand" };
                let message = format!("{name:?} in {path:?} leads to several records: use {way:?}");
                return Err(Error::invalid(at.code, at.place, message));
            }
            return Err(unknown(&view, name, path, at));
        };
        let target =
            self.views.get(relation.target.as_str()).ok_or_else(|| unknown(&view, name, path, at))?;
        Ok(self.joined(from, lookup.name.as_str(), Arc::clone(target)))
    }

    /// The objects that a path to many records leads to, as a scope of their own.
    ///
    /// # Errors
    ///
    /// `Missing` for an unknown name, `Invalid` for a path that leads to one record.
    pub(super) fn begin_many(&mut self, path: &str, at: &str) -> Result<(Scope, Link)> {
        let at = At { code: "INVALID_FILTER", place: at };
        let (way, name) = path.rsplit_once('.').map_or((None, path), |(way, name)| (Some(way), name));
        let mut node = 0;
        let steps = way.map(|way| way.split('.')).into_iter().flatten();
        for (depth, step) in (1..).zip(steps) {
            if depth > self.depth_max {
                let message = format!("paths go at most {} relations far", self.depth_max);
                return Err(Error::limited(at.place, message));
            }
            node = self.follow(node, step, path, at)?;
        }
        let view = Arc::clone(&self.node(node)?.view);
        let Some((relation, lookup)) = view.to_many(name) else {
            if view.to_several(name).is_some() {
                return Err(Error::not_supported(
                    at.place,
                    format!("{name:?} is a list of references: ask it by \"$hasAny\""),
                ));
            }
            if view.to_one(name).is_some() || view.field(name).is_some() {
                let message =
                    format!("{path:?} leads to no list of records: write its filter without \"$some\"");
                return Err(Error::invalid(at.code, at.place, message));
            }
            return Err(unknown(&view, name, path, at));
        };
        let target =
            self.views.get(relation.target.as_str()).ok_or_else(|| unknown(&view, name, path, at))?;
        let mut inner =
            Scope::new(Arc::clone(&self.views), Arc::clone(target), self.depth_max, false, self.clock);
        let lookup = inner.column(lookup.as_str());
        self.read(node, "id");
        Ok((inner, Link { node, lookup }))
    }

    /// Whether one of those records counts.
    pub(super) fn mark(&mut self, Link { node, lookup }: Link, inner: Scope, counts: Expr) -> Expr {
        let index = self.marks.len();
        self.marks.push(Mark { node, inner, lookup, counts });
        Expr::Column(Column::new(Some(mark_alias(index)), MARK))
    }

    /// The node that a lookup leads to, joined once however many paths go by it.
    fn joined(&mut self, from: usize, lookup: &str, target: Arc<ObjectView>) -> usize {
        let via = Some((from, lookup.to_owned()));
        if let Some(known) = self.nodes.iter().position(|node| node.from == via) {
            return known;
        }
        self.read(from, lookup);
        let (alias, columns) = (alias(self.nodes.len()), IndexSet::from(["id".to_owned()]));
        self.nodes.push(Node { view: target, alias, from: via, columns });
        self.nodes.len() - 1
    }

    /// The scans and joins: each object once, only the columns that are read.
    ///
    /// # Errors
    ///
    /// `Internal`.
    pub(crate) fn plan(&self, seeing: &Seeing, restriction: Restriction) -> Result<LogicalPlanBuilder> {
        let mut plan = scan(0, self.node(0)?, seeing, restriction)?;
        for (index, node) in self.nodes.iter().enumerate().skip(1) {
            let Some((from, lookup)) = &node.from else { continue };
            let right = scan(index, node, seeing, Restriction::None)?.build()?;
            let left_key = Column::new(Some(alias(*from)), lookup);
            let right_key = Column::new(Some(alias(index)), "id");
            plan = plan.join(right, JoinType::Left, (vec![left_key], vec![right_key]), None)?;
        }
        for (index, mark) in self.marks.iter().enumerate() {
            let related = mark.inner.plan(seeing, Restriction::None)?;
            let related = related.filter(mark.counts.clone().and(mark.lookup.clone().is_not_null()))?;
            let related = related.project(vec![mark.lookup.clone().alias(LINK)])?.alias(mark_alias(index))?;
            let own = Column::new(Some(alias(mark.node)), "id");
            let link = Column::new(Some(mark_alias(index)), LINK);
            plan = plan.join(related.build()?, JoinType::LeftMark, (vec![own], vec![link]), None)?;
        }
        self.with_folds(plan, seeing)
    }
}

/// What a formula reads, seen from the node that it is computed for.
struct FormulaLeaves<'a> {
    scope: &'a mut Scope,
    node: usize,
    /// The formula is the question's own, which stands there: it reads what the session sees.
    seen_at: Option<&'a str>,
}

impl FormulaLeaves<'_> {
    fn check(&self, node: usize, name: &str) -> Result<()> {
        let Some(place) = self.seen_at else { return Ok(()) };
        let view = &self.scope.node(node)?.view;
        match view.field(name) {
            Some(_) => Ok(()),
            None => Err(unknown(view, name, name, At { code: "INVALID_FORMULA", place })),
        }
    }
}

impl Leaves for FormulaLeaves<'_> {
    fn leaf(&mut self, leaf: &Leaf, _: &Type) -> Result<Expr> {
        let clock = self.scope.clock;
        self.scope.reads_clock |= matches!(leaf, Leaf::Now | Leaf::Today);
        Ok(match leaf {
            Leaf::Field(Root::Record, Path { steps, field }) => {
                let mut node = self.node;
                for Step { lookup, target } in steps {
                    self.check(node, lookup.as_str())?;
                    let view = self.scope.views.get(target.as_str());
                    let view = view.ok_or_else(|| Error::internal(format!("no view of {target}")))?;
                    node = self.scope.joined(node, lookup.as_str(), Arc::clone(view));
                }
                self.check(node, field.as_str())?;
                self.scope.read(node, field.as_str())
            }
            Leaf::Now => lit(ScalarValue::TimestampMicrosecond(Some(clock.now_micros), Some("UTC".into()))),
            Leaf::Today => lit(ScalarValue::Date32(clock.today().and_then(days_of))),
            Leaf::Zone => lit(ScalarValue::Utf8View(Some(clock.zone.name().to_owned()))),
            other => return Err(Error::internal(format!("a formula that reads {other:?}"))),
        })
    }

    fn members(&self, _: &Children) -> Vec<(Path, Type)> {
        Vec::new()
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

/// The alias of the root.
pub(crate) const ROOT: &str = "t0";

/// The column that DataFusion's mark joins add.
const MARK: &str = "mark";
/// What refers to the record over here, among related records.
const LINK: &str = "link";

fn mark_alias(index: usize) -> TableReference {
    TableReference::bare(format!("m{index}"))
}

fn alias(index: usize) -> TableReference {
    TableReference::bare(format!("t{index}"))
}

fn scan(index: usize, node: &Node, seeing: &Seeing, restriction: Restriction) -> Result<LogicalPlanBuilder> {
    let provider = node.view.provider(seeing, restriction)?;
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
    if view.field(name).is_some() {
        let message =
            format!("{name:?} of {:?} is no relation: no path leads on from it{within}", view.object.name);
        return Error::new(ErrorKind::Missing, "INVALID_FIELD", at.place, message);
    }
    let message = format!("{:?} has no field {name:?}{within}{hint}", view.object.name);
    Error::new(ErrorKind::Missing, "INVALID_FIELD", at.place, message)
}
